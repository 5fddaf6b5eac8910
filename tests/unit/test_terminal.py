"""The summary: complete, harmless, coloured only where a person looks, and readable on a real terminal."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest

from orchestrator.model.kernel import Role
from orchestrator.model.kernel_report import Frame, KernelReport, Mark, SourceLine
from orchestrator.model.outcome import Outcome, Verdict
from orchestrator.model.report import (
    Answer,
    CaseResult,
    Comparison,
    Metric,
    RunReport,
    StageResult,
    Subtest,
    SuiteReport,
)
from orchestrator.model.series import Origin, Place
from orchestrator.reporters import summary, terminal
from orchestrator.reporters.stream import tell

OLD = Comparison(Answer.PRE_EXISTING, True, 0.02, 3, 3, 3, "failed 3 of 3 with the series and 3 of 3 without")
KASAN = KernelReport("kasan", "KASAN: use-after-free in f", Outcome.CRASH, 12, 40, 999, "the text")


def a_report() -> RunReport:
    subtests = (
        Subtest("reads", Outcome.PASS, 1.0, metrics=(Metric("ops", 1000.0, "ops/s"),)),
        Subtest("moves", Outcome.FAIL, 1.0, "lost a write", metrics=(Metric("ops", 234.0, "ops/s"),)),
    )
    cases = (
        CaseResult("fork", Outcome.PASS, Outcome.PASS, "", 5.0, subtests[:1]),
        CaseResult(
            "fault",
            Outcome.CRASH,
            Outcome.CRASH,
            KASAN.title,
            125.0,
            subtests,
            (KASAN,),
            console_log="g/console",
        ),
        CaseResult("old", Outcome.FAIL, Outcome.FAIL, "[red]no \x1b[31mmarkup\nhere", 5.0, comparison=OLD),
    )
    stages = (
        StageResult("build", Outcome.PASS, 0.25, cached=True),
        StageResult("boot", Outcome.ERROR, 3.0, "no QEMU", hint="install it"),
    )
    suite = SuiteReport("base.patched", "base", Role.PATCHED, stages, cases, "")
    return RunReport(
        "fix", "", Verdict.PATCH_AT_FAULT, "fault crashed", (suite,), "/runs/1", "", 200.0, "h", ("a note",)
    )


@pytest.mark.parametrize(
    ("origin", "line"),
    [
        (Origin(Place.ARCHIVE, "1@x", "https://a.org/all"), "patch: <1@x> and its thread, from https://a.org/all"),
        (Origin(Place.WEB, "https://example.org/x.patch"), "patch: https://example.org/x.patch"),
        (
            Origin(Place.TREE, "main..fix", tree="/linux", base="b" * 40, head="c" * 40),
            "patch: main..fix (bbbbbbbbbbbb..cccccccccccc) of /linux",
        ),
        (Origin(Place.FILE, "/tmp/x.patch"), None),
    ],
)
def test_the_summary_says_where_the_patch_came_from(origin: Origin, line: str | None) -> None:
    run = replace(a_report(), origin=origin)
    said = [one for one in terminal.plain(run).splitlines() if one.startswith("patch: ")]
    assert said == ([line] if line else [])
    stream = _Tty()
    terminal.show(run, stream, {"TERM": "xterm"})
    assert ("patch: " in stream.getvalue()) == bool(line)


def test_the_plain_summary_says_it_all() -> None:
    lines = terminal.plain(a_report()).splitlines()
    squeezed = [" ".join(line.split()) for line in lines]
    assert squeezed == [
        "base.patched",
        "PASS build 0.2 s cached",
        "ERROR boot 3.0 s no QEMU (hint: install it)",
        "PASS fork 5.0 s 1,000 ops/s 1 of 1 subtests",
        "CRASH fault 2 min 5 s 1,234 ops/s KASAN: use-after-free in f",
        "FAIL moves 1.0 s 234 ops/s lost a write",
        "FAIL old 5.0 s pre-existing: failed 3 of 3 with the series and 3 of 3 without; [red]no \\x1b[31mmarkup here",
        "! KASAN: use-after-free in f",
        "/runs/1/g/console:12",
        "note: a note",
        "",
        "fix: THE PATCH IS AT FAULT (3 min 20 s)",
        "fault crashed",
        "report: /runs/1/report.html",
    ]


def decoded_report() -> RunReport:
    report = a_report()
    place = SourceLine("f", "mm/f.c", 7, "boom(\x1b[31m);", Mark.LINE, ("2/3 mm: [add] f",))
    kernel_report = replace(KASAN, frames=(Frame(1, "f", 1, 2, places=(place,)),))
    (suite,) = report.suites
    cases = tuple(
        replace(case, kernel_reports=(kernel_report,)) if case.kernel_reports else case for case in suite.cases
    )
    return replace(report, suites=(replace(suite, cases=cases),))


def test_the_culprit_line_of_code_and_its_patch_are_shown_with_the_report() -> None:
    lines = terminal.plain(decoded_report()).splitlines()
    at = lines.index("  ! KASAN: use-after-free in f")
    assert lines[at + 1 : at + 4] == [
        "      f at mm/f.c:7: boom(\\x1b[31m);",
        "        written by 2/3 mm: [add] f",
        "      /runs/1/g/console:12",
    ]
    stream = _Tty()
    terminal.show(decoded_report(), stream, {"TERM": "xterm"})
    assert "f at mm/f.c:7: boom(\\x1b[31m);" in stream.getvalue()
    assert "written by 2/3 mm: [add] f" in stream.getvalue()


@pytest.mark.parametrize(
    ("time_s", "said"),
    [(0.04, "0.0 s"), (119.94, "119.9 s"), (120.0, "2 min 0 s"), (float("nan"), "?"), (float("inf"), "?")],
)
def test_times_are_for_people(time_s: float, said: str) -> None:
    assert summary.seconds(time_s) == said


def test_many_failed_subtests_are_counted_not_listed() -> None:
    subtests = tuple(Subtest(f"s{number}", Outcome.FAIL) for number in range(14))
    suite = SuiteReport(
        "s", "", Role.PATCHED, (), (CaseResult("c", Outcome.FAIL, Outcome.PASS, "", 1.0, subtests),), ""
    )
    said = terminal.plain(RunReport("", "", Verdict.PATCH_AT_FAULT, "", (suite,), "/r", "", 1.0, ""))
    assert "s9" in said
    assert "s10" not in said
    assert "... 4 more" in said


def test_what_is_no_terminal_gets_no_control_character() -> None:
    stream = io.StringIO()
    terminal.show(a_report(), stream, {})
    assert stream.getvalue() == terminal.plain(a_report())
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", stream.getvalue())


def test_a_stream_of_few_characters_gets_escapes_and_no_traceback() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    assert tell("é 😀 ok\n", stream)
    assert raw.getvalue() == b"\\xe9 \\U0001f600 ok\n"


class _Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("verdict", list(Verdict))
@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_verdict_and_outcome_can_be_shown_in_colour(verdict: Verdict, outcome: Outcome) -> None:
    stages = (StageResult("boot", outcome, 1.0),)
    suite = SuiteReport("s", "", Role.PATCHED, stages, (), "")
    stream = _Tty()
    terminal.show(RunReport("", "", verdict, "why", (suite,), "/r", "", 1.0, ""), stream, {"TERM": "xterm"})
    assert verdict.value.upper() in stream.getvalue()
    assert outcome.name in stream.getvalue()


def test_the_same_report_again_is_counted() -> None:
    again = replace(KASAN, line_start=60)
    other = replace(KASAN, title="KASAN: use-after-free in g", line_start=80)
    told = CaseResult(
        "a",
        Outcome.CRASH,
        Outcome.CRASH,
        KASAN.title,
        5.0,
        kernel_reports=(KASAN, again, other),
        console_log="g/console",
    )
    report = a_report()
    suite = replace(report.suites[0], cases=(told,))
    assert [
        (shown.title, shown.place) for shown in summary.tables(replace(report, suites=(suite,)))[0].kernel_reports
    ] == [
        ("KASAN: use-after-free in f (2 times)", "/runs/1/g/console:12"),
        ("KASAN: use-after-free in g", "/runs/1/g/console:80"),
    ]


def test_subtests_that_never_ran_take_one_row() -> None:
    hung = Subtest("reads", Outcome.TIMEOUT, 5.0, "no progress")
    never = [Subtest(f"#{number}", Outcome.FAIL, 0.0, "planned, but no result") for number in (2, 3, 4)]
    told = CaseResult("a", Outcome.TIMEOUT, Outcome.TIMEOUT, "", 5.0, subtests=(hung, *never))
    report = a_report()
    suite = replace(report.suites[0], stages=(), cases=(told,))
    rows = summary.tables(replace(report, suites=(suite,)))[0].rows
    assert [(row.name, row.label, row.message) for row in rows[1:]] == [
        ("reads", "TIMEOUT", "no progress"),
        ("3 others", "FAIL", "planned, but no result"),
    ]


def rows_of(*cases: CaseResult, stages: tuple[StageResult, ...] = ()) -> tuple[summary.Row, ...]:
    suite = SuiteReport("base.patched", "base", Role.PATCHED, stages, cases, "")
    return summary.tables(replace(a_report(), suites=(suite,)))[0].rows


@pytest.mark.parametrize(
    ("answer", "tone"),
    [
        (Answer.REGRESSION, summary.Tone.DEAD),
        (Answer.FLAKY_AND_WORSE, summary.Tone.DEAD),
        (Answer.PRE_EXISTING, summary.Tone.OPEN),
        (Answer.FLAKY_NO_WORSE, summary.Tone.OPEN),
        (Answer.INCONCLUSIVE, summary.Tone.UNKNOWN),
    ],
)
def test_what_the_base_says_is_seen_in_words_and_colour(answer: Answer, tone: summary.Tone) -> None:
    words = "failed 5 of 5 with the series and 0 of 5 without"
    comparison = Comparison(answer, True, 0.03, 5, 0, 5, words)
    subtests = (Subtest("reads", Outcome.FAIL, 1.0, "lost a write"),)
    case = CaseResult("a", Outcome.CRASH, Outcome.CRASH, "dead", 5.0, subtests, comparison=comparison)
    boot = StageResult("boot", Outcome.CRASH, 5.0, "hangs", comparison=comparison)
    for row in (rows_of(case)[0], rows_of(stages=(boot,))[0]):
        assert row.message.startswith(f"{answer.value}: {words}; ")
        assert row.tone is tone
    assert (rows_of(case)[1].tone is summary.Tone.OPEN) == comparison.excuses


def test_a_case_that_was_fixed_says_so() -> None:
    fixed = Comparison(Answer.FIXED, True, 0.03, 0, 5, 5, "failed 0 of 5 with the series and 5 of 5 without")
    (row,) = rows_of(CaseResult("a", Outcome.PASS, Outcome.PASS, "", 5.0, comparison=fixed))
    assert (row.tone, row.message) == (summary.Tone.GOOD, f"fixed: {fixed.words}")


def test_a_stage_that_fails_on_the_base_too_says_so() -> None:
    (row,) = rows_of(stages=(StageResult("build", Outcome.FAIL, 5.0, "mm/f.c: error", also_on_base=True),))
    assert (row.tone, row.message) == (summary.Tone.OPEN, "the base fails here too; mm/f.c: error")


def test_what_was_not_exercised_is_yellow_and_the_columns_stay_aligned() -> None:
    idle = CaseResult("a", Outcome.NOT_EXERCISED, Outcome.NOT_EXERCISED, "did not exercise: vma_lock_success", 5.0)
    (row,) = rows_of(idle)
    assert (row.tone, row.label) == (summary.Tone.OPEN, "NOT_EXERCISED")
    suite = SuiteReport("s", "", Role.PATCHED, (StageResult("boot", Outcome.PASS, 1.0),), (idle,), "")
    run = replace(a_report(), suites=(suite,))
    lines = terminal.plain(run).splitlines()[1:3]
    ends = [match.end() for line in lines if (match := re.search(r"\d\.\d s", line))]
    assert len(ends) == 2
    assert len(set(ends)) == 1
    stream = _Tty()
    terminal.show(run, stream, {"TERM": "xterm"})
    assert "\x1b[33mNOT_EXERCISED" in stream.getvalue()


def test_what_was_planned_and_not_run_is_seen_and_takes_little_room() -> None:
    behind = [
        CaseResult(name, Outcome.SKIP, Outcome.SKIP, "not run: build failed", 0.0, is_not_run=True) for name in "abc"
    ]
    lost = CaseResult("d", Outcome.ERROR, Outcome.ERROR, "planned, and not run", 0.0, is_not_run=True)
    rows = rows_of(*behind, lost)
    assert [(row.name, row.label, row.tone, row.time, row.message) for row in rows] == [
        ("3 cases", "NOT RUN", summary.Tone.OPEN, "", "not run: build failed: a, b, c"),
        ("d", "NOT RUN", summary.Tone.UNKNOWN, "", "planned, and not run"),
    ]
