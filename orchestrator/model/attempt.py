"""Attempts: what happened in the guest, as recorded, before anything is judged."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from orchestrator.model.case import Dialect


class Ending(Enum):
    """How the execution of one case ended, before anything is judged."""

    EXITED = "exited"
    TIMED_OUT = "timed-out"  # timeout(1) in the guest ended it, or our own limit did while the guest still answered
    GUEST_FROZE = "guest-froze"  # SSH stopped answering, QEMU lives, the kernel says nothing
    GUEST_DIED = "guest-died"  # panic, or the machine was reset
    HOST_LOST = "host-lost"  # QEMU was killed or failed: the host's doing
    BOOTED = "booted"  # an attempt that was to boot, and nothing else
    STOPPED = "stopped"  # by us, at the kernel's first report: --freeze-on-failure
    UNMET = "needs-unmet"  # the kernel or the guest lacks what the case declares that it needs
    NOT_BUILT = "not-built"  # the tree under test does not build its program
    NO_GUEST = "no-guest"  # the guest before was lost and no other could be booted
    UNFINISHED = "unfinished"  # it was begun, and the run was interrupted before it ended


class Condition(Enum):
    """The condition of a guest after a case that did not end well. Messages use the values."""

    TEST_SLOW = "the test is slow"
    TEST_HUNG = "the test hangs"
    USERSPACE_DEAD = "the guest's userspace is dead"
    CPU_HUNG = "the kernel hangs on a CPU"
    KERNEL_HUNG = "the kernel hangs"
    PANICKED = "the kernel panicked"
    HALTED = "the guest was halted or powered off from within"
    QEMU_GONE = "QEMU is gone"
    QEMU_STOPPED = "QEMU does not run the guest"
    HOST_OVERLOADED = "the host is overloaded"

    @property
    def is_of_host(self) -> bool:
        """Whether it says nothing about the kernel."""
        return self in (Condition.QEMU_GONE, Condition.QEMU_STOPPED, Condition.HOST_OVERLOADED)


@dataclass(frozen=True)
class Count:
    """A count of the whole guest before a case, and after it had settled: slab objects, mounts."""

    name: str
    before: int
    after: int


@dataclass(frozen=True)
class Planned:
    """An attempt that is to be made. `pair` as in Attempt."""

    case: str
    seed: int
    pair: int = 0


@dataclass(frozen=True)
class Attempt:
    """One execution of one case: a record of what happened, which judges nothing and is never overwritten.

    `number` counts the attempts of the case on this kernel, from 1. `pair` is 0 for the first test of a case and its
    repetitions, and k for the k-th comparison with another kernel, which has an attempt with the same `pair`.
    `console_from`/`console_to` are byte offsets into the console log of guest number `guest`. At `examined_at` the
    examination began: from there the kernel answers our own questions, which are no kernel reports.
    """

    case: str
    ending: Ending
    guest: int = 0
    status: int | None = None  # exit status from the sentinel that the guest wrote; None when it wrote none
    duration_s: float = 0.0
    seed: int = 0
    stdout: str = ""  # paths relative to the run directory
    stderr: str = ""
    console: str = ""
    console_from: int = 0
    console_to: int = 0
    taint_before: int = 0
    taint_after: int = 0
    reason: str = ""  # why it was not run, or how the guest was lost
    stdout_dropped: int = 0  # bytes beyond the cap
    counts: tuple[Count, ...] = ()
    left: int = 0  # processes that outlived the program
    stuck: int = 0  # of those, the ones that could not be killed
    left_name: str = ""  # of one of them
    is_full: bool = False  # nothing more could be written to the guest's /tmp
    expects: tuple[str, ...] = ()  # what its declaration expects the kernel to report
    condition: Condition | None = None  # of the guest, when it was examined
    examined_at: int | None = None
    diagnosis: str = ""  # one sentence from the post-mortem of its memory
    dialect: Dialect = Dialect.KTAP
    number: int = 1
    pair: int = 0
    is_unmarked: bool = False  # the console did not show its end in time
    coverage: str = ""  # the file with the instructions that it executed, of those that are counted; "": none are

    @property
    def home(self) -> str:
        """Its directory, relative to the kernel's."""
        return f"cases/{self.case}/{self.number}"
