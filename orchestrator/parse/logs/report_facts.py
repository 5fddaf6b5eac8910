"""A kernel report while its lines are being collected, and the KernelReport that it becomes."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import NamedTuple

from orchestrator.model.kernel_report import KernelReport, Stack
from orchestrator.model.outcome import Outcome
from orchestrator.parse.logs import report_lines as report_lines
from orchestrator.parse.logs.report_kinds import KindTable, ReportKind
from orchestrator.parse.logs.report_lines import NOBODY, CurrentTask
from orchestrator.parse.logs.report_title import Title, Told, title

MAX_LINE = 1000  # bytes of a line that are kept
PROVISIONAL_LINES = 12  # lines from "cut here" to the line that names the report
PROVISIONAL_GAP_S = 1.0
PANIC_LINES = 100  # lines that a panic may add to the report that it follows from
STRANGERS = 20  # lines in a row of a log without times that are no lines of a report
SHORT_TEXT = 5  # lines that are kept of a report that came many times


class Line(NamedTuple):
    """Something that the kernel said. `text` is `message` with its prefix. (A tuple: storms have millions of them.)"""

    text: bytes
    message: bytes
    number: int
    offset: int
    time_s: float | None
    caller: bytes | None
    is_doubtful: bool  # no prefix at the line's beginning proves that it was the kernel
    margin: bytes = b""  # what stood before the message in a log without prefixes
    is_notable: bool = False  # a report may begin with it

    def __deepcopy__(self, memo: object) -> Line:
        """Nothing in it can change: copies of a report share its lines."""
        return self


class Reading(NamedTuple):
    """What a report says, whenever and wherever it came: the same again and again in a flood. (A tuple, for them.)"""

    title: Title
    outcome: Outcome
    damage: str
    at_work: CurrentTask
    stacks: tuple[Stack, ...]


@dataclass(eq=False)
class Report:
    """Lines of one report. `kinds` is empty while only what comes before a report was seen."""

    caller: bytes | None
    kinds: list[ReportKind] = field(default_factory=list)  # each once, the most specific one first
    lines: list[Line] = field(default_factory=list)
    last_s: float | None = None  # the latest time of its lines
    ends: re.Pattern[bytes] | None = None
    is_doubtful: bool = False  # needs evidence that the kernel said it
    margin: bytes = b""  # of its first line; its others have it too
    is_complete: bool = False  # its end marker came
    is_crash: bool = False
    has_trace: bool = False
    has_lost_lines: bool = False
    interrupted: Report | None = None  # the report in whose middle this one came
    is_resumed: bool = False  # one that came in the middle of this one has ended

    @property
    def kind(self) -> ReportKind:
        """The one that names it."""
        return self.kinds[0]

    @property
    def line_end(self) -> int:
        return self.lines[-1].number

    @property
    def depth(self) -> int:
        """How many reports this one came in the middle of."""
        return self.interrupted.depth + 1 if self.interrupted else 0

    def is_quiet(self, time_s: float) -> bool:
        """Whether the kernel's clock went on for too long without a line of this report."""
        return time_s > self.quiet_s

    @property
    def quiet_s(self) -> float:
        """The kernel's time after which it is quiet for too long."""
        gap_s = self.kind.gap_s if self.kinds else PROVISIONAL_GAP_S
        return math.inf if self.last_s is None else self.last_s + gap_s

    def be(self, kind: ReportKind) -> None:
        """It is of that kind too."""
        if not any(one is kind for one in self.kinds):
            self.kinds.append(kind)
            self.kinds.sort(key=lambda kind: kind.priority)

    def add(self, line: Line) -> bool:
        """Take a line; says whether it was the last one: the end marker, or as many as a report may have."""
        self.lines.append(line)
        if line.time_s is not None and (self.last_s is None or line.time_s > self.last_s):
            self.last_s = line.time_s
        if not self.kinds:
            return len(self.lines) >= PROVISIONAL_LINES
        self.has_trace = self.has_trace or report_lines.has_frame(line.message)
        if self.is_end(line.message):
            self.is_complete = True
            return True
        # a panic that follows from it has its own trace
        return len(self.lines) >= self.kind.lines + PANIC_LINES * self.is_crash

    def is_end(self, message: bytes) -> bool:
        return self.ends is not None and bool(self.ends.match(message))

    def take_back_opener(self, table: KindTable) -> Line | None:
        """When "cut here" was the last line of the report, it belongs to the next one."""
        if len(self.lines) < 2 or not table.before.match(self.lines[-1].message):
            return None
        return self.lines.pop()

    def is_proven(self, table: KindTable) -> bool:
        """Whether it is a report: by the lines' prefix, or by something that only reports have."""
        if self.kind.is_plain or not (self.is_doubtful or self.kind.needs_evidence):
            return True
        return any(table.lines.evidence.match(message) for message in self._messages())

    def read(self, table: KindTable) -> Reading:
        """What the finished report says."""
        self._trim(table)
        messages = self._messages()
        both = zip(messages, self.lines, strict=True)
        heads = [said for said, line in both if line.is_notable and table.any_start.match(line.message)]
        traces = report_lines.traces(messages, table.lines)
        named = title(self.kinds, Told(messages, heads, traces), table)
        damage = self._damage(messages, has_function=bool(named.function) and not named.is_guess)
        return Reading(
            title=named,
            outcome=self._outcome,
            damage=damage,
            at_work=report_lines.facts(messages, table.lines),
            stacks=report_lines.stacks(traces),
        )

    def glance(self) -> Reading:
        """What it says by its kind alone."""
        return Reading(Title(self.kind.titles[-1]), self._outcome, "it came after too many others", NOBODY, ())

    @property
    def _outcome(self) -> Outcome:
        return Outcome.CRASH if self.is_crash else max(found.outcome for found in self.kinds)

    def kernel_report(self, reading: Reading, text_lines: int | None) -> KernelReport:
        """The finished report, with as many lines of its text."""
        first, at_work = self.lines[0], reading.at_work
        if self.caller and at_work == NOBODY:
            at_work = report_lines.caller_facts(self.caller.decode())
        return KernelReport(
            kind=self.kind.kind,
            title=reading.title.text,
            alternatives=reading.title.alternatives,
            outcome=reading.outcome,
            line_start=first.number,
            line_end=self.line_end,
            offset=first.offset,
            text=self.text(text_lines),
            frame=reading.title.function,
            corrupted=bool(reading.damage),
            damage=reading.damage,
            task=at_work.task,
            pid=at_work.pid,
            cpu=at_work.cpu,
            time_s=first.time_s,
            stacks=reading.stacks,
        )

    def said(self) -> tuple[object, ...]:
        """All that decides what it says and whether it was cut: what has the same is the same report again."""
        messages = tuple([line.message for line in self.lines])
        has_time = self.last_s is not None
        return tuple(self.kinds), messages, self.is_complete, self.is_crash, self.has_lost_lines, has_time

    def text(self, lines: int | None = None) -> str:
        """Its lines as they came, or the first of them."""
        return b"\n".join(line.text[:MAX_LINE] for line in self.lines[:lines]).decode("utf-8", "replace")

    def _trim(self, table: KindTable) -> None:
        """Where no clock tells that a report was over, its lines do: it ends before many that are of no report."""
        if self.is_complete or any(line.time_s is not None for line in self.lines):
            return
        head = 1 + next(i for i, line in enumerate(self.lines) if table.any_start.match(line.message))
        messages = self._messages()
        self.lines = self.lines[: head + report_lines.first_gap(messages[head:], table.lines, STRANGERS)]

    def _messages(self) -> list[str]:
        return [line.message.decode("utf-8", "replace") for line in self.lines]

    def _damage(self, messages: list[str], *, has_function: bool) -> str:
        """Why lines of it are missing, or are not to be trusted; empty where nothing tells so."""
        if self.has_lost_lines:
            return "printk dropped messages while it was printed"
        if self.is_complete or self.kind.is_plain:
            return ""
        if not any(message.startswith("Kernel panic") for message in messages):  # which ends everything
            tags = [tag for message in messages if "TASK>" in message for tag in re.findall(r"</?TASK>", message)]
            if tags[-1:] == ["<TASK>"]:
                return "its trace has no end"
            if self.kind.must_end and not tags and not self._is_unended(messages):
                return "it has no end"
        traced = [pattern for pattern in (*self.kind.trace_after[:1], self.kind.untraced) if pattern]
        if traced and not any(pattern.match(message) for message in messages for pattern in traced):
            return "its trace is missing"
        return "" if has_function or "{function}" not in self.kind.titles[0] else "no function of a subsystem is in it"

    def _is_unended(self, messages: list[str]) -> bool:
        """Whether the architecture ends no such report."""
        unended = self.kind.unended
        return unended is not None and any(unended.match(message) for message in messages)
