"""What the lines of a report say: frames, stacks, who was at work. The expressions are in data/report-lines.toml."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import TypeAlias

from orchestrator.declarations.schema import from_toml
from orchestrator.errors import BadDeclaration
from orchestrator.model.kernel_report import Stack
from orchestrator.parse.logs.stack_frames import CodeFrame, code_frame, is_border, is_frame

NAME = "report-lines.toml"
MAX_STACKS = 16
MAX_FRAMES = 64  # of one stack
CACHED = 1 << 14  # lines: a storm of reports says the same again and again
OWN = "trace"  # the stack that the report is about

_GROUPS = {"task", "pid", "cpu"}
_CALLERS = {"T": "pid", "C": "cpu"}  # what printk's caller is, by its letter

_NAMED = re.compile(r"\(\?P<\w+>")

Patterns: TypeAlias = tuple[re.Pattern[str], ...]


@dataclass(frozen=True)
class CurrentTask:
    """Who was at work when the report was made, as far as it says so."""

    task: str = ""
    pid: int | None = None
    cpu: int | None = None


NOBODY = CurrentTask()


@dataclass(frozen=True)
class Trace:
    """A stack, and what it is: data/report-lines.toml has the names."""

    name: str
    frames: tuple[CodeFrame, ...]


@dataclass(frozen=True, slots=True)
class Said:
    """What one line of a report says; nothing of it depends on the lines around it."""

    stack: str | None = None  # the one that begins here
    is_border: bool = False
    is_interrupt: bool = False  # the frames of an interrupt begin here
    is_end_of_interrupt: bool = False
    is_aside: bool = False  # the next line names a function that is in no stack
    frame: CodeFrame | None = None
    facts: tuple[tuple[int, Mapping[str, str]], ...] = ()  # number of an expression that matches, and what it finds


_NOTHING = Said()
_ASIDE = "Preemption disabled at:"
_INTERRUPT = re.compile(r"\s*<(/)?(?:IRQ|NMI|SOFTIRQ|HARDIRQ)>")


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


@dataclass(frozen=True, eq=False)  # one and the same, or others: lines that were read are kept with it
class Lines:
    """The file's expressions, compiled."""

    stacks: tuple[tuple[str, re.Pattern[str]], ...]
    any_stack: re.Pattern[str]
    facts: tuple[re.Pattern[str], ...]
    any_fact: re.Pattern[str]
    evidence: re.Pattern[str]
    continues: re.Pattern[str]
    lost: re.Pattern[bytes]  # looked for in each line


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
        any_stack=_union([pattern for _, patterns in file.stacks for pattern in patterns]),
        facts=file.facts.patterns,
        any_fact=_union(file.facts.patterns),
        evidence=_union(file.evidence),
        continues=_union(file.continues),
        lost=re.compile(_union(file.lost).pattern.encode()),
    )


def has_frame(message: bytes) -> bool:
    """Whether a trace begins here: what is printed after it is no longer the head of a report."""
    return (
        b"Call Trace:" in message
        or b"Call trace:" in message
        or (b"+0x" in message and message.startswith((b"RIP:", b" ", b"pc :", b"epc ", b"[<")))
    )


@lru_cache(CACHED)
def said(message: str, lines: Lines) -> Said:
    """What a line says."""
    stack = None
    if lines.any_stack.match(message):
        stack = next(name for name, header in lines.stacks if header.match(message))
    facts = (
        [(at, pattern.match(message)) for at, pattern in enumerate(lines.facts)]
        if lines.any_fact.match(message)
        else ()
    )
    interrupt = _INTERRUPT.match(message) if "<" in message else None
    found = Said(
        stack,
        is_border(message),
        interrupt is not None and not interrupt[1],
        interrupt is not None and bool(interrupt[1]),
        message.startswith(_ASIDE),
        code_frame(message),
        tuple((at, match.groupdict()) for at, match in facts if match),
    )
    return _NOTHING if found == _NOTHING else found


