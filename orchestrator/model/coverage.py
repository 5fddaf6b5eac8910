"""Which changed statements were executed: what the compiler made of each, and what cases hit."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class LineState(Enum):
    """What is known about a changed statement. The values are the words for people."""

    HIT = "hit"
    NEVER_HIT = "compiled, never hit"
    OPTIMISED = "optimised into its neighbours"  # compiled, and no instruction is its own: nobody can tell
    NOT_COMPILED = "not compiled in this kconfig"
    NO_CODE = "no code"  # declarations, types, macros, comments; what is no part of the kernel

    @property
    def is_counted(self) -> bool:
        """Whether a run can hit it, or fail to."""
        return self in (LineState.HIT, LineState.NEVER_HIT)


@dataclass(frozen=True)
class Copy:
    """A copy of a statement: of a function that is inlined, there is one in each caller. `function` is the one whose
    code it lies in. `addresses` are those of its instructions at which the line table names it."""

    function: str
    addresses: tuple[int, ...]


@dataclass(frozen=True)
class ChangedStatement:
    """A statement that the series wrote or changed, as its kernel was built. `line` to `last_line` are its lines, from
    1, `changed` those of them that are the series'. `why`: what the state does not say, in words: which symbol is not
    set."""

    line: int
    last_line: int
    changed: tuple[int, ...]
    text: str
    function: str  # empty outside of functions
    state: LineState  # NEVER_HIT for what has instructions
    why: str = ""
    copies: tuple[Copy, ...] = ()


@dataclass(frozen=True)
class ChangedFile:
    """A file that the series touches; its statements in the order of their lines."""

    file: str
    statements: tuple[ChangedStatement, ...]


@dataclass(frozen=True)
class CodeMap:
    """The changed statements of a kernel, and the instructions to count. Recorded when the kernel is built.

    `control` is an instruction that every boot executes: where it was not, the kernel does not lie where its vmlinux
    says, and what was counted says nothing. 0: this vmlinux does not show one.
    """

    build_id: str
    files: tuple[ChangedFile, ...]
    control: int = 0

    @property
    def addresses(self) -> tuple[int, ...]:
        """All of them with the control, ascending; none if no statement has any."""
        copies = [copy for file in self.files for statement in file.statements for copy in statement.copies]
        found = {address for copy in copies for address in copy.addresses}
        return tuple(sorted(found | {self.control} - {0})) if found else ()


@dataclass(frozen=True)
class CaseHits:
    """How often a case executed a statement, at least: CPUs that count at the same time may lose counts. The case
    `boot` is everything up to a guest's first case."""

    case: str
    count: int


@dataclass(frozen=True)
class CopyHits:
    """How often a copy was executed by all cases together. `function` as in Copy."""

    function: str
    count: int


@dataclass(frozen=True)
class StatementCoverage:
    """A changed statement and what hit it: the fields up to `why` as in ChangedStatement. Cases that never hit it are
    not listed."""

    line: int
    last_line: int
    changed: tuple[int, ...]
    text: str
    function: str
    state: LineState
    why: str = ""
    cases: tuple[CaseHits, ...] = ()
    copies: tuple[CopyHits, ...] = ()

    @property
    def count(self) -> int:
        return sum(case.count for case in self.cases)


@dataclass(frozen=True)
class FileCoverage:
    file: str
    statements: tuple[StatementCoverage, ...]


@dataclass(frozen=True)
class Coverage:
    """The changed statements of one kernel. `cases` are those that were measured, with `boot`, in their order."""

    files: tuple[FileCoverage, ...]
    cases: tuple[str, ...]
    accelerator: str = "tcg"  # what counted

    @property
    def statements(self) -> tuple[StatementCoverage, ...]:
        return tuple(statement for file in self.files for statement in file.statements)

    def number(self, *states: LineState) -> int:
        """How many statements are in one of these states."""
        return sum(statement.state in states for statement in self.statements)

    @property
    def hit(self) -> int:
        return self.number(LineState.HIT)

    @property
    def counted(self) -> int:
        """The statements that a run can hit."""
        return self.number(LineState.HIT, LineState.NEVER_HIT)

    @property
    def percent(self) -> float | None:
        """The share of them that was hit; None if there is none."""
        return 100 * self.hit / self.counted if self.counted else None
