"""What will be done for a request: which kernels with what of the series, which cases, which machine."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.declarations.catalog import Catalog, load_catalog
from orchestrator.errors import UnknownName, UsageError
from orchestrator.invocation.rundir import planned
from orchestrator.model.case import Needs
from orchestrator.model.kernel import Role, Source
from orchestrator.model.machine import Host
from orchestrator.model.request import Baseline, Plan, Request
from orchestrator.model.series import Mutant, Observable
from orchestrator.plan import USUAL_SMP, make_plan, unmet_need
from orchestrator.questions.regression import per_patch, subjects


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


HOST = Host(2, 4096)


def names(plan: Plan) -> list[str]:
    """Of the kernels that a run sets out to test."""
    return [kernel.name for kernel in planned(plan)]


def test_one_kernel_for_each_kconfig_and_the_base_where_it_is_asked_for(catalog: Catalog) -> None:
    request = Request(patch="vm_refcnt", kconfigs=("base", "debug+kasan", "base"))
    series = catalog.series("vm_refcnt")
    assert names(make_plan(request, catalog, series, HOST)) == ["base.patched", "debug+kasan.patched"]
    always = make_plan(replace(request, kconfigs=("base",), baseline=Baseline.ALWAYS), catalog, series, HOST)
    assert names(always) == ["base.patched", "base.baseline"]
    assert always.cases == catalog.default_cases(always.kconfigs)
    assert names(make_plan(request, catalog, None, HOST)) == ["base.baseline", "debug+kasan.baseline"]


def test_each_patch_adds_a_kernel_behind_every_patch_but_the_last(catalog: Catalog) -> None:
    series = catalog.series("vm_refcnt")
    plan = make_plan(Request(patch="vm_refcnt", each_patch=True), catalog, series, HOST)
    behind = per_patch(plan, plan.variants[0])
    assert [subject.name for subject in behind] == [f"base.patch-{n}" for n in range(1, len(series.patches))]
    assert names(plan) == ["base.patched", *(subject.name for subject in behind)]
    third = behind[2].kernel.series
    assert third
    assert third.patches == series.patches[:3]
    assert len({subject.kernel.id for subject in (*behind, *subjects(plan, plan.variants[0]))}) == len(behind) + 2
    assert {kernel.cases for kernel in planned(plan)} == {tuple(case.name for case in plan.cases)}


def test_each_patch_of_no_series_is_refused(catalog: Catalog) -> None:
    with pytest.raises(UsageError, match="--each-patch is about the patches of a series"):
        make_plan(Request(each_patch=True), catalog, None, HOST)


@pytest.mark.parametrize("asked", [{"each_patch": True}, {"with_mutants": 3}, {"coverage_min": 50.0}, {"perf": True}])
def test_a_series_may_be_commits_of_the_tree_that_nobody_named(catalog: Catalog, asked: dict[str, Any]) -> None:
    assert make_plan(Request(patch=None, **asked), catalog, catalog.series("vm_refcnt"), HOST).series


@pytest.mark.parametrize("asked", [{"perf": True}, {"build_only": True}])
def test_cases_of_a_setting_are_no_contradiction(catalog: Catalog, asked: dict[str, Any]) -> None:
    """A tree's orchestrate.toml may name some; on the command line the parser refuses them."""
    request = Request(patch="vm_refcnt", testcases=("thp",), **asked)
    cases = make_plan(request, catalog, catalog.series("vm_refcnt"), HOST).cases
    assert "thp" not in [case.name for case in cases]


def test_the_whole_series_and_nothing_of_it(catalog: Catalog) -> None:
    plan = make_plan(Request(patch="vm_refcnt"), catalog, catalog.series("vm_refcnt"), HOST)
    found = subjects(plan, plan.variants[0])
    assert [(subject.role, subject.kernel.series) for subject in found] == [
        (Role.PATCHED, plan.series), (Role.BASELINE, None),
    ]  # fmt: skip


def test_the_source_is_the_named_revision_of_a_tree_or_a_package(catalog: Catalog) -> None:
    def source(**asked: str) -> Source:
        return make_plan(Request(**asked), catalog, None, HOST).source  # type: ignore[arg-type]

    assert source() == Source()
    assert source(base="linux-source-6.12") == Source("", "linux-source-6.12")
    assert source(tree="/linux") == Source("/linux", "HEAD")
    assert source(tree="/linux", base="v6.12") == Source("/linux", "v6.12")


def test_a_mutation_run_carries_all_mutants_and_refuses_names_that_are_none(catalog: Catalog) -> None:
    mutant = Mutant("early", "order", "it", "that", "debug", ("uffd",), (), Observable.YES, "", False, "", b"")
    series = catalog.series("vm_refcnt")
    assert make_plan(Request(), catalog, series, HOST, (mutant,)).mutants == (mutant,)
    with pytest.raises(UnknownName, match="late"):
        make_plan(Request(only_mutants=("late",)), catalog, series, HOST, (mutant,))
    for wrong in (replace(mutant, kconfig="debugg"), replace(mutant, cases=("ufffd",))):
        with pytest.raises(UnknownName):
            make_plan(Request(), catalog, series, HOST, (wrong,))


