"""The summary: complete, harmless, coloured only where a person looks, and readable on a real terminal."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest

from orchestrator.model.kernel import Variant
from orchestrator.model.kernel_report import Frame, KernelReport, Mark, Place
from orchestrator.model.outcome import Outcome, Verdict
from orchestrator.model.report import CaseResult, Metric, RunReport, StageResult, Subtest, SuiteReport
from orchestrator.reporters import summary, terminal
from orchestrator.reporters.stream import tell

SPLAT = KernelReport("kasan", "KASAN: use-after-free in f", Outcome.CRASH, 12, 40, 999, "the text")


def a_report() -> RunReport:
    subtests = (
        Subtest("reads", Outcome.PASS, 1.0, metrics=(Metric("ops", 1000.0, "ops/s"),)),
        Subtest("moves", Outcome.FAIL, 1.0, "lost a write", metrics=(Metric("ops", 234.0, "ops/s"),)),
    )
    cases = (
        CaseResult("fork", Outcome.PASS, Outcome.PASS, "", 5.0, subtests[:1]),
        CaseResult(
            "fault", Outcome.CRASH, Outcome.CRASH, SPLAT.title, 125.0, subtests, (SPLAT,), console_log="g/console"
        ),
        CaseResult("old", Outcome.FAIL, Outcome.FAIL, "[red]no \x1b[31mmarkup\nhere", 5.0, also_on_base=True),
    )
    stages = (
        StageResult("build", Outcome.PASS, 0.25, cached=True),
        StageResult("boot", Outcome.ERROR, 3.0, "no QEMU", hint="install it"),
    )
    suite = SuiteReport("base.patched", "base", Variant.PATCHED, stages, cases, "")
    return RunReport(
        "fix", "", Verdict.PATCH_AT_FAULT, "fault crashed", (suite,), "/runs/1", "", 200.0, "h", ("a note",)
    )


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
        "FAIL old 5.0 s [also fails on base] [red]no \\x1b[31mmarkup here",
        "! KASAN: use-after-free in f",
        "/runs/1/g/console:12",
        "note: a note",
        "",
        "fix: THE PATCH IS AT FAULT (3 min 20 s)",
        "fault crashed",
        "report: /runs/1",
    ]


def decoded_report() -> RunReport:
    report = a_report()
    place = Place("f", "mm/f.c", 7, "boom(\x1b[31m);", Mark.LINE, ("2/3 mm: [add] f",))
    kernel_report = replace(SPLAT, frames=(Frame(1, "f", 1, 2, places=(place,)),))
    (suite,) = report.suites
    cases = tuple(
        replace(case, kernel_reports=(kernel_report,)) if case.kernel_reports else case for case in suite.cases
    )
    return replace(report, suites=(replace(suite, cases=cases),))


def test_the_guilty_line_of_code_and_its_patch_are_shown_with_the_report() -> None:
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
        "s", "", Variant.PATCHED, (), (CaseResult("c", Outcome.FAIL, Outcome.PASS, "", 1.0, subtests),), ""
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
    suite = SuiteReport("s", "", Variant.PATCHED, stages, (), "")
    stream = _Tty()
    terminal.show(RunReport("", "", verdict, "why", (suite,), "/r", "", 1.0, ""), stream, {"TERM": "xterm"})
    assert verdict.value.upper() in stream.getvalue()
    assert outcome.name in stream.getvalue()


def test_the_same_report_again_is_counted() -> None:
    again = replace(SPLAT, line_start=60)
    other = replace(SPLAT, title="KASAN: use-after-free in g", line_start=80)
    told = CaseResult(
        "a",
        Outcome.CRASH,
        Outcome.CRASH,
        SPLAT.title,
        5.0,
        kernel_reports=(SPLAT, again, other),
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
    assert [(row.name, row.outcome, row.message) for row in rows[1:]] == [
        ("reads", Outcome.TIMEOUT, "no progress"),
        ("3 others", Outcome.FAIL, "planned, but no result"),
    ]
