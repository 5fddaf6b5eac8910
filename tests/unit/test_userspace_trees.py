"""tools/testing/radix-tree: what its programs print, when they are run, and what is made of it."""

from __future__ import annotations

import pytest

from orchestrator.model.outcome import Outcome
from orchestrator.model.userspace import RADIX_TREE, VMA
from orchestrator.parse.results.userspace_trees import Ran, read_programs, targets


def outcome(text: str, status: int = 0, *, timed_out: bool = False) -> tuple[Outcome, str]:
    (subtest,) = read_programs([Ran("maple", text, status, 2.5, timed_out)]).subtests
    assert subtest.time_s == 2.5
    return subtest.outcome, subtest.message


def test_each_program_is_a_subtest() -> None:
    ran = [Ran("multiorder", "", 0), Ran("xarray", "XArray: 9 of 9 tests passed\n", 0)]
    result = read_programs(ran)
    assert (result.outcome, result.message, result.run) == (Outcome.PASS, "", 2)
    assert [(subtest.name, subtest.outcome) for subtest in result.subtests] == [
        ("multiorder", Outcome.PASS),
        ("xarray", Outcome.PASS),
    ]


def test_the_worst_program_decides_and_the_first_bad_one_is_named() -> None:
    ran = [Ran("main", "", 0), Ran("xarray", "", -6), Ran("maple", "", -9, 3.0, True)]
    result = read_programs(ran)
    assert (result.outcome, result.message) == (Outcome.TIMEOUT, "xarray: ended by signal 6")


@pytest.mark.parametrize(
    ("text", "status", "words"),
    [
        # they leave with 0 all the same
        ("XArray: 7 of 9 tests passed\n", 0, "2 checks of XArray failed"),
        (
            "BUG at check_gap:3056 (1)\nPass: 5 Run:6\nBUG at check_gap:3060 (1)\nmaple_tree: 8 of 10 tests passed\n",
            0,
            "2 checks of maple_tree failed, first at check_gap:3056",
        ),
        ("WARN at mas_walk:12 (1)\n", 0, "a check failed, first at mas_walk:12"),
        ("maple_tree: 8 of 8 tests passed\nnr_allocated = 3\n", 0, "3 objects never freed"),
        (
            "maple: maple.c:36071: mas_set_alloc_req: Assertion `!(x)' failed.\n",
            -6,
            "maple.c:36071: mas_set_alloc_req: Assertion `!(x)' failed.",
        ),
        (
            "maple: ../../../lib/test_maple_tree.c:120: check_mtree_alloc_range: Assertion `0' failed.\n",
            -6,
            "lib/test_maple_tree.c:120: check_mtree_alloc_range: Assertion `0' failed.",
        ),
        (
            "SUMMARY: AddressSanitizer: heap-use-after-free lib/maple_tree.c:9 in mas_next\n",
            1,
            "AddressSanitizer: heap-use-after-free lib/maple_tree.c:9 in mas_next",
        ),
        ("xarray.c:9:3: runtime error: shift exponent 65\n", 0, "xarray.c:9:3: shift exponent 65"),
        ("", -11, "ended by signal 11"),
        ("", 3, "ended with status 3"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(text: str, status: int, words: str) -> None:
    assert outcome(text, status) == (Outcome.FAIL, words)


def test_one_that_does_not_end_says_what_it_found_before() -> None:
    found = outcome("BUG at check_gap:3056 (1)\n", -9, timed_out=True)
    assert found == (Outcome.TIMEOUT, "did not end in 2 s; a check failed, first at check_gap:3056")


def test_warnings_that_the_tests_provoke_are_no_failure() -> None:
    text = 'vvv Ignore "not allocated" warnings\nida_free called for id=1 which is not allocated.\n'
    assert outcome(f"{text}assertion failed at idr.c:271\nIDA: 5 of 5 tests passed\n") == (Outcome.PASS, "")


def test_the_programs_are_those_of_the_makefile() -> None:
    makefile = "CFLAGS += -g\nTARGETS = main idr-test $(MORE) main # xarray\nOTHER_TARGETS = no\nclean:\n"
    assert targets(makefile) == ("main", "idr-test")


@pytest.mark.parametrize(
    ("file", "is_reason"),
    [
        ("lib/maple_tree.c", True),
        ("include/linux/xarray.h", True),
        ("tools/testing/radix-tree/maple.c", True),
        ("tools/include/linux/slab.h", True),
        ("mm/mmap.c", False),
        ("tools/testing/vma/vma.c", False),
        ("include/linux/mm.h", False),
    ],
)
def test_it_runs_for_what_it_tests(file: str, is_reason: bool) -> None:
    assert RADIX_TREE.is_about([file]) is is_reason
    assert VMA.is_about([file]), "takes seconds"
