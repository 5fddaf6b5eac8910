"""KUnit on 6.12: its suites in a guest that is booted for them, and a sort that is broken on purpose."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.conftest import Start

BROKEN = Path(__file__).parents[1] / "data/kunit/unstable-sort.patch"


@pytest.mark.long  # a kernel of its own
def test_the_suites_run_in_a_guest_of_their_own(start: Start) -> None:
    job = start("--patch", "vm_refcnt", "--kconfig", "kunit", "--testcase", "kunit", "--testcase", "split-merge")
    assert job.finish() == 0, job.text
    case = job.case("kunit", "kunit.patched")
    assert case["outcome"] == "PASS", case["message"]
    by_name = {subtest["name"]: subtest for subtest in case["subtests"]}
    assert len(by_name) > 100
    assert by_name["list_sort.list_sort_test"]["time_s"] > 0
    assert job.case("split-merge", "kunit.patched")["outcome"] == "PASS"


@pytest.mark.long
def test_a_suite_that_a_patch_breaks_is_its_fault(start: Start) -> None:
    job = start("--patch", str(BROKEN), "--kconfig", "kunit", "--testcase", "kunit", "--no-cost")
    assert job.finish() == 1, job.text
    case = job.case("kunit", "kunit.patched")
    assert "list_sort" in case["message"]
    assert case["comparison"]["answer"] == "REGRESSION"