def test_a_case_for_a_fragment_runs_by_default_with_that_fragment(catalog: Catalog) -> None:
    for specs, runs in ((["base"], False), (["base", "debug"], False), (["base", "debug+fault-injection"], True)):
        names = {case.name for case in make_plan(Request(kconfigs=tuple(specs)), catalog, None, HOST).cases}
        assert ("alloc-failure" in names) is runs
        assert names >= {"split-merge", "uffd"}
    assert make_plan(Request(testcases=("alloc-failure",)), catalog, None, HOST).cases == catalog.cases("alloc-failure")
    case = catalog.case("alloc-failure")
    spelt_out = replace(case, needs=replace(case.needs, kconfig=case.needs.symbols))
    assert spelt_out.needs.symbols == case.needs.symbols
    also_known = replace(catalog, testcases={**catalog.testcases, case.name: spelt_out})
    assert spelt_out not in also_known.default_cases([catalog.kconfig("base")])


def test_what_a_guest_lacks_is_said(catalog: Catalog) -> None:
    case = replace(catalog.case("uffd"), needs=Needs(4096, ("USERFAULTFD", "SHMEM")))
    assert unmet_need(case, frozenset({"CONFIG_SHMEM"}), 1024) == "the kernel lacks USERFAULTFD"
    assert "4096" in unmet_need(case, frozenset({"CONFIG_SHMEM", "CONFIG_USERFAULTFD"}), 1024)
    assert not unmet_need(case, frozenset({"CONFIG_SHMEM", "CONFIG_USERFAULTFD"}), 4096)


def test_the_guest_is_as_large_as_asked_for_and_has_more_cpus_where_the_host_has(catalog: Catalog) -> None:
    plain = catalog.machine("q35")
    assert make_plan(Request(), catalog, None, Host(plain.smp, 4096)).machine == plain
    assert make_plan(Request(), catalog, None, Host(1, 4096)).machine.smp == plain.smp, "virtual CPUs take turns"
    assert make_plan(Request(), catalog, None, Host(64, 4096)).machine.smp == USUAL_SMP
    assert make_plan(Request(smp=2), catalog, None, Host(64, 4096)).machine.smp == 2
    machine = make_plan(Request(smp=8, memory_mib=192), catalog, None, HOST).machine
    assert (machine.name, machine.smp, machine.memory_mib) == ("q35", 8, 192)


def test_each_architecture_has_its_machine_and_all_its_kernels(catalog: Catalog) -> None:
    request = Request(kconfigs=("base", "debug"), arches=("arm64", "x86_64", "arm64"), toolchains=("gcc", "gcc-13"))
    plan = make_plan(request, catalog, None, HOST)
    assert [variant.name for variant in plan.variants] == [
        "base.arm64", "debug.arm64", "base.arm64.gcc-13", "debug.arm64.gcc-13",
        "base", "debug", "base.gcc-13", "debug.gcc-13",
    ]  # fmt: skip
    machines = {plan.machine_of(plan.kernel(variant)).name for variant in plan.variants if variant.arch == "arm64"}
    assert machines == {"virt-arm64"}
    assert plan.machine_of(plan.kernel(plan.variants[-1])).name == "q35"
    assert {one.smp for one in (plan.machine, *plan.others)} == {plan.machine.smp}


def test_a_kernel_has_the_symbols_of_its_architecture(catalog: Catalog) -> None:
    plan = make_plan(Request(arches=("arm64", "x86_64")), catalog, None, HOST)
    arm, pc = ({name for one in variant.kconfig.fragments for name in one.enabled} for variant in plan.variants)
    assert "CONFIG_SERIAL_AMBA_PL011" in arm - pc
    assert "CONFIG_SERIAL_8250" in pc - arm
    assert "CONFIG_PRINTK" in pc & arm


@pytest.mark.parametrize("toolchains", [("/a/llvm", "/b/llvm"), ("gcc", "/opt/arm64")])
def test_two_kernels_of_one_name_are_refused(catalog: Catalog, toolchains: tuple[str, ...]) -> None:
    request = Request(arches=("x86_64", "arm64"), toolchains=toolchains)
    with pytest.raises(UsageError, match="two kernels would be called base"):
        make_plan(request, catalog, None, HOST)


def test_a_machine_says_which_architecture(catalog: Catalog) -> None:
    plan = make_plan(Request(machine="virt-riscv64"), catalog, None, HOST)
    assert [variant.arch for variant in plan.variants] == ["riscv64"]
    with pytest.raises(UsageError, match="--machine q35: is of x86_64, and not of arm64"):
        make_plan(Request(machine="q35", arches=("arm64",)), catalog, None, HOST)


