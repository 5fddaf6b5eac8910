"""Changed conditions + the jumps of the functions that have them -> the parts that conditions were compiled to. Pure.

A place in source, for an instruction, is a stack of functions: the innermost inlined one first, and for each of the
others the place where it calls. So a jump belongs to a condition if the condition's lines are in its stack, and where
it leads, seen from the condition's function, is read from the stack of what is next.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from orchestrator.model.coverage import ChangedFile, ChangedStatement, Jump, Part, WayOut

_TOKEN = re.compile(r"\w{1,40}|&&|\|\||[^\s\w]")


class Place(NamedTuple):
    """Where an instruction stands in a function, or where that calls what is inlined."""

    function: str
    file: str
    line: int
    column: int


Stack = tuple[Place, ...]


@dataclass(frozen=True)
class _Seen:
    """A jump as one that belongs to a condition: `own` is the place in its stack that is the condition's, `callers` are
    those outside of it, `call` is the function that is called there and has the jump; empty: the jump is its own."""

    jump: Jump
    own: Place
    callers: Stack
    call: str

    def is_inside(self, stack: Stack) -> bool:
        """Whether a place is in the same call."""
        outside = len(self.callers) + 1
        return (
            bool(self.call)
            and len(stack) > outside
            and stack[-outside:] == (self.own, *self.callers)
            and stack[-outside - 1].function == self.call
        )

    def to(self, stack: Stack) -> str:
        """Where a place is, seen from the condition's function."""
        outside = len(self.callers)
        around = stack[len(stack) - outside :]
        if len(stack) <= outside or around != self.callers or stack[-outside - 1].function != self.own.function:
            return f"beyond {self.own.function}()"
        return f"{stack[-outside - 1].file}:{stack[-outside - 1].line}"


def with_parts(
    files: Iterable[ChangedFile],
    jumps: Sequence[Jump],
    stack_at: Callable[[int], Stack],
    function_at: Callable[[int], str],
    texts: Mapping[str, str],
) -> tuple[tuple[ChangedFile, ...], tuple[Jump, ...]]:
    """The files with the parts of their conditions, and the jumps among `jumps` that these need, ascending."""
    stacks = [(jump, stack_at(jump.address)) for jump in jumps]
    lines: dict[tuple[str, int], list[tuple[Jump, Stack, int]]] = {}  # of each place: what has it at which depth
    for jump, stack in stacks:
        for depth, place in enumerate(stack):
            lines.setdefault((place.file, place.line), []).append((jump, stack, depth))
    changed, needed = [], set()
    for file in files:
        source = texts[file.file].split("\n")
        statements = []
        for one in file.statements:
            if not one.is_condition or not one.copies:
                statements.append(one)
                continue
            seen = list(_seen(file.file, one, lines))
            made = _with_parts(one, seen, stack_at, function_at, source)
            parts = [part for copy in made.copies for instance in copy.parts for part in instance]
            used = {jump for part in parts for way in part.ways for jump, _ in way.gone_by}
            needed |= {each.jump for each in seen if each.jump.address in used}
            statements.append(made)
        changed.append(replace(file, statements=tuple(statements)))
    return tuple(changed), tuple(sorted(needed, key=lambda jump: jump.address))


def _seen(
    file: str, one: ChangedStatement, lines: Mapping[tuple[str, int], Sequence[tuple[Jump, Stack, int]]]
) -> Iterator[_Seen]:
    for line in range(one.line, one.last_line + 1):
        for jump, stack, depth in lines.get((file, line), ()):
            call = stack[depth - 1].function if depth else ""
            yield _Seen(jump, stack[depth], stack[depth + 1 :], call)


def _with_parts(
    one: ChangedStatement,
    seen: Iterable[_Seen],
    stack_at: Callable[[int], Stack],
    function_at: Callable[[int], str],
    source: Sequence[str],
) -> ChangedStatement:
    """The statement with the parts of each of its copies, by the order of their addresses."""
    own: dict[tuple[str, Stack], list[tuple[int, Part]]] = {}
    calls: dict[tuple[str, Stack, Place, str], list[_Seen]] = {}
    for each in sorted(seen, key=lambda each: each.jump.address):
        copy = function_at(each.jump.address)
        if each.call:
            calls.setdefault((copy, each.callers, each.own, each.call), []).append(each)
            continue
        ways = tuple(
            WayOut(each.to(stack_at(to)), ((each.jump.address, to),)) for to in (each.jump.taken, each.jump.not_taken)
        )
        part = Part(each.own.line, each.own.column, _token(source, each.own), False, ways)
        own.setdefault((copy, each.callers), []).append((each.jump.address, part))
    for (copy, callers, place, call), inside in calls.items():
        if len(ways := _ways_out(inside, stack_at)) > 1:
            part = Part(place.line, place.column, call, True, ways)
            own.setdefault((copy, callers), []).append((inside[0].jump.address, part))
    instances: dict[str, list[tuple[Part, ...]]] = {}
    for (copy, _), parts in own.items():
        instances.setdefault(copy, []).append(tuple(part for _, part in sorted(parts, key=lambda pair: pair[0])))
    copies = (replace(copy, parts=tuple(instances.get(copy.function, ()))) for copy in one.copies)
    return replace(one, copies=tuple(copies))


def _ways_out(inside: Iterable[_Seen], stack_at: Callable[[int], Stack]) -> tuple[WayOut, ...]:
    """Where the jumps of a function that is inlined lead out of it."""
    found: dict[str, list[tuple[int, int]]] = {}
    for each in inside:
        for to in (each.jump.taken, each.jump.not_taken):
            stack = stack_at(to)
            if not each.is_inside(stack):
                found.setdefault(each.to(stack), []).append((each.jump.address, to))
    return tuple(WayOut(to, tuple(gone_by)) for to, gone_by in sorted(found.items()))


def _token(source: Sequence[str], place: Place) -> str:
    text = source[place.line - 1] if 0 < place.line <= len(source) else ""
    found = _TOKEN.match(text, place.column - 1) if place.column else None
    return found[0] if found else ""
