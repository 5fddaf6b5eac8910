"""The kernel's own tests: selftests of the tree in a guest, and tools/testing/vma on the host."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from orchestrator.build.toolchain import Toolchain, find_toolchain
from orchestrator.context import Context, Places
from orchestrator.declarations import catalog
from orchestrator.declarations.patches import read_series
from orchestrator.host.process import Cancel, Runner
from orchestrator.jobs.host_test import userspace
from orchestrator.model.kernel import AppliedTree
from orchestrator.model.outcome import Outcome
from orchestrator.model.userspace import VMA
from orchestrator.source.bases import DEFAULT_BASE, Workplace, packaged_base
from orchestrator.source.commits import commit_series, trees_of
from orchestrator.source.trees import base_tree
from tests.e2e.conftest import Start

NAMES = ("mremap_dontunmap", "mseal_test", "soft-dirty", "khugepaged", "uffd-register", "mremap_test")


def test_selftests_of_the_tree_run_in_the_guest(start: Start) -> None:
    job = start("--patch", "vm_refcnt", *(word for name in NAMES for word in ("--testcase", f"kselftest-mm.{name}")))
    assert job.finish() == 0, job.text
    cases = {name: job.case(f"kselftest-mm.{name}") for name in NAMES}
    assert {name: case["outcome"] for name, case in cases.items()} == {
        "mremap_dontunmap": "PASS",
        "mseal_test": "PASS",
        "soft-dirty": "SKIP",  # the kernel of kconfig base has no soft-dirty bits, and the program says so
        "khugepaged": "FAIL",
        "uffd-register": "PASS",
        "mremap_test": "PASS",  # maps 2 GiB: only with its sysctl
    }
    assert "mremap_dontunmap_simple_shmem" in {subtest["name"] for subtest in cases["mremap_dontunmap"]["subtests"]}
    assert len(cases["mseal_test"]["subtests"]) > 50
    assert "soft-dirty" in cases["soft-dirty"]["message"]
    # no fault of the series: the base's does not compile either
    assert "does not compile" in cases["khugepaged"]["message"]
    assert cases["khugepaged"]["comparison"]["answer"] == "PRE_EXISTING"
    stages = {stage["stage"]: stage["outcome"] for stage in job.suite("base.baseline")["stages"]}
    assert (stages["programs"], stages["build"], stages["boot"]) == ("PASS", "SKIP", "SKIP"), (
        "no kernel is built for it"
    )
    skipped = [s for s in cases["uffd-register"]["subtests"] if s["outcome"] == "SKIP"]
    assert all("hugetlb" in subtest["name"] for subtest in skipped), "the pool of huge pages is empty"
    root = ElementTree.parse(job.run_dir / "junit.xml").getroot()
    entries = {(entry.attrib["classname"], entry.attrib["name"]) for entry in root.iter("testcase")}
    assert (f"{root[0].attrib['name']}.cases.kselftest-mm.mseal_test", "test_seal_addseal") in entries
    assert (f"{root[0].attrib['name']}.stages.vma-userspace", "merge_existing") in entries


@pytest.fixture(scope="module")
def context() -> Context:
    return Context(Places.of_user(), catalog.load_catalog(), Runner(Cancel()), lambda event: None)


@pytest.fixture(scope="module")
def original(context: Context) -> AppliedTree:
    base, _ = packaged_base(DEFAULT_BASE, Workplace(context.places.bases, context.runner, lambda text: None))
    return AppliedTree(base, base_tree(base, context.runner), ())


def applied(context: Context, original: AppliedTree, series: Path | str) -> AppliedTree:
    patches = read_series(series) if isinstance(series, Path) else context.catalog.series(series)
    commits = commit_series(original.base, patches, context.runner)
    return AppliedTree(original.base, trees_of(original.base, commits, context.runner)[-1], (), commits)


@pytest.mark.long
@pytest.mark.skipif(not Path("/usr/include/x86_64-linux-gnu/urcu.h").exists(), reason="liburcu-dev is not installed")
class TestUserspaceVma:
    failed: frozenset[str] = frozenset()

    def run(self, context: Context, tree: AppliedTree, base: AppliedTree, tmp_path: Path) -> tuple[Outcome, bool, str]:
        """The outcome, whether the patch is at fault, and the note."""
        tools = find_toolchain(context).value
        product = userspace(context, VMA, tree, base, tools, tmp_path / "vma.log")
        self.failed = frozenset(s.name for s in product.subtests if s.outcome is Outcome.FAIL)
        return product.outcome, product.is_patch_fault and not product.also_on_base, product.note

    def test_a_base_that_does_not_build_it_is_no_ones_fault(
        self, context: Context, original: AppliedTree, tmp_path: Path
    ) -> None:
        outcome, is_fault, note = self.run(context, original, original, tmp_path)
        assert (outcome, is_fault) == (Outcome.SKIP, False)
        assert "vma_close" in note

    def test_a_build_failure_that_the_base_does_not_share_is_the_patchs(
        self, context: Context, original: AppliedTree, tmp_path: Path
    ) -> None:
        # the other way round: the series mends what the base lacks, so the base is a patch that breaks it
        outcome, is_fault, note = self.run(context, original, applied(context, original, "vm_refcnt"), tmp_path)
        assert (outcome, is_fault) == (Outcome.FAIL, True)
        assert "the base's does" in note

    def test_a_failing_test_is_named_and_is_the_fault_of_the_patch(
        self, context: Context, original: AppliedTree, series_with: Callable[..., Path], tmp_path: Path
    ) -> None:
        tree = applied(context, original, series_with("merges-past-a-gap"))
        outcome, is_fault, note = self.run(context, tree, original, tmp_path)
        assert (outcome, is_fault) == (Outcome.FAIL, True)
        assert "merge_new" in self.failed
        assert note
        # a base with the same fault shares the failure
        more = applied(context, original, series_with("merges-past-a-gap", "warns-in-munmap", name="more"))
        assert self.run(context, more, tree, tmp_path)[:2] == (Outcome.FAIL, False)

    def test_what_the_host_did_is_not_the_patchs_and_is_not_remembered(
        self, context: Context, original: AppliedTree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tree = applied(context, original, "vm_refcnt")
        tools = Toolchain(f"a gcc of {tmp_path}", "gcc")  # nobody has built with it
        full = tmp_path / "bin/gcc"
        full.parent.mkdir()
        full.write_text("#!/bin/sh\necho 'cc1: fatal error: /tmp/x.s: No space left on device' >&2; exit 1\n")
        full.chmod(0o755)
        with monkeypatch.context() as patched:
            patched.setenv("PATH", f"{full.parent}:{os.environ['PATH']}")
            product = userspace(context, VMA, tree, original, tools, tmp_path / "vma.log")
        assert (product.outcome, product.is_patch_fault) == (Outcome.ERROR, False)
        assert "No space left on device" in product.note
        again = userspace(context, VMA, tree, original, tools, tmp_path / "vma.log")
        assert (again.outcome, again.cached) == (Outcome.PASS, False)
