"""Facts as text for people: the sentence, then the tasks of the case, what blocks, every other stack."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.evidence.postmortem.facts import GuestFacts, Mm, Task
from orchestrator.evidence.postmortem.refcnt import describe_lock, describe_rwsem
from orchestrator.evidence.postmortem.rules import (
    DETACHES,
    endless_lookups,
    holders,
    mmap_lock_waits,
    place_of,
    vma_waits,
    waits,
)
from orchestrator.words import counted


def render(facts: GuestFacts, diagnosis: str, case: str = "") -> str:
    """The whole post-mortem."""
    return "\n".join(_lines(facts, diagnosis, case)) + "\n"


def _lines(facts: GuestFacts, diagnosis: str, case: str) -> Iterator[str]:
    yield diagnosis or "no rule explains what the dump shows"
    yield f"kernel {facts.release}, {counted(len(facts.tasks), 'task')}"
    yield from (f"not read: {words}" for words in facts.missed)
    found = [*vma_waits(facts), *endless_lookups(facts), *mmap_lock_waits(facts)]
    if found:
        yield from ("", "--- who waits for whom", *found)
    for mm in facts.mms:
        yield from _mm(facts, mm)
    ours = [task for task in facts.tasks if case and task.comm == case[:15]]
    running = [task for task in facts.tasks if task.cpu is not None and task not in ours]
    blocked = [task for task in facts.tasks if task.is_blocked and task not in ours]
    shown = {task.pid for task in (*ours, *running, *blocked)}
    for title, tasks in (
        ("tasks of the case, blocked ones first", sorted(ours, key=lambda task: not task.is_blocked)),
        ("other tasks that are blocked", blocked),
        ("other tasks on CPUs", running),
        ("all other tasks", [task for task in facts.tasks if task.pid not in shown]),
    ):
        if tasks:
            yield from ("", f"--- {title}")
        for task in tasks:
            yield from _task(task)


def _task(task: Task) -> Iterator[str]:
    state = f"runs on CPU {task.cpu}" if task.cpu is not None else f"state {task.state}"
    thread = f" of {task.tgid}" if task.tgid != task.pid else ""
    yield f"{task.name}{thread}, {state}, in {place_of(task)}"
    for frame in task.frames:
        yield f"    {frame.function:<32} {frame.place}".rstrip()


def _mm(facts: GuestFacts, mm: Mm) -> Iterator[str]:
    sequence = "" if mm.lock_seq is None else f"; mm_lock_seq {mm.lock_seq}"
    yield from ("", f"--- address space of {mm.comm} (mm {mm.address:x})")
    yield f"mmap_lock: {describe_rwsem(mm.mmap_lock)}{sequence}"
    if mm.writer:
        yield f"waits for readers to leave: pid {mm.writer}"
    detaching = {wait.vma.address for wait in waits(facts) if wait.task.is_in(*DETACHES)}
    for vma in mm.vmas:
        held = ", ".join(str(task.pid) for task in holders(facts, vma, mm))
        who = f"; on the stack of pid {held}" if held else ""
        gone = "" if vma.in_tree else " (not in the tree)"
        lock = describe_lock(vma, mm, detaching=vma.address in detaching)
        yield f"  VMA {vma.range} at {vma.address:x}{gone}: {lock}{who}"
