"""vm_refcnt, and the lock sequences beside it, in words. The states are those that the series documents."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.evidence.postmortem.facts import Mm, Mode, Rwsem, Vma

WRITER = 0x40000000
SATURATED = 0x80000000  # refcount_t's own: an overflow or an underflow has happened


@dataclass(frozen=True)
class RefCount:
    """`references` is what remains without the writer's bit: 1 for being attached, 1 for each reader."""

    value: int

    @property
    def is_bad(self) -> bool:
        return self.value >= SATURATED

    @property
    def has_writer(self) -> bool:
        return not self.is_bad and bool(self.value & WRITER)

    @property
    def references(self) -> int:
        return 0 if self.is_bad else self.value & ~WRITER


def plural(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def describe_count(value: int, *, detaching: bool = False) -> str:
    """`detaching`: the reference of being attached is gone already, all that remain are readers'."""
    count = RefCount(value)
    if count.is_bad:
        return "saturated"
    if value == 0:
        return "detached"
    readers = count.references - (0 if detaching else 1)
    state = "being detached" if detaching else "attached"
    words = f"{state}, {plural(readers, 'reader')}" if readers > 0 else state
    if readers < 0:
        words = f"{state}, and nobody's reference is left"
    return f"{words}, a writer waits" if count.has_writer else words


def describe_rwsem(lock: Rwsem) -> str:
    if lock.mode is Mode.FREE:
        words = "free"
    elif lock.mode is Mode.WRITE:
        words = f"write-locked by pid {lock.owner}" if lock.owner else "write-locked, owner unknown"
    else:
        words = f"read-locked by {plural(lock.readers, 'reader')}"
        words += f", the last was pid {lock.owner}" if lock.owner else ""
    if lock.waiters:
        words += f"; in line: {', '.join(map(str, lock.waiters))}"
    return words


def describe_lock(vma: Vma, mm: Mm, *, detaching: bool = False) -> str:
    """The state of a VMA's lock, with the sequences that say whether it is write-locked."""
    if vma.refcnt is not None:
        words = f"vm_refcnt {vma.refcnt:#x}: {describe_count(vma.refcnt, detaching=detaching)}"
    elif vma.rwsem is not None:
        words = f"vm_lock {describe_rwsem(vma.rwsem)}" + ("; detached" if vma.detached else "")
    else:
        return "no per-VMA lock"
    if vma.lock_seq is None or mm.lock_seq is None:
        return words
    if mm.mmap_lock.mode is Mode.WRITE and vma.lock_seq == mm.lock_seq:
        return f"{words}; write-locked (sequence {vma.lock_seq})"
    return f"{words}; sequence {vma.lock_seq}, the mm's {mm.lock_seq}"
