"""What the lines of a report say: frames, stacks, who was at work. The expressions are in data/report-lines.toml."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TypeAlias

from orchestrator.declarations.schema import from_toml
from orchestrator.errors import BadDeclaration
from orchestrator.model.kernel_report import Stack
from orchestrator.parse.stack_frames import CodeFrame, code_frame, is_border, is_frame

NAME = "report-lines.toml"
MAX_STACKS = 16
MAX_FRAMES = 64  # of one stack
OWN = "trace"  # the stack that the report is about

_GROUPS = {"task", "pid", "cpu"}
_CALLERS = {"T": "pid", "C": "cpu"}  # what printk's caller is, by its letter

Patterns: TypeAlias = tuple[re.Pattern[str], ...]


@dataclass(frozen=True)
class CurrentTask:
    """Who was at work when the report was made, as far as it says so."""

    task: str = ""
    pid: int | None = None
    cpu: int | None = None


@dataclass(frozen=True)
class Trace:
    """A stack, and what it is: data/report-lines.toml has the names."""

    name: str
    frames: tuple[CodeFrame, ...]


@dataclass(frozen=True)
class _Groups:
    patterns: Patterns


@dataclass(frozen=True)
class _File:
    """The file, as it is written."""

    facts: _Groups
    evidence: Patterns
    continues: Patterns
    lost: Patterns
    stacks: tuple[tuple[str, Patterns], ...] = ()


@dataclass(frozen=True)
class Lines:
    """The file's expressions, compiled."""

    stacks: tuple[tuple[str, re.Pattern[str]], ...]
    facts: tuple[re.Pattern[str], ...]
    evidence: re.Pattern[str]
    continues: re.Pattern[str]
    lost: re.Pattern[str]


@cache
def load_lines() -> Lines:
    """The file shipped with the package. Raises BadDeclaration."""
    return read_lines(files("orchestrator").joinpath("data", NAME).read_text())


def read_lines(text: str) -> Lines:
    """Check and compile the file's text. Raises BadDeclaration naming the key."""
    file = from_toml(_File, text, NAME)
    lists = {"evidence": file.evidence, "continues": file.continues, "lost": file.lost, "facts": file.facts.patterns}
    for key, patterns in (*lists.items(), *file.stacks):
        if not patterns:
            raise BadDeclaration(f"{NAME}: {key}: one expression at least")
    for pattern in file.facts.patterns:
        if not pattern.groupindex or set(pattern.groupindex) - _GROUPS:
            raise BadDeclaration(f"{NAME}: facts: {pattern.pattern!r}: groups must be of {', '.join(sorted(_GROUPS))}")
    return Lines(
        stacks=tuple((name, _union(patterns)) for name, patterns in file.stacks),
        facts=file.facts.patterns,
        evidence=_union(file.evidence),
        continues=_union(file.continues),
        lost=_union(file.lost),
    )


def has_frame(message: bytes) -> bool:
    """Whether a trace begins here: what is printed after it is no longer the head of a report."""
    return (
        b"Call Trace:" in message
        or b"Call trace:" in message
        or (b"+0x" in message and message.startswith((b"RIP:", b" ", b"pc :", b"epc ", b"[<")))
    )


def traces(messages: Sequence[str], lines: Lines) -> tuple[Trace, ...]:
    """The stacks of a report in the order in which it shows them, without stale frames."""
    found: list[tuple[str, list[CodeFrame]]] = [(OWN, [])]
    is_first = False
    for message in messages:
        if name := next((name for name, header in lines.stacks if header.match(message)), None):
            # a register dump and the call trace behind it are one stack
            if found[-1][1] and not (name == found[-1][0] == OWN and len(found[-1][1]) == 1):
                found.append((name, []))
            else:
                found[-1] = (name, found[-1][1])
        is_first = is_first or is_border(message)
        if frame := code_frame(message, is_first=is_first):
            found[-1][1].append(frame)
            is_first = False
    return tuple(Trace(name, tuple(frames[:MAX_FRAMES])) for name, frames in found if frames)[:MAX_STACKS]


def stacks(messages: Sequence[str], lines: Lines) -> tuple[Stack, ...]:
    """The same, as printed."""
    return tuple(Stack(trace.name, tuple(frame.printed for frame in trace.frames)) for trace in traces(messages, lines))


def first_gap(messages: Sequence[str], lines: Lines, length: int) -> int:
    """Where the first `length` lines in a row begin that look like no line of a report; the end if there are none."""
    run = 0
    for at, message in enumerate(messages):
        is_like = is_frame(message) or any(form.match(message) for form in (lines.continues, lines.evidence))
        run = 0 if is_like else run + 1
        if run == length:
            return at + 1 - length
    return len(messages)


def facts(messages: Sequence[str], caller: str, lines: Lines) -> CurrentTask:
    """Task, pid and CPU. `caller` is printk's (T66, C1; or empty) and counts where the report itself is silent.

    They are of one task: a line adds to what is known only if it agrees with it in a field that both have.
    """
    found: dict[str, str] = {}
    for pattern in lines.facts:
        if all(field in found for field in pattern.groupindex):
            continue
        matches = (match.groupdict() for message in messages if (match := pattern.match(message)))
        if more := next((more for more in matches if _agree(found, more)), None):
            found = {**more, **found}
    if not found and caller[:1] in _CALLERS:
        found = {_CALLERS[caller[0]]: caller[1:]}
    pid, cpu = found.get("pid"), found.get("cpu")
    return CurrentTask(found.get("task", "").strip(), int(pid) if pid else None, int(cpu) if cpu else None)


def _agree(known: Mapping[str, str], more: Mapping[str, str]) -> bool:
    """Whether both may be of the same task. What has no field in common says nothing of it, unless nothing is known."""
    common = known.keys() & more.keys()
    return not known or (bool(common) and all(known[field].strip() == more[field].strip() for field in common))


def _union(patterns: Patterns) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern.pattern})" for pattern in patterns))
