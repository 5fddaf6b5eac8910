"""Dump -> facts, by drgn. Run as a child (python -m ... VMLINUX DUMP CASE), which may be ended at any time: a damaged
dump can make it loop or take all memory. Prints the facts as JSON.

Only members that exist are read: the same program reads kernels with and without the series.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice, takewhile
from typing import TypeVar

import drgn
from drgn import FaultError, Object, Program
from drgn.helpers.linux.list import list_for_each_entry
from drgn.helpers.linux.mm import for_each_vma
from drgn.helpers.linux.panic import panic_message
from drgn.helpers.linux.pid import for_each_task
from drgn.helpers.linux.sched import task_cpu, task_on_cpu, task_state_to_char

from orchestrator.codec import encode
from orchestrator.evidence.postmortem.facts import GuestFacts, Mm, Mode, Rwsem, StackFrame, Task, Vma

T = TypeVar("T")

FRAMES = 40  # of a stack: a longer one is a recursion, whose beginning says enough
VMA_NAMES = ("vma", "dst_vma", "src_vma", "prev", "next")
FAULT_FUNCTIONS = ("handle_mm_fault", "__handle_mm_fault", "do_user_addr_fault")
MUTANT_COPY = re.compile(r"__mutant\d+$")  # of a function with a mutant (build/schemata.py)
UNREADABLE = (FaultError, LookupError, AttributeError, ValueError, drgn.ObjectAbsentError)
# kernel/locking/rwsem.c
WRITER_LOCKED = 1
READER_SHIFT = 8
OWNER_FLAGS = 7


def main() -> None:
    vmlinux, dump, case = sys.argv[1:4]
    json.dump(encode(facts_of(open_dump(vmlinux, dump), case)), sys.stdout)


def open_dump(vmlinux: str, dump: str) -> Program:
    """Raises what drgn raises: the dump is damaged, or of another kernel."""
    program = Program()
    program.set_core_dump(dump)
    program.load_debug_info([vmlinux])
    return program


def facts_of(program: Program, case: str) -> GuestFacts:
    """Everything that rules and text need. No case: the guest was booting, and all programs matter."""
    missed: list[str] = []
    tasks: list[Task] = []
    spaces: dict[int, tuple[Object, str]] = {}
    for task in for_each_task(program):
        read = _task(program, task, missed)
        tasks.append(read)
        if read.mm and (not case or read.comm == case[:15] or read.is_blocked):
            spaces.setdefault(read.mm, (task.mm if task.mm else task.active_mm, read.comm))
    mms = [
        _mm(program, mm, comm, [task for task in tasks if task.mm == mm.value_()], missed)
        for mm, comm in spaces.values()
    ]
    return GuestFacts(
        release=program["init_uts_ns"].name.release.string_().decode(),
        tasks=tuple(tasks),
        mms=tuple(mms),
        fault_vma_lock=_or(lambda: int(program["FAULT_FLAG_VMA_LOCK"].value_()), 0),
        panic=_or(lambda: (panic_message(program) or b"").decode(errors="replace").strip(), ""),
        missed=tuple(missed),
    )


def _task(program: Program, task: Object, missed: list[str]) -> Task:
    pid, comm = int(task.pid), task.comm.string_().decode(errors="replace")
    on_cpu = bool(task_on_cpu(task))
    try:
        stack = takewhile(_is_of_kernel, program.stack_trace(task))
        frames = tuple(_frame(frame) for frame in islice(stack, FRAMES))
    except UNREADABLE as error:
        missed.append(f"the stack of {comm} (pid {pid}): {error}")
        frames = ()
    # a task that exits has given its mm up already, and works on it as its active_mm
    mm = task.mm or _mm_of_exit(frames, task)
    return Task(
        pid=pid,
        tgid=int(task.tgid),
        comm=comm,
        state=task_state_to_char(task),
        cpu=int(task_cpu(task)) if on_cpu else None,
        mm=mm.value_() if mm else 0,
        frames=frames,
    )


def _is_of_kernel(frame: drgn.StackFrame) -> bool:
    """Below an entry from user space lies the program's own stack, of which nothing is known."""
    return _or(lambda: frame.pc >> 63 == 1, False)


