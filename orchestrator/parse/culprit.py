"""Which function of a kernel report is named as its culprit: the first one of the subsystem that erred. Pure.

docs/kernel-reports.md states the rule for people; the roles of code are those of data/code-places.toml.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

from orchestrator.parse.code_places import Role
from orchestrator.parse.stack_frames import CodeFrame

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
        return _outermost([context for stack in stacks for context in _contexts(stack, role_of, _BORDERS)], role_of)
    frames = [frame for stack in stacks for frame in stack]
    if walk is Walk.BLOCKED:
        return _blocked(frames, role_of)
    return _innermost(_contexts(_from(named, frames, role_of), role_of, {Role.TRAP}), role_of, is_named=bool(named))


_BORDERS = {Role.TRAP, Role.ENTRY}


def _contexts(frames: Sequence[CodeFrame], role_of: RoleOf, borders: set[Role]) -> list[Context]:
    """A context ends with the frames by which the CPU came to it: an interrupt's entry, a softirq's loop."""
    found: list[list[CodeFrame]] = [[]]
    was_border = False
    for frame in frames:
        is_border = role_of(frame) in borders
        if found[-1] and ((was_border and not is_border) or frame.is_first):
            found.append([])
        found[-1].append(frame)
        was_border = is_border
    return [context for context in found if context]


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


def _innermost(contexts: Sequence[Context], role_of: RoleOf, *, is_named: bool) -> Culprit:
    """Per context: the first function that is no library's; one of a service only if no subsystem asked for it."""
    doubtful = Culprit()
    for context in contexts:
        found, is_own = _first(context, role_of)
        # what printed the report may have had to call notifiers and the like, in the context of the trap
        if found.function and (is_own or is_named or not any(role_of(frame) is Role.PRINTER for frame in context)):
            return found
        doubtful = doubtful if doubtful.function else found
    frames = [frame for context in contexts for frame in context]
    found = doubtful if doubtful.function else _first_of(frames, (Role.LIBRARY,), role_of)
    if not found.function and frames and role_of(frames[0]) is Role.TRAP:  # it was there that something went wrong
        return Culprit(frames[0].function, is_guess=True)
    return found


def _first(context: Context, role_of: RoleOf) -> tuple[Culprit, bool]:
    """The culprit of a context, and whether it is a function of a subsystem's own."""
    service: CodeFrame | None = None
    for at, frame in enumerate(context):
        role = role_of(frame)
        if role is Role.SERVICE:
            service = service or frame
        elif role is Role.OWN or (role in (Role.DISPATCH, Role.ENTRY) and not service):
            return Culprit(frame.function, _caller(context[at:], role_of)), role is Role.OWN
        elif role in (Role.DISPATCH, Role.ENTRY):
            break
    return Culprit(service.function if service else ""), False


def _caller(frames: Sequence[CodeFrame], role_of: RoleOf) -> str:
    """The next function that called the first one and is a subsystem's own, or what handed the request to it."""
    function = frames[0].function
    callers = (frame.function for frame in frames[1:] if role_of(frame) in (Role.OWN, Role.DISPATCH))
    return next((caller for caller in callers if caller != function), "")


def _outermost(contexts: Sequence[Context], role_of: RoleOf) -> Culprit:
    """What a subsystem was entered through, in the first context that a subsystem has. What noticed the stall is the
    last to be looked at. With no subsystem at all: the system call, then what the kernel does by itself."""
    seen = sorted(contexts, key=lambda context: any(role_of(frame) is Role.PRINTER for frame in context))
    for context in seen:
        own = [frame.function for frame in context if role_of(frame) is Role.OWN]
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
        if role_of(frame) in (Role.OWN, Role.DISPATCH):
            return Culprit(frame.function, _caller(frames[at:], role_of))
    return _first_of(frames, (Role.ENTRY, Role.SERVICE, Role.TRAP, Role.LIBRARY), role_of)


def _first_of(frames: Sequence[CodeFrame], roles: Sequence[Role], role_of: RoleOf) -> Culprit:
    """For want of a subsystem's own: the first function of the first of the roles that there is."""
    for role in roles:
        if function := next((frame.function for frame in frames if role_of(frame) is role), ""):
            return Culprit(function, is_guess=role in (Role.TRAP, Role.LIBRARY))
    return Culprit()
