"""What a kernel that runs KUnit writes to its console, and what is made of it."""

from __future__ import annotations

import pytest

from orchestrator.model.outcome import Outcome
from orchestrator.parse.results.kunit import NOTHING, UNENDED, parse

BEGINNING = """\
[    0.400000] Freeing SMP alternatives memory: 16K
[    1.000000] XArray: 7 of 7 tests passed
[    1.100000] KTAP version 1
[    1.100001] 1..2
[    1.100002]     KTAP version 1
[    1.100003]     # Subtest: list-sort
[    1.100004]     # module: test_list_sort
[    1.100005]     1..2
[    1.350005]     ok 1 list_sort_test
[    1.360005]     ok 2 list_sort_more # SKIP no list
[    1.360006] # list-sort: pass:1 fail:0 skip:1 total:2
[    1.360007] ok 1 list-sort
[    1.360008]     KTAP version 1
[    1.360009]     # Subtest: slub_test
[    1.360010]     1..2
"""
ALL = f"""{BEGINNING}\
[    1.400000] something else of the kernel's
[    1.860010]     ok 1 test_clobber_zone
[    1.900000]     # test_next_pointer: EXPECTATION FAILED at lib/slub_kunit.c:68
[    1.900001]     not ok 2 test_next_pointer
[    1.900002] not ok 2 slub_test
[    2.000000] Freeing unused kernel image (initmem) memory: 2048K
[    2.100000] maple_tree: 8 of 10 tests passed
orchestrate: sshd listens
"""


def test_the_results_stand_between_other_lines() -> None:
    report = parse(ALL)
    assert report.problems == ()
    assert [(s.name, s.outcome) for s in report.subtests] == [
        ("list-sort.list_sort_test", Outcome.PASS),
        ("list-sort.list_sort_more", Outcome.SKIP),
        ("slub_test.test_clobber_zone", Outcome.PASS),
        ("slub_test.test_next_pointer", Outcome.FAIL),
        ("XArray", Outcome.PASS),
        ("maple_tree", Outcome.FAIL),
    ]
    by_name = {subtest.name: subtest for subtest in report.subtests}
    assert by_name["list-sort.list_sort_more"].message == "no list"
    assert by_name["maple_tree"].message == "2 checks of 10 failed"
    assert "EXPECTATION FAILED at lib/slub_kunit.c:68" in " ".join(by_name["slub_test.test_next_pointer"].diagnostics)


def test_a_test_took_as_long_as_passed_since_the_line_before() -> None:
    times = {subtest.name: subtest.time_s for subtest in parse(ALL).subtests}
    assert times["list-sort.list_sort_test"] == pytest.approx(0.25)
    assert times["list-sort.list_sort_more"] == pytest.approx(0.01)
    assert times["slub_test.test_clobber_zone"] == pytest.approx(0.5)


def test_a_suite_amid_which_the_kernel_died_fails_and_the_others_say_nothing() -> None:
    report = parse(f"{BEGINNING}[    1.500000] BUG: kernel NULL pointer dereference, address: 0000000000000000\n")
    bad = [(subtest.name, subtest.message) for subtest in report.subtests if subtest.outcome.is_bad]
    assert bad == [("slub_test", UNENDED)]


def test_a_suite_that_contradicts_its_tests_is_a_problem() -> None:
    lie = ALL.replace("not ok 2 slub_test", "ok 2 slub_test")
    assert parse(lie).problems == ("slub_test is ok, though a subtest of it is not",)


def test_without_a_word_of_kunit_nothing_has_passed() -> None:
    report = parse("[    0.100000] Linux version 6.12\n[    1.000000] XArray: 7 of 7 tests passed\n")
    assert (report.problems, [subtest.name for subtest in report.subtests]) == ((NOTHING,), ["XArray"])


def test_a_program_cannot_speak_for_the_kernel() -> None:
    forged = "KTAP version 1\n1..1\nok 1 all-is-well\n"
    assert parse(forged).problems == (NOTHING,)
