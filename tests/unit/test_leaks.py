"""What stayed behind after a case, and how much of it is too much."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.guest.sentinel import read_sentinel
from orchestrator.judge.leaks import TOLERANCE, TOLERANCES, is_leak, leak_metrics, leaks, meaningful
from orchestrator.model.attempt import Attempt, Count, Ending
from orchestrator.model.case import Dialect
from orchestrator.model.report import Metric

LINE = (
    "orchestrate-sentinel {token} status=139 left=2 stuck=1 who=fault-vs-munmap ms=50+70 vm_area_struct=90,1290 "
    "mounts=5,5 taint=0,512 dropped=17 full=1"
)
RUN = Attempt("x", Ending.EXITED)


def found(*counts: Count, **facts: object) -> list[str]:
    return list(leaks(replace(RUN, counts=counts, **facts)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (Count("vm_area_struct", 90, 1290), ["leaked 1200 vm_area_struct"]),
        (Count("vm_area_struct", 90, 90 + TOLERANCE), []),
        (Count("vm_area_struct", 90, 91 + TOLERANCE), [f"leaked {TOLERANCE + 1} vm_area_struct"]),
        (Count("vm_area_struct", 1290, 90), []),
        (Count("mm_struct", 10, 12), []),
        (Count("mm_struct", 10, 13), ["leaked 3 mm_struct"]),
        (Count("mounts", 5, 6), ["leaked 1 mounts"]),
        (Count("posix_shm", 0, 1), ["leaked 1 files in /dev/shm"]),
        (Count("pages", 3000, 3000 + TOLERANCES["pages"]), []),
        (Count("pages", 3000, 4200), ["leaked 1200 pages that nothing accounts for"]),
        (Count("mlocked_pages", 0, 1 + TOLERANCE), [f"leaked {TOLERANCE + 1} locked pages"]),
        (Count("committed_pages", 900, 9000), ["leaked 8100 pages of commit charge"]),
    ],
)
def test_a_leak_is_more_than_a_little(count: Count, words: list[str]) -> None:
    assert found(count) == words


def test_processes_that_stayed_are_named() -> None:
    assert found(left=1, left_name="split-merge") == ["left 1 process behind (split-merge)"]
    assert found(left=3, left_name="x") == ["left 3 processes behind (x)"]
    # other people's programs may; that nothing can end one is the kernel's doing all the same
    assert found(left=3, left_name="x", dialect=Dialect.KSELFTEST) == []
    assert found(left=3, stuck=1, left_name="x", dialect=Dialect.KSELFTEST) != []
    charged = Count("committed_pages", 900, 9000)
    assert found(charged, dialect=Dialect.KSELFTEST) == [] != found(charged)


@pytest.mark.parametrize(
    ("run", "is_one"),
    [
        ({"counts": (Count("vm_area_struct", 90, 1290),)}, True),
        ({"left": 1, "left_name": "x"}, True),
        ({"left": 3, "left_name": "x"}, True),
        ({"stuck": 2, "left": 2, "left_name": "x"}, False),  # it hangs
    ],
)
def test_what_stayed_is_known_by_its_words(run: dict[str, object], is_one: bool) -> None:
    (words,) = leaks(replace(RUN, **run))  # type: ignore[arg-type]
    assert is_leak(words) is is_one


def test_what_a_stuck_process_holds_is_no_leak_of_its_own() -> None:
    counts = (Count("vm_area_struct", 90, 1290),)
    assert found(*counts, left=2, stuck=2, left_name="x") == ["2 processes could not be killed (x)"]


def test_each_difference_is_a_metric() -> None:
    assert leak_metrics(replace(RUN, counts=(Count("filp", 9, 7),))) == (Metric("left.filp", -2.0, "objects"),)


def test_the_sentinel_is_read_whole() -> None:
    sentinel = read_sentinel(f"noise\r\n{LINE.format(token='abc')}\r\n", "abc")
    assert sentinel
    assert (sentinel.status, sentinel.dropped) == (139, 17)
    assert sentinel.is_full
    assert (sentinel.taint_before, sentinel.taint_after) == (0, 512)
    assert (sentinel.left, sentinel.stuck, sentinel.left_name) == (2, 1, "fault-vs-munmap")
    assert sentinel.counts == (Count("vm_area_struct", 90, 1290), Count("mounts", 5, 5))


def test_a_sentinel_with_another_token_is_the_programs_own_words() -> None:
    assert read_sentinel(LINE.format(token="forged"), "abc") is None
    assert read_sentinel("", "abc") is None


def test_the_last_word_is_the_supervisors() -> None:
    sentinel = read_sentinel(f"orchestrate-sentinel abc status=0\n{LINE.format(token='abc')}\n", "abc")
    assert sentinel
    assert sentinel.status == 139


def test_pages_say_nothing_about_a_kernel_that_keeps_stacks_in_some() -> None:
    counts = (Count("vm_area_struct", 90, 90), Count("pages", 1000, 1459))
    assert meaningful(counts, {"CONFIG_SMP", "CONFIG_MMU"}) == counts
    assert meaningful(counts, {"CONFIG_SMP", "CONFIG_KASAN"}) == counts[:1]
