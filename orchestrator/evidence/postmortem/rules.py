"""Facts -> why the guest stopped, in a sentence. Pure: one function for each way to wait.

The sentence names who waits, where, for what, and who has it. That nobody has what is waited for is the finding: a
leaked reference, or a wake-up that never came.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from orchestrator.evidence.postmortem.facts import GuestFacts, Mm, Mode, Task, Vma
from orchestrator.evidence.postmortem.refcnt import RefCount, plural

# What every sleeping or panicking task is in, on x86 and on arm64: the reason is the first function beyond
IGNORED = frozenset(
    """__switch_to cpu_switch_to
    context_switch __schedule __schedule_loop schedule schedule_preempt_disabled schedule_timeout io_schedule
    __down_read_common __down_read down_read down_read_killable down_read_interruptible rwsem_down_read_slowpath
    __down_read_killable __down_read_interruptible __down_write_killable
    __down_write_common __down_write down_write down_write_killable rwsem_down_write_slowpath
    mmap_read_lock mmap_read_lock_killable mmap_write_lock mmap_write_lock_killable
    vma_keep_readers_out rcuwait_wait_event rep_nop cpu_relax
    panic notifier_call_chain atomic_notifier_call_chain pvpanic_panic_notify pvpanic_send_event vpanic
    oops_end die die_addr exc_general_protection asm_exc_general_protection page_fault_oops bad_area_nosemaphore
    __bad_area_nosemaphore kernelmode_fixup_or_oops
    die_kernel_fault __do_kernel_fault do_translation_fault do_mem_abort el1_abort el1h_64_sync_handler el1h_64_sync
    bug_handler call_break_hook brk_handler do_debug_exception el1_dbg
    exc_invalid_op asm_exc_invalid_op handle_bug do_exit make_task_dead""".split()  # noqa: SIM905
)
SWITCHES_OFF = ("kernel_halt", "kernel_power_off", "machine_halt", "machine_power_off")  # kernel/reboot.c
# How the functions begin through which an interrupt comes in: the timer's, another CPU's call (of x86:
# arch/x86/include/asm/idtentry.h, of arm64: arch/arm64/kernel/entry-common.c, of riscv: arch/riscv/kernel/traps.c)
INTERRUPT = ("asm_sysvec_", "el1h_64_irq", "handle_riscv_irq", "do_irq")
LOOKUP = "lock_vma_under_rcu"
DETACHES = ("vma_mark_detached",)
FAULTS = ("handle_mm_fault", "__handle_mm_fault")
# A page fault that sleeps in one of these has let go of its VMA before (fs/userfaultfd.c, mm/filemap.c)
LETS_GO = ("handle_userfault", "__folio_lock_or_retry", "lock_mm_and_find_vma", "do_exit")
# These hold a VMA read-locked outside of a page fault (mm/userfaultfd.c), or for a moment (mm/memory.c)
HOLDS = ("mfill_atomic", "mfill_atomic_pte", "move_pages", "move_pages_pte", "vma_end_read", "vma_ref_put")


@dataclass(frozen=True)
class Wait:
    """A task waits until a VMA's readers are gone. `readers` is how many the lock counts; negative: too few."""

    task: Task
    vma: Vma
    mm: Mm
    readers: int


def diagnose(facts: GuestFacts, case: str = "") -> str:
    """The one sentence; empty when nothing that a rule knows was found. `case` is the name of the case's program."""
    if facts.panic:
        who = next((task for task in facts.tasks if task.cpu is not None and task.is_in("panic", "vpanic")), None)
        where = f"in {place_of(who)}, run by {who.name} on CPU {who.cpu}" if who else "in no task that could be read"
        return f"the kernel panicked {where}: {facts.panic.removeprefix('Kernel panic - not syncing: ')}"
    for rule in (halts, vma_waits, endless_lookups, mmap_lock_waits):
        if found := next(iter(rule(facts)), ""):
            return found
    return _stuck_task(facts, case)


