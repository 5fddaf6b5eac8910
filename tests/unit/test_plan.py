"""Which kernels a request asks for, and what each of them has of the series."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from orchestrator.catalog import Catalog, load
from orchestrator.errors import UsageError
from orchestrator.model.case import Needs
from orchestrator.model.kernel import Role
from orchestrator.model.request import Baseline, Request
from orchestrator.plan import cases_of, make_plan, series_of, unmet_need


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load()


def test_one_suite_for_each_kconfig_and_the_base_where_it_is_asked_for(catalog: Catalog) -> None:
    request = Request(patch="vm_refcnt", kconfigs=("base", "debug+kasan", "base"))
    series = catalog.series("vm_refcnt")
    assert [suite.name for suite in make_plan(request, catalog, series).suites] == [
        "base.patched", "debug+kasan.patched",
    ]  # fmt: skip
    always = make_plan(replace(request, kconfigs=("base",), baseline=Baseline.ALWAYS), catalog, series)
    assert [suite.name for suite in always.suites] == ["base.patched", "base.baseline"]
    assert always.cases == catalog.default_cases([suite.kconfig for suite in always.suites])
    assert [suite.name for suite in make_plan(request, catalog, None).suites] == [
        "base.baseline",
        "debug+kasan.baseline",
    ]


def test_each_patch_adds_a_kernel_behind_every_patch_but_the_last(catalog: Catalog) -> None:
    series = catalog.series("vm_refcnt")
    plan = make_plan(Request(patch="vm_refcnt", each_patch=True), catalog, series)
    prefixes = [suite for suite in plan.suites if suite.role is Role.PER_PATCH]
    assert [suite.name for suite in prefixes] == [f"base.patch-{n}" for n in range(1, len(series.patches))]
    third = series_of(prefixes[2], plan)
    assert third
    assert third.patches == series.patches[:3]
    assert third.digest != series.digest
    assert third.digest != getattr(series_of(prefixes[1], plan), "digest", "")
    assert cases_of(prefixes[0], plan) == ()
    assert cases_of(plan.suites[0], plan) == plan.cases


def test_the_whole_series_and_nothing_of_it(catalog: Catalog) -> None:
    plan = make_plan(Request(patch="vm_refcnt", baseline=Baseline.ALWAYS), catalog, catalog.series("vm_refcnt"))
    assert [series_of(suite, plan) for suite in plan.suites] == [plan.series, None]


def test_a_case_for_a_fragment_runs_by_default_with_that_fragment(catalog: Catalog) -> None:
    for specs, runs in ((["base"], False), (["base", "debug"], False), (["base", "debug+fault-injection"], True)):
        names = {case.name for case in make_plan(Request(kconfigs=tuple(specs)), catalog, None).cases}
        assert ("alloc-failure" in names) is runs
        assert names >= {"split-merge", "uffd"}
    assert make_plan(Request(testcases=("alloc-failure",)), catalog, None).cases == catalog.cases("alloc-failure")
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


def test_the_guest_is_as_large_as_asked_for(catalog: Catalog) -> None:
    plain = catalog.machine("q35")
    assert make_plan(Request(), catalog, None).machine == plain
    machine = make_plan(Request(smp=8, memory_mib=192), catalog, None).machine
    assert (machine.name, machine.smp, machine.memory_mib) == ("q35", 8, 192)


@pytest.mark.parametrize(
    "request_",
    [
        Request(duration_s=0),
        Request(jobs=0),
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
        make_plan(request_, catalog, None)
