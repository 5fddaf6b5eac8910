"""Known issues and expected reports: shown, and no failure."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.declarations.known_issues import read_known_issues
from orchestrator.errors import BadDeclaration, UsageError
from orchestrator.judge.known import applies, is_expired, mark_known, range_problem, remarks
from orchestrator.model.attempt import Ending
from orchestrator.model.kernel_report import KernelReport, KnownIssue
from orchestrator.model.outcome import Outcome
from tests.unit.test_classify import QUIET, TITLE, WARNING, Home, home

__all__ = ["home"]

LINK = "https://bugs.example.org/1"
ISSUE = KnownIssue("WARNING in unmap_.*", LINK, "2026-06-30")
KERNEL_REPORT = KernelReport("warning", TITLE, Outcome.FAIL, 1, 9, 0, WARNING)


def test_the_whole_title_must_match() -> None:
    (known,) = mark_known([KERNEL_REPORT], [ISSUE])
    assert (known.known, known.outcome) == (LINK, Outcome.PASS)
    assert mark_known([KERNEL_REPORT], [KnownIssue("WARNING", LINK, "2026-06-30")]) == (KERNEL_REPORT,)


def test_an_alternative_title_may_match_and_is_named() -> None:
    stall = KernelReport(
        "rcu-stall", "RCU stall in f", Outcome.FAIL, 1, 9, 0, "text", alternatives=("stall in f", "RCU stall in g")
    )
    issue = KnownIssue("stall in f", LINK, "2026-06-30")
    (known,) = mark_known([stall], [issue])
    assert (known.known, known.outcome) == (f"{LINK}, as 'stall in f'", Outcome.PASS)
    of_title = KnownIssue("RCU stall in f", "https://bugs.example.org/2", "2026-06-30")
    assert mark_known([stall], [issue, of_title])[0].known == of_title.link  # the title itself comes first
    assert mark_known([stall], [KnownIssue("stall", LINK, "2026-06-30")]) == (stall,)


@pytest.mark.parametrize(
    ("base", "release", "does"),
    [
        ("", "6.12.117", True),
        ("6.12", "6.12.117", True),
        ("6.10..6.12", "6.12.117-rt3", True),
        ("6.13..", "6.12.117", False),
        ("..6.11", "6.12.117", False),
        ("..6.12.116", "6.12.117", False),
        ("6.12", "", False),
    ],
)
def test_the_range_of_bases(base: str, release: str, does: bool) -> None:
    assert applies(KnownIssue("x", LINK, "2026-06-30", base=base), "base", release) is does


def test_kconfigs_restrict_and_base_is_part_of_every_kernel() -> None:
    issue = KnownIssue("x", LINK, "2026-06-30", kconfigs=("kasan",))
    assert applies(issue, "debug+kasan", "6.12")
    assert not applies(issue, "debug", "6.12")
    assert applies(KnownIssue("x", LINK, "2026-06-30", kconfigs=("base",)), "debug", "6.12")


def test_the_day_of_expiry_still_counts() -> None:
    assert not is_expired(ISSUE, "2026-06-30")
    assert is_expired(ISSUE, "2026-07-01")


@pytest.mark.parametrize("versions", ["6.x", "6.12..6.10", "6.12...", "newer"])
def test_a_wrong_range_is_a_problem(versions: str) -> None:
    assert range_problem(versions)


# --- the file

GOOD = f"- title: WARNING in unmap_.*\n  link: {LINK}\n  expires: 2026-06-30\n"


def test_the_file_is_a_list_of_entries(tmp_path: Path) -> None:
    path = tmp_path / "known-issues.yaml"
    path.write_text(GOOD + "  kconfigs: [kasan]\n  base: 6.10\n")
    (issue,) = read_known_issues(path)
    assert issue == KnownIssue("WARNING in unmap_.*", LINK, "2026-06-30", ("kasan",), "6.10")
    path.write_text("")
    assert read_known_issues(path) == ()


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("title: x", "expected a list, got {'title': 'x'}"),
        ("- [", "not YAML"),
        (GOOD + "  colour: red\n", "unknown key entry 1: colour"),
        (GOOD.replace("2026-06-30", "soon"), "entry 1: expires: expected a day like 2026-06-30, got 'soon'"),
        (GOOD.replace(f"  link: {LINK}\n", ""), "entry 1: link is missing"),
        (GOOD.replace("unmap_.*", "("), "title"),
        (GOOD.replace("WARNING in unmap_.*", "'.*'"), "matches every title"),
        (GOOD + "  base: new\n", "base: 'new'"),
        (GOOD.replace("2026-06-30", "20260630"), "entry 1: expires: expected a day like 2026-06-30, got '20260630'"),
        (GOOD + "- title: x\n", "entry 2: link is missing"),
        (GOOD + "  kconfigs: [a, [b]]\n", "entry 1: kconfigs[1]: expected a string, got ['b']"),
        (GOOD + "- x\n", "entry 2: expected a mapping, got 'x'"),
    ],
)
def test_a_wrong_entry_names_file_entry_and_key(tmp_path: Path, text: str, what: str) -> None:
    path = tmp_path / "known-issues.yaml"
    path.write_text(text)
    with pytest.raises(BadDeclaration) as caught:
        read_known_issues(path)
    assert what in caught.value.message
    assert str(path) in caught.value.message


def test_a_missing_file_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        read_known_issues(tmp_path / "none.yaml")


# --- what it does to a judged suite


def test_a_known_report_is_shown_and_neither_it_nor_its_taint_is_a_failure(home: Home) -> None:
    home.case("a", said=QUIET + WARNING, taint_after=512)
    (case,) = home.judge((ISSUE,)).cases
    assert (case.outcome, case.message) == (Outcome.PASS, "")
    assert [kernel_report.known for kernel_report in case.kernel_reports] == [LINK]


def test_an_expired_issue_counts_again_and_is_reported(home: Home) -> None:
    home.case("a", said=WARNING)
    expired = KnownIssue(ISSUE.title, LINK, "2025-12-31")
    suite = home.judge((expired,))
    assert suite.cases[0].outcome is Outcome.FAIL
    assert list(remarks([expired], [suite], "2026-01-01")) == [
        f"known issue {ISSUE.title!r} expired on 2025-12-31: it counts again ({LINK})"
    ]


def test_an_entry_that_nothing_needed_is_reported(home: Home) -> None:
    home.case("a")
    suite = home.judge((ISSUE,))
    assert list(remarks([ISSUE], [suite], "2026-01-01")) == [f"known issue {ISSUE.title!r} was not seen ({LINK})"]
    # a kernel that could not have shown it says nothing about it
    assert not list(remarks([replace(ISSUE, kconfigs=("kasan",))], [suite], "2026-01-01"))
    assert not list(remarks([replace(ISSUE, base="6.13..")], [suite], "2026-01-01"))


def test_an_expected_report_is_no_failure_and_its_absence_is_one(home: Home) -> None:
    home.case("with", said=WARNING, taint_after=512, expects=("WARNING in .*",))
    home.case("without", taint_before=512, taint_after=512, expects=("WARNING in .*",))
    seen, missed = home.judge().cases
    assert (seen.outcome, seen.kernel_reports[0].known) == (Outcome.PASS, "expected by the case")
    assert missed.outcome is Outcome.FAIL
    assert missed.message == "the kernel did not report what the case expects: WARNING in .*"


def test_a_guest_that_dies_of_what_is_expected_passes_and_of_something_else_does_not(home: Home) -> None:
    panic = "[    6.000000][   T66] Kernel panic - not syncing: sysrq triggered crash\n"
    home.case("dies", said=panic, ending=Ending.GUEST_DIED, status=None, expects=("Kernel panic: sysrq .*",))
    (case,) = home.judge().cases
    assert case.outcome is Outcome.PASS


def test_a_guest_that_dies_beside_what_is_expected_fails(home: Home) -> None:
    home.case("dies", ending=Ending.GUEST_DIED, status=None, reason="guest died", expects=("Kernel panic: .*",))
    (case,) = home.judge().cases
    assert case.outcome is Outcome.CRASH
