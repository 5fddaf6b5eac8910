"""Samples the health of a guest from outside: QMP, /proc of the host, the console, SSH."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.errors import GuestUnreachable
from orchestrator.guest.condition import CaseTask, CpuSample, HealthSample
from orchestrator.guest.console import kernel_line
from orchestrator.guest.qemu import Qemu
from orchestrator.guest.registers import look
from orchestrator.guest.ssh import Link
from orchestrator.host import resources
from orchestrator.host.deadline import Deadline

LOOKS = 20
SAMPLE_S = 1.0
QMP_S = 2.0
ASK_S = 5.0
PING_S = 3.0
BREAK_S = 2.0
STAT = re.compile(r"^(?P<pid>\d+) \((?P<comm>.*)\) (?P<state>\S) (?P<rest>.*)$", re.MULTILINE)
# every thread's stat: unlike cmdline or maps, reading it takes no lock that a hung task may hold
TASKS = "cat /proc/[0-9]*/task/[0-9]*/stat 2>/dev/null"
COMM = 15


@dataclass(frozen=True)
class Clock:
    """Of the host, in seconds: time on and waiting for a CPU for each of QEMU's threads; busy and stolen, all CPUs."""

    threads: dict[str, tuple[float, float]]
    all: float
    stolen: float


def take_sample(qemu: Qemu, link: Link | None, case: str) -> HealthSample:
    """About two seconds; less when QEMU is stopped or gone. `case` is the name of the case's program."""
    state = process_state(qemu.pid) if qemu.is_alive else ""
    silent_s = time.monotonic() - qemu.console.last_output_s
    if state in ("", "T", "t"):
        return HealthSample(state, "", silent_s=silent_s)
    try:
        control = qemu.control(Deadline.after(QMP_S))
    except GuestUnreachable:
        return HealthSample(state, "", silent_s=silent_s)
    try:
        sample = HealthSample(state, str(control.execute("query-status").get("status")), silent_s=silent_s)
        before = tasks_of(link, case) if link and sample.qemu_state == "running" else None
        clock, started_s = _clock(qemu.pid), time.monotonic()
        target = str(control.execute("query-target").get("arch"))
        looks: list[Sequence[CpuSample]] = []
        for _ in range(LOOKS if sample.qemu_state == "running" else 1):
            looks.append(look(target, control.monitor_of_cpu))
            if sample.qemu_state == "running":
                time.sleep(SAMPLE_S / LOOKS)
        sampled_s, later = time.monotonic() - started_s, _clock(qemu.pid)
    except GuestUnreachable:
        return HealthSample(state, "", silent_s=silent_s)
    finally:
        control.close()
    shares = _shares(clock, later, sampled_s)
    return replace(
        sample,
        sampled_s=sampled_s,
        cpus=tuple(zip(*looks, strict=False)),
        cpu_share=shares[0],
        starved_share=shares[1],
        steal_share=shares[2],
        host_load=os.getloadavg()[0],
        host_cpus=resources.cpus(),
        answers_ssh=before is not None,
        before=before,
        after=tasks_of(link, case) if link and before is not None else None,
    )


def process_state(pid: int) -> str:
    """ps(1)'s letter for a process of the host; empty when there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def tasks_of(link: Link, case: str) -> tuple[CaseTask, ...] | None:
    """The threads of a case's program, asked over SSH; None when there is no answer."""
    if not link.ping().wait(PING_S):  # a new channel would be waited for much longer
        return None
    try:
        answer = link.ask(TASKS, ASK_S)
    except GuestUnreachable:
        return None
    return parse_tasks(answer.stdout, case) if "(init)" in answer.stdout else None


def parse_tasks(text: str, case: str) -> tuple[CaseTask, ...]:
    """Threads by a program's name from the lines of /proc/PID/stat; proc(5) has the fields."""
    found = []
    for line in STAT.finditer(text):
        if line["comm"] == case[:COMM]:
            ticks = line["rest"].split()[10:12]
            if len(ticks) == 2 and all(re.fullmatch(r"[0-9]{1,18}", one) for one in (line["pid"], *ticks)):
                found.append(CaseTask(int(line["pid"]), line["state"], sum(map(int, ticks))))
    return tuple(found)


def ask_by_break(qemu: Qemu, letter: str, answer: str) -> bool:
    """Send a sysrq letter over the serial line; whether the kernel began to answer. Raises GuestUnreachable."""
    heard = qemu.console.watch(kernel_line(f"sysrq: {answer}"))
    control = qemu.control(Deadline.after(QMP_S))
    try:
        control.execute("chardev-send-break", id="console")
    finally:
        control.close()
    qemu.type(letter.encode())
    return heard.seen.wait(BREAK_S)


def _clock(pid: int) -> Clock:
    threads = {}
    for path in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        text = _read(path).split()
        if len(text) >= 2:
            threads[path.parent.name] = (int(text[0]) / 1e9, int(text[1]) / 1e9)
    cpu = [int(word) for word in _read(Path("/proc/stat")).split("\n", 1)[0].split()[1:9]] or [0] * 8
    return Clock(threads, sum(cpu), cpu[7])


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _shares(before: Clock, after: Clock, sampled_s: float) -> tuple[float, float, float]:
    """Of the time: what QEMU used of one CPU, what its worst thread waited for one, what the host was robbed of."""
    spent = {
        name: (on - before.threads[name][0], waited - before.threads[name][1])
        for name, (on, waited) in after.threads.items()
        if name in before.threads
    }
    used = sum(on for on, _ in spent.values()) / sampled_s
    starved = max((waited for _, waited in spent.values()), default=0.0) / sampled_s
    stolen = (after.stolen - before.stolen) / max(1.0, after.all - before.all)
    return used, min(1.0, starved), stolen
