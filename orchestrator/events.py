"""What happened, as frozen values. The pipeline and the stages emit them; user interfaces only listen.

A listener is a plain callable. It must not raise and must not block for long: it runs in the emitter's thread, and
the emitter may be any thread. Strings from tools and guests are as they came: whoever shows them makes them harmless.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from orchestrator.model.outcome import Outcome


class Level(IntEnum):
    """The importance of a note."""

    DEBUG = 0
    INFO = 1
    WARNING = 2
    ERROR = 3


@dataclass(frozen=True)
class RunStarted:
    """`plan` has a line for each thing that the user wants to know before waiting: series, kernels, cases."""

    run_dir: str
    plan: tuple[str, ...] = ()
    resumed: bool = False
    cases: int = 0  # that will be run at least, over all kernels; 0: not known


@dataclass(frozen=True)
class StageStarted:
    suite: str
    stage: str


@dataclass(frozen=True)
class Compiling:
    """make works for a stage that has been announced; what it says goes to the file `log`."""

    suite: str
    log: str


@dataclass(frozen=True)
class StageFinished:
    """`cached`: the product came from the store, and nothing was done."""

    suite: str
    stage: str
    outcome: Outcome
    time_s: float
    cached: bool = False
    message: str = ""


@dataclass(frozen=True)
class GuestReady:
    """The guest answered over SSH, `time_s` after power-on. `guest` counts the guests of the suite from 0."""

    suite: str
    time_s: float
    accel: str = ""
    guest: int = 0


@dataclass(frozen=True)
class GuestLost:
    """The guest died, froze or was given up; a new one takes the cases that are left."""

    suite: str
    reason: str
    guest: int = 0


@dataclass(frozen=True)
class CaseStarted:
    """`limit_s` is when the case is ended by force, counted from now. `pair` is that of the attempt."""

    suite: str
    case: str
    limit_s: float
    pair: int = 0


@dataclass(frozen=True)
class CaseFinished:
    suite: str
    case: str
    outcome: Outcome
    time_s: float
    message: str = ""
    pair: int = 0


@dataclass(frozen=True)
class CommandRan:
    """A command ended. `status` is negative for a signal; None when we ended it at its deadline."""

    argv: tuple[str, ...]
    cwd: str
    status: int | None
    time_s: float
    log: str = ""


@dataclass(frozen=True)
class Note:
    """`detail` is what only few want to read."""

    level: Level
    text: str
    detail: str = ""


@dataclass(frozen=True)
class RunFinished:
    """`verdict` and `reason` as in the report, which is in `run_dir`."""

    verdict: str
    reason: str
    time_s: float
    run_dir: str


Event = (
    RunStarted
    | StageStarted
    | Compiling
    | StageFinished
    | GuestReady
    | GuestLost
    | CaseStarted
    | CaseFinished
    | CommandRan
    | Note
    | RunFinished
)

Listener = Callable[[Event], None]