def _mm_of_exit(frames: tuple[StackFrame, ...], task: Object) -> Object | None:
    return task.active_mm if any(frame.function in ("exit_mmap", "mmput") for frame in frames) else None


def _frame(frame: drgn.StackFrame) -> StackFrame:
    place = ""
    try:
        path, line, _ = frame.source()
        place = f"{path.removeprefix('../').removeprefix('./')}:{line}"
    except LookupError:
        pass
    function = MUTANT_COPY.sub("", frame.function_name or frame.name)
    vmas = tuple(dict.fromkeys(filter(None, (_pointer(frame, name) for name in VMA_NAMES))))
    flags = _or(lambda: int(frame["flags"]), 0) if function in FAULT_FUNCTIONS else 0
    return StackFrame(function, place, vmas, flags)


def _pointer(frame: drgn.StackFrame, name: str) -> int:
    """A variable of type struct vm_area_struct *; 0 when there is none, or its value was optimised away."""

    def read() -> int:
        value = frame[name]
        return int(value) if value.type_.type_name() == "struct vm_area_struct *" else 0

    return _or(read, 0)


def _mm(program: Program, mm: Object, comm: str, tasks: list[Task], missed: list[str]) -> Mm:
    vmas: dict[int, Vma] = {}
    try:
        for vma in for_each_vma(mm):
            vmas[vma.value_()] = _vma(program, vma)
    except UNREADABLE as error:
        missed.append(f"the VMAs of {comm}: {error}")
    for address in {at for task in tasks for frame in task.frames for at in frame.vmas} - set(vmas):
        # taken out of the tree already: whoever waits for its readers still knows it
        vma = Object(program, "struct vm_area_struct *", address)
        with suppress(*UNREADABLE):
            if vma.vm_mm == mm:
                vmas[address] = _vma(program, vma, in_tree=False)
    return Mm(
        address=mm.value_(),
        comm=comm,
        mmap_lock=_rwsem(mm.mmap_lock),
        lock_seq=_or(lambda: int(_sequence(mm.mm_lock_seq)), None),
        writer=_or(lambda: int(mm.vma_writer_wait.task.pid) if mm.vma_writer_wait.task else None, None),
        vmas=tuple(sorted(vmas.values(), key=lambda vma: vma.start)),
    )


def _sequence(value: Object) -> Object:
    """A seqcount_t on a kernel of 6.12, a plain int on earlier ones."""
    return value.sequence if value.type_.kind is drgn.TypeKind.TYPEDEF else value


def _vma(program: Program, vma: Object, *, in_tree: bool = True) -> Vma:
    return Vma(
        address=vma.value_(),
        start=int(vma.vm_start),
        end=int(vma.vm_end),
        flags=int(vma.vm_flags),
        lock_seq=_or(lambda: int(vma.vm_lock_seq) & 0xFFFFFFFF, None),
        refcnt=_or(lambda: int(vma.vm_refcnt.refs.counter) & 0xFFFFFFFF, None),
        rwsem=_or(lambda: _rwsem(vma.vm_lock.lock), None),
        detached=_or(lambda: bool(vma.detached), None),
        in_tree=in_tree,
    )


def _rwsem(lock: Object) -> Rwsem:
    count, owner = int(lock.count.counter), int(lock.owner.counter)
    readers = 0 if count & WRITER_LOCKED else (count & ~(1 << 63)) >> READER_SHIFT
    mode = Mode.WRITE if count & WRITER_LOCKED else Mode.READ if readers else Mode.FREE
    task = Object(lock.prog_, "struct task_struct *", owner & ~OWNER_FLAGS)
    return Rwsem(
        mode=mode,
        owner=_or(lambda: int(task.pid) if task and mode is not Mode.FREE else None, None),
        readers=readers,
        waiters=tuple(_waiters(lock)),
    )


def _waiters(lock: Object) -> Iterator[int]:
    for waiter in list_for_each_entry("struct rwsem_waiter", lock.wait_list.address_of_(), "list"):
        yield int(waiter.task.pid)


def _or(read: Callable[[], T], otherwise: T) -> T:
    """What can be read, or the value for what this kernel or this dump does not have."""
    try:
        return read()
    except UNREADABLE:
        return otherwise


if __name__ == "__main__":
    main()
