"""Examines a guest in which a case has not ended well, before the guest is given up: its condition, the kernel's own
answers (sysrq), a dump of its memory.

What cannot be had is noted in evidence.txt and does not stop the rest.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.errors import GuestUnreachable
from orchestrator.guest.condition import RUNNING, HealthSample, condition
from orchestrator.guest.dump import NoDump, dump_memory
from orchestrator.guest.health import ask_by_break, take_sample
from orchestrator.guest.qemu import Qemu
from orchestrator.guest.ssh import Link
from orchestrator.host.deadline import Deadline
from orchestrator.model.attempt import Condition
from orchestrator.model.evidence_files import DUMP, EVIDENCE, FILES, SYSRQ
from orchestrator.words import counted

# letter, how the kernel's answer begins (drivers/tty/sysrq.c)
QUESTIONS = (("w", "Show Blocked State"), ("l", "Show backtrace of all active CPUs"), ("t", "Show State"))
ANSWER_S = 10.0  # for all that the kernel prints to one question
QUIET_S = 0.3  # an answer is over when the console has been silent for so long
NMI_S = 1.0
QMP_S = 5.0


@dataclass(frozen=True)
class Examination:
    """What was found. `console_at` is the console offset where the answers to our questions begin."""

    condition: Condition
    sentence: str
    console_at: int

    @property
    def words(self) -> str:
        return f"{self.condition.value} ({self.sentence})"


def forget(home: Path) -> None:
    """Remove what an examination left there."""
    for name in FILES:
        (home / name).unlink(missing_ok=True)


def examine(qemu: Qemu, link: Link | None, case: str, home: Path, memory_mib: int) -> Examination:
    """Takes some seconds, a minute at most. Files go to `home`. `link` is None if SSH is known not to answer."""
    started_s, console_at = time.monotonic(), qemu.console.mark()
    sample = take_sample(qemu, link, case)
    notes: list[str] = []
    if sample.qemu_state == RUNNING:
        sample = replace(sample, answers_break=_ask(qemu, link if sample.answers_ssh else None, notes))
        if not sample.answers_break:
            notes.append(_inject_nmi(qemu))
    found, sentence = condition(sample)
    if console_at < qemu.console.mark():
        (home / SYSRQ).write_text(qemu.console.text(console_at), encoding="utf-8", errors="backslashreplace")
    if found.is_of_host:
        notes.append("no memory dump: the guest is not at fault")
    else:
        notes.append(_dump(qemu, home / DUMP, memory_mib))
    text = [f"{found.value}: {sentence}", *_lines(sample), *notes, f"examined in {time.monotonic() - started_s:.1f} s"]
    (home / EVIDENCE).write_text("\n".join(text) + "\n", encoding="utf-8", errors="backslashreplace")
    return Examination(found, sentence, console_at)


def _ask(qemu: Qemu, link: Link | None, notes: list[str]) -> bool:
    """Ask the sysrq questions, over SSH if it answers, else over the serial line. Whether the kernel answered."""
    for letter, answer in QUESTIONS:
        try:
            if link:
                link.ask(f"echo {letter} >/proc/sysrq-trigger", ANSWER_S)
            elif not ask_by_break(qemu, letter, answer):
                notes.append(f"sysrq-{letter} on the serial line was not answered")
                return False
        except GuestUnreachable as error:
            notes.append(f"sysrq-{letter}: {error.message}")
            return False
        deadline = Deadline.after(ANSWER_S)
        while time.monotonic() - qemu.console.last_output_s < QUIET_S and not deadline.expired:
            time.sleep(QUIET_S / 3)
    return True


def _inject_nmi(qemu: Qemu) -> str:
    """Whether CPU 0, to which QEMU sends it, takes an NMI. A CPU takes one even with interrupts off."""
    before = qemu.console.said
    try:
        control = qemu.control(Deadline.after(QMP_S))
        try:
            control.execute("inject-nmi")
        finally:
            control.close()
    except GuestUnreachable as error:
        return f"NMI: {error.message}"
    deadline = Deadline.after(NMI_S)
    while qemu.console.said == before and not deadline.expired:
        time.sleep(0.05)
    return "NMI: answered on the console" if qemu.console.said > before else "NMI: no answer on the console"


def _dump(qemu: Qemu, path: Path, memory_mib: int) -> str:
    started_s = time.monotonic()
    try:
        dump_memory(qemu, path, memory_mib)
    except NoDump as why:
        return f"no memory dump: {why}"
    return f"memory dump: {path.stat().st_size / 1e6:.1f} MB in {time.monotonic() - started_s:.1f} s"


def _lines(sample: HealthSample) -> Iterator[str]:
    yield f"QEMU: process state {sample.process_state or 'gone'}, machine {sample.qemu_state or 'does not say'}"
    yield f"console: silent for {sample.silent_s:.1f} s"
    if not sample.sampled_s:
        return
    yield (
        f"host, over {sample.sampled_s:.1f} s: QEMU used {sample.cpu_share:.0%} of a CPU and waited for one "
        f"{sample.starved_share:.0%} of the time; {sample.steal_share:.0%} stolen; load {sample.host_load:.1f} "
        f"on {counted(sample.host_cpus, 'CPU')}"
    )
    for number, samples in enumerate(sample.cpus):
        for look in samples[-3:]:
            off = "" if look.has_interrupts else ", interrupts off"
            yield f"CPU {number}: {look.mode.value} at {look.rip:#x}{off}"
    yield f"SSH: {'answers' if sample.answers_ssh else 'does not answer'}"
    earlier = {task.pid: task.ticks for task in sample.before or ()}
    for task in sample.after or ():
        used = task.ticks - earlier.get(task.pid, 0)
        yield f"task {task.pid} of the case: state {task.state}, {counted(used, 'tick')} of CPU time meanwhile"
