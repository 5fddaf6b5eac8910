"""Facts -> sentences: each way to wait, with the right names in it, and what must not be mistaken for another."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.codec import dumps, loads
from orchestrator.evidence.postmortem.facts import GuestFacts, Mm, Mode, Rwsem, StackFrame, Task, Vma
from orchestrator.evidence.postmortem.refcnt import WRITER, describe_count, describe_lock
from orchestrator.evidence.postmortem.rules import diagnose, holders
from orchestrator.evidence.postmortem.text import render

VMA_LOCK = 1 << 12
VMA = Vma(0xA000, 0x7F00, 0x8000, lock_seq=3, refcnt=WRITER | 2)
OTHER = Vma(0xB000, 0x9000, 0xA000, lock_seq=3, refcnt=1)


def stack(*functions: str, vma: int = 0, flags: int = 0) -> tuple[StackFrame, ...]:
    return tuple(StackFrame(function, vmas=(vma,) if vma else (), fault_flags=flags) for function in functions)


WAITING = ("__schedule", "schedule", "vma_keep_readers_out", "__vma_start_write", "do_munmap")
WRITER_TASK = Task(66, 66, "stress", "D", None, 0x1000, stack(*WAITING, vma=VMA.address))
READER = Task(67, 66, "stress", "D", None, 0x1000,
              stack("schedule", "folio_wait", "handle_mm_fault", vma=VMA.address, flags=VMA_LOCK))  # fmt: skip
MM = Mm(0x1000, "stress", Rwsem(Mode.WRITE, 66), lock_seq=5, writer=66, vmas=(VMA, OTHER))
FACTS = GuestFacts("6.12", (WRITER_TASK,), (MM,), VMA_LOCK)


def with_vma(vma: Vma, *tasks: Task, mm: Mm = MM) -> GuestFacts:
    return replace(FACTS, tasks=(WRITER_TASK, *tasks), mms=(replace(mm, vmas=(vma, OTHER)),))


def test_a_reader_that_nobody_is_was_leaked() -> None:
    assert diagnose(FACTS) == (
        "writer stress (pid 66) waits in __vma_start_write for 1 reader of VMA 7f00-8000; "
        "no task holds it: leaked reference"
    )


def test_a_writer_that_no_reader_keeps_was_not_woken() -> None:
    said = diagnose(with_vma(replace(VMA, refcnt=WRITER | 1)))
    assert said.endswith("waits in __vma_start_write for the readers of VMA 7f00-8000; no reader remains: lost wake-up")


def test_a_writer_that_is_the_reader_waits_for_itself() -> None:
    task = replace(WRITER_TASK, frames=WRITER_TASK.frames + stack("handle_mm_fault", vma=VMA.address, flags=VMA_LOCK))
    assert diagnose(replace(FACTS, tasks=(task,))).endswith(
        "for 1 reader of VMA 7f00-8000; it is one itself: self-deadlock"
    )


def test_a_reader_that_is_there_is_named_with_what_it_does() -> None:
    assert diagnose(with_vma(VMA, READER)).endswith("; stress (pid 67) holds it and is blocked in folio_wait")
    running = replace(READER, cpu=1, state="R")
    assert diagnose(with_vma(VMA, running)).endswith("; stress (pid 67) holds it and runs in folio_wait on CPU 1")


def test_a_reader_behind_the_writers_own_lock_is_a_deadlock() -> None:
    mm = replace(MM, mmap_lock=Rwsem(Mode.WRITE, 66, waiters=(67,)))
    said = diagnose(with_vma(VMA, READER, mm=mm))
    assert said.endswith("stress (pid 67) holds it and waits for the mmap_lock, which the writer holds: deadlock")


def test_readers_beyond_those_that_are_there_were_leaked() -> None:
    said = diagnose(with_vma(replace(VMA, refcnt=WRITER | 4), READER))
    assert "for 3 readers" in said
    assert said.endswith("nobody holds the other 2: leaked reference")


def test_a_count_below_what_it_must_be_is_no_wake_up() -> None:
    assert "dropped twice" in diagnose(with_vma(replace(VMA, refcnt=WRITER)))


def test_a_saturated_count_has_no_number_of_readers() -> None:
    said = diagnose(with_vma(replace(VMA, refcnt=0xC0000000)))
    assert said.endswith("for VMA 7f00-8000, whose count is saturated")


def test_one_that_detaches_waits_for_none_to_be_left() -> None:
    task = replace(WRITER_TASK, frames=stack("schedule", "vma_keep_readers_out", "vma_mark_detached", vma=VMA.address))
    facts = replace(FACTS, tasks=(task,))
    assert "in vma_mark_detached for 2 readers" in diagnose(facts)
    gone = replace(facts, mms=(replace(MM, vmas=(replace(VMA, refcnt=WRITER, in_tree=False),)),))
    assert diagnose(gone).endswith("no reader remains: lost wake-up")


def test_without_variables_the_writers_bit_says_which_vma_it_is() -> None:
    task = replace(WRITER_TASK, frames=stack(*WAITING))
    assert "VMA 7f00-8000" in diagnose(replace(FACTS, tasks=(task,), mms=(replace(MM, vmas=(OTHER, VMA)),)))


@pytest.mark.parametrize(
    "task",
    [
        replace(READER, frames=stack("handle_userfault", "handle_mm_fault", vma=VMA.address, flags=VMA_LOCK)),
        replace(READER, frames=stack("schedule", "handle_mm_fault", vma=VMA.address, flags=1)),  # under mmap_lock
        replace(READER, frames=stack("schedule", "handle_mm_fault", vma=OTHER.address, flags=VMA_LOCK)),
        replace(READER, frames=stack("schedule", "mprotect_fixup", vma=VMA.address)),
    ],
)  # fmt: skip
def test_not_every_task_that_knows_a_vma_holds_it(task: Task) -> None:
    assert not holders(with_vma(VMA, task), VMA, MM)
    assert diagnose(with_vma(VMA, task)).endswith("leaked reference")


@pytest.mark.parametrize("count", [WRITER, WRITER | 1, WRITER | 2])
def test_where_no_stack_can_be_read_no_reference_was_leaked_dropped_or_forgotten(count: int) -> None:
    writer, reader = replace(WRITER_TASK, frames=()), replace(READER, frames=())
    facts = replace(with_vma(replace(VMA, refcnt=count)), tasks=(writer, reader))
    said = diagnose(facts)
    assert said.endswith("for VMA 7f00-8000; its stack cannot be read, so for how many readers is not known")
    saturated = replace(facts, mms=(replace(MM, vmas=(replace(VMA, refcnt=0xC0000000),)),))
    assert diagnose(saturated).endswith("whose count is saturated")


def test_a_sleeping_task_of_arm64_is_where_it_called_the_scheduler() -> None:
    task = replace(WRITER_TASK, frames=(*stack("__switch_to"), *WRITER_TASK.frames))
    assert diagnose(replace(FACTS, tasks=(task,))) == diagnose(FACTS)


def test_an_unpatched_kernel_without_stacks_tells_how_many_and_not_who() -> None:
    vma = replace(VMA, refcnt=None, rwsem=Rwsem(Mode.READ, None, 1, waiters=(66,)), detached=False)
    tasks = (replace(WRITER_TASK, frames=()), replace(READER, frames=()))
    facts = replace(FACTS, tasks=tasks, mms=(replace(MM, writer=None, vmas=(vma,)),))
    assert diagnose(facts).endswith("for 1 reader of VMA 7f00-8000; who it is is not known: no stacks can be read")


def test_an_unpatched_kernel_has_semaphores() -> None:
    vma = replace(VMA, refcnt=None, rwsem=Rwsem(Mode.READ, 67, 1, waiters=(66,)), detached=False)
    mm = replace(MM, writer=None)
    task = replace(WRITER_TASK, frames=stack("schedule", "rwsem_down_write_slowpath", "down_write", "vma_start_write"))
    facts = replace(FACTS, tasks=(task, READER), mms=(replace(mm, vmas=(vma,)),))
    assert diagnose(facts) == (
        "writer stress (pid 66) waits in vma_start_write for 1 reader of VMA 7f00-8000; "
        "stress (pid 67) holds it and is blocked in folio_wait"
    )
    assert diagnose(replace(facts, tasks=(task,))).endswith("leaked reference")


LOCK_WAIT = stack("schedule", "rwsem_down_read_slowpath", "mmap_read_lock", "do_madvise")


@pytest.mark.parametrize(
    ("lock", "ending"),
    [
        (Rwsem(Mode.WRITE, 70, waiters=(70,)), "the mmap_lock of stress, which it holds itself: self-deadlock"),
        (Rwsem(Mode.WRITE, 71, waiters=(70,)), "write-locked by stress (pid 71), which sleeps in do_sleep"),
        (Rwsem(Mode.WRITE, 99, waiters=(70,)), "whose owner, pid 99, is gone: a lock that was never released"),
        (Rwsem(Mode.WRITE, None, waiters=(70,)), "which is write-locked, by whom is not known"),
        (Rwsem(Mode.FREE, waiters=(70,)), "which is free: lost wake-up"),
        (Rwsem(Mode.WRITE, 71, waiters=(70, 72)), "(pid 71), which sleeps in do_sleep"),
    ],
)
def test_who_has_the_mmap_lock(lock: Rwsem, ending: str) -> None:
    tasks = (
        Task(70, 70, "stress", "D", None, 0x1000, LOCK_WAIT),
        Task(71, 70, "stress", "S", None, 0x1000, stack("schedule", "do_sleep")),
        Task(72, 70, "stress", "D", None, 0x1000, LOCK_WAIT),
    )
    said = diagnose(GuestFacts("6.12", tasks, (replace(MM, mmap_lock=lock, writer=None, vmas=()),)))
    assert said.endswith(ending)
    assert "stress (pid 70)" in said
    assert said.startswith("2 tasks wait for the mmap_lock of stress") == (len(lock.waiters) > 1)


def test_a_writer_that_waits_comes_before_those_behind_its_mmap_lock() -> None:
    behind = Task(70, 66, "stress", "D", None, 0x1000, LOCK_WAIT)
    mm = replace(MM, mmap_lock=Rwsem(Mode.WRITE, 66, waiters=(70,)))
    facts = with_vma(VMA, behind, mm=mm)
    said = diagnose(facts)
    assert said.startswith("writer stress (pid 66)")
    text = render(facts, said, "stress")
    assert "stress (pid 70) waits in do_madvise for the mmap_lock of stress, write-locked by stress (pid 66)" in text


def test_a_panic_is_named_with_its_task() -> None:
    frames = stack("pvpanic_send_event", "notifier_call_chain", "panic", "sysrq_handle_crash")
    task = Task(80, 80, "sh", "R", 0, 0, frames)
    facts = GuestFacts("6.12", (task,), (), panic="Kernel panic - not syncing: sysrq triggered crash")
    assert diagnose(facts) == (
        "the kernel panicked in sysrq_handle_crash, run by sh (pid 80) on CPU 0: sysrq triggered crash"
    )


def test_what_no_rule_knows_is_told_by_the_cases_own_tasks() -> None:
    blocked = Task(90, 90, "a-case-with-a-l", "D", None, 0, stack("schedule", "io_wait"))
    spinning = replace(blocked, pid=91, state="R", cpu=1, frames=stack("rep_nop", "cpu_relax", "handle_mm_fault"))
    asleep = replace(blocked, pid=92, state="S")
    case = "a-case-with-a-long-name"
    assert diagnose(GuestFacts("6", (spinning, blocked), ()), case) == "a-case-with-a-l (pid 90) is blocked in io_wait"
    assert (
        diagnose(GuestFacts("6", (spinning,), ()), case) == "a-case-with-a-l (pid 91) runs in handle_mm_fault on CPU 1"
    )
    assert diagnose(GuestFacts("6", (replace(spinning, frames=()),), ()), case).endswith("runs in user mode on CPU 1")
    assert diagnose(GuestFacts("6", (asleep,), ()), case) == "a-case-with-a-l (pid 92) sleeps in io_wait"
    assert diagnose(GuestFacts("6", (asleep,), ()), "another") == ""


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "detached"),
        (1, "attached"),
        (2, "attached, 1 reader"),
        (4, "attached, 3 readers"),
        (WRITER | 1, "attached, a writer waits"),
        (WRITER | 3, "attached, 2 readers, a writer waits"),
        (WRITER, "attached, and nobody's reference is left, a writer waits"),
        (0xC0000000, "saturated"),
        (0xFFFFFFFF, "saturated"),
    ],
)
def test_the_count_in_words(value: int, words: str) -> None:
    assert describe_count(value) == words


def test_the_count_of_one_that_is_being_detached() -> None:
    assert describe_count(WRITER | 2, detaching=True) == "being detached, 2 readers, a writer waits"


def test_the_sequences_say_whether_a_vma_is_write_locked() -> None:
    assert describe_lock(replace(VMA, refcnt=1, lock_seq=5), MM) == "vm_refcnt 0x1: attached; write-locked (sequence 5)"
    unlocked = replace(MM, mmap_lock=Rwsem(Mode.FREE))
    assert describe_lock(replace(VMA, refcnt=1, lock_seq=5), unlocked).endswith("sequence 5, the mm's 5")
    assert describe_lock(replace(VMA, refcnt=1), MM).endswith("sequence 3, the mm's 5")


def test_the_text_has_everything_in_it() -> None:
    facts = with_vma(VMA, READER)
    text = render(facts, diagnose(facts), "stress")
    assert text.splitlines()[0] == diagnose(facts)
    assert "VMA 7f00-8000 at a000: vm_refcnt 0x40000002: attached, 1 reader, a writer waits" in text
    assert "on the stack of pid 67" in text
    assert "stress (pid 67) of 66, state D, in folio_wait" in text
    assert "mmap_lock: write-locked by pid 66; mm_lock_seq 5" in text


def test_facts_survive_the_way_from_the_child() -> None:
    facts = with_vma(VMA, READER)
    assert loads(GuestFacts, dumps(facts)) == facts


def test_an_interrupt_is_not_what_a_task_does() -> None:
    hit = stack("lapic_next_event", "hrtimer_interrupt", "asm_sysvec_apic_timer_interrupt", "handle_mm_fault")
    task = Task(91, 91, "stress", "R", 1, 0, hit)
    assert diagnose(GuestFacts("6.12", (task,), ()), "stress") == "stress (pid 91) runs in handle_mm_fault on CPU 1"
    died = replace(task, frames=stack("panic", "tick_handler", "asm_sysvec_apic_timer_interrupt", "handle_mm_fault"))
    assert "in tick_handler" in diagnose(GuestFacts("6.12", (died,), (), panic="Kernel panic - not syncing: x"))


def test_a_lock_that_somebody_is_about_to_take_is_no_lost_wake_up() -> None:
    woken = Task(70, 66, "stress", "R", None, 0x1000, LOCK_WAIT)
    mm = replace(MM, writer=None, mmap_lock=Rwsem(Mode.FREE, waiters=(70,)), vmas=(OTHER,))
    assert "lost wake-up" not in diagnose(replace(FACTS, tasks=(woken,), mms=(mm,)))


def test_a_vma_of_the_tree_that_is_not_attached_is_looked_up_for_ever() -> None:
    seeker = Task(67, 66, "stress", "R", 1, MM.address, stack("mas_walk", "lock_vma_under_rcu", "exc_page_fault"))
    mm = Mm(MM.address, "stress", Rwsem(Mode.FREE), vmas=(replace(VMA, refcnt=0), OTHER))
    facts = replace(FACTS, tasks=(seeker,), mms=(mm,))
    said = "stress (pid 67) looks VMA 7f00-8000 up for ever in lock_vma_under_rcu: it is in the tree and not attached"
    assert diagnose(facts, "stress") == said
    assert said in render(facts, said, "stress").partition("--- who waits for whom")[2]
    # munmap() is about to take it out; it is out already; nobody asks
    writing = replace(mm, mmap_lock=Rwsem(Mode.WRITE, 66))
    gone = replace(mm, vmas=(replace(VMA, refcnt=0, in_tree=False),))
    for others in (replace(facts, mms=(writing,)), replace(facts, mms=(gone,)), replace(facts, tasks=(WRITER_TASK,))):
        assert "looks" not in diagnose(others, "stress")


def test_while_it_boots_every_program_matters_and_who_is_to_become_the_first() -> None:
    idle = Task(14, 14, "kworker/0:1", "R", 0, 0, stack("worker_thread"))
    init = Task(1, 1, "swapper/0", "R", 1, 0, stack("spin_for_ever", "do_one_initcall"))
    booting = GuestFacts("6.12", (idle, init), ())
    assert diagnose(booting) == "swapper/0 (pid 1) runs in spin_for_ever on CPU 1"
    child = Task(60, 60, "sh", "D", None, 0x1000, stack("schedule", "io_wait"))
    assert diagnose(replace(booting, tasks=(idle, init, child))) == "sh (pid 60) is blocked in io_wait"


def test_who_switched_the_guest_off_is_named_before_those_who_wait_for_it() -> None:
    parent = Task(57, 57, "stress", "S", None, 0x1000, stack("schedule", "do_wait"))
    off = Task(58, 58, "poweroff", "R", 0, 0x2000, stack("native_halt", "stop_this_cpu", "machine_halt", "kernel_halt"))
    facts = with_vma(VMA, parent, off)
    assert diagnose(facts, "stress") == "poweroff (pid 58) halted the guest: CPU 0 stands in native_halt"
    assert "halted" not in diagnose(with_vma(VMA, parent, replace(off, cpu=None)), "stress")
