"""The protocol of vm_refcnt as a small machine whose interleavings are all explored, and mutants of it.

One writer locks, changes and unlocks a VMA twice while two readers try to lock it once each. Every step is one atomic
action and memory is sequentially consistent, which is what x86 makes of the atomic operations and their neighbours
here (test_vm_refcnt_litmus.py is about that). It shows that a mutant declared as equivalent is, and, so that this says
something, that the machine notices the ones that are not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

MUTANTS = Path(__file__).resolve().parents[2] / "patches/vm_refcnt-mutants"

WRITER = 100
ROUNDS = 2
END = "end"

UNHARMED = ("", "seq-published-first")
BESIDE_A_READER = (
    "writer-skips-bit-when-alone",
    "seq-published-late",
    "seq-published-even",
    "writer-does-not-wait",
    "writer-tolerates-one-reader",
    "seq-not-rechecked",
    "readers-pass-writer-bit",
)
WAITS_FOR_EVER = (
    "writer-waits-for-zero",
    "wake-only-detachers",
    "wake-decided-before-drop",
    "wait-state-set-late",
    "leak-on-seq-mismatch",
)


@dataclass(frozen=True)
class Reader:
    at: str = "look"
    left: int = 0
    saw_writer: bool = False


@dataclass(frozen=True)
class State:
    count: int = 1
    vm_lock_seq: int = -1
    mm_lock_seq: int = 0
    writer: str = "lock"
    rounds: int = 0
    sleeps: bool = False  # the writer's task state
    readers: tuple[Reader, ...] = (Reader(), Reader())


def writer_steps(s: State, mutant: str) -> Iterator[State]:
    """mmap_write_lock(), __vma_start_write(), a change, mmap_write_unlock()."""
    alone = WRITER + (0 if mutant == "writer-waits-for-zero" else 1)
    is_alone = s.count <= alone + 1 if mutant == "writer-tolerates-one-reader" else s.count == alone
    published = replace(s, vm_lock_seq=s.mm_lock_seq & ~1 if mutant == "seq-published-even" else s.mm_lock_seq)
    match s.writer:
        case "lock":
            first = "publish" if mutant == "seq-published-first" else "set bit"
            yield replace(s, mm_lock_seq=s.mm_lock_seq + 1, writer=first)
        case "set bit" if mutant == "writer-skips-bit-when-alone" and s.count == 1:
            yield replace(s, writer="publish")
        case "set bit":
            yield replace(s, count=s.count + WRITER, writer="look")
        case "look" if mutant == "writer-does-not-wait" or is_alone:
            is_published = mutant == "seq-published-first"
            yield replace(s, writer="take bit" if is_published or mutant == "seq-published-late" else "publish")
        case "look":
            # set_current_state() and the look at the count are two steps; in this order nothing can come between them
            # unseen, because a wake-up undoes the first
            if mutant == "wait-state-set-late":
                yield replace(s, writer="say so")
            else:
                yield replace(s, writer="look again", sleeps=True)
        case "say so":
            yield replace(s, writer="sleep", sleeps=True)
        case "look again" if is_alone:
            yield replace(s, writer="look", sleeps=False)
        case "look again":
            yield replace(s, writer="sleep")
        case "sleep" if not s.sleeps:
            yield replace(s, writer="look")
        case "publish" if mutant == "seq-published-first":
            yield replace(published, writer="set bit")
        case "publish" if mutant == "seq-published-late":
            yield replace(published, writer="change")
        case "publish":
            yield replace(published, writer="take bit" if s.count >= WRITER else "change")
        case "take bit":
            yield replace(s, count=s.count - WRITER, writer="publish" if mutant == "seq-published-late" else "change")
        case "change":
            yield replace(s, writer="unlock")
        case "unlock":
            rounds = s.rounds + 1
            yield replace(s, mm_lock_seq=s.mm_lock_seq + 1, rounds=rounds, writer="lock" if rounds < ROUNDS else END)


def reader_steps(s: State, number: int, mutant: str) -> Iterator[State]:
    """vma_start_read(), a page fault, vma_end_read()."""
    me = s.readers[number]

    def then(at: str, state: State = s, left: int = 0, saw_writer: bool = False) -> State:
        mine = Reader(at, left, saw_writer)
        return replace(state, readers=(*s.readers[:number], mine, *s.readers[number + 1 :]))

    match me.at:
        case "look":
            yield then(END if s.vm_lock_seq == s.mm_lock_seq else "take")
        case "take" if s.count < WRITER or mutant == "readers-pass-writer-bit":
            yield then("look again", replace(s, count=s.count + 1))
        case "take":
            yield then(END)
        case "look again" if s.vm_lock_seq != s.mm_lock_seq or mutant == "seq-not-rechecked":
            yield then("fault")
        case "look again":
            yield then(END if mutant == "leak-on-seq-mismatch" else "before drop")
        case "fault":
            yield then("before drop")
        case "before drop":
            yield then("drop", saw_writer=s.count >= WRITER)
        case "drop":
            yield then("wake", replace(s, count=s.count - 1), left=s.count - 1, saw_writer=me.saw_writer)
        case "wake":
            bit = me.saw_writer if mutant == "wake-decided-before-drop" else me.left >= WRITER
            few = 0 if mutant == "wake-only-detachers" else 1
            wakes = bit and me.left % WRITER <= few
            yield then(END, replace(s, sleeps=False) if wakes else s)


def explore(mutant: str) -> set[str]:
    """What goes wrong in some interleaving."""
    wrong: set[str] = set()
    known, todo = {State()}, [State()]
    while todo:
        s = todo.pop()
        if s.writer == "change" and any(reader.at == "fault" for reader in s.readers):
            wrong.add("a change beside a fault")
        following = [*writer_steps(s, mutant)]
        for number in range(len(s.readers)):
            following += reader_steps(s, number, mutant)
        if not following:
            if s.writer != END:
                wrong.add("the writer waits for ever")
            elif s.count != 1:
                wrong.add(f"the count ends as {s.count}")
        fresh = {state for state in following if state not in known}
        known |= fresh
        todo += fresh
    assert len(known) > 100, "hardly anything was explored"
    return wrong


@pytest.mark.parametrize("mutant", UNHARMED)
def test_no_interleaving_goes_wrong(mutant: str) -> None:
    assert explore(mutant) == set()


@pytest.mark.parametrize("mutant", BESIDE_A_READER)
def test_some_interleaving_has_a_change_beside_a_fault(mutant: str) -> None:
    assert "a change beside a fault" in explore(mutant)


@pytest.mark.parametrize("mutant", WAITS_FOR_EVER)
def test_in_some_interleaving_the_writer_waits_for_ever(mutant: str) -> None:
    assert "the writer waits for ever" in explore(mutant)


def test_each_is_a_mutant_that_there_is() -> None:
    names = {path.stem for path in MUTANTS.glob("*.patch")}
    assert names.issuperset({*UNHARMED, *BESIDE_A_READER, *WAITS_FOR_EVER} - {""})