def traces(messages: Sequence[str], lines: Lines) -> tuple[Trace, ...]:
    """The stacks of a report in the order in which it shows them, without stale frames."""
    found: list[tuple[str, list[CodeFrame]]] = [(OWN, [])]
    is_first = False
    is_aside = False
    before = -1  # frames when those of an interrupt began
    for message in messages:
        line = said(message, lines)
        was_aside, is_aside = is_aside, line.is_aside
        if line is _NOTHING or was_aside:
            continue
        if line.stack:
            # a register dump and the call trace behind it are one stack
            if found[-1][1] and not (line.stack == found[-1][0] == OWN and len(found[-1][1]) == 1):
                found.append((line.stack, []))
            else:
                found[-1] = (line.stack, found[-1][1])
        if line.is_interrupt:
            before = len(found[-1][1])
        # an interrupt of which only stale frames were found: the registers before are of what it came into
        is_empty = line.is_end_of_interrupt and before == len(found[-1][1]) > 0
        is_first = is_first or (line.is_border and not is_empty)
        if line.frame:
            found[-1][1].append(line.frame._replace(is_first=True) if is_first else line.frame)
            is_first = False
    return tuple(Trace(name, tuple(frames[:MAX_FRAMES])) for name, frames in found if frames)[:MAX_STACKS]


def stack_names(messages: Iterable[str], lines: Lines) -> Iterator[str]:
    """Of each line: the stack that it is in, if it is a frame."""
    name = OWN
    for message in messages:
        name = said(message, lines).stack or name
        yield name


def stacks(traces: Sequence[Trace]) -> tuple[Stack, ...]:
    """The same, as printed."""
    return tuple(Stack(trace.name, tuple(frame.printed for frame in trace.frames)) for trace in traces)


def first_gap(messages: Sequence[str], lines: Lines, length: int) -> int:
    """Where the first `length` lines in a row begin that look like no line of a report; the end if there are none."""
    run = 0
    for at, message in enumerate(messages):
        is_like = is_frame(message) or any(form.match(message) for form in (lines.continues, lines.evidence))
        run = 0 if is_like else run + 1
        if run == length:
            return at + 1 - length
    return len(messages)


def facts(messages: Sequence[str], lines: Lines) -> CurrentTask:
    """Task, pid and CPU, as the lines say.

    They are of one task: a line adds to what is known only if it agrees with it in a field that both have.
    """
    found: dict[str, str] = {}
    # in the order of the expressions, then of the lines
    for _, more in sorted((fact for message in messages for fact in said(message, lines).facts), key=_number):
        if not more.keys() <= found.keys() and _agree(found, more):
            found = {**more, **found}
    return _current_task(found)


def caller_facts(caller: str) -> CurrentTask:
    """What printk's caller (T66, C1) says, where the report itself is silent."""
    return _current_task({_CALLERS[caller[0]]: caller[1:]} if caller[:1] in _CALLERS else {})


def _current_task(found: Mapping[str, str]) -> CurrentTask:
    pid, cpu = found.get("pid"), found.get("cpu")
    return CurrentTask(found.get("task", "").strip(), int(pid) if pid else None, int(cpu) if cpu else None)


def _number(fact: tuple[int, Mapping[str, str]]) -> int:
    return fact[0]


def _agree(known: Mapping[str, str], more: Mapping[str, str]) -> bool:
    """Whether both may be of the same task. What has no field in common says nothing of it, unless nothing is known."""
    common = known.keys() & more.keys()
    return not known or (bool(common) and all(known[field].strip() == more[field].strip() for field in common))


def _union(patterns: Sequence[re.Pattern[str]]) -> re.Pattern[str]:
    """Any of them, without their groups."""
    return re.compile("|".join(f"(?:{_NAMED.sub('(?:', pattern.pattern)})" for pattern in patterns))