def place_of(task: Task) -> str:
    """The function that a task waits in, or runs; not one of an interrupt that it has just been hit by."""
    functions = [frame.function for frame in task.frames]
    hits = [at for at, function in enumerate(functions) if function.startswith(INTERRUPT)]
    if hits and not task.is_in("panic", "vpanic"):
        functions = functions[hits[-1] + 1 :]
    beyond = (function for function in functions if function not in IGNORED)
    return next(beyond, "user mode" if task.cpu is not None and not task.frames else "an unknown function")


def holders(facts: GuestFacts, vma: Vma, mm: Mm) -> tuple[Task, ...]:
    """Tasks whose stacks show that they have the VMA read-locked."""
    return tuple(task for task in facts.tasks if _holds(task, vma, mm, facts.fault_vma_lock))


def waits(facts: GuestFacts) -> Iterator[Wait]:
    """Who waits for a VMA's readers: the mm's writer on a patched kernel, the first waiter of the rw_semaphore on an
    unpatched one."""
    tasks = {task.pid: task for task in facts.tasks}
    for mm in facts.mms:
        writer = tasks.get(mm.writer) if mm.writer else None
        if writer and (vma := _awaited(writer, mm)) and vma.refcnt is not None:
            yield Wait(writer, vma, mm, RefCount(vma.refcnt).references - (0 if writer.is_in(*DETACHES) else 1))
        for vma in mm.vmas:
            if vma.rwsem and vma.rwsem.waiters and (first := tasks.get(vma.rwsem.waiters[0])):
                yield Wait(first, vma, mm, vma.rwsem.readers)


def halts(facts: GuestFacts) -> Iterator[str]:
    """A sentence for a task that stopped its CPU on the way to a reboot: that task switched the guest off."""
    for task in facts.tasks:
        if task.cpu is not None and task.is_in(*SWITCHES_OFF):
            yield f"{task.name} halted the guest: CPU {task.cpu} stands in {place_of(task)}"


def vma_waits(facts: GuestFacts) -> Iterator[str]:
    """A sentence for each writer that waits for readers."""
    for wait in waits(facts):
        task, vma = wait.task, wait.vma
        where = f"writer {task.name} waits in {place_of(task)} for"
        if vma.refcnt is not None and RefCount(vma.refcnt).is_bad:
            yield f"{where} VMA {vma.range}, whose count is saturated"
        elif vma.refcnt is not None and not task.frames:
            # where the writer is says whether the count still has the reference of being attached
            yield f"{where} VMA {vma.range}; its stack cannot be read, so for how many readers is not known"
        elif wait.readers < 0:
            yield f"{where} VMA {vma.range}, whose count is too low: a reference was dropped twice"
        elif wait.readers == 0:
            yield f"{where} the readers of VMA {vma.range}; no reader remains: lost wake-up"
        else:
            what = f"{where} {plural(wait.readers, 'reader')} of VMA {vma.range}"
            yield f"{what}; {_who_holds(wait, holders(facts, vma, wait.mm), facts)}"


def endless_lookups(facts: GuestFacts) -> Iterator[str]:
    """A sentence for each VMA that a page fault looks up again and again because it is in the tree and its count says
    detached. While the mmap_lock is write-locked that is correct: munmap() is about to remove the VMA."""
    for mm in facts.mms:
        if mm.mmap_lock.mode is Mode.WRITE:
            continue
        seekers = [task for task in facts.tasks if task.mm == mm.address and task.is_in(LOOKUP)]
        for vma in mm.vmas:
            if seekers and vma.in_tree and vma.refcnt == 0:
                who = seekers[0].name
                yield f"{who} looks VMA {vma.range} up for ever in {LOOKUP}: it is in the tree and not attached"


