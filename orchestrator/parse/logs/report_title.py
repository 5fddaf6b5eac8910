"""What a kernel report is called: stable over runs, so that the same bug has the same title.

No addresses, offsets, process numbers, CPU numbers or build ids. Alternative titles are what the same bug may be called
in another run: the same function under another kind, the same kind at the function that called it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from orchestrator.parse.logs import report_lines as report_lines
from orchestrator.parse.logs.code_places import Role
from orchestrator.parse.logs.culprit import Culprit, RoleOf, Walk, culprit
from orchestrator.parse.logs.report_kinds import KindTable, ReportKind
from orchestrator.parse.logs.report_lines import OWN, Trace
from orchestrator.parse.logs.stack_frames import CodeFrame, is_of_module, linked, named_in, plain_name, stale

_SCRUBS = (
    (re.compile(r"\+0x[0-9a-f]+(/0x[0-9a-f]+)?"), ""),
    (re.compile(r"\b(?:0x)?[0-9a-f]{12,16}\b"), "ADDR"),
    (re.compile(r"\b(CPU#|cpu |CPU |CPU: )\d+"), r"\1N"),
    (re.compile(r"\b(pid|PID)([:= ]+)\d+"), r"\1\2N"),
    (re.compile(r"\s+"), " "),
)

# one of these is in whatever there is to scrub, and in few other texts
_DIRT = re.compile(r"\+0x|[0-9a-f]{12}|cpu|CPU|pid|PID|\s\s|[^\S ]|__|S[yY]S|\.")
_WORD = re.compile(r"\w")
CACHED = 1 << 10  # stacks: a storm of reports shows the same again and again
_PLACES = ("one", "place", "work")  # fields that name a function too, where the report says more than its trace
_ACCESSES = ("one", "other")  # fields that name the function of one of two accesses, whose stacks come in this order


@dataclass(frozen=True)
class Title:
    """`function` is the culprit; empty where the report names none."""

    text: str
    function: str = ""
    is_guess: bool = False  # that function works for others
    alternatives: tuple[str, ...] = ()


@dataclass(frozen=True)
class Told:
    """The messages of a report, those of them with which reports begin, and its stacks."""

    messages: Sequence[str]
    heads: Sequence[str]
    traces: Sequence[Trace]


def title(kinds: Sequence[ReportKind], told: Told, table: KindTable) -> Title:
    """The first title, of the kind that names the report, whose fields are all found in it.

    `kinds` are all that the report is: the function may be named in the line of another one.
    """
    kind = min(kinds, key=lambda kind: kind.priority)
    of_kinds = {one.kind: _fields(one, told) for one in kinds}
    fields = of_kinds[kind.kind]
    functions = (of_kinds[one.kind].get("function", "") for one in (kind, *kinds))
    named = next((_named(function, told.messages) for function in functions if function), None)
    found = _culprit(kind, told, named, table)
    fields.pop("function", "")
    fields |= _accesses(kind, fields, told, table)
    place = next((fields[name] for name in _PLACES if name in fields), "")
    if found.function and not (place and _role(kind, table)(CodeFrame(found.function)).is_for_others):
        fields["function"] = found.function
    text, is_named = _filled(kind.titles, fields)
    function = found.function if is_named else place or found.function
    return Title(
        text, function, found.is_guess and function == found.function, tuple(_alternatives(kind, fields, found, text))
    )


def _filled(templates: Sequence[str], fields: Mapping[str, str]) -> tuple[str, bool]:
    """The first whose fields are all there, and whether it names the function. The last one needs none."""
    for template in templates:
        needed = _needed(template)
        if all(field in fields for field in needed):
            return template.format_map(fields)[:200], "function" in needed
    return templates[-1], False


@cache
def _needed(template: str) -> Sequence[str]:
    """The fields of a kind's title. There are as many templates as the kinds have."""
    return re.findall(r"\{(\w+)\}", template)


def _alternatives(kind: ReportKind, fields: Mapping[str, str], found: Culprit, text: str) -> list[str]:
    if "function" not in fields:
        return []
    shared = [_filled([template, ""], fields)[0] for template in kind.alternatives]
    by_caller, is_named = _filled(kind.titles, {**fields, "function": found.caller})
    titles = [*shared, *([by_caller] if found.caller and is_named else [])]
    return [one for one in dict.fromkeys(titles) if one not in ("", text)]


