"""Output of the Linux Test Project's programs, made by hand from its documented format, and what is made of it."""

from __future__ import annotations

import pytest

from orchestrator.model.outcome import Outcome
from orchestrator.parse.results.ltp import parse

SUMMARY = "\nSummary:\npassed   {}\nfailed   {}\nbroken   0\nskipped  0\nwarnings 0\n"
PASSES = (
    "tst_test.c:1733: TINFO: Timeout per run is 0h 00m 30s\nmmap01.c:85: TPASS: mapped\nmmap01.c:85: TPASS: again\n"
)


def read(stdout: str, status: int | None) -> tuple[dict[str, Outcome], tuple[str, ...]]:
    report = parse(stdout, "", status)
    return {subtest.name: subtest.outcome for subtest in report.subtests}, report.problems


def test_a_place_is_a_subtest_however_often_it_speaks() -> None:
    report = parse(PASSES + SUMMARY.format(2, 0), "", 0)
    assert [(s.name, s.outcome, s.diagnostics) for s in report.subtests] == [
        ("mmap01.c:85", Outcome.PASS, ("2 results",))
    ]
    assert report.problems == ()


def test_the_worst_result_of_a_place_counts() -> None:
    report = parse(f"{PASSES}mmap01.c:85: \x1b[1;31mTFAIL: \x1b[0mlost a page\nmmap01.c:85: TPASS: x\n", "", 1)
    assert [(s.outcome, s.message) for s in report.subtests] == [(Outcome.FAIL, "TFAIL: lost a page")]


def test_what_is_printed_to_stderr_counts() -> None:
    assert parse("", "mmap01.c:9: TBROK: mmap() failed: ENOMEM (12)\n", 2).subtests[0].outcome is Outcome.FAIL


def test_a_header_is_named_without_its_path() -> None:
    text = "../../../../include/tst_fuzzy_sync.h:320: TFAIL: bad sync\n/opt/ltp-2026+1/lib/tst_kernel.c:9: TPASS: x\n"
    assert read(text, 1) == ({"tst_fuzzy_sync.h:320": Outcome.FAIL, "tst_kernel.c:9": Outcome.PASS}, ())


def test_the_older_form() -> None:
    text = "mmap001     0  TINFO  :  mmap()ing file\nmmap001     1  TPASS  :  ok\nmmap001     2  TCONF  :  no swap\n"
    assert read(text, 0) == ({"mmap001.1": Outcome.PASS, "mmap001.2": Outcome.SKIP}, ())


@pytest.mark.parametrize(
    ("text", "status", "problems"),
    [
        (PASSES, 1, ("exit status 1: failed",)),
        (PASSES, 2, ("exit status 2: broke",)),
        (PASSES, 4, ("exit status 4: warned",)),
        (PASSES, 7, ("exit status 7: failed and broke and warned",)),
        (PASSES, 16, ()),
        (PASSES, 32, ()),
        (PASSES, 64, ("exit status 64: of unknown meaning",)),
        (PASSES, 139, ()),  # a signal, which is told elsewhere
        (PASSES, None, ()),
        (PASSES + SUMMARY.format(2, 3), 0, ("its summary says 3 failed",)),
        ("", 0, ("it printed no result",)),
    ],
)  # fmt: skip
def test_the_exit_status_and_the_summary_are_believed(text: str, status: int | None, problems: tuple[str, ...]) -> None:
    assert read(text, status)[1] == problems


def test_one_that_is_not_for_this_configuration_is_skipped_also_without_a_word() -> None:
    assert read("mmap01.c:9: TCONF: needs hugepages\n", 32) == ({"mmap01.c:9": Outcome.SKIP}, ())
    assert read("", 32) == ({"configuration": Outcome.SKIP}, ())