def mmap_lock_waits(facts: GuestFacts) -> Iterator[str]:
    """A sentence for each mmap_lock that somebody waits for."""
    tasks = {task.pid: task for task in facts.tasks}
    for mm in facts.mms:
        lock = mm.mmap_lock
        line = [tasks[pid] for pid in lock.waiters if pid in tasks]
        if not line:
            continue
        what = f"the mmap_lock of {mm.comm}"
        who = f"{line[0].name} waits in {place_of(line[0])} for {what}"
        if len(line) > 1:
            who = f"{len(line)} tasks wait for {what}, {line[0].name} in {place_of(line[0])}"
        owner = tasks.get(lock.owner) if lock.owner else None
        if lock.mode is Mode.FREE:
            if line[0].is_blocked:  # else it has been woken, and is about to take it
                yield f"{who}, which is free: lost wake-up"
        elif owner and owner in line:
            yield f"{owner.name} waits in {place_of(owner)} for {what}, which it holds itself: self-deadlock"
        elif owner:
            held = "write-locked" if lock.mode is Mode.WRITE else "last read-locked"
            yield f"{who}, {held} by {owner.name}, which {_doing(owner)}"
        elif lock.owner:
            yield f"{who}, whose owner, pid {lock.owner}, is gone: a lock that was never released"
        else:
            yield f"{who}, which is {lock.mode.value}, by whom is not known"


def _who_holds(wait: Wait, found: Sequence[Task], facts: GuestFacts) -> str:
    if wait.task in found:
        return "it is one itself: self-deadlock"
    if not found and not any(task.frames for task in facts.tasks):
        return "who it is is not known: no stacks can be read"
    if not found:
        it = "it" if wait.readers == 1 else "them"
        return f"no task holds {it}: leaked reference"
    first = found[0]
    words = f"{first.name} holds it and {_doing(first)}"
    if first.pid in wait.mm.mmap_lock.waiters and wait.mm.mmap_lock.owner == wait.task.pid:
        words = f"{first.name} holds it and waits for the mmap_lock, which the writer holds: deadlock"
    missing = wait.readers - len(found)
    return f"{words}; nobody holds the other {missing}: leaked reference" if missing > 0 else words


def _doing(task: Task) -> str:
    if task.cpu is not None:
        return f"runs in {place_of(task)} on CPU {task.cpu}"
    return f"{'is blocked' if task.is_blocked else 'sleeps'} in {place_of(task)}"


def _awaited(writer: Task, mm: Mm) -> Vma | None:
    """The VMA that a writer waits for: that of its innermost frame that has one, else the VMA with the writer's bit."""
    by_address = {vma.address: vma for vma in mm.vmas}
    named = (by_address[at] for frame in writer.frames for at in frame.vmas if at in by_address)
    counts = [(vma, RefCount(vma.refcnt)) for vma in mm.vmas if vma.refcnt is not None]
    marked = [vma for vma, count in counts if count.has_writer or count.is_bad]
    return next((vma for vma in named if vma in marked), None) or next(iter(marked), None)


def _holds(task: Task, vma: Vma, mm: Mm, fault_vma_lock: int) -> bool:
    if not any(vma.address in frame.vmas for frame in task.frames):
        return False
    if task.is_in(*LETS_GO):
        return False
    if task.is_in(*FAULTS):
        flags = [frame.fault_flags for frame in task.frames if frame.fault_flags]
        # a fault that holds the mmap_lock instead is no reader; not to know is to assume that it is one
        return not flags or any(value & fault_vma_lock for value in flags)
    return task.is_in(*HOLDS)


def _stuck_task(facts: GuestFacts, case: str) -> str:
    """What one of the case's tasks does. While the guest boots there is no case: then one of the programs, or the task
    that will become the first program."""
    booting = [task for task in facts.tasks if not case and (task.mm or task.pid == 1)]
    ours = booting or [task for task in facts.tasks if case and task.comm == case[:15]]
    if blocked := [task for task in ours if task.is_blocked]:
        more = f" (and {plural(len(blocked) - 1, 'other task')})" if len(blocked) > 1 else ""
        return f"{blocked[0].name} is blocked in {place_of(blocked[0])}{more}"
    if running := [task for task in ours if task.cpu is not None]:
        return f"{running[0].name} runs in {place_of(running[0])} on CPU {running[0].cpu}"
    return f"{ours[0].name} {_doing(ours[0])}" if ours else ""