def _fields(kind: ReportKind, told: Told) -> dict[str, str]:
    fields: dict[str, str] = {}
    for message in told.heads:
        match = next((match for pattern in kind.start if (match := pattern.match(message))), None)
        if match:
            more = {name: value for name, value in match.groupdict().items() if value and name not in fields}
            fields = {**{name: _scrubbed(value) for name, value in more.items()}, **fields}
            if kind.kind not in kind.absorbs:  # a line that is there for each inlined function names the real one last
                break
    for name, pattern in kind.fields:
        found = next((match[1] for message in told.messages if (match := pattern.search(message))), None)
        if found and name not in fields:
            fields[name] = _scrubbed(found)
    return fields


def _scrubbed(text: str) -> str:
    if not _DIRT.search(text):
        return text.strip()
    for pattern, replacement in _SCRUBS:
        text = pattern.sub(replacement, text)
    return plain_name(text).strip()


def _named(function: str, messages: Sequence[str]) -> CodeFrame:
    """The function that the report's first line names. The file beside it may be that of an inline function."""
    line = next((message for message in messages if _names(plain_name(message), function)), "")
    return CodeFrame(function, is_module=is_of_module(line))


def _names(text: str, function: str) -> bool:
    """Whether it is a word of the text. No expression: one would be compiled for each function of a storm."""
    at = text.find(function)
    while at >= 0:
        end = at + len(function)
        if not (at and _WORD.match(text, at - 1)) and not _WORD.match(text, end):
            return True
        at = text.find(function, at + 1)
    return False


def _culprit(kind: ReportKind, told: Told, named: CodeFrame | None, table: KindTable) -> Culprit:
    messages, traces, after = told.messages, told.traces, 0
    if kind.trace_after:
        begins = (i for after in kind.trace_after for i, message in enumerate(messages) if after.match(message))
        after = next(begins, len(messages))
        traces = report_lines.traces(messages[after:], table.lines)
    subject = next((stack for stack, said in kind.about if any(said.match(message) for message in messages)), OWN)
    if subject != OWN:
        header = dict(table.lines.stacks)[subject]
        named = next((named_in(message) for message in messages if header.match(message)), None)
    own = tuple(trace.frames for trace in traces if kind.trace_after or trace.name == subject)
    reliable = tuple(_reliable(frames, messages) for frames in own)
    if kind.culprit is Walk.OUTERMOST and sum(map(len, reliable)) <= 1:  # one that could not unwind
        reliable = (tuple(frame for frames in (*reliable, stale(messages[after:])) for frame in frames),)
    found = _walked(kind, reliable, named, table)
    if found.function and not found.is_guess:
        return found
    doubtful = (*own, tuple(linked(messages)), tuple(stale(messages[after:])))  # the better first
    other = _walked(kind, (*reliable, *doubtful), named, table)
    return other if other.function and not other.is_guess else found


def _reliable(frames: Sequence[CodeFrame], messages: Sequence[str]) -> tuple[CodeFrame, ...]:
    """Without what the kernel doubts: but where the link register says the same, it has called."""
    called = {frame.function for frame in linked(messages)} if any(frame.is_doubtful for frame in frames) else set()
    return tuple(frame for frame in frames if not frame.is_doubtful or frame.function in called)


@lru_cache(CACHED)
def _walked(
    kind: ReportKind, stacks: tuple[tuple[CodeFrame, ...], ...], named: CodeFrame | None, table: KindTable
) -> Culprit:
    return culprit(kind.culprit, stacks, named, _role(kind, table))


def _role(kind: ReportKind, table: KindTable) -> RoleOf:
    def role(frame: CodeFrame) -> Role:
        if kind.own and kind.own.fullmatch(frame.function):
            return Role.OWN
        file = frame.file or (table.locate(frame.printed) if table.locate and frame.printed else "")
        return table.places.role(frame.function, file, is_module=frame.is_module)

    return role


def _accesses(kind: ReportKind, fields: Mapping[str, str], told: Told, table: KindTable) -> dict[str, str]:
    """Of a report about two accesses: who made them, where the kernel names the library that did it for them."""
    names = [name for name in _ACCESSES if name in fields]
    own = [trace.frames for trace in told.traces if trace.name == OWN]
    found: dict[str, str] = {}
    for name in names:
        frames = next((frames for frames in own if frames[0].function == fields[name]), ())
        found[name] = culprit(Walk.INNERMOST, [frames], None, _role(kind, table)).function or fields[name]
    return found