def test_what_cannot_be_booted_or_counted_on_an_architecture_is_refused(catalog: Catalog) -> None:
    with pytest.raises(UsageError, match="unknown architecture arm6"):
        make_plan(Request(arches=("arm6",)), catalog, None, HOST)
    builds = replace(catalog.arch("arm64"), name="m68k", machine="")
    known = replace(catalog, arches={**catalog.arches, "m68k": builds})
    with pytest.raises(UsageError, match="no machine boots them"):
        make_plan(Request(arches=("m68k",)), known, None, HOST)
    with pytest.raises(UsageError, match="--perf --arch arm64"):
        make_plan(Request(arches=("arm64",), perf=True, patch="vm_refcnt"), catalog, catalog.series("vm_refcnt"), HOST)


def test_a_fragment_that_is_for_another_architecture_is_refused(catalog: Catalog, tmp_path: Path) -> None:
    large = tmp_path / "large.config"
    large.write_text("# arch: arm64\nCONFIG_ARM64_64K_PAGES=y\n")
    request = Request(kconfigs=(f"debug+{large}",))
    with pytest.raises(UsageError, match="large: is for arm64 alone, and the kernel for x86_64"):
        make_plan(request, catalog, None, HOST)
    assert make_plan(replace(request, arches=("arm64",)), catalog, None, HOST)


def test_a_whole_config_is_for_one_architecture_and_for_as_many_cpus_as_it_says(
    catalog: Catalog, tmp_path: Path
) -> None:
    whole = tmp_path / "mine.config"
    head = "# Linux/arm64 6.12.1 Kernel Configuration\nCONFIG_ARM64=y\n"
    whole.write_text(f"{head}CONFIG_SMP=y\nCONFIG_NR_CPUS=2\nCONFIG_NUMA=y\n")
    request = Request(kconfigs=(str(whole),), smp=2)
    for wrong in (request, replace(request, patch="vm_refcnt", build_only=True)):
        series = catalog.series("vm_refcnt") if wrong.patch else None
        with pytest.raises(UsageError, match=r"mine: is a \.config for arm64, and the kernel for x86_64") as caught:
            make_plan(wrong, catalog, series, HOST)
        assert caught.value.hint == "--arch arm64"
    on_arm = replace(request, arches=("arm64",))
    assert make_plan(on_arm, catalog, None, HOST)
    with pytest.raises(UsageError, match=r"has 2 CPUs at most \(NR_CPUS\), and the guest 4") as caught:
        make_plan(replace(on_arm, smp=4), catalog, None, HOST)
    assert caught.value.hint == "--smp 2"
    whole.write_text(f"{head}CONFIG_NR_CPUS=1\n")  # of one CPU: ours have SMP, and their number is the kernel's default
    assert make_plan(replace(on_arm, smp=4), catalog, None, HOST)


def test_two_kconfigs_of_one_name_are_refused(catalog: Catalog, tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / ".config").write_text(f"CONFIG_{name.upper()}=y\n")
    with pytest.raises(UsageError, match="two kernels would be called config") as caught:
        make_plan(Request(kconfigs=(f"{tmp_path}/a/.config", f"{tmp_path}/b/.config")), catalog, None, HOST)
    assert "the file of a kconfig" in caught.value.hint


def test_cases_without_a_program_for_an_architecture_are_skipped_with_the_reason(catalog: Catalog) -> None:
    own, theirs = catalog.case("uffd"), catalog.cases("kselftest-mm")[0]
    symbols = frozenset((*own.needs.symbols, *theirs.needs.symbols))
    assert not unmet_need(own, symbols, 1024, "arm64")
    assert not unmet_need(replace(theirs, unfit=""), symbols, 4096)
    assert "x86_64 alone" in unmet_need(replace(theirs, unfit=""), symbols, 4096, "arm64")


@pytest.mark.parametrize(
    ("cpus", "memory_mib", "jobs", "count"),
    [
        (1, 100, None, 1),
        (8, 1 << 20, None, 2),
        (9, 1 << 20, None, 2),
        (64, 1024 * 2 * 3, None, 3),  # half of the memory is left to others
        (1, 100, 5, 5),  # asked for
    ],
)
def test_as_many_guests_at_a_time_as_the_host_has_cpus_and_memory_for(
    catalog: Catalog, cpus: int, memory_mib: int, jobs: int | None, count: int
) -> None:
    request = Request(smp=4, memory_mib=1024, jobs=jobs)
    assert make_plan(request, catalog, None, Host(cpus, memory_mib)).slots == count


@pytest.mark.parametrize(
    "request_",
    [
        Request(duration_s=0),
        Request(jobs=0),
        Request(jobs=1025),
        Request(error=0.0),
        Request(error=0.5),
        Request(error=math.nan),
        Request(smp=17),
        Request(memory_mib=64),
        Request(boot_timeout_s=0),
        Request(boot_timeout_s=math.nan),
        Request(boot_timeout_s=math.inf),
        Request(budget_s=-1.0),
        Request(budget_s=math.nan),
        Request(seed=-1),
        Request(seed=2**64),
    ],
)
def test_figures_out_of_range_are_refused(catalog: Catalog, request_: Request) -> None:
    with pytest.raises(UsageError, match="must be"):
        make_plan(request_, catalog, None, HOST)
