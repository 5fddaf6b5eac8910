"""A health sample of a guest that does not do its work -> its condition, with the figures. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from orchestrator.model.attempt import Condition
from orchestrator.words import counted

LOOP_BYTES = 4096  # a CPU whose instruction pointers all lie this close together is in a loop
STARVED = 0.5  # the share of time in which QEMU wanted a CPU of the host's and had none
RAN = 0.1  # the share of a CPU that QEMU must have had for its guest to have moved at all
ENOUGH = 0.5  # with that much of a CPU a guest that works would have answered, if late
RUNNING = "running"
PANICKED = "guest-panicked"


class CpuMode(Enum):
    """What a virtual CPU was doing when its registers were read."""

    HALTED = "idle"
    USER = "in user mode"
    KERNEL = "in the kernel"


@dataclass(frozen=True)
class CpuSample:
    """One look at a guest's CPU."""

    mode: CpuMode
    rip: int
    has_interrupts: bool


@dataclass(frozen=True)
class CaseTask:
    """A thread of the case's program as /proc/PID/stat has it. `ticks` is the CPU time that it has used."""

    pid: int
    state: str
    ticks: int


@dataclass(frozen=True)
class HealthSample:
    """What was seen in `sampled_s` seconds.

    `qemu_state` is QEMU's own word for the machine's state, empty when it does not answer; `process_state` ps(1)'s
    letter for QEMU on the host. Shares are of the sampled time: `starved_share` of QEMU's busiest thread, waiting for
    a CPU, `steal_share` of the host's CPUs, taken by its own hypervisor. `answers_break`: the kernel answered a sysrq
    on its serial line; None: not asked. `before` and `after` are the case's tasks at the two ends, None when SSH did
    not answer.
    """

    process_state: str
    qemu_state: str
    sampled_s: float = 0.0
    cpus: tuple[tuple[CpuSample, ...], ...] = ()
    cpu_share: float = 0.0
    starved_share: float = 0.0
    steal_share: float = 0.0
    host_load: float = 0.0
    host_cpus: int = 1
    silent_s: float = 0.0
    answers_ssh: bool = False
    answers_break: bool | None = None
    before: tuple[CaseTask, ...] | None = None
    after: tuple[CaseTask, ...] | None = None


def condition(sample: HealthSample) -> tuple[Condition, str]:
    """The condition, and the evidence in a sentence."""
    if not sample.process_state:
        return Condition.QEMU_GONE, "QEMU has ended"
    if sample.process_state in "Tt":
        return Condition.QEMU_STOPPED, f"QEMU is stopped on the host (state {sample.process_state})"
    if sample.qemu_state == PANICKED:
        return Condition.PANICKED, "the kernel panicked and said so to QEMU"
    if not sample.qemu_state:
        state = sample.process_state
        return Condition.QEMU_STOPPED, f"QEMU runs (state {state}) and does not answer its control socket"
    if sample.qemu_state != RUNNING:
        return Condition.QEMU_STOPPED, f"QEMU has stopped the guest: {sample.qemu_state}"
    if sample.cpus and all(is_halted(samples) for samples in sample.cpus):
        return Condition.HALTED, f"its kernel has stopped {_all(sample)}, with interrupts off"
    # a QEMU that had no CPU of the host's shows the same picture at every look: that is no loop
    stuck = [number for number, samples in enumerate(sample.cpus) if is_stuck(samples) and sample.cpu_share >= RAN]
    if sample.answers_ssh and not 0 < len(stuck) < len(sample.cpus):
        return _of_test(sample)
    if stuck and len(stuck) == len(sample.cpus):
        are = "is" if len(stuck) == 1 else "are"
        return Condition.KERNEL_HUNG, f"{_all(sample)} {are} stuck: {_cpus(sample, stuck)}"
    if stuck:
        return Condition.CPU_HUNG, f"{_cpus(sample, stuck)}; {_cpus(sample, _others(sample, stuck))}"
    if _is_overloaded(sample) and sample.cpu_share < ENOUGH:
        return Condition.HOST_OVERLOADED, _load(sample)
    if not sample.cpus:
        return Condition.USERSPACE_DEAD, f"what its CPUs do cannot be read here{_heard(sample)}"
    return Condition.USERSPACE_DEAD, f"the CPUs work: {_cpus(sample, range(len(sample.cpus)))}{_heard(sample)}"


def _heard(sample: HealthSample) -> str:
    heard = {True: "; the kernel answers on its console", False: "; the kernel does not answer on its console either"}
    return heard[sample.answers_break] if sample.answers_break is not None else ""


def is_stuck(samples: tuple[CpuSample, ...]) -> bool:
    """In the kernel in every sample, and either with interrupts off or always at the same place."""
    if len(samples) < 2 or any(look.mode is not CpuMode.KERNEL for look in samples):
        return False
    places = [look.rip for look in samples]
    return max(places) - min(places) < LOOP_BYTES or not any(look.has_interrupts for look in samples)


def is_halted(samples: tuple[CpuSample, ...]) -> bool:
    """Halted in every sample, with interrupts off, so nothing can wake it: an idle CPU has them on."""
    return bool(samples) and all(look.mode is CpuMode.HALTED and not look.has_interrupts for look in samples)


def _of_test(sample: HealthSample) -> tuple[Condition, str]:
    if sample.before is None or sample.after is None:
        return Condition.TEST_HUNG, "the guest answers, but not what its tasks do"
    earlier = {task.pid: task.ticks for task in sample.before}
    moving = [task for task in sample.after if task.ticks > earlier.get(task.pid, 0)]
    blocked = [task for task in sample.after if task.state == "D"]
    counts = (
        (len(blocked), "blocked"),
        (len(sample.after) - len(moving) - len(blocked), "asleep"),
        (len(moving), "at work"),
    )
    tasks = f"its tasks: {', '.join(f'{number} {what}' for number, what in counts if number)}"
    if moving and not blocked:
        return (Condition.HOST_OVERLOADED, _load(sample)) if _is_overloaded(sample) else (Condition.TEST_SLOW, tasks)
    return Condition.TEST_HUNG, tasks if sample.after else "its tasks are gone, its output is still open"


def _is_overloaded(sample: HealthSample) -> bool:
    return max(sample.starved_share, sample.steal_share) >= STARVED


def _all(sample: HealthSample) -> str:
    return "the only CPU" if len(sample.cpus) == 1 else f"all {counted(len(sample.cpus), 'CPU')}"


def _load(sample: HealthSample) -> str:
    return (
        f"QEMU waited for a CPU of the host's {sample.starved_share:.0%} of the time (load {sample.host_load:.1f} on "
        f"{counted(sample.host_cpus, 'CPU')}, {sample.steal_share:.0%} stolen)"
    )


def _others(sample: HealthSample, stuck: list[int]) -> list[int]:
    return [number for number in range(len(sample.cpus)) if number not in stuck]


def _cpus(sample: HealthSample, numbers: list[int] | range) -> str:
    return ", ".join(f"CPU {number} {_cpu(sample.cpus[number])}" for number in numbers)


def _cpu(samples: tuple[CpuSample, ...]) -> str:
    if not samples:
        return "unknown"
    if is_stuck(samples):
        off = " with interrupts off" if not any(look.has_interrupts for look in samples) else ""
        return f"in the kernel at {samples[-1].rip:#x}{off} at {len(samples)} looks of {len(samples)}"
    modes = [look.mode for look in samples]
    seen = [f"{mode.value} {modes.count(mode)}" for mode in CpuMode if mode in modes]
    return f"{', '.join(seen)} of {len(samples)}"
