"""Which function of a kernel report is named as its culprit: the first one of the subsystem that erred. Pure.

docs/kernel-reports.md states the rule for people; the roles of code are those of data/code-places.toml.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import groupby, pairwise

from orchestrator.parse.logs.code_places import Role
from orchestrator.parse.logs.stack_frames import CodeFrame

RoleOf = Callable[[CodeFrame], Role]
Context = Sequence[
    CodeFrame
]  # what ran without a break: an interrupt, or what it interrupted; the innermost frame first


class Walk(Enum):
    """Where in a stack the culprit is."""

    INNERMOST = "innermost"  # the instruction is wrong: the first function of a subsystem's own
    OUTERMOST = "outermost"  # where in a loop the CPU was is chance: what a subsystem was entered through
    BLOCKED = "blocked"  # the first function that does not wait for others


@dataclass(frozen=True)
class Culprit:
    """`caller` is the next function of a subsystem's own that called it. Both empty: there is none."""

    function: str = ""
    caller: str = ""
    is_guess: bool = False  # it works for others, and whoever that was is not in the stack


def culprit(walk: Walk, stacks: Sequence[Sequence[CodeFrame]], named: CodeFrame | None, role_of: RoleOf) -> Culprit:
    """Of the stacks that a report is about. `named` is what the report's first line names."""
    if walk is Walk.OUTERMOST:
        return _outermost([[*context] for stack in stacks for context in _contexts(stack, role_of, _BORDERS)], role_of)
    frames = [frame for stack in stacks for frame in stack]
    if walk is Walk.BLOCKED:
        return _blocked(frames, role_of)
    return _innermost(_from(named, frames, role_of), role_of, is_named=bool(named))


_BORDERS = {Role.TRAP, Role.ENTRY}


def _contexts(frames: Sequence[CodeFrame], role_of: RoleOf, borders: set[Role]) -> Iterator[Iterator[CodeFrame]]:
    """A context ends with the frames by which the CPU came to it: an interrupt's entry, a softirq's loop. Each is to be
    used before the next; roles of frames that nobody takes are not asked for."""
    number, was_border = 0, False

    def number_of(frame: CodeFrame) -> int:
        nonlocal number, was_border
        is_border = role_of(frame) in borders
        number += (was_border and not is_border) or frame.is_first
        was_border = is_border
        return number

    return (context for _, context in groupby(frames, number_of))


def _from(named: CodeFrame | None, frames: Sequence[CodeFrame], role_of: RoleOf) -> Sequence[CodeFrame]:
    """The frames from the one that the report's first line names: what is before it printed the report."""
    if named is None:
        return frames
    at = next((at for at, frame in enumerate(frames) if frame.function == named.function), None)
    if at is None:
        at = next(
            (at for at, frame in enumerate(frames) if role_of(frame) not in (Role.PRINTER, Role.TRAP)), len(frames)
        )
        return [named, *frames[at:]]
    return frames[at:]


def _innermost(frames: Sequence[CodeFrame], role_of: RoleOf, *, is_named: bool) -> Culprit:
    """Per context: the first function that is no library's; one of a service only if no subsystem asked for it."""
    doubtful = Culprit()
    for context in _contexts(frames, role_of, {Role.TRAP}):
        found, is_sure = _first(context, role_of)
        if found.function and (is_sure or is_named):
            return found
        doubtful = doubtful if doubtful.function else found
    found = doubtful if doubtful.function else _first_of(frames, (Role.LIBRARY,), role_of)
    if not found.function and frames and role_of(frames[0]) is Role.TRAP:  # it was there that something went wrong
        return Culprit(frames[0].function, is_guess=True)
    return found


