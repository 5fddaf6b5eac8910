"""The JUnit mapping: stable names, whose fault it is, what is shown, and the limit on the size of the file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.errors import HostRefused
from orchestrator.judge.mutants import Detector, Kill, Matrix, MutantRow, MutantStatus
from orchestrator.judge.mutants import mutation_verdict as verdict_on_mutants
from orchestrator.judge.mutation_run import mutants_suite
from orchestrator.judge.verdict import verdict as judged
from orchestrator.model.kernel import Role
from orchestrator.model.kernel_facts import KernelFacts
from orchestrator.model.kernel_report import KernelReport
from orchestrator.model.outcome import Outcome, Verdict, worst
from orchestrator.model.report import (
    Answer,
    CaseResult,
    Comparison,
    Finding,
    Metric,
    RunReport,
    StageResult,
    Subtest,
    SuiteReport,
)
from orchestrator.model.series import Origin, Place
from orchestrator.reporters import junit
from orchestrator.reporters.junit_entries import Output
from orchestrator.reporters.table import REPORTERS, write_files

KASAN = KernelReport("kasan", "KASAN: use-after-free in f", Outcome.CRASH, 12, 40, 999, "BUG: KASAN: the text")
GCC = "gcc (Debian 12.2.0-14+deb12u1) 12.2.0"
OOM = KernelReport("oom", "OOM kill of a.out", Outcome.PASS, 3, 4, 5, "Out of memory: the text")


def report(*suites: SuiteReport, verdict: Verdict = Verdict.PATCH_AT_FAULT, series: str = "fix") -> RunReport:
    return RunReport(
        series, "0" * 64, verdict, "the reason", suites, "/runs/1", "2026-11-22T10:00:00", 5.0, "host",
        arch="x86_64", compiler=GCC,
    )  # fmt: skip


def suite(
    *cases: CaseResult, stages: tuple[StageResult, ...] = (), role: Role = Role.PATCHED, started: str = ""
) -> SuiteReport:
    return SuiteReport(f"base.{role.value}", "base", role, stages, cases, started)


def case(outcome: Outcome, message: str = "", **more: object) -> CaseResult:
    return replace(CaseResult("fork", outcome, outcome, message, 2.5), **more)  # type: ignore[arg-type]


def parsed(run: RunReport, **options: object) -> ElementTree.Element:
    return ElementTree.fromstring(junit.document(run, **options))  # type: ignore[arg-type]


def compared(answer: Answer, **more: object) -> Comparison:
    patched, base = {Answer.REGRESSION: (5, 0), Answer.PRE_EXISTING: (3, 3)}.get(answer, (2, 1))
    words = f"failed {patched} of 5 with the series and {base} of 5 without"
    return Comparison(answer, answer is not Answer.INCONCLUSIVE, 0.03, patched, base, 5, words)


def only(run: RunReport, path: str) -> ElementTree.Element:
    (found,) = parsed(run).findall(path)
    return found


@pytest.mark.parametrize(
    ("result", "element", "kind"),
    [
        (case(Outcome.FAIL), "failure", "ExitStatus"),
        (case(Outcome.FAIL, kernel_reports=(OOM, KASAN)), "failure", "KernelReport.kasan"),
        (case(Outcome.FAIL, kernel_reports=(OOM,)), "failure", "ExitStatus"),
        (case(Outcome.TIMEOUT), "failure", "Timeout"),
        (case(Outcome.CRASH), "failure", "Crash"),
        (case(Outcome.CRASH, kernel_reports=(KASAN,)), "failure", "KernelReport.kasan"),
        (case(Outcome.ERROR), "error", "Infrastructure"),
        (case(Outcome.CRASH, is_host_fault=True), "error", "Infrastructure"),
        (case(Outcome.FAIL, "leaked 1200 vm_area_struct"), "failure", "Leak"),
        (case(Outcome.FAIL, "left 2 processes behind (a.out)"), "failure", "Leak"),
        (case(Outcome.TIMEOUT, "2 processes could not be killed (a.out)"), "failure", "Timeout"),
        (case(Outcome.FAIL, comparison=compared(Answer.REGRESSION)), "failure", "ExitStatus"),
        (case(Outcome.CRASH, comparison=compared(Answer.FLAKY_AND_WORSE)), "failure", "Crash"),
        (case(Outcome.FAIL, comparison=compared(Answer.PRE_EXISTING)), "error", "FailsOnBase"),
        (case(Outcome.FAIL, comparison=compared(Answer.FLAKY_NO_WORSE)), "error", "FailsOnBase"),
        (
            case(Outcome.CRASH, comparison=compared(Answer.PRE_EXISTING), kernel_reports=(KASAN,)),
            "error",
            "FailsOnBase",
        ),
        (case(Outcome.CRASH, comparison=compared(Answer.INCONCLUSIVE)), "error", "Inconclusive"),
        (case(Outcome.ERROR, "planned, and not run", is_not_run=True), "error", "NotRun"),
    ],
)
def test_a_bad_case_is_the_fault_of_the_kernel_or_of_the_host(result: CaseResult, element: str, kind: str) -> None:
    found = only(report(suite(result)), f"testsuite/testcase/{element}")
    assert found.get("type") == kind
    assert found.get("message")
    assert found.text


@pytest.mark.parametrize("answer", [Answer.PRE_EXISTING, Answer.FLAKY_NO_WORSE])
def test_what_the_base_excuses_is_skipped_in_a_clean_run_with_the_whole_reason(answer: Answer) -> None:
    result = case(
        Outcome.CRASH,
        KASAN.title,
        comparison=compared(answer),
        kernel_reports=(KASAN,),
        diagnosis="a waits for b",
    )
    root = parsed(report(suite(result), verdict=Verdict.CLEAN))
    assert (root.get("failures"), root.get("errors")) == ("0", "0")
    skipped = root.find(".//skipped")
    assert skipped is not None
    words = compared(answer).words
    assert skipped.get("message") == f"KASAN: use-after-free in f ({answer.value}: {words})"
    said = skipped.text or ""
    assert said.split("\n\n")[:3] == [KASAN.title, f"{answer.value}: {words}", "a waits for b"]
    assert "BUG: KASAN: the text" in said


def test_what_the_base_alone_does_wrong_is_skipped_in_a_clean_run() -> None:
    root = parsed(
        report(suite(case(Outcome.PASS)), suite(case(Outcome.CRASH, "dead"), role=Role.BASELINE), verdict=Verdict.CLEAN)
    )
    assert (root.get("failures"), root.get("errors")) == ("0", "0")
    skipped = root.find(".//skipped")
    assert skipped is not None
    assert skipped.get("message") == "dead (this is the base, without the series)"


@pytest.mark.parametrize("answer", [Answer.REGRESSION, Answer.INCONCLUSIVE])
def test_a_comparison_speaks_in_message_and_body(answer: Answer) -> None:
    result = case(Outcome.FAIL, "exit status 1", comparison=compared(answer))
    (found,) = (child for child in parsed(report(suite(result))).iter() if child.tag in ("failure", "error"))
    words = f"{answer.value}: {compared(answer).words}"
    assert found.get("message") == f"exit status 1 ({words})"
    assert (found.text or "").split("\n\n") == ["exit status 1", words]


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (case(Outcome.SKIP, "the kernel lacks USERFAULTFD"), "the kernel lacks USERFAULTFD"),
        (case(Outcome.NOT_EXERCISED, "did not exercise: vma_lock_success"), "did not exercise: vma_lock_success"),
        (case(Outcome.SKIP, "not run: build failed", is_not_run=True), "not run: build failed"),
    ],
)
def test_what_proves_nothing_is_skipped_and_says_why_twice(result: CaseResult, reason: str) -> None:
    skipped = only(report(suite(result, case(Outcome.PASS)), verdict=Verdict.CLEAN), ".//skipped")
    assert skipped.attrib == {"message": reason}
    assert skipped.text == reason


def test_a_case_that_was_fixed_passes_and_says_so() -> None:
    found = only(
        report(suite(case(Outcome.PASS, comparison=compared(Answer.FIXED))), verdict=Verdict.CLEAN), ".//testcase"
    )
    assert [child.tag for child in found] == ["system-out"]
    assert (found.findtext("system-out") or "").startswith("fixed: failed 2 of 5")


@pytest.mark.parametrize(
    ("result", "element", "kind"),
    [
        (StageResult("build", Outcome.FAIL, 1.0, "cc1: error", is_patch_fault=True), "failure", "Stage.build"),
        (StageResult("apply", Outcome.ERROR, 1.0, is_patch_fault=True), "failure", "Stage.apply"),
        (
            StageResult("boot", Outcome.CRASH, 1.0, kernel_reports=(KASAN,), is_patch_fault=True),
            "failure",
            "KernelReport.kasan",
        ),
        (StageResult("boot", Outcome.TIMEOUT, 1.0, is_patch_fault=True), "failure", "Timeout"),
        (StageResult("cases", Outcome.FAIL, 1.0), "error", "Infrastructure"),
        (StageResult("configure", Outcome.ERROR, 1.0, is_request_fault=True), "error", "BadRequest"),
        (StageResult("boot", Outcome.ERROR, 1.0), "error", "Infrastructure"),
        (StageResult("build", Outcome.FAIL, 1.0, also_on_base=True, is_patch_fault=True), "error", "FailsOnBase"),
        (
            StageResult("boot", Outcome.CRASH, 1.0, comparison=compared(Answer.INCONCLUSIVE), is_patch_fault=True),
            "error",
            "Inconclusive",
        ),
        (
            StageResult("boot", Outcome.CRASH, 1.0, comparison=compared(Answer.REGRESSION), is_patch_fault=True),
            "failure",
            "Crash",
        ),
    ],
)
def test_a_bad_stage_is_the_fault_of_the_patch_or_of_the_host(result: StageResult, element: str, kind: str) -> None:
    found = only(report(suite(stages=(result,))), f"testsuite/testcase/{element}")
    assert found.get("type") == kind


def test_a_stages_body_begins_with_its_message() -> None:
    failed = StageResult(
        "build",
        Outcome.FAIL,
        1.0,
        "mm/f.c:7: error: x",
        "try this",
        "make: ***",
        is_patch_fault=True,
        log="logs/build.log",
    )
    failure = only(report(suite(stages=(failed,))), ".//failure")
    assert (failure.text or "").split("\n\n") == ["mm/f.c:7: error: x", "hint: try this", "make: ***"]


def test_a_baseline_beside_the_patched_kernel_never_counts_against_the_patch() -> None:
    root = parsed(report(suite(case(Outcome.PASS)), suite(case(Outcome.CRASH), role=Role.BASELINE)))
    assert (root.get("failures"), root.get("errors")) == ("0", "1")


def test_a_base_that_is_tested_alone_is_its_own_subject() -> None:
    root = parsed(report(suite(case(Outcome.CRASH), role=Role.BASELINE), series=""))
    assert (root.get("failures"), root.get("errors")) == ("1", "0")
    assert root[0].get("name") == "base.x86_64.gcc-12"


def test_subtests_are_entries_of_their_own_and_the_run_is_judged_apart() -> None:
    subtests = (
        Subtest("reads", Outcome.FAIL, 0.5, "lost a write", ("page 3", "thread 1"), (Metric("ops", 10.0, "ops/s"),)),
        Subtest("moves", Outcome.PASS, 0.25, metrics=(Metric("ops", 1234567.0, "ops/s"), Metric("p99", 0.125, "ms"))),
        Subtest("uffd", Outcome.SKIP, 0.0, "no userfaultfd"),
    )
    result = replace(case(Outcome.FAIL, "reads: lost a write", subtests=subtests), run_outcome=Outcome.PASS)
    root = parsed(report(suite(result)))
    run, reads, moves, uffd = root.findall("testsuite/testcase")
    assert (run.get("classname"), run.get("name")) == ("base.x86_64.gcc-12.cases", "fork")
    assert {entry.get("classname") for entry in (reads, moves, uffd)} == {"base.x86_64.gcc-12.cases.fork"}
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
        KASAN.title,
        kernel_reports=(KASAN, OOM),
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
        only(report(suite(case(Outcome.PASS, kernel_reports=(OOM,))), verdict=Verdict.CLEAN), ".//testcase").findtext(
            "system-out"
        )
        or ""
    )


def test_a_failure_without_a_word_still_is_one() -> None:
    failure = only(report(suite(case(Outcome.FAIL))), ".//failure")
    assert failure.get("message") == "fail, no reason was given"


def test_times_have_three_decimals_and_add_up() -> None:
    subtests = (
        Subtest("a", Outcome.PASS, 1.0),
        Subtest("b", Outcome.PASS, float("inf")),
        Subtest("c", Outcome.PASS, -1.0),
    )
    root = parsed(
        report(
            suite(case(Outcome.PASS, subtests=subtests), stages=(StageResult("boot", Outcome.PASS, 7.0),)),
            verdict=Verdict.CLEAN,
        )
    )
    assert [entry.get("time") for entry in root.iter("testcase")] == ["7.000", "1.500", "1.000", "0.000", "0.000"]
    assert root[0].get("time") == root.get("time") == "9.500"
    assert "took 2.500 s with its subtests" in (root.findtext(".//system-out") or "")


TIMES = st.floats() | st.floats(0, 1e4)


@given(times=st.lists(st.tuples(TIMES, st.lists(TIMES, max_size=3)), max_size=4))
def test_a_suite_lasts_as_long_as_its_test_cases_together(times: list[tuple[float, list[float]]]) -> None:
    cases = [
        case(Outcome.PASS, time_s=time_s, subtests=tuple(Subtest("s", Outcome.PASS, each) for each in each_s))
        for time_s, each_s in times
    ]
    root = parsed(report(suite(*cases), suite(*cases, role=Role.BASELINE), verdict=Verdict.CLEAN))
    for found in root:
        ms = [round(float(entry.get("time", "")) * 1000) for entry in found.iter("testcase")]
        assert round(float(found.get("time", "")) * 1000) == sum(ms)
    assert round(float(root.get("time", "")) * 1000) == sum(
        round(float(found.get("time", "")) * 1000) for found in root
    )


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


@pytest.mark.parametrize("verdict", [verdict for verdict in Verdict if verdict.exit_status])
def test_what_is_not_clean_is_not_green(verdict: Verdict) -> None:
    passed = suite(case(Outcome.PASS), case(Outcome.NOT_EXERCISED))
    unfinished = suite(stages=(StageResult("build", Outcome.PASS, 1.0),))
    for run in (report(passed), report(passed, unfinished), report()):
        root = parsed(replace(run, verdict=verdict))
        assert (root.get("failures"), root.get("errors")) == ("0", "1")
        entry = root[-1].findall("testcase")[-1]
        error = entry.find("error")
        assert error is not None
        assert (entry.get("classname"), entry.get("name")) == (root[-1].get("name"), "verdict")
        assert error.get("message") == error.text == "the reason"


def test_the_reason_of_a_run_is_told_only_where_nothing_else_is_red() -> None:
    root = parsed(
        report(suite(case(Outcome.ERROR, "planned, and not run", is_not_run=True)), verdict=Verdict.INTERRUPTED)
    )
    assert [entry.get("name") for entry in root.iter("testcase")] == ["fork"]
    assert b'"verdict"/' not in junit.document(report(suite(case(Outcome.PASS)), verdict=Verdict.CLEAN))


def test_equal_names_are_told_apart() -> None:
    subtests = (
        Subtest("x", Outcome.PASS),
        Subtest("x", Outcome.PASS),
        Subtest("x (2)", Outcome.PASS),
    )
    suites = suite(case(Outcome.PASS, subtests=subtests)), suite(case(Outcome.PASS))
    root = parsed(report(*suites, verdict=Verdict.CLEAN))
    assert [entry.get("name") for entry in root[0].iter("testcase")] == ["fork", "x", "x (2)", "x (2) (2)"]
    assert [found.get("name") for found in root] == ["base.x86_64.gcc-12", "base.x86_64.gcc-12 (2)"]


@pytest.mark.parametrize(
    ("root", "path"),
    [("", "/runs/1/cases/a"), ("/runs", "1/cases/a"), ("/build/x", "../../runs/1/cases/a")],
)
def test_attachments_are_absolute_or_relative_to_a_root(root: str, path: str) -> None:
    run = report(suite(case(Outcome.PASS, stdout="cases/a")), verdict=Verdict.CLEAN)
    found = parsed(replace(run, attachments_root=root))
    assert found.findtext(".//system-out") == f"[[ATTACHMENT|{path}]]"


def attached(result: CaseResult) -> list[str]:
    said = parsed(report(suite(result))).findtext(".//system-out") or ""
    return [line[len("[[ATTACHMENT|/runs/1/") : -2] for line in said.splitlines() if line.startswith("[[ATTACHMENT|")]


def test_the_most_telling_file_is_attached_first_and_a_memory_dump_never() -> None:
    files = {"stdout": "c/stdout", "stderr": "c/stderr", "console_log": "guest-0/console.log"}
    evidence = ("c/evidence.txt", "c/sysrq.txt", "c/postmortem.txt", "c/memory.kdump")
    reported = replace(KASAN, file="c/report-2.txt")
    assert attached(case(Outcome.FAIL, **files)) == ["c/stdout", "c/stderr", "guest-0/console.log"]
    assert attached(case(Outcome.CRASH, **files)) == ["guest-0/console.log", "c/stdout", "c/stderr"]
    assert attached(case(Outcome.TIMEOUT, evidence=evidence, **files)) == [
        "c/postmortem.txt",
        "guest-0/console.log",
        "c/stdout",
        "c/stderr",
        "c/evidence.txt",
        "c/sysrq.txt",
    ]
    reports = (replace(OOM, file="c/report-1.txt"), reported)
    assert attached(case(Outcome.CRASH, evidence=evidence, kernel_reports=reports))[:3] == [
        "c/report-2.txt",
        "c/report-1.txt",
        "c/postmortem.txt",
    ]


def test_a_path_with_a_line_break_is_no_attachment() -> None:
    assert b"[[ATTACH" not in junit.document(report(suite(case(Outcome.PASS, stdout="a]]\n[[ATTACHMENT|/etc/passwd"))))


def test_program_output_is_shown_from_its_end() -> None:
    outputs = {"cases/a": Output(b"last \xff line\n", 1000)}
    said = parsed(report(suite(case(Outcome.PASS, stdout="cases/a"))), outputs=outputs).findtext(".//system-out") or ""
    assert "[... 988 of 1000 bytes are only in /runs/1/cases/a]\nlast \\xff line" in said


def test_outputs_are_read_from_the_run_directory_only_and_no_scratch_is_left(tmp_path: Path) -> None:
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
    write_files(run, tmp_path / "out")
    write_files(run, tmp_path / "out")
    assert {entry.name for entry in (tmp_path / "out").iterdir()} == {
        reporter.file for reporter in REPORTERS if reporter.content(run) is not None
    }
    data = (tmp_path / "out/junit.xml").read_text(encoding="utf-8")
    assert "the end" in data
    assert "secret</system-out>" not in data
    assert len(data) < 30_000


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "junit.xml").mkdir()
    with pytest.raises(HostRefused, match=r"junit\.xml"):
        write_files(report(suite(case(Outcome.PASS))), tmp_path)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["junit.xml", "report.json"]


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


ANSWERS = st.none() | st.sampled_from(Answer).map(compared)
OUTCOMES = st.sampled_from(Outcome)
SUBTESTS = st.lists(st.builds(Subtest, st.just("s"), OUTCOMES.filter(lambda o: o is not Outcome.ERROR)), max_size=2)


@st.composite
def some_stages(draw: st.DrawFn) -> StageResult:
    """Only what is bad can be bad on the base too, and only a boot is compared by runs."""
    outcome, name = draw(OUTCOMES), draw(st.sampled_from(["build", "boot"]))
    return StageResult(
        name,
        outcome,
        1.0,
        also_on_base=draw(st.booleans()) and outcome.is_bad and name != "boot",
        is_patch_fault=draw(st.booleans()),
        is_request_fault=draw(st.booleans()) and outcome is Outcome.ERROR,
        comparison=draw(ANSWERS) if outcome.is_bad and name == "boot" else None,
    )


@st.composite
def some_cases(draw: st.DrawFn) -> CaseResult:
    """The outcome is the worst of the run and its subtests, and what was not run has neither kernel nor base to ask."""
    if draw(st.integers(0, 9)) == 0:
        return case(draw(st.sampled_from([Outcome.SKIP, Outcome.ERROR])), "not run", is_not_run=True)
    run, subtests = draw(OUTCOMES), tuple(draw(SUBTESTS)) if draw(st.booleans()) else ()
    outcome = worst([run, *(subtest.outcome for subtest in subtests if subtest.outcome is not Outcome.SKIP)])
    return case(
        outcome,
        run_outcome=run,
        subtests=subtests,
        is_host_fault=draw(st.integers(0, 4)) == 0,
        comparison=draw(ANSWERS),
        number=1,
    )


STAGES = st.lists(some_stages(), max_size=2).map(tuple)
CASES = st.lists(some_cases(), max_size=3)
ATTEMPTS = st.lists(
    st.builds(
        Finding,
        case=st.sampled_from(["fork", "boot"]),
        outcome=OUTCOMES,
        run_outcome=OUTCOMES,
        message=st.just("why"),
        time_s=st.just(1.0),
        number=st.integers(1, 4),
        pair=st.integers(0, 2),
    ),
    max_size=3,
).map(tuple)


@settings(max_examples=800)  # few of them are clean though something fails
@given(
    patched=CASES,
    base=CASES,
    stages=STAGES,
    attempts=ATTEMPTS,
    roles=st.sampled_from(["patched", "both", "base"]),
    interrupted=st.integers(0, 9).map(lambda drawn: drawn == 0),
    strict=st.booleans(),
    trouble=st.sampled_from(["", "", "", "the disk is full"]),
)
def test_a_file_is_green_exactly_when_the_exit_status_is_0(
    patched: list[CaseResult],
    base: list[CaseResult],
    stages: tuple[StageResult, ...],
    attempts: tuple[Finding, ...],
    roles: str,
    interrupted: bool,
    strict: bool,
    trouble: str,
) -> None:
    suites = [replace(suite(*patched, stages=stages), attempts=attempts)] if roles != "base" else []
    if roles != "patched":
        suites.append(suite(*base, stages=stages, role=Role.BASELINE))
    verdict, reason = judged(suites, interrupted, strict=strict, trouble=trouble)
    root = parsed(replace(report(*suites, verdict=verdict), reason=reason))
    is_green = (root.get("failures"), root.get("errors")) == ("0", "0")
    assert is_green == (verdict.exit_status == 0)
    if verdict is Verdict.PATCH_AT_FAULT:
        assert root.get("failures") != "0"
    elif verdict is not Verdict.INTERRUPTED:
        assert root.get("failures") == "0"
    for result in (*root.iter("failure"), *root.iter("error"), *root.iter("skipped")):
        assert result.get("message")
        assert result.text


# --- names


def names(run: RunReport) -> set[tuple[str, str]]:
    return {(entry.get("classname", ""), entry.get("name", "")) for entry in parsed(run).iter("testcase")}


def facts(compiler: str = GCC) -> KernelFacts:
    return KernelFacts(arch="x86_64", compiler=compiler, qemu="7.2.22", memory_mib=1024)


def test_the_same_test_has_the_same_name_in_every_version_of_every_series_and_wherever_it_stopped() -> None:
    stages = (StageResult("build", Outcome.PASS, 1.0), StageResult("boot", Outcome.PASS, 1.0))
    subtests = (Subtest("reads", Outcome.PASS),)
    whole = suite(case(Outcome.PASS, subtests=subtests), stages=stages)
    first = report(replace(whole, facts=facts()), verdict=Verdict.CLEAN, series="vm_refcnt")
    second = report(
        replace(whole, facts=facts("gcc (Debian 12.4.1-1) 12.4.1")), verdict=Verdict.CLEAN, series="v2-vm_refcnt"
    )
    assert names(first) == names(second) == {
        ("base.x86_64.gcc-12.stages", "build"),
        ("base.x86_64.gcc-12.stages", "boot"),
        ("base.x86_64.gcc-12.cases", "fork"),
        ("base.x86_64.gcc-12.cases.fork", "reads"),
    }  # fmt: skip
    failed = (StageResult("build", Outcome.FAIL, 1.0, "no", is_patch_fault=True),)
    stopped = report(suite(case(Outcome.SKIP, "not run: build failed", is_not_run=True), stages=failed))
    assert names(stopped) < names(first)


def test_other_kernels_of_a_run_have_names_of_their_own() -> None:
    other = SuiteReport("base.patch-3", "base", Role.PER_PATCH, (), (case(Outcome.PASS),), "")
    run = report(suite(case(Outcome.PASS)), suite(case(Outcome.PASS), role=Role.BASELINE), other, verdict=Verdict.CLEAN)
    assert [found.get("name") for found in parsed(run)] == [
        "base.x86_64.gcc-12",
        "base.x86_64.gcc-12.baseline",
        "base.x86_64.gcc-12.patch-3",
    ]
    named = parsed(replace(run, suite_name="mm-unstable"))
    assert named[0].get("name") == "mm-unstable.base.x86_64.gcc-12"


# --- reruns


def finding(outcome: Outcome, number: int, pair: int = 0, **more: object) -> Finding:
    return replace(
        Finding("fork", outcome, outcome, "exit status 1", 2.0, number=number, pair=pair, seed=7 * number), **more
    )  # type: ignore[arg-type]


def with_attempts(
    result: CaseResult, *others: Finding, verdict: Verdict = Verdict.PATCH_AT_FAULT
) -> ElementTree.Element:
    return parsed(report(replace(suite(result), attempts=others), verdict=verdict))


def test_a_failure_carries_the_attempts_that_failed_again() -> None:
    first = case(Outcome.FAIL, "exit status 1", comparison=compared(Answer.REGRESSION))
    again = (
        finding(Outcome.FAIL, 1),  # the one that is shown
        finding(
            Outcome.CRASH,
            2,
            1,
            kernel_reports=(KASAN,),
            message=KASAN.title,
            console_log="guest-1/console.log",
        ),
        finding(Outcome.PASS, 3, 2),
        finding(Outcome.CRASH, 4, 3, is_host_fault=True, message="QEMU is gone"),
    )
    entry = with_attempts(first, *again).find(".//testcase")
    assert entry is not None
    assert [child.tag for child in entry] == ["failure", "rerunFailure", "rerunError", "system-out"]
    rerun = entry[1]
    assert rerun.attrib == {
        "type": "KernelReport.kasan",
        "message": "KASAN: use-after-free in f (attempt 2, pair 1, seed 14)",
    }
    assert [child.tag for child in rerun] == ["stackTrace", "system-out"]
    assert "BUG: KASAN: the text" in (rerun.findtext("stackTrace") or "")
    assert "[[ATTACHMENT|/runs/1/guest-1/console.log]]" in (rerun.findtext("system-out") or "")
    assert entry[2].get("type") == "Infrastructure"
    assert (entry.findtext("system-out") or "").splitlines()[:4] == [
        "attempt 1, seed 7: FAIL after 2.0 s: exit status 1",
        "attempt 2, pair 1, seed 14: CRASH after 2.0 s: KASAN: use-after-free in f",
        "attempt 3, pair 2, seed 21: PASS after 2.0 s",
        "attempt 4, pair 3, seed 28: CRASH after 2.0 s: QEMU is gone",
    ]


def test_a_retry_that_passed_does_not_hide_what_failed_before_it() -> None:
    root = with_attempts(
        case(Outcome.PASS, number=2), finding(Outcome.CRASH, 1, is_host_fault=True), finding(Outcome.PASS, 2),
        verdict=Verdict.CLEAN,
    )  # fmt: skip
    assert (root.get("failures"), root.get("errors")) == ("0", "0")
    assert [child.tag for child in root.findall(".//testcase/*")] == ["flakyError", "system-out"]
    excused = case(Outcome.FAIL, comparison=compared(Answer.FLAKY_NO_WORSE))
    root = with_attempts(excused, finding(Outcome.FAIL, 2, 1), verdict=Verdict.CLEAN)
    assert [child.tag for child in root.findall(".//testcase/*")] == ["skipped", "flakyFailure", "system-out"]


def test_a_subtest_carries_its_own_reruns() -> None:
    bad, good = Subtest("reads", Outcome.FAIL, message="lost a write"), Subtest("moves", Outcome.PASS)
    first = case(Outcome.FAIL, subtests=(bad, good), run_outcome=Outcome.PASS)
    again = finding(Outcome.FAIL, 2, 1, subtests=(bad, good), run_outcome=Outcome.PASS)
    run, reads, moves = with_attempts(first, again).findall(".//testcase")
    assert run.find("rerunFailure") is run.find("flakyFailure") is moves.find("rerunFailure") is None
    rerun = reads.find("rerunFailure")
    assert rerun is not None
    assert rerun.findtext("stackTrace") == "lost a write"


def test_boots_are_compared_at_their_stage() -> None:
    failed = StageResult(
        "boot", Outcome.CRASH, 1.0, "hangs", comparison=compared(Answer.REGRESSION), is_patch_fault=True
    )
    attempts = (replace(finding(Outcome.CRASH, 1, 1), case="boot"), replace(finding(Outcome.PASS, 2, 2), case="boot"))
    entry = only(report(replace(suite(stages=(failed,)), attempts=attempts)), ".//testcase")
    assert [child.tag for child in entry] == ["failure", "rerunFailure", "system-out"]


# --- properties and mutants


def test_properties_say_what_was_tested_and_with_what() -> None:
    run = replace(
        report(suite(case(Outcome.PASS), stages=()), verdict=Verdict.CLEAN, series="v2-fix"),
        version="0.4",
        subjects=("mm: one", "mm: two"),
        message_ids=("<1@example.org>", ""),
        commits=("", "c0ffee12"),
        origin=Origin(Place.TREE, "main..fix", tree="/linux", base="b" * 40, head="c" * 40, uncommitted=("mm/a.c",)),
    )
    of_kernel = replace(facts(), commit="c0ffee", base_url="https://example.org/linux.git", base_branch="mm-unstable")
    root = parsed(replace(run, suites=(replace(run.suites[0], facts=of_kernel),)))
    found = {entry.get("name"): entry.get("value") for entry in root.iter("property")}
    assert found == found | {
        "series": "v2-fix",
        "orchestrate": "0.4",
        "arch": "x86_64",
        "compiler": GCC,
        "qemu": "7.2.22",
        "memory_mib": "1024",
        "commit": "c0ffee",
        "base_url": "https://example.org/linux.git",
        "base_branch": "mm-unstable",
        "patch.1": "mm: one",
        "patch.1.message_id": "<1@example.org>",
        "patch.2": "mm: two",
        "patch.2.commit": "c0ffee12",
        "origin": "main..fix (bbbbbbbbbbbb..cccccccccccc) of /linux, with uncommitted changes in 1 file",
        "uncommitted": "mm/a.c",
    }
    assert not {"patch.2.message_id", "patch.1.commit"} & found.keys()


def test_a_mutant_says_what_killed_it_and_a_survivor_is_typed_as_one() -> None:
    cases = (
        replace(case(Outcome.PASS, "killed by fork on base (kernel report): KASAN"), case="no-barrier"),
        replace(case(Outcome.FAIL, "nothing noticed it"), case="no-wakeup"),
        replace(case(Outcome.ERROR, "could not be applied"), case="no-build"),
        replace(case(Outcome.SKIP, "equivalent: why"), case="no-change"),
    )
    mutants = SuiteReport("base.mutants", "base", Role.MUTATED, (), cases, "", has_mutants=True)
    control = SuiteReport("base.mutated", "base", Role.MUTATED, (), (case(Outcome.PASS),), "")
    root = parsed(report(control, mutants, verdict=Verdict.SURVIVED))
    killed, survived, error, skipped = root[1].findall("testcase")
    assert {entry.get("classname") for entry in root[1].iter("testcase")} == {"base.x86_64.gcc-12.mutants"}
    assert killed.get("name") == "no-barrier"
    assert killed.findtext("system-out") == "killed by fork on base (kernel report): KASAN"
    assert [entry[0].get("type") for entry in (survived, error)] == ["Survived", "Infrastructure"]
    assert [child.tag for child in skipped] == ["skipped"]


def test_a_control_that_fails_says_nothing_about_the_series() -> None:
    control = SuiteReport("base.mutated", "base", Role.MUTATED, (), (case(Outcome.CRASH, "dead"),), "")
    error = only(report(control, verdict=Verdict.NO_VERDICT), ".//error")
    assert error.get("type") == "ControlFails"


@given(
    statuses=st.lists(st.sampled_from(MutantStatus), max_size=4),
    control=st.lists(OUTCOMES, max_size=2),
    interrupted=st.booleans(),
)
def test_a_file_of_a_mutation_run_is_green_exactly_when_the_exit_status_is_0(
    statuses: list[MutantStatus], control: list[Outcome], interrupted: bool
) -> None:
    kill = Kill("base", "fork", Detector.KERNEL_REPORT, "KASAN", 1.0)
    rows = tuple(
        MutantRow(f"m{number}", "order", status, "why", kill if status is MutantStatus.KILLED else None)
        for number, status in enumerate(statuses)
    )
    matrix = Matrix(rows, ("base",), ("fork",))
    controls = {"base.mutated": SuiteReport("base.mutated", "base", Role.MUTATED, (), tuple(map(case, control)), "")}
    verdict, reason = verdict_on_mutants(matrix, controls, interrupted=interrupted)
    suites = (*controls.values(), mutants_suite(matrix, ""))
    root = parsed(replace(report(*suites, verdict=verdict), reason=reason))
    assert ((root.get("failures"), root.get("errors")) == ("0", "0")) == (verdict.exit_status == 0)
    survivors = statuses.count(MutantStatus.SURVIVED)
    assert [found.get("type") for found in root.iter("failure")] == ["Survived"] * survivors
    passed = [entry for entry in root[-1].iter("testcase") if [child.tag for child in entry] == ["system-out"]]
    told = [entry.findtext("system-out") for entry in passed]
    assert told == ["killed by fork on base (kernel report): KASAN"] * statuses.count(MutantStatus.KILLED)
