"""A night: what its plan asks for, what there is to test, what became of each item. Its record is made of these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, IntEnum

from orchestrator.model.kernel import USUAL_TOOLCHAIN

Parts = tuple[tuple[str, str], ...]
"""What an item tests, by name: base, series, kconfig, cases, guest. Values are digests, or ids of commits."""

TEST, MUTANTS, BISECT = "test", "mutants", "bisect"  # the commands that items are


class Priority(IntEnum):
    """Which of the items come first; the longest first within each."""

    HIGH = 0
    NORMAL = 1
    LOW = 2
    BISECTION = 3  # after everything that the plan asks for


@dataclass(frozen=True)
class NightItem:
    """Which item of which night a run is, and what it tests: part of the run's record and of the history."""

    night: str
    item: str
    tested: Parts


@dataclass(frozen=True)
class Suite:
    """A selection of cases and how they are run, by name."""

    name: str
    command: str = TEST
    testcases: tuple[str, ...] = ()
    kconfigs: tuple[str, ...] = ()  # instead of those of the tree or series
    duration_s: float | None = None
    seed: int | None = 1  # None: another one each night
    each_patch: bool = False
    host_tests: tuple[str, ...] = ()  # that run whatever a patch touches
    budget_s: float | None = None  # as --budget of the command
    every_s: float = 0.0  # not more often than that, whatever has changed
    again_s: float | None = None  # again after so long, though nothing has changed
    options: tuple[str, ...] = ()  # more of the command line

    @property
    def needs_series(self) -> bool:
        return self.each_patch or self.command == MUTANTS


@dataclass(frozen=True)
class Entry:
    """What trees and series of a plan have in common. `budget_s` is for all its items of one night."""

    name: str
    suites: tuple[Suite, ...]
    kconfigs: tuple[str, ...]
    machines: tuple[str, ...]
    toolchains: tuple[str, ...] = (USUAL_TOOLCHAIN,)
    priority: Priority = Priority.NORMAL
    budget_s: float | None = None


@dataclass(frozen=True)
class TreeEntry(Entry):
    """A git tree whose branches are tested as they are."""

    path: str = ""
    fetch: tuple[str, ...] = ()  # command lines of a shell, in the tree
    branches: tuple[str, ...] = ()


class From(Enum):
    """Where series come from."""

    PATCH = "patch"  # what --patch takes: one series
    DIRECTORY = "directory"  # of several series
    MAILDIR = "maildir"
    PATCHWORK = "patchwork"  # the address of a query for series


@dataclass(frozen=True)
class SeriesEntry(Entry):
    """Series from one place. `tree` is a path, or empty: Debian's source."""

    source: From = From.PATCH
    place: str = ""
    tree: str = ""
    base: str = ""
    archive: str = ""
    most: int = 50  # the newest


@dataclass(frozen=True)
class Results:
    """What becomes of a night's results. Paths; empty: the usual place, or none."""

    history: str = ""
    directory: str = ""
    markdown: str = ""
    json: str = ""
    junit: str = ""


@dataclass(frozen=True)
class NightPlan:
    """A plan file, checked. `digest` is that of its text."""

    path: str
    digest: str
    trees: tuple[TreeEntry, ...]
    series: tuple[SeriesEntry, ...]
    budget_s: float
    expected_s: float  # of an item that was never run
    repeats: int  # of what is inconclusive or flaky
    fetch_s: float  # how long fetching a tree may take
    bisect: bool
    results: Results
    executor: str = ""  # as --executor has it; empty: nothing is said
    at_once: int = 0  # items; 0: as many as there are workers


@dataclass(frozen=True)
class Candidate:
    """What could be run tonight. `item` is its name, the same every night; `words` is its command line without
    --output. With `trouble` it cannot be."""

    item: str
    entry: str
    target: str  # the branch or series
    suite: str
    kconfig: str
    words: tuple[str, ...]
    priority: Priority
    tested: Parts = ()
    every_s: float = 0.0
    again_s: float | None = None
    trouble: str = ""


@dataclass(frozen=True)
class PastRun:
    """A run of an item in an earlier night. `is_open`: something in it is inconclusive or flaky."""

    run: str
    item: str
    started: str
    verdict: str  # name of a Verdict
    time_s: float
    tested: Parts
    location: str = ""
    is_open: bool = False


class State(Enum):
    """What became of an item."""

    PLANNED = "planned"
    RUNNING = "running"  # or interrupted: it goes on
    DONE = "done"
    STOPPED = "stopped"  # its budget, or the night's, was used up
    FAILED = "failed"  # it could not be run
    SKIPPED = "skipped"  # there was no reason to run it
    LEFT_OUT = "left out"  # there was no time for it


WAITING = (State.PLANNED, State.RUNNING)
RAN = (State.DONE, State.STOPPED)


@dataclass(frozen=True)
class Item:
    """One item of a night: an ordinary run. `why` it is run, or not; `directory` is that of its run."""

    name: str
    entry: str
    words: tuple[str, ...]
    priority: Priority
    why: str
    state: State = State.PLANNED
    tested: Parts = ()
    expected_s: float = 0.0
    is_guess: bool = False  # it was never run: expected_s is the plan's default
    directory: str = ""
    spent_s: float = 0.0
    status: int | None = None  # exit status
    verdict: str = ""
    reason: str = ""
    run: str = ""  # its id

    @property
    def command(self) -> str:
        return self.words[0] if self.words else ""


class Change(Enum):
    """What a test of tonight says, against the nights before."""

    NEW = "new failures"
    FIXED = "fixed"
    STILL = "still failing"
    OPEN = "inconclusive"


@dataclass(frozen=True)
class Result:
    """One test of one kernel in a run."""

    kernel: str
    kind: str  # stage, case
    test: str
    outcome: str
    message: str = ""
    is_at_fault: bool = False
    answer: str = ""  # name of a comparison's Answer


@dataclass(frozen=True)
class Before:
    """What earlier nights know of a test of an item. `good` is the base's commit of the last run in which it passed."""

    outcome: str
    started: str
    passed: str = ""
    good: str = ""


@dataclass(frozen=True)
class News:
    """A line of a night's summary."""

    change: Change
    item: str
    kernel: str
    test: str
    outcome: str
    message: str = ""
    since: str = ""  # the last pass, or the failure before


@dataclass(frozen=True)
class Culprit:
    """What a bisection of tonight found."""

    item: str  # of the failure
    test: str
    answer: str  # for people, where there is no commit
    commit: str = ""
    subject: str = ""
    fixes: str = ""
    sure: float = 0.0
    reproduce: str = ""


@dataclass(frozen=True)
class NightRecord:
    """A night as it stands, written after each step. `id` is its date and the digest of its plan; `spent_s` is how long
    items of it ran: where several run at once, the time counts once."""

    id: str
    plan: str  # the path
    started: str
    budget_s: float
    entry_budgets: tuple[tuple[str, float], ...]
    items: tuple[Item, ...]
    notes: tuple[str, ...] = ()
    news: tuple[News, ...] = ()
    culprits: tuple[Culprit, ...] = ()
    finished: bool = False
    version: str = ""
    spent_s: float = 0.0

    @property
    def budgets(self) -> Mapping[str, float]:
        return dict(self.entry_budgets)
