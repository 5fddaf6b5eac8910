"""What was read from a dump, as frozen values. Addresses are the kernel's; a value that the kernel lacks is None."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True)
class StackFrame:
    """One function on a stack. `vmas` are those that its variables point to, as far as the compiler still knows;
    `fault_flags` are those of a page fault, where it handles one."""

    function: str
    place: str = ""  # mm/memory.c:6310
    vmas: tuple[int, ...] = ()
    fault_flags: int = 0


@dataclass(frozen=True)
class Task:
    """`state` is ps(1)'s letter, `cpu` the CPU that it runs on, None when it does not run; innermost frame first."""

    pid: int
    tgid: int
    comm: str
    state: str
    cpu: int | None
    mm: int
    frames: tuple[StackFrame, ...] = ()

    @property
    def is_blocked(self) -> bool:
        return self.cpu is None and self.state == "D"

    def is_in(self, *functions: str) -> bool:
        """Whether one of these functions is on its stack."""
        return any(frame.function in functions for frame in self.frames)

    @property
    def name(self) -> str:
        return f"{self.comm} (pid {self.pid})"


class Mode(Enum):
    """How an rw_semaphore is held."""

    FREE = "free"
    READ = "read-locked"
    WRITE = "write-locked"


@dataclass(frozen=True)
class Rwsem:
    """`owner` is a pid: the writer, or the reader that came last (a hint, it may have gone). None: not known."""

    mode: Mode
    owner: int | None = None
    readers: int = 0
    waiters: tuple[int, ...] = ()  # pids, the first in line first


@dataclass(frozen=True)
class Vma:
    """A VMA and its lock: vm_refcnt on a patched kernel, an rw_semaphore and a flag on an unpatched one."""

    address: int
    start: int
    end: int
    flags: int = 0
    lock_seq: int | None = None
    refcnt: int | None = None
    rwsem: Rwsem | None = None
    detached: bool | None = None
    in_tree: bool = True

    @property
    def range(self) -> str:
        return f"{self.start:x}-{self.end:x}"


@dataclass(frozen=True)
class Mm:
    """An address space. `writer` is the pid that sleeps until a VMA's readers are gone (vma_writer_wait)."""

    address: int
    comm: str
    mmap_lock: Rwsem
    lock_seq: int | None = None
    writer: int | None = None
    vmas: tuple[Vma, ...] = ()


@dataclass(frozen=True)
class GuestFacts:
    """A whole guest. `fault_vma_lock` is this kernel's FAULT_FLAG_VMA_LOCK. Only the tasks' mms that matter are here:
    those of the case and of every task that is blocked."""

    release: str
    tasks: tuple[Task, ...]
    mms: tuple[Mm, ...]
    fault_vma_lock: int = 0
    panic: str = ""  # the kernel's last words, when it panicked
    missed: tuple[str, ...] = ()  # what could not be read, and why
