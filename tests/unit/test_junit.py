"""The JUnit mapping: who is blamed, what is shown, and that the file stays small."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import HostRefused
from orchestrator.judge import compare
from orchestrator.model.kernel import Variant
from orchestrator.model.kernel_report import KernelReport
from orchestrator.model.outcome import Outcome, Verdict
from orchestrator.model.report import CaseResult, Metric, RunReport, StageResult, Subtest, SuiteReport
from orchestrator.reporters import junit
from orchestrator.reporters.junit_entries import Output

SPLAT = KernelReport("kasan", "KASAN: use-after-free in f", Outcome.CRASH, 12, 40, 999, "BUG: KASAN: the text")
OOM = KernelReport("oom", "OOM kill of a.out", Outcome.PASS, 3, 4, 5, "Out of memory: the text")


def report(*suites: SuiteReport, verdict: Verdict = Verdict.PATCH_AT_FAULT, series: str = "fix") -> RunReport:
    return RunReport(series, "0" * 64, verdict, "the reason", suites, "/runs/1", "2026-11-22T10:00:00", 5.0, "host")


def suite(
    *cases: CaseResult, stages: tuple[StageResult, ...] = (), variant: Variant = Variant.PATCHED, started: str = ""
) -> SuiteReport:
    return SuiteReport(f"base.{variant.value}", "base", variant, stages, cases, started)


def case(outcome: Outcome, message: str = "", **more: object) -> CaseResult:
    return replace(CaseResult("fork", outcome, outcome, message, 2.5), **more)  # type: ignore[arg-type]


def parsed(run: RunReport, **options: object) -> ElementTree.Element:
    return ElementTree.fromstring(junit.document(run, **options))  # type: ignore[arg-type]


def only(run: RunReport, path: str) -> ElementTree.Element:
    (found,) = parsed(run).findall(path)
    return found


@pytest.mark.parametrize(
    ("result", "element", "kind"),
    [
        (case(Outcome.FAIL), "failure", "ExitStatus"),
        (case(Outcome.FAIL, kernel_reports=(OOM, SPLAT)), "failure", "KernelReport.kasan"),
        (case(Outcome.FAIL, kernel_reports=(OOM,)), "failure", "ExitStatus"),
        (case(Outcome.TIMEOUT), "failure", "Timeout"),
        (case(Outcome.NOT_EXERCISED), "failure", "did-not-exercise"),
        (case(Outcome.CRASH), "failure", "Crash"),
        (case(Outcome.CRASH, kernel_reports=(SPLAT,)), "failure", "KernelReport.kasan"),
        (case(Outcome.ERROR), "error", "Infrastructure"),
        (case(Outcome.CRASH, is_host_fault=True), "error", "Infrastructure"),
        (case(Outcome.FAIL, also_on_base=True), "error", "FailsOnBase"),
        (case(Outcome.CRASH, also_on_base=True, kernel_reports=(SPLAT,)), "error", "FailsOnBase"),
    ],
)
def test_a_case_blames_the_kernel_or_the_host(result: CaseResult, element: str, kind: str) -> None:
    found = only(report(suite(result)), f"testsuite/testcase/{element}")
    assert found.get("type") == kind
    assert found.get("message")


@pytest.mark.parametrize(
    ("result", "element", "kind"),
    [
        (StageResult("build", Outcome.FAIL, 1.0, "cc1: error", is_patch_fault=True), "failure", "Stage.build"),
        (StageResult("apply", Outcome.ERROR, 1.0, is_patch_fault=True), "failure", "Stage.apply"),
        (
            StageResult("boot", Outcome.CRASH, 1.0, kernel_reports=(SPLAT,), is_patch_fault=True),
            "failure",
            "KernelReport.kasan",
        ),
        (StageResult("boot", Outcome.TIMEOUT, 1.0, is_patch_fault=True), "failure", "Timeout"),
        (StageResult("cases", Outcome.FAIL, 1.0), "error", "Infrastructure"),
        (StageResult("configure", Outcome.ERROR, 1.0, is_request_fault=True), "error", "BadRequest"),
        (StageResult("boot", Outcome.ERROR, 1.0), "error", "Infrastructure"),
        (StageResult("boot", Outcome.CRASH, 1.0, also_on_base=True, is_patch_fault=True), "error", "FailsOnBase"),
    ],
)
def test_a_stage_blames_the_patch_or_the_host(result: StageResult, element: str, kind: str) -> None:
    found = only(report(suite(stages=(result,))), f"testsuite/testcase/{element}")
    assert found.get("type") == kind


def test_a_baseline_beside_the_patched_kernel_never_counts_against_the_patch() -> None:
    root = parsed(report(suite(case(Outcome.PASS)), suite(case(Outcome.CRASH), variant=Variant.BASELINE)))
    assert (root.get("failures"), root.get("errors")) == ("0", "1")


def test_a_base_that_is_tested_alone_is_its_own_subject() -> None:
    root = parsed(report(suite(case(Outcome.CRASH), variant=Variant.BASELINE), series=""))
    assert (root.get("failures"), root.get("errors")) == ("1", "0")
    assert root[0].get("name") == "base.baseline"


def test_subtests_are_entries_of_their_own_and_the_run_is_judged_apart() -> None:
    subtests = (
        Subtest("reads", Outcome.FAIL, 0.5, "lost a write", ("page 3", "thread 1"), (Metric("ops", 10.0, "ops/s"),)),
        Subtest("moves", Outcome.PASS, 0.25, metrics=(Metric("ops", 1234567.0, "ops/s"), Metric("p99", 0.125, "ms"))),
        Subtest("uffd", Outcome.SKIP, 0.0, "no userfaultfd"),
    )
    result = replace(case(Outcome.FAIL, "reads: lost a write", subtests=subtests), run_outcome=Outcome.PASS)
    root = parsed(report(suite(result)))
    run, reads, moves, uffd = root.findall("testsuite/testcase")
    assert {entry.get("classname") for entry in root.iter("testcase")} == {"fix.base.patched.fork"}
    assert run.get("name") == "run"
    assert run.find("failure") is None
    failure = reads.find("failure")
    assert failure is not None
    assert failure.attrib == {"type": "Subtest", "message": "lost a write"}
    assert (failure.text or "").splitlines() == ["lost a write", "", "page 3", "thread 1"]
    assert moves.findtext("system-out") == "metric ops 1234567 ops/s\nmetric p99 0.125 ms"
    skipped = uffd.find("skipped")
    assert skipped is not None
    assert skipped.attrib == {"message": "no userfaultfd"}


def test_a_crash_shows_the_report_its_place_and_the_console() -> None:
    result = case(
        Outcome.CRASH,
        SPLAT.title,
        kernel_reports=(SPLAT, OOM),
        console="the console",
        console_log="guest-0/console.log",
    )
    entry = only(report(suite(result)), "testsuite/testcase")
    failure = entry.find("failure")
    assert failure is not None
    assert failure.get("message") == "KASAN: use-after-free in f"
    assert "--- kasan: KASAN: use-after-free in f (/runs/1/guest-0/console.log:12)\nBUG: KASAN: the text" in (
        failure.text or ""
    )
    assert entry.findtext("system-err") == "the console"


def test_a_hang_is_told_by_its_post_mortem_and_the_body_has_both() -> None:
    hang = case(Outcome.TIMEOUT, "did not end within its limit", diagnosis="writer a waits for b: lost wake-up")
    failure = only(report(suite(hang)), ".//failure")
    assert failure.get("message") == "writer a waits for b: lost wake-up"
    assert (failure.text or "").split("\n\n") == ["did not end within its limit", "writer a waits for b: lost wake-up"]


def test_an_oom_kill_is_shown_in_a_passing_run() -> None:
    assert "Out of memory" in (
        only(report(suite(case(Outcome.PASS, kernel_reports=(OOM,)))), ".//testcase").findtext("system-out") or ""
    )


def test_a_failure_without_a_word_still_is_one() -> None:
    failure = only(report(suite(case(Outcome.FAIL))), ".//failure")
    assert failure.get("message") == "fail, no reason was given"


def test_times_have_three_decimals_and_a_suite_lasts_as_long_as_its_stages_and_cases() -> None:
    subtests = (
        Subtest("a", Outcome.PASS, 1.0),
        Subtest("b", Outcome.PASS, float("inf")),
        Subtest("c", Outcome.PASS, -1.0),
    )
    root = parsed(
        report(suite(case(Outcome.PASS, subtests=subtests), stages=(StageResult("boot", Outcome.PASS, 7.0),)))
    )
    assert [entry.get("time") for entry in root.iter("testcase")] == ["7.000", "2.500", "1.000", "0.000", "0.000"]
    assert root[0].get("time") == root.get("time") == "9.500"


@pytest.mark.parametrize(
    ("started", "timestamp"),
    [
        ("2026-11-22T13:00:00", "2026-11-22T13:00:00"),
        ("2026-11-22T13:00:00.75", "2026-11-22T13:00:00"),
        ("2026-11-22T13:00:00+02:00", "2026-11-22T11:00:00"),
        ("2026-11-22T13:00:00Z", "2026-11-22T13:00:00"),
        ("0001-01-01T00:00:00+14:00", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_timestamps_are_utc_without_a_zone_or_left_out(started: str, timestamp: str | None) -> None:
    assert parsed(report(suite(case(Outcome.PASS), started=started)))[0].get("timestamp") == timestamp


def test_what_ran_nothing_is_not_green() -> None:
    unfinished = suite(stages=(StageResult("build", Outcome.PASS, 1.0),))
    root = parsed(report(unfinished, verdict=Verdict.INTERRUPTED))
    assert root.get("errors") == "1"
    error = root.find(".//error")
    assert error is not None
    assert error.get("message") == "the reason"
    assert parsed(report(verdict=Verdict.NO_VERDICT)).get("errors") == "1"


def test_equal_names_are_told_apart() -> None:
    subtests = (
        Subtest("run", Outcome.PASS),
        Subtest("x", Outcome.PASS),
        Subtest("x", Outcome.PASS),
        Subtest("x (2)", Outcome.PASS),
    )
    root = parsed(report(suite(case(Outcome.PASS, subtests=subtests)), suite(case(Outcome.PASS))))
    assert [entry.get("name") for entry in root[0].iter("testcase")] == ["run", "run (2)", "x", "x (2)", "x (2) (2)"]
    assert [found.get("name") for found in root] == ["fix.base.patched", "fix.base.patched (2)"]


@pytest.mark.parametrize(
    ("root", "path"),
    [(None, "/runs/1/cases/a"), (Path("/runs"), "1/cases/a"), (Path("/build/x"), "../../runs/1/cases/a")],
)
def test_attachments_are_absolute_or_relative_to_a_root(root: Path | None, path: str) -> None:
    found = parsed(report(suite(case(Outcome.PASS, stdout="cases/a"))), attachments_root=root)
    assert found.findtext(".//system-out") == f"[[ATTACHMENT|{path}]]"


def test_a_path_with_a_line_break_is_no_attachment() -> None:
    assert b"[[ATTACH" not in junit.document(report(suite(case(Outcome.PASS, stdout="a]]\n[[ATTACHMENT|/etc/passwd"))))


def test_program_output_is_shown_from_its_end() -> None:
    outputs = {"cases/a": Output(b"last \xff line\n", 1000)}
    said = parsed(report(suite(case(Outcome.PASS, stdout="cases/a"))), outputs=outputs).findtext(".//system-out") or ""
    assert "[... 988 of 1000 bytes are only in /runs/1/cases/a]\nlast \\xff line" in said


def test_write_reads_outputs_from_the_run_directory_only_and_leaves_no_scratch(tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    (run_dir / "cases").mkdir(parents=True)
    (run_dir / "cases" / "a").write_bytes(b"x" * 100_000 + b"\nthe end\n")
    (tmp_path / "secret").write_text("secret")
    cases = (
        case(Outcome.PASS, stdout="cases/a"),
        case(Outcome.PASS, stdout="../secret"),
        case(Outcome.PASS, stdout="gone"),
    )
    run = replace(report(suite(*cases)), run_dir=str(run_dir))
    path = tmp_path / "out" / "junit.xml"
    junit.write(run, path)
    junit.write(run, path)
    assert [entry.name for entry in path.parent.iterdir()] == ["junit.xml"]
    data = path.read_text(encoding="utf-8")
    assert "the end" in data
    assert "secret</system-out>" not in data
    assert len(data) < 30_000


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "junit.xml").mkdir()
    with pytest.raises(HostRefused, match=r"junit\.xml"):
        junit.write(report(suite(case(Outcome.PASS))), tmp_path / "junit.xml")
    assert [entry.name for entry in tmp_path.iterdir()] == ["junit.xml"]


def test_a_huge_report_is_cut_and_still_has_every_failure() -> None:
    subtests = tuple(Subtest(f"s{number}", Outcome.PASS, 0.0, "", ("&" * 2000,)) for number in range(2000))
    bad = tuple(Subtest(f"bad{number}", Outcome.FAIL, 0.0, "why", ("&" * 2000,)) for number in range(20))
    run = report(suite(case(Outcome.FAIL, subtests=(*subtests, *bad), console="x" * 20_000_000)))
    data = junit.document(run, max_bytes=2_000_000)
    assert len(data) <= 2_000_000
    assert ElementTree.fromstring(data).get("failures") == "21"


def test_entries_that_are_left_out_are_counted_in_a_property() -> None:
    subtests = tuple(Subtest(f"{number}" * 40, Outcome.PASS) for number in range(25_000))
    run = report(suite(case(Outcome.FAIL, subtests=subtests)))
    root = ElementTree.fromstring(junit.document(run, max_bytes=5_500_000))
    assert root.get("tests") == "20000"
    (note,) = (found.get("value", "") for found in root.iter("property") if found.get("name") == "left_out")
    assert note.startswith("5001 test cases")


def test_the_last_resort_fits_whatever_comes() -> None:
    long = '"&<\U0001f600' * 300
    subtests = tuple(Subtest(f"{number}{long}", Outcome.FAIL, 1e308, long, (long,)) for number in range(4000))
    stages = tuple(
        StageResult(long, Outcome.FAIL, 1.0, long, long, long, is_patch_fault=True, log=long) for _ in range(3)
    )
    suites = tuple(suite(case(Outcome.CRASH, long, subtests=subtests), stages=stages) for _ in range(4))
    assert len(junit.document(replace(report(*suites), series=long))) < 30_000_000


def a_stage(outcome: Outcome, on_base: bool, is_patch_fault: bool) -> StageResult:
    """Only what is bad can be bad on the base too."""
    return StageResult("boot", outcome, 1.0, also_on_base=on_base and outcome.is_bad, is_patch_fault=is_patch_fault)


def a_case(outcome: Outcome, on_base: bool) -> CaseResult:
    return case(outcome, also_on_base=on_base and outcome.is_bad)


OUTCOMES = st.sampled_from(Outcome)
STAGES = st.lists(st.builds(a_stage, OUTCOMES, st.booleans(), st.booleans()), max_size=2).map(tuple)
CASES = st.lists(st.builds(a_case, OUTCOMES, st.booleans()), max_size=2)


@given(patched=CASES, base=CASES, stages=STAGES, variants=st.sampled_from(["patched", "both", "base"]))
def test_there_is_a_failure_exactly_when_the_verdict_blames_the_patch(
    patched: list[CaseResult], base: list[CaseResult], stages: tuple[StageResult, ...], variants: str
) -> None:
    suites = [suite(*patched, stages=stages)] if variants != "base" else []
    if variants != "patched":
        suites.append(suite(*base, stages=stages, variant=Variant.BASELINE))
    verdict, reason = compare.verdict(suites, False)
    root = parsed(replace(report(*suites, verdict=verdict), reason=reason))
    assert (root.get("failures") != "0") == (verdict is Verdict.PATCH_AT_FAULT)
    if verdict is Verdict.NO_VERDICT:
        assert root.get("errors") != "0"
