"""What is going on, in one line: from the events of a run and how long the same things took in earlier runs. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from orchestrator import events
from orchestrator.reporters.summary import seconds
from orchestrator.words import counted

_LEAST_S = 2.0  # what takes less needs no promise
_MOST_NAMED = 3  # cases that run at the same time


@dataclass(frozen=True)
class Earlier:
    """How long something took the last time, and what was said about it then."""

    time_s: float
    note: str = ""
    is_case: bool = False


EarlierTimes = Mapping[tuple[str, str], Earlier]  # by kconfig, and stage or case


@dataclass(frozen=True)
class Doing:
    """A stage or case at work since a time of the host's monotonic clock, in seconds."""

    suite: str
    name: str
    since_s: float
    pair: int = 0
    log: str = ""  # of make

    @property
    def key(self) -> tuple[str, str]:
        return self.suite.partition(".")[0], self.name


@dataclass(frozen=True)
class Status:
    """All that is at work, and how many cases are over."""

    stages: tuple[Doing, ...] = ()
    cases: tuple[Doing, ...] = ()
    done: int = 0
    planned: int = 0  # 0: not known

    @property
    def is_idle(self) -> bool:
        return not self.stages and not self.cases

    @property
    def log(self) -> str:
        """Of the make that is at work."""
        return next((stage.log for stage in self.stages if stage.log), "")


def after(status: Status, event: events.Event, now_s: float) -> Status:
    """The status once an event has happened."""
    match event:
        case events.RunStarted():
            return replace(status, planned=event.cases)
        case events.StageStarted():
            return replace(status, stages=(*status.stages, Doing(event.suite, event.stage, now_s)))
        case events.Compiling():
            stages = (replace(one, log=event.log) if one.suite == event.suite else one for one in status.stages)
            return replace(status, stages=tuple(stages))
        case events.StageFinished():
            left = (one for one in status.stages if (one.suite, one.name) != (event.suite, event.stage))
            return replace(status, stages=tuple(left))
        case events.CaseStarted():
            return replace(status, cases=(*status.cases, Doing(event.suite, event.case, now_s, event.pair)))
        case events.CaseFinished():
            ended = (event.suite, event.case, event.pair)
            at = next((at for at, one in enumerate(status.cases) if (one.suite, one.name, one.pair) == ended), None)
            cases = status.cases if at is None else (*status.cases[:at], *status.cases[at + 1 :])
            return replace(status, cases=cases, done=status.done + (event.pair == 0))
        case events.RunFinished():
            return Status()
    return status


def words(status: Status, now_s: float, earlier: EarlierTimes, compiled: int = 0) -> str:
    """`[base.patched] build 72 s, 412 objects compiled (last time 10 min 5 s, 2890 objects compiled)`. Empty
    where nothing is going on."""
    if status.cases:
        return _cases(status, now_s, earlier)
    if not status.stages:
        return ""
    stage = status.stages[-1]
    parts = [f"[{stage.suite}] {stage.name} {_elapsed(now_s - stage.since_s)}"]
    if stage.log:
        parts.append(f"{counted(compiled, 'object')} compiled")
    last = earlier.get(stage.key)
    before = (
        f" (last time {', '.join(filter(None, (_elapsed(last.time_s), last.note)))})"
        if last and last.time_s >= _LEAST_S
        else ""
    )
    return ", ".join(parts) + before


def _elapsed(time_s: float) -> str:
    """In whole seconds: it is read while it changes."""
    return f"{int(time_s)} s" if time_s < 120 else seconds(time_s)


def _cases(status: Status, now_s: float, earlier: EarlierTimes) -> str:
    first = status.cases[0]
    at_work = [
        f"{one.name}{f', pair {one.pair}' if one.pair else ''} {_elapsed(now_s - one.since_s)}" for one in status.cases
    ]
    named = ", ".join(at_work[:_MOST_NAMED]) + (
        f" and {len(at_work) - _MOST_NAMED} more" if at_work[_MOST_NAMED:] else ""
    )
    again = any(one.pair for one in status.cases)
    counts = (
        "again, with the patch and without it"
        if again
        else f"{status.done} of {status.planned} cases done"
        if status.done < status.planned
        else f"{counted(status.done, 'case')} done"
    )
    left_s = 0.0 if again else _left_s(status, now_s, earlier)
    left = f", about {_elapsed(left_s)} left" if left_s else ""
    return f"[{first.suite}] {counts}: {named}{left}"


def _left_s(status: Status, now_s: float, earlier: EarlierTimes) -> float:
    """How long the cases that are left may take; 0 where no earlier run tells."""
    kconfig = status.cases[0].key[0]
    known = [one.time_s for (of, name), one in earlier.items() if of == kconfig and one.is_case]
    left = status.planned - status.done
    if not known or left <= 0:
        return 0.0
    each_s = sum(known) / len(known)
    spent_s = sum(min(now_s - one.since_s, each_s) for one in status.cases)
    return max(0.0, left * each_s - spent_s) / len(status.cases)
