"""What runs remember about a base, and what of it a later run is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.context import Context, Places
from orchestrator.declarations.catalog import load_catalog
from orchestrator.host.process import Cancel, Runner
from orchestrator.jobs.base_results import MOST, recall, remember
from orchestrator.judge.compare import compare
from orchestrator.model.kernel import Kconfig, Role
from orchestrator.model.kernel_facts import KernelFacts
from orchestrator.model.outcome import Outcome
from orchestrator.model.report import BaseResult, CaseResult, Finding, SuiteReport

CATALOG = load_catalog()
GUP = CATALOG.case("gup")
KCONFIG = Kconfig("base", ())
FACTS = KernelFacts(commit="1234", compiler="gcc", machine="q35", accelerator="tcg", cpus=2, memory_mib=1024)
PASSED = Finding("gup", Outcome.PASS, Outcome.PASS, "", 1.0)
FAILED = replace(PASSED, outcome=Outcome.FAIL, run_outcome=Outcome.FAIL, message="exit status 3")
LOST = replace(FAILED, outcome=Outcome.ERROR, is_host_fault=True)
MARKS = ("outcome: fail", "the run: fail")


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(Places(tmp_path / "cache", tmp_path / "state"), CATALOG, Runner(Cancel()), lambda event: None)


def kept(context: Context, *findings: Finding) -> BaseResult | None:
    remember(context, FACTS, KCONFIG, [GUP], None, findings)
    return known(context)


def known(context: Context, facts: KernelFacts = FACTS) -> BaseResult | None:
    return next(iter(recall(context, facts, KCONFIG, [GUP], None)), None)


def test_runs_and_failures_add_up_and_what_said_nothing_is_not_counted(context: Context) -> None:
    assert kept(context, LOST) is None
    assert kept(context, PASSED, FAILED) == BaseResult("gup", 2, (MARKS,))
    assert kept(context, FAILED, LOST, PASSED) == BaseResult("gup", 4, (MARKS, MARKS))


def test_another_base_is_another_file(context: Context) -> None:
    kept(context, FAILED)
    for other in (replace(FACTS, commit="5678"), replace(FACTS, cpus=4), replace(FACTS, compiler="clang")):
        assert known(context, other) is None


@pytest.mark.parametrize("passes", [0, 1, 3])
def test_what_a_base_is_known_for_stays_known_however_often_it_is_seen(context: Context, passes: int) -> None:
    """The number of failures that are remembered is bounded; how often it failed must not sink for that."""
    for _ in range(MOST + 20):
        found = kept(context, FAILED, *[PASSED] * passes)
    assert found
    assert len(found.failures) == MOST
    assert found.runs == pytest.approx(MOST * (1 + passes), rel=0.02)
    patched = SuiteReport(
        "base.patched",
        "base",
        Role.PATCHED,
        (),
        (CaseResult.of(FAILED),),
        "",
        attempts=(FAILED,),
        earlier_base=(found,),
    )
    (case,) = compare(patched, None, error=0.05).cases
    assert (case.comparison is not None and case.comparison.is_settled) == (passes <= 1)
