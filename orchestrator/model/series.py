"""The patches under test, and the mutants of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import Enum


@dataclass(frozen=True)
class Patch:
    """One patch. `diff` is what git applies. `number`/`total` are None without an [n/m] in the subject. `letter` is its
    mail, from which git takes what the commit says: author, date, subject and text."""

    name: str
    subject: str
    diff: bytes = field(repr=False)
    sha256: str
    files: tuple[str, ...]
    number: int | None = None
    total: int | None = None
    version: int = 1
    message_id: str = ""
    letter: bytes = field(default=b"", repr=False)  # empty: a diff without one
    commit: str = ""  # the id of the commit that it is in the user's own tree


class Place(Enum):
    """What kind of place a series lay in."""

    FILE = "file"  # or a directory
    WEB = "web"
    ARCHIVE = "archive"  # a thread of a mail archive
    TREE = "tree"  # the commits of a git tree, and what is not committed there


@dataclass(frozen=True)
class Origin:
    """Where a series lay. `name` is a path, a URL, a message id or a git range, `archive` the address of the message's
    archive. The rest is about a git tree: `base` and `head` are the ids of the commits that its patches lie between,
    `uncommitted` are the files of the last patch if that one holds what is not committed."""

    place: Place
    name: str
    archive: str = ""
    tree: str = ""
    base: str = ""
    head: str = ""
    uncommitted: tuple[str, ...] = ()


@dataclass(frozen=True)
class Foundation:
    """What the mails of a series say that it is to be applied to."""

    base_commit: str = ""
    prerequisites: tuple[str, ...] = ()  # what `git patch-id --stable` says of patches, in their order
    based_on: tuple[str, ...] = ()  # message ids of other series
    trees: tuple[str, ...] = ()  # of the subjects: 6.1, 5.15.y


@dataclass(frozen=True)
class Envelope:
    """Who wrote a mail of the series to whom, as far as an answer to it needs that. `part` is the number of its patch,
    0 for the cover letter; addresses are `NAME <a@b>`, message ids have no brackets."""

    part: int
    message_id: str
    subject: str
    sender: str
    to: tuple[str, ...] = ()
    copy: tuple[str, ...] = ()
    references: tuple[str, ...] = ()  # the mails above it in its thread, the oldest first


@dataclass(frozen=True)
class Series:
    """Patches in the order in which they apply. `digest` is over the diffs alone: comments do not change a tree."""

    name: str
    patches: tuple[Patch, ...]
    digest: str
    notes: tuple[str, ...] = ()  # what intake ignored or guessed, for the user
    origin: Origin | None = None
    foundation: Foundation = Foundation()
    mails: tuple[Envelope, ...] = ()  # the cover letter first, where there is one; of patches that are mails
    change_id: str = ""  # the same for all versions of a series that b4 sent


class Observable(Enum):
    """Whether a run can tell the mutant from the series."""

    YES = "yes"
    NO = "no"  # it differs in the source, and no execution on this machine differs
    EQUIVALENT = "equivalent"  # it does not differ in what it does


@dataclass(frozen=True)
class Mutant:
    """One mutant. `digest` is over what changes the kernel and its boot: text for people does not count."""

    name: str
    group: str  # the class of bug
    breaks: str
    symptom: str
    kconfig: str
    cases: tuple[str, ...]
    delays: tuple[tuple[str, int], ...]  # delay point, microseconds
    observable: Observable
    argument: str  # why not, when not observable
    has_own_build: bool
    origin: str
    diff: bytes = field(repr=False)
    place: str = ""  # this and the next two: of a generated one. FILE: FUNCTION()
    lines: tuple[int, int] = (0, 0)  # the first and the last that it changes, in the file with the series
    hunk: str = ""  # the stretch of the series that it tests: FILE:FIRST-LAST

    @property
    def digest(self) -> str:
        return hashlib.sha256(repr((self.delays, self.diff)).encode()).hexdigest()

    @property
    def file(self) -> str:
        """The file that a generated one changes."""
        return self.place.rpartition(": ")[0]

    @property
    def function(self) -> str:
        """The function that a generated one changes."""
        return self.place.rpartition(": ")[2].removesuffix("()")
