"""tools/testing/radix-tree of Linux 6.12, built and run on the host: with a series that it is not about, and with a
maple tree that is broken on purpose."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.build.apply import apply
from orchestrator.build.product import Product
from orchestrator.build.toolchain import find_toolchain
from orchestrator.context import Context, Places
from orchestrator.declarations import catalog
from orchestrator.host.process import Cancel, Runner
from orchestrator.invocation.compose import find_base
from orchestrator.jobs.host_test import userspace
from orchestrator.model.kernel import Source
from orchestrator.model.outcome import Outcome
from orchestrator.model.userspace import RADIX_TREE

ROOT = Path(__file__).parents[2]
PROGRAMS = ["main", "idr-test", "multiorder", "xarray", "maple"]


def result_of(patch: str, log: Path) -> Product[None]:
    context = Context(Places.of_user(), catalog.load_catalog(ROOT), Runner(Cancel()), lambda event: None)
    base, _ = find_base(Source(), context)
    applied, before = (apply(context, base, series).value for series in (context.catalog.series(patch), None))
    return userspace(context, RADIX_TREE, applied, before, find_toolchain(context).value, log)


@pytest.mark.long  # minutes of CPU time, where no earlier run left the result
@pytest.mark.timeout(3600)
def test_a_series_that_breaks_no_tree_passes(tmp_path: Path) -> None:
    product = result_of("vm_refcnt", tmp_path / "log")
    assert (product.outcome, product.note) == (Outcome.PASS, "5 programs"), product.detail
    assert [subtest.name for subtest in product.subtests] == PROGRAMS


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_broken_maple_tree_is_found_and_is_the_patchs_fault(tmp_path: Path) -> None:
    product = result_of(str(ROOT / "tests/data/userspace-trees/empty-area.patch"), tmp_path / "log")
    assert (product.outcome, product.is_patch_fault, product.also_on_base) == (Outcome.FAIL, True, False)
    bad = {subtest.name: subtest.message for subtest in product.subtests if subtest.outcome.is_bad}
    assert [*bad] == ["maple"]
    assert "lib/test_maple_tree.c:120: check_mtree_alloc_range: Assertion `0' failed." in bad["maple"]
