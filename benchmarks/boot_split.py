"""The parts of one boot: when each of them ends, on the host's clock.

Neither the guest's files nor the tool are changed for it; it takes QEMU's trace, the kernel's earlyprintk, and what
paramiko writes to its log:

    qemu            QEMU's start to the reset of the machine: the first fw_cfg event in the trace
    firmware        SeaBIOS and the option ROM that loads the kernel. The ROM gets all it needs by fw_cfg and jumps, so
                    this ends at the last fw_cfg event before the kernel speaks
    decompression   the kernel's setup code and decompressor, to its first line, which earlyprintk sends at once
    kernel          to the line that names init
    init            to our init's first line: the shell starts, mounts
    sshd            to the line by which init says that dropbear listens: network, dropbear
    connection      TCP, dropbear's fork, the SSH banner: to paramiko's "Connected"
    key exchange    to "Switch to new keys"
    authentication  to "Authentication (publickey) successful"
    first command   to its answer: a channel, a shell, three programs

What it costs: some hundred lines of trace, each a write to a file, and a console that prints all lines as they come and
not the first ones in one go when its driver is there. The benchmark boots without all this too and prints both.
"""

from __future__ import annotations

import logging
import re
import time
from bisect import bisect_right
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.context import Context
from orchestrator.jobs.boot import GuestSpec, boot
from orchestrator.model.machine import Machine

FW_CFG = re.compile(r"^\d+@(?P<time_s>\d+\.\d+):fw_cfg_select ", re.MULTILINE)
FIRST_LINE = ("decompression", re.compile(rb"Linux version"))
CONSOLE = (
    ("kernel", re.compile(rb"Run /init as init process")),
    ("init", re.compile(rb"orchestrate: init runs")),
    ("sshd", re.compile(rb"orchestrate: sshd listens")),
)
PARAMIKO = (
    ("connection", "Connected (version"),
    ("key exchange", "Switch to new keys"),
    ("authentication", "Authentication (publickey) successful"),
)


@dataclass(frozen=True)
class Part:
    name: str
    time_s: float


@dataclass(frozen=True)
class Split:
    """The parts of one boot, in their order. They add up to the total."""

    parts: tuple[Part, ...]

    @property
    def total_s(self) -> float:
        return sum(part.time_s for part in self.parts)


class Paramiko(logging.Handler):
    """Listens to paramiko's own log: when each phase of the last connection ended."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.ends: dict[str, float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        for name, text in PARAMIKO:
            if message.startswith(text):
                self.ends[name] = time.monotonic()

    def __enter__(self) -> Paramiko:
        logger = logging.getLogger("paramiko.transport")
        logger.setLevel(logging.DEBUG)
        logger.addHandler(self)
        return self

    def __exit__(self, *exc: object) -> None:
        logger = logging.getLogger("paramiko.transport")
        logger.removeHandler(self)
        logger.setLevel(logging.NOTSET)


def observed(machine: Machine) -> Machine:
    """The machine with a trace of fw_cfg and a console that prints at once."""
    return replace(
        machine,
        args=(*machine.args, "-trace", "fw_cfg_select", "-msg", "timestamp=on"),
        cmdline=(*machine.cmdline, "earlyprintk=serial,ttyS0,115200"),
    )


def split(context: Context, spec: GuestSpec, home: Path) -> Split:
    """Boot once, observed; `home` gets the guest's files. Raises ValueError when a mark is missing."""
    with Paramiko() as paramiko:
        guest, identity = boot(context, replace(spec, machine=observed(spec.machine)), home)
        guest.close()
    started_s = guest.qemu.started_s
    ends = console_ends(home / "console.log", (FIRST_LINE, *CONSOLE))
    events = fw_cfg_times(home / "qemu.stderr", before_s=ends["decompression"])
    ends |= {"qemu": events[0], "firmware": events[-1], **paramiko.ends, "first command": started_s + identity.ready_s}
    order = ("qemu", "firmware", *(name for name, _ in (FIRST_LINE, *CONSOLE, *PARAMIKO)), "first command")
    if missing := [name for name in order if name not in ends]:
        raise ValueError(f"nothing says when these ended: {', '.join(missing)}")
    times = [started_s, *(ends[name] for name in order)]
    if times != sorted(times):
        raise ValueError(f"the parts overlap: {ends}")
    return Split(tuple(Part(name, end - begin) for name, begin, end in zip(order, times[:-1], times[1:], strict=True)))


def console_ends(log: Path, marks: tuple[tuple[str, re.Pattern[bytes]], ...]) -> dict[str, float]:
    """When the bytes at which each pattern begins were read (monotonic seconds)."""
    text = log.read_bytes()
    rows = [row.split() for row in log.with_name(log.name + ".times").read_text().splitlines()]
    offsets = [int(row[0]) for row in rows]
    found = {name: pattern.search(text) for name, pattern in marks}
    return {name: float(rows[bisect_right(offsets, match.start()) - 1][1]) for name, match in found.items() if match}


def fw_cfg_times(trace: Path, before_s: float) -> list[float]:
    """When fw_cfg was used before a moment (monotonic; the trace has time of day). Later the kernel uses it."""
    difference_s = time.time() - time.monotonic()
    times = [float(event["time_s"]) - difference_s for event in FW_CFG.finditer(trace.read_text(errors="replace"))]
    if early := [moment for moment in times if moment <= before_s]:
        return early
    raise ValueError(f"QEMU traced no fw_cfg event before the kernel's first line (see {trace})")
