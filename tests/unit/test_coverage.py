"""Coverage as it is told, counted and demanded."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import pytest

from orchestrator.evidence.coverage.judge import with_result
from orchestrator.evidence.coverage.told import never_hit, sentence
from orchestrator.guest.counters import Counts
from orchestrator.judge.verdict import verdict
from orchestrator.model.coverage import Coverage
from orchestrator.model.outcome import Outcome, Verdict
from orchestrator.model.report import CaseResult
from orchestrator.reporters import cobertura, junit, lcov, terminal
from tests.unit.coverages import FOUND, MISSED, NOTHING, STAGE, report, suite

SKIPPED = replace(STAGE, outcome=Outcome.SKIP, message="not measured under KVM")


def test_the_sentence_counts_what_can_run() -> None:
    words = "3 of 4 changed statements ran (75 %), 1 optimised into neighbours, 1 not compiled in this kconfig"
    assert sentence(FOUND) == words
    assert sentence(NOTHING) == ("no changed statement has instructions in this kernel, 1 not compiled in this kconfig")


def test_a_hundred_percent_is_all() -> None:
    hits = FOUND.files[1].statements * 150
    nearly = Coverage((replace(FOUND.files[0], statements=(*hits, MISSED)),), ("boot",))
    assert "300 of 301 changed statements ran (99 %)" in sentence(nearly)
    assert never_hit(nearly) == ("mm/memory.c:20 in f: if (a && <b>)",)


@pytest.mark.parametrize(
    ("found", "least", "outcome", "ends"),
    [
        (FOUND, None, Outcome.PASS, Verdict.CLEAN),
        (FOUND, 75.0, Outcome.PASS, Verdict.CLEAN),
        (FOUND, 75.1, Outcome.FAIL, Verdict.FAILED),
        (NOTHING, 1.0, Outcome.FAIL, Verdict.FAILED),
        (NOTHING, None, Outcome.SKIP, Verdict.NO_VERDICT),
        (Coverage((), ("boot",)), 100.0, Outcome.PASS, Verdict.CLEAN),  # a patch to Documentation
    ],
)
def test_exit_status_and_junit_agree_on_what_is_demanded(
    found: Coverage, least: float | None, outcome: Outcome, ends: Verdict
) -> None:
    judged = with_result(suite(found), least)
    assert judged.stages[0].outcome is outcome
    said, why = verdict([judged], False)
    assert said is ends
    whole = replace(report(judged), verdict=said, reason=why)
    failures = ElementTree.fromstring(junit.document(whole)).findall(".//testcase[@name='coverage']/failure")
    assert bool(failures) is (outcome is Outcome.FAIL) is (said.exit_status == 1)
    if failures and found is FOUND:
        assert "--coverage-min 75.1 is not reached" in why
        assert "mm/memory.c:20 in f: if (a && <b>)" in (failures[0].text or "")


def test_what_was_demanded_and_not_measured_is_no_pass() -> None:
    judged = with_result(suite(None, stage=SKIPPED), 50.0)
    assert judged.stages[0].outcome is Outcome.ERROR
    assert verdict([judged], False)[0] is Verdict.NO_VERDICT
    assert with_result(suite(None, stage=SKIPPED), None).stages == (SKIPPED,)
    assert verdict([suite(None, stage=SKIPPED)], False)[0] is Verdict.CLEAN


def test_a_kernel_that_no_guest_executed_was_not_measured() -> None:
    nothing = replace(FOUND, cases=())
    assert with_result(suite(nothing), None).stages[0].outcome is Outcome.SKIP
    assert with_result(suite(nothing), 50.0).stages[0].outcome is Outcome.ERROR


def test_worse_evidence_comes_first() -> None:
    crashed = CaseResult("scale", Outcome.CRASH, Outcome.CRASH, "panic", 1.0)
    judged = replace(with_result(suite(), 99.0), cases=(crashed,))
    assert verdict([judged], False)[0] is Verdict.PATCH_AT_FAULT
    lost = replace(judged, cases=(replace(crashed, outcome=Outcome.ERROR, is_host_fault=True),))
    assert verdict([lost], False)[0] is Verdict.NO_VERDICT


def test_a_kernel_that_misses_statements_has_not_stopped_there() -> None:
    assert not with_result(suite(), 99.0).stages[0].is_end


def test_the_terminal_has_one_line_and_the_statements_that_never_ran() -> None:
    lines = terminal.plain(report(with_result(suite(), None))).splitlines()
    assert sum("3 of 4 changed statements ran" in line for line in lines) == 1
    assert "  never hit: mm/memory.c:20 in f: if (a && <b>)" in lines


def test_many_that_never_ran_are_cut() -> None:
    many = replace(FOUND, files=(replace(FOUND.files[0], statements=(MISSED,) * 25),))
    lines = [line for line in terminal.plain(report(suite(many))).splitlines() if "never hit: " in line]
    assert len(lines) == 21
    assert lines[-1] == "  never hit: ... 5 more, in report.json"


def test_junit_has_it_as_properties() -> None:
    root = ElementTree.fromstring(junit.document(report(suite())))
    found = {entry.get("name"): entry.get("value") for entry in root.iter("property")}
    assert found["coverage"] == sentence(FOUND)
    assert (found["coverage.percent"], found["coverage.hit"], found["coverage.counted"]) == ("75.0", "3", "4")
    assert found["coverage.never_hit"] == "mm/memory.c:20"


def test_lcov_has_each_changed_line_of_what_can_run() -> None:
    assert (
        lcov.content(report(suite()))
        == b"""\
TN:base_patched
SF:mm/memory.c
DA:10,6
DA:11,6
DA:20,0
DA:21,0
DA:22,0
LF:5
LH:2
end_of_record
TN:base_patched
SF:include/linux/mm.h
DA:5,2
DA:6,3
LF:2
LH:2
end_of_record
"""
    )


def test_cobertura_adds_kernels_up() -> None:
    root = ElementTree.fromstring(cobertura.content(report(suite(), suite(name="debug"))) or b"")
    lines = root.findall(".//class[@filename='mm/memory.c']/lines/line")
    assert [(line.get("number"), line.get("hits")) for line in lines] == [
        ("10", "12"), ("11", "12"), ("20", "0"), ("21", "0"), ("22", "0"),
    ]  # fmt: skip
    assert (root.get("lines-covered"), root.get("lines-valid"), root.get("line-rate")) == ("4", "7", "0.5714")
    assert root.get("timestamp") == "1795860000"


def test_without_a_measurement_there_are_no_files() -> None:
    for reporter in (lcov, cobertura):
        assert reporter.content(report(suite(None))) is None
        assert reporter.content(report()) is None


def test_a_counter_that_was_turned_back_was_executed_all_the_same() -> None:
    addresses = (0x10, 0x20, 0x30)
    before, after = Counts(addresses, (5, 7, 9)), Counts(addresses, (5, 3, 12))
    assert after.since(before) == {0x20: 1, 0x30: 3}
    assert after.since(None) == {0x10: 5, 0x20: 3, 0x30: 12}
