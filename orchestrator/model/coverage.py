"""Which changed statements were executed: what the compiler made of each, what cases hit, and which ways conditions
went."""

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


class Ways(Enum):
    """Which ways a changed condition went. The values are the words for people."""

    ALL = "every way"
    SOME = "some ways only"
    NONE = "never reached"
    UNTOLD = "no jump"  # the compiler made none of it: a conditional move, a part of another condition, a constant


@dataclass(frozen=True)
class Jump:
    """A conditional jump, by addresses: its own, and those of what is next when it is taken and when it is not."""

    address: int
    taken: int
    not_taken: int


@dataclass(frozen=True)
class WayOut:
    """A way out of a part of a condition: the line of the condition's function that it leads to (`mm/vma.c:512`;
    `beyond f()`: none of them), and the jumps that go there, each with what is next."""

    to: str
    gone_by: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Part:
    """A part of a condition, as it was compiled: a conditional jump, whose ways are that it is taken and that it is
    not; or, `is_call`, a function that is inlined there, whose jumps lead out of it to more than one line.
    `line` and `column` (0: the compiler says none) are where it stands, `token` is what is written there."""

    line: int
    column: int
    token: str
    is_call: bool
    ways: tuple[WayOut, ...]


@dataclass(frozen=True)
class Copy:
    """A copy of a statement: of a function that is inlined, there is one in each caller. `function` is the one whose
    code it lies in. `addresses` are those of its instructions at which the line table names it, `parts` those of a
    condition; a function into which it was inlined twice has them twice, and they follow each other."""

    function: str
    addresses: tuple[int, ...]
    parts: tuple[tuple[Part, ...], ...] = ()


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
    is_condition: bool = False


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

    `jumps` are those of which the ways are counted, `entries` is where interrupts, exceptions and system calls come in.
    `no_ways`: why no ways are counted; empty if they are.
    """

    build_id: str
    files: tuple[ChangedFile, ...]
    control: int = 0
    jumps: tuple[Jump, ...] = ()
    entries: tuple[int, ...] = ()
    no_ways: str = ""

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
class Way:
    """How often a part of a condition went a way, at least. `to` as in WayOut."""

    to: str
    count: int


@dataclass(frozen=True)
class PartWays:
    """Which ways a part of a condition went, in all cases together. All but `ways` as in Part."""

    line: int
    column: int
    token: str
    is_call: bool
    ways: tuple[Way, ...]

    @property
    def is_reached(self) -> bool:
        return any(way.count for way in self.ways)


@dataclass(frozen=True)
class CopyHits:
    """How often a copy was executed by all cases together. `function` as in Copy."""

    function: str
    count: int
    parts: tuple[PartWays, ...] = ()


@dataclass(frozen=True)
class StatementCoverage:
    """A changed statement and what hit it: the fields up to `why` as in ChangedStatement. Cases that never hit it are
    not listed. `ways`: of a condition, if that was counted; `parts` are those of all copies together."""

    line: int
    last_line: int
    changed: tuple[int, ...]
    text: str
    function: str
    state: LineState
    why: str = ""
    cases: tuple[CaseHits, ...] = ()
    copies: tuple[CopyHits, ...] = ()
    ways: Ways | None = None
    parts: tuple[PartWays, ...] = ()

    @property
    def count(self) -> int:
        return sum(case.count for case in self.cases)


@dataclass(frozen=True)
class FileCoverage:
    file: str
    statements: tuple[StatementCoverage, ...]

    @property
    def why_absent(self) -> str:
        """Why the kernel has nothing of what changed in it, as in Coverage."""
        left_out = [one for one in self.statements if one.state is LineState.NOT_COMPILED]
        others = {one.state for one in self.statements} - {LineState.NOT_COMPILED}
        if not left_out or others - {LineState.NO_CODE} or (others and self.file.endswith(".h")):
            return ""
        return f"{self.file}: {left_out[0].why or left_out[0].state.value}"


@dataclass(frozen=True)
class Coverage:
    """The changed statements of one kernel. `cases` are those that were measured, with `boot`, in their order."""

    files: tuple[FileCoverage, ...]
    cases: tuple[str, ...]
    accelerator: str = "tcg"  # what counted
    no_ways: str = ""  # why it was not counted which ways conditions went; empty: it was

    @property
    def statements(self) -> tuple[StatementCoverage, ...]:
        return tuple(statement for file in self.files for statement in file.statements)

    def number(self, *states: LineState) -> int:
        """How many statements are in one of these states."""
        return sum(statement.state in states for statement in self.statements)

    def conditions(self, *ways: Ways) -> int:
        """How many changed conditions went these ways."""
        return sum(statement.ways in ways for statement in self.statements)

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

    @property
    def absent(self) -> str:
        """Why the kernel has nothing of what the series changes: `mm/zswap.c: CONFIG_ZSWAP is not set`. Empty where it
        may have something: a declaration in a header, or data of a file that is compiled, has no instructions."""
        found = [file.why_absent for file in self.files]
        return found[0] if found and all(found) else ""

    @property
    def summary(self) -> str:
        """`31 of 34 changed statements ran (91 %)`, rounded down: 100 % is all of them."""
        if self.percent is None:
            return "no changed statement has instructions in this kernel"
        what = "changed statement" if self.counted == 1 else "changed statements"
        return f"{self.hit} of {self.counted} {what} ran ({int(self.percent)} %)"