def _first(context: Iterator[CodeFrame], role_of: RoleOf) -> tuple[Culprit, bool]:
    """The culprit of a context, and whether it is sure: a subsystem's own function, or one of a context in which
    nothing was printed. What prints the report may have to call notifiers and the like, in the context of the trap."""
    asked: CodeFrame | None = None
    service: CodeFrame | None = None
    has_printer = False
    for frame in context:
        role = role_of(frame)
        if role is Role.OWN:
            return Culprit(frame.function, _caller(frame, context, role_of)), True
        if role in (Role.DISPATCH, Role.ENTRY):
            rest = [frame, *context]
            if asked:
                return Culprit(asked.function, _caller(asked, rest, role_of)), True
            has_printer = has_printer or any(role_of(other) is Role.PRINTER for other in rest)
            if not service:
                return Culprit(frame.function, _caller(frame, rest, role_of)), not has_printer
            break
        has_printer = has_printer or role is Role.PRINTER
        asked = frame if role is Role.ASKED else asked
        service = service or (frame if role is Role.SERVICE else None)
    if asked:
        return Culprit(asked.function), True
    return Culprit(service.function if service else ""), not has_printer


def _caller(frame: CodeFrame, outer: Iterable[CodeFrame], role_of: RoleOf) -> str:
    """The next function that called it and is a subsystem's own, or what handed the request to it."""
    callers = (one.function for one in outer if role_of(one) in (Role.OWN, Role.ASKED, Role.DISPATCH))
    return next((caller for caller in callers if caller != frame.function), "")


def _outermost(contexts: Sequence[Context], role_of: RoleOf) -> Culprit:
    """What a subsystem was entered through, in the first context that a subsystem has. What noticed the stall is the
    last to be looked at. With no subsystem at all: the system call, then what the kernel does by itself."""
    seen = sorted(contexts, key=lambda context: any(role_of(frame) is Role.PRINTER for frame in context))
    for context in seen:
        own = [frame.function for frame in context if role_of(frame) in (Role.OWN, Role.ASKED)]
        if own and role_of(context[-1]) in (Role.TRAP, Role.ENTRY, Role.DISPATCH):
            inner = [function for function in own if function != own[-1]]
            return Culprit(own[-1], inner[-1] if inner else "")
        if own:  # it does not go as far as to where it was entered
            return Culprit(own[0], next((function for function in own if function != own[0]), ""))
    frames = [frame for context in seen for frame in context]
    calls = (frame for frame in reversed(frames) if role_of(frame) in (Role.DISPATCH, Role.SERVICE))
    call = next((frame for frame in calls if frame.function.startswith(("sys_", "compat_sys_"))), None)
    if call:
        return Culprit(call.function)
    for context in seen:
        found = _first_of([*reversed(context)], (Role.DISPATCH, Role.SERVICE), role_of)
        if not found.function:
            found = _begun(context, role_of)
        if found.function:
            return found
    return _first_of(frames, (Role.LIBRARY,), role_of)


def _begun(context: Context, role_of: RoleOf) -> Culprit:
    """The loop that began a context; but of what finds faults by itself, the thread or work item that it is."""
    for inner, entry in pairwise(context):
        if role_of(entry) is Role.ENTRY:
            return Culprit((inner if role_of(inner) is Role.PRINTER else entry).function)
    return _first_of(context, (Role.ENTRY,), role_of)


def _blocked(frames: Sequence[CodeFrame], role_of: RoleOf) -> Culprit:
    """The first function that took the lock, or waits for something of its own."""
    for at, frame in enumerate(frames):
        if role_of(frame) in (Role.OWN, Role.ASKED, Role.DISPATCH):
            return Culprit(frame.function, _caller(frame, frames[at + 1 :], role_of))
    return _first_of(frames, (Role.ENTRY, Role.SERVICE, Role.TRAP, Role.LIBRARY), role_of)


def _first_of(frames: Sequence[CodeFrame], roles: Sequence[Role], role_of: RoleOf) -> Culprit:
    """For want of a subsystem's own: the first function of the first of the roles that there is."""
    for role in roles:
        if function := next((frame.function for frame in frames if role_of(frame) is role), ""):
            return Culprit(function, is_guess=role in (Role.TRAP, Role.LIBRARY))
    return Culprit()
