"""Kernels that are compiled and not booted: which ones, and what they say together."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.arguments.parser import parser
from orchestrator.declarations.catalog import Catalog, load_catalog
from orchestrator.errors import UsageError
from orchestrator.invocation.rundir import planned
from orchestrator.judge.run import nowhere_compiled
from orchestrator.judge.verdict import verdict
from orchestrator.model.compilation import Compilation, Uncompiled
from orchestrator.model.job import CompileChanged
from orchestrator.model.kernel import Role
from orchestrator.model.machine import Host
from orchestrator.model.outcome import Outcome, Verdict
from orchestrator.model.report import COMPILE, StageResult, SuiteReport
from orchestrator.model.request import Request
from orchestrator.plan import make_plan
from orchestrator.questions.builds import Builds
from orchestrator.questions.question import Known

HOST = Host(2, 4096)
ASKED = Request(patch="vm_refcnt", build_only=True)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


def test_each_declared_kernel_has_a_name_of_its_own_and_an_architecture(catalog: Catalog) -> None:
    names = [variant.name for variant in catalog.builds]
    assert len(set(names)) == len(names) > 10
    assert {variant.arch for variant in catalog.builds} <= set(catalog.arches)
    assert {"arm64", "riscv64", "s390", "powerpc", "i386"} <= {variant.arch for variant in catalog.builds}


def test_without_names_it_is_the_declared_kernels_and_with_names_those(catalog: Catalog) -> None:
    series = catalog.series("vm_refcnt")
    plan = make_plan(ASKED, catalog, series, HOST)
    assert plan.variants == catalog.builds
    assert {kernel.role for kernel in planned(plan)} == {Role.COMPILED}
    assert not any(kernel.cases for kernel in planned(plan))
    named = replace(ASKED, kconfigs=("debug",), arches=("s390", "arm64"))
    found = make_plan(named, catalog, series, HOST)
    assert [variant.name for variant in found.variants] == ["debug.s390", "debug.arm64"]


def test_every_kernel_is_compiled_whatever_the_others_say(catalog: Catalog) -> None:
    plan = make_plan(ASKED, catalog, catalog.series("vm_refcnt"), HOST)
    jobs = Builds(plan).next(Known(frozenset(), frozenset(), lambda subject: None))
    assert [type(job) for job in jobs] == [CompileChanged] * len(catalog.builds)


@pytest.mark.parametrize(
    "option", ["--perf", "--testcase uffd", "--freeze-on-failure", "--with-mutants 3", "--coverage-min 90"]
)
def test_what_needs_a_guest_is_refused(option: str) -> None:
    with pytest.raises(UsageError, match="says nothing beside --build-only"):
        parser().parse_args(["test", "--build-only", *option.split()])


def test_it_is_about_a_patch(catalog: Catalog) -> None:
    with pytest.raises(UsageError, match="compiles what a patch changes"):
        make_plan(Request(build_only=True), catalog, None, HOST)


# --- what they say together


def kernel(name: str, stage: StageResult, *uncompiled: Uncompiled) -> SuiteReport:
    found = Compilation(("mm/vma.c",), 0, (), uncompiled) if stage.stage == COMPILE else None
    return SuiteReport(name, name, Role.COMPILED, (stage,), (), "2026-11-28T10:00:00", compilation=found)


CLEAN = StageResult(COMPILE, Outcome.PASS, 1.0)
WARNS = StageResult(COMPILE, Outcome.FAIL, 1.0, "1 new warning: mm/vma.c:1: ...", is_patch_fault=True)
MISSING = StageResult("toolchain", Outcome.SKIP, 0.0, "s390x-linux-gnu-gcc is not installed")


def test_a_new_warning_is_the_patchs_and_a_missing_compiler_is_nobodys() -> None:
    assert verdict([kernel("up", CLEAN), kernel("s390", MISSING)], False) == (
        Verdict.CLEAN,
        "compilers say nothing new in 1 kernel, 1 skipped; none was booted",
    )
    assert kernel("s390", MISSING).outcome is Outcome.SKIP
    found, reason = verdict([kernel("up", CLEAN), kernel("numa", WARNS), kernel("s390", MISSING)], False)
    assert found is Verdict.PATCH_AT_FAULT
    assert reason.startswith("numa: compile failed (1 new warning: mm/vma.c:1: ...")
    assert verdict([kernel("s390", MISSING)], False)[0] is Verdict.NO_VERDICT


def test_lines_that_no_kernel_compiles_are_named_once() -> None:
    lines = Uncompiled("mm/nommu.c", 3, 5, "CONFIG_MMU is set")
    assert [*nowhere_compiled([kernel("a", CLEAN, lines), kernel("b", CLEAN, lines), kernel("c", MISSING)])] == [
        "no kernel of this run compiles mm/nommu.c:3-5 (CONFIG_MMU is set)"
    ]
    assert [*nowhere_compiled([kernel("a", CLEAN, lines), kernel("b", CLEAN)])] == []
