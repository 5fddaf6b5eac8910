"""tools/testing/vma: its output, recorded from trees with a bug put into them, and what is made of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.model.outcome import Outcome
from orchestrator.parse.results.userspace_vma import names_of_tests, read_result

DATA = Path(__file__).parents[1] / "data/userspace-vma"
# The end of vma.c's main() at the time of the recordings
ALL = """simple_merge simple_modify simple_expand simple_shrink merge_new vma_merge_special_flags
vma_merge_with_close vma_merge_new_with_close merge_existing anon_vma_non_mergeable dup_anon_vma vmi_prealloc_fail
merge_extend copy_vma expand_only_mode"""
# what gcc -E makes of TEST(NAME); in 6.12
SOURCE = "".join(
    f' do {{ num_tests++; if (!(test_{name}())) {{ num_fail++; fprintf(\n# 9 "vma.c" 3 4\n stderr\n# 9 "vma.c"\n'
    f' , "Test " "{name}" " FAILED\\n"); }} }} while (0);\n'
    for name in ALL.split()
)
NAMES = names_of_tests(SOURCE)


def test_the_names_are_those_of_the_source_in_their_order() -> None:
    assert NAMES[:2] == ("simple_merge", "simple_modify")
    assert len(NAMES) == 15


def test_all_is_well() -> None:
    result = read_result("15 tests run, 15 passed, 0 failed.\n", NAMES, 0)
    assert (result.outcome, result.message) == (Outcome.PASS, "")
    assert [subtest.outcome for subtest in result.subtests] == [Outcome.PASS] * 15
    assert result.run == 15


def test_a_test_that_is_not_called_has_no_result_and_is_not_counted() -> None:
    result = read_result("14 tests run, 14 passed, 0 failed.\n", NAMES, 0)
    assert (result.outcome, result.run, result.subtests) == (Outcome.PASS, 14, ())


def test_assertions_and_then_a_crash() -> None:
    result = read_result((DATA / "asserts-then-segv.txt").read_text(), NAMES, 1)
    outcomes = {subtest.name: subtest for subtest in result.subtests}
    assert result.outcome is Outcome.FAIL
    # what ended the program is the news, though other tests had failed before it
    assert result.message == "AddressSanitizer: SEGV ../../../mm/vma.c:1545 in vma_merge_extend"
    assert outcomes["merge_new"].outcome is Outcome.FAIL
    assert outcomes["merge_new"].message == "vma.c:456: (vma) == (vma_a) is FALSE"
    assert outcomes["simple_modify"].outcome is Outcome.PASS
    assert outcomes["merge_extend"].message == result.message
    assert outcomes["copy_vma"].outcome is Outcome.SKIP
    assert "no result" in outcomes["copy_vma"].message


def test_a_use_after_free_belongs_to_the_test_of_its_first_stack() -> None:
    result = read_result((DATA / "use-after-free.txt").read_text(), NAMES, 1)
    assert result.message == "AddressSanitizer: heap-use-after-free ../../include/linux/refcount.h:65 in refcount_read"
    assert [s.name for s in result.subtests if s.outcome is Outcome.FAIL] == ["simple_merge"]


@pytest.mark.parametrize(
    ("text", "status", "timed_out", "outcome", "words"),
    [
        # UBSan reports and goes on: the program is happy, we are not
        ("vma.c:9:3: runtime error: shift\n2 tests run, 2 passed, 0 failed.\n", 0, False, Outcome.FAIL, "shift"),
        ("", -11, False, Outcome.FAIL, "signal 11"),
        ("", 0, False, Outcome.FAIL, "status 0"),
        ("", -9, True, Outcome.TIMEOUT, "did not end"),
        ("2 tests run, 2 passed, 0 failed.\n", 3, False, Outcome.FAIL, "exit status 3"),
        ("Test a FAILED\n2 tests run, 1 passed, 1 failed.\n", 1, False, Outcome.FAIL, "a: not ok"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(text: str, status: int, timed_out: bool, outcome: Outcome, words: str) -> None:
    result = read_result(text, ("a", "b"), status, timed_out)
    assert result.outcome is outcome
    assert words in result.message
