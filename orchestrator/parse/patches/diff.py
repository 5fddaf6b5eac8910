"""Unified diffs as text: where one starts and ends, which files it touches, whether a mailer damaged it.

Hunks are counted line by line, because git says no more than "corrupt patch at line N", and silently drops lines
that follow a complete hunk.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.parse.patches import git_content, wrapped
from orchestrator.parse.patches.diff_names import (
    from_the_top,
    name_and_rest,
    names_of_git,
    strip_level,
    stripped,
    unquoted,
    with_prefix,
)
from orchestrator.parse.patches.scissors import is_scissors
from orchestrator.words import counted

_BACKUP_SUFFIXES = (".orig", ".old", ".bak", "~")

_HUNK = re.compile(rb"^@@ -(?P<start>\d{1,9})(?:,(?P<old>\d{1,9}))? \+\d{1,9}(?:,(?P<new>\d{1,9}))? @@")
_GIT_HEADER_NEXT = re.compile(
    rb"(index |old mode |new mode |new file mode |deleted file mode |similarity index |dissimilarity index "
    rb"|rename from |copy from |--- |GIT binary patch)"
)
_BELONGS = (b"diff -", b"Index: ", b"====", b"Only in ", b"File ")  # lines around a diff, said or of no matter
_COMMIT = re.compile(rb"commit [0-9a-f]{7,64}\b")
_EXTENDED = re.compile(
    rb"(index|old mode|new mode|new file mode|deleted file mode|similarity index|dissimilarity index) "
)
_MOVED = re.compile(rb"(rename|copy) (from|to) (.*)")
_BASE85 = re.compile(rb"[A-Za-z][0-9A-Za-z!#$%&()*+;<=>?@^_`{|}~-]+$")

WRAP_HINT = (
    "a mailer wrapped or changed lines; take the mail in raw form (the archive's raw or mbox link), "
    "or let the sender use git send-email"
)
MOST_WRAPPED = 500  # lines of one diff
RAW_HINT = "take the mail in raw form: the archive's raw or mbox link"
U0_HINT = "make the diff with context, without -U0: git diff -U3"
NO_CONTENT_HINT = "make the diff without -D (--irreversible-delete)"
CUT_HINT = "it was cut off or edited: write it again with git format-patch"
LOG_HINT = "write them as patches, which have an order: git format-patch -o DIR OLD..NEW"
CRLF_HINT = "a mailer or an editor converted the line ends; take the mail in raw form, or: sed -i 's/\\r$//' FILE"


class DamagedDiff(Exception):
    """What is wrong, at which 0-based line of the diff, and what to do about it."""

    def __init__(self, line: int, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.line = line
        self.what = what
        self.hint = hint


@dataclass(frozen=True)
class Diff:
    """A checked diff. `text` can be given to `git apply -p1`; `files` are old and new names without prefixes."""

    text: bytes
    files: tuple[str, ...]
    notes: tuple[str, ...] = ()
    wrapped: tuple[int, ...] = ()  # 0-based lines of what was read, with each of which its rest was joined


def find_start(lines: Sequence[bytes]) -> int | None:
    """Index of the line where the first diff begins, None when there is none.

    Only headers that are followed by what must follow them count: prose may well say "diff" or "---".
    """
    for i in range(len(lines)):
        if _starts_file(lines, i):
            # "diff -ruN old new" and "Index: name" above a plain header belong to it
            while i and (lines[i - 1].startswith((b"diff -", b"Index: ")) or lines[i - 1].startswith(b"=" * 20)):
                i -= 1
            return i
    return None


def parse(lines: Sequence[bytes]) -> Diff:
    """Check a diff that begins at the first line, and find its end: a mail signature or a list's footer is left out.

    Raises DamagedDiff.
    """
    return _Reader(lines).read()


def old_sides(text: bytes) -> frozenset[tuple[bytes, ...]]:
    """Of each hunk of a checked diff, the file's old name and the lines that the hunk must find there."""
    found: set[tuple[bytes, ...]] = set()
    name, lines, at = b"", text.split(b"\n"), 0
    while at < len(lines):
        if lines[at].startswith(b"--- "):
            name = lines[at][4:].partition(b"\t")[0]
        counts = _HUNK.match(lines[at])
        at += 1
        if counts:
            old, new = int(counts["old"] or 1), int(counts["new"] or 1)
            side = [name]
            while (old > 0 or new > 0) and at < len(lines):
                mark = lines[at][:1] or b" "
                old -= mark in (b" ", b"-")
                new -= mark in (b" ", b"+")
                if mark in (b" ", b"-"):
                    side.append(lines[at][1:])
                at += 1
            if any(side[1:]):
                found.add(tuple(side))
    return frozenset(found)


def _starts_file(lines: Sequence[bytes], i: int) -> bool:
    line = lines[i]
    if line.startswith(b"diff --git "):
        return i + 1 < len(lines) and _GIT_HEADER_NEXT.match(lines[i + 1]) is not None
    if line.startswith((b"diff --cc ", b"diff --combined ")):
        return i + 1 < len(lines) and lines[i + 1].startswith(b"index ")
    return _starts_names(lines, i) and i + 2 < len(lines) and lines[i + 2].startswith(b"@@ -")


def _starts_names(lines: Sequence[bytes], i: int) -> bool:
    return lines[i].startswith(b"--- ") and i + 1 < len(lines) and lines[i + 1].startswith(b"+++ ")


class _Reader:
    def __init__(self, lines: Sequence[bytes]) -> None:
        self.lines = list(lines)
        if self.lines and not self.lines[-1]:
            self.lines.pop()  # what split() leaves behind the last newline: no empty context line
        self.files: dict[str, None] = {}
        self.notes: list[str] = []
        self.end = 0  # behind the last line that says something
        self.current: str | None = None  # the file whose hunks may follow
        self.was_hunk = False
        self.wrapped: list[int] = []
        self.between: list[int] = []  # lines since the last hunk that are none of a diff

    def read(self) -> Diff:
        i = 0
        try:
            while (following := self._step(i) if i < len(self.lines) else None) is not None:
                i = following
        except DamagedDiff as damage:
            damage.line += len(self.wrapped)  # lines that are gone, all of them before it
            raise
        text = b"\n".join(self.lines[: self.end]) + b"\n"
        return Diff(text, tuple(self.files), tuple(dict.fromkeys(self.notes)), tuple(self.wrapped))

    def _join(self, i: int) -> bool:
        """Join line i with the one before it, of which a mail client made it the rest; False if it is none."""
        rest = wrapped.rest_of(self.lines[i - 1], self.lines[i])
        if rest is wrapped.Rest.SOFT_BREAK:
            raise DamagedDiff(
                i - 1, "quoted-printable text that was not decoded: its mail's header is missing", RAW_HINT
            )
        if rest is wrapped.Rest.OTHER or len(self.wrapped) >= MOST_WRAPPED:
            return False
        self.wrapped.append(i - 1 + len(self.wrapped))
        self.lines[i - 1 : i + 1] = [wrapped.joined(self.lines[i - 1], self.lines[i])]
        return True

    def _step(self, i: int) -> int | None:
        """Read what begins at line i; the next line, or None at the end of the diff."""
        line = self.lines[i]
        after_hunk, self.was_hunk = self.was_hunk, False
        if line.startswith((b"diff --cc ", b"diff --combined ", b"@@@ ")):
            raise DamagedDiff(
                i, "a combined diff of a merge cannot be applied", "use git format-patch, or git diff A B"
            )
        if line.startswith(b"diff --git "):
            self._end_between()
            return self._git_header(i)
        if _starts_names(self.lines, i) and i + 2 < len(self.lines) and self.lines[i + 2].startswith(b"@@ -"):
            self._end_between()
            return self._names(i)
        if line.startswith(b"@@ -"):
            return self._hunk(i)
        if line.startswith(b"Binary files ") and line.rstrip().endswith(b" differ"):
            raise DamagedDiff(
                i, "names a binary file without its content", "make the diff with git format-patch --binary"
            )
        if line.startswith(b"Only in ") or (line.startswith(b"File ") and b" while file " in line):
            why = " (diff without -N)" if line.startswith(b"Only") else ""
            self.notes.append(f"not in the diff: {line.decode('utf-8', 'replace')!r}{why}")
        ends = "the mail's signature" if line.rstrip(b"\r") in (b"-- ", b"--") else ""
        if after_hunk and is_scissors(line.decode("latin-1")):
            ends = "a scissors line"
        if ends:
            rest = find_start(self.lines[i + 1 :])
            if rest is not None:
                raise DamagedDiff(i + 1 + rest, f"a second diff follows {ends}", "save each patch as a file")
            return None
        if after_hunk and i + 1 < len(self.lines) and wrapped.ends_hunk(self.lines[i + 1]) and self._join(i):
            self.was_hunk = True
            return self._keep(i)
        if after_hunk and line[:1] in (b"+", b"-", b" ") and line.strip():
            raise DamagedDiff(i, f"a line of {self.current} beyond what the hunk's header counts", WRAP_HINT)
        if line.strip() and not line.startswith(_BELONGS):
            self.between.append(i)
        return i + 1

    def _end_between(self) -> None:
        """Where one more diff begins: say what stands before it and is not tested. Raises DamagedDiff for a log."""
        texts = [self.lines[at].rstrip() for at in self.between]
        log = next((at for at, text in zip(self.between, texts, strict=True) if _COMMIT.match(text)), None)
        if log is not None:
            raise DamagedDiff(log, "a second commit: the output of git log -p has the newest first", LOG_HINT)
        if texts:
            first = texts[0][:80].decode("utf-8", "replace")
            self.notes.append(f"{counted(len(texts), 'line')} between its diffs left out: {first!r}")
        self.between.clear()

    def _keep(self, end: int) -> int:
        self.end = end
        return end

    def _no_cr(self, i: int) -> None:
        if self.lines[i].endswith(b"\r"):
            raise DamagedDiff(i, "CRLF line ends", CRLF_HINT)

    def _git_header(self, i: int) -> int:
        self._no_cr(i)
        at = i + 1
        names: list[str] = []
        binary = False
        while at < len(self.lines):
            line = self.lines[at]
            if moved := _MOVED.match(line):
                names.append(unquoted(moved[3]))
            elif line.startswith(b"GIT binary patch"):
                binary = True
                at = self._binary(at)
                break
            elif not _EXTENDED.match(line):
                break
            self._no_cr(at)
            at += 1
        has_names = not binary and at < len(self.lines) and _starts_names(self.lines, at)
        old, new = names_of_git(self.lines[i][len(b"diff --git ") :])
        strip = _strip_level(old, i)
        if not strip and old != new and stripped(old) == stripped(new):  # prefixes of the user's: --src-prefix
            strip = 1
        if strip:
            names = names or [stripped(old), stripped(new)]
        elif old:
            self.lines[i] = b"diff --git " + with_prefix(b"a/", old) + b" " + with_prefix(b"b/", new)
            names = names or [old, new]
            self.notes.append("git diff without a/ and b/ prefixes (-p0): prefixes added")
        if has_names:
            if at + 2 >= len(self.lines) or not self.lines[at + 2].startswith(b"@@ -"):
                raise DamagedDiff(i, "nothing follows the header of a file", CUT_HINT)
            return self._names(at, strip=strip if old else None)
        if not binary and not self._is_without_content(at) and (what := git_content.lacks_content(self.lines[i:at])):
            raise DamagedDiff(i, what, CUT_HINT if "-D" not in what else NO_CONTENT_HINT)
        if not names:
            raise DamagedDiff(i, "no file name can be read from this line")
        self._touch(names, i)
        return self._keep(at)

    def _is_without_content(self, at: int) -> bool:
        """Whether the header that ends before a line is of a file whose content git leaves out: that is an error of
        its own."""
        return at < len(self.lines) and self.lines[at].startswith(b"Binary files ")

    def _names(self, i: int, strip: int | None = None) -> int:
        """The `---` and `+++` lines. `strip` is given when a git header has settled it."""
        for at in (i, i + 1):
            self._no_cr(at)
        if strip is None:
            self.lines[i], self.lines[i + 1] = from_the_top(self.lines[i]), from_the_top(self.lines[i + 1])
        old, old_rest = name_and_rest(self.lines[i][4:])
        new, new_rest = name_and_rest(self.lines[i + 1][4:])
        level = strip if strip is not None else _strip_level(old if new == "/dev/null" else new, i)
        if level == 0:
            if old != "/dev/null":
                self.lines[i] = b"--- " + with_prefix(b"a/", old) + old_rest
            if new != "/dev/null":
                self.lines[i + 1] = b"+++ " + with_prefix(b"b/", new) + new_rest
            if strip is None:
                self.notes.append("plain diff without a/ and b/ prefixes (-p0): prefixes added")
        names = [name if level == 0 else stripped(name) for name in (old, new) if name != "/dev/null"]
        if strip is None and len(names) == 2 and _is_backup(*names):
            names = names[1:]
        self._touch(names, i)
        return self._keep(i + 2)

    def _touch(self, names: Sequence[str], i: int) -> None:
        for name in names:
            parts = name.split("/")
            if name.startswith("/") or ".." in parts or ".git" in parts or not name:
                raise DamagedDiff(i, f"touches {name!r}, which is not inside a kernel tree")
            self.files[name] = None
        self.current = names[-1]

    def _hunk(self, i: int) -> int:
        self._no_cr(i)
        header = self.lines[i].decode("utf-8", "replace")
        if self.current is None:
            raise DamagedDiff(i, f"hunk {header!r} without a file header")
        counts = _HUNK.match(self.lines[i])
        if counts is None:
            raise DamagedDiff(i, f"unreadable hunk header {header!r} of {self.current}", WRAP_HINT)
        old = want_old = int(counts["old"] or 1)
        new = want_new = int(counts["new"] or 1)
        at = i + 1
        has_context = False
        short = header[: header.index("@@", 2) + 2]
        while old > 0 or new > 0:
            line = self.lines[at] if at < len(self.lines) else None
            mark = b"@" if line is None else line[:1].strip(b"\r")
            if mark in (b" ", b"", b"-", b"+"):  # an empty line is an empty context line whose space was lost
                old -= mark != b"+"
                new -= mark != b"-"
                has_context = has_context or mark in (b" ", b"")
            elif mark != b"\\":
                if line is not None and self._join(at):
                    continue
                missing = line is None or line.startswith((b"@@ -", b"diff -"))
                has = f"{want_old - old} of {want_old} old and {want_new - new} of {want_new} new lines"
                what = "ends early" if missing else "has a line that is not of a diff"
                raise DamagedDiff(
                    min(at, len(self.lines) - 1), f"{self.current}: hunk {short} {what}, after {has}", WRAP_HINT
                )
            if old < 0 or new < 0:
                raise DamagedDiff(at, f"{self.current}: hunk {short} has more lines than it says", WRAP_HINT)
            at += 1
        if not has_context and int(counts["start"]) > (1 if want_old else 0):
            raise DamagedDiff(
                i, f"{self.current}: hunk {short} has no line of context: git may put it anywhere", U0_HINT
            )
        if at < len(self.lines) and self.lines[at].startswith(b"\\"):  # \ No newline at end of file
            at += 1
        self.was_hunk = True
        return self._keep(at)

    def _binary(self, i: int) -> int:
        """git's base85 blocks: `literal N` or `delta N`, lines, an empty line; forward and, usually, backward."""
        at = i + 1
        blocks = 0
        while at < len(self.lines) and self.lines[at].startswith((b"literal ", b"delta ")):
            blocks += 1
            at += 1
            start = at
            while at < len(self.lines) and self.lines[at]:
                if not _BASE85.match(self.lines[at]):
                    raise DamagedDiff(at, "not a line of a git binary patch", WRAP_HINT)
                at += 1
            if not git_content.is_whole_block(self.lines[start - 1], self.lines[start:at]):
                raise DamagedDiff(start - 1, "a git binary patch that is not whole", CUT_HINT)
            if at == len(self.lines):  # the empty line behind it was lost with the end of the file
                self.lines.append(b"")
            at += 1
        if not blocks:
            raise DamagedDiff(i, "a git binary patch without content", "make the diff with git format-patch --binary")
        return at


def _is_backup(old: str, new: str) -> bool:
    """Whether the old file is what an editor or quilt keeps of the new one; in -mm that is mm/mmap.c~NAME-OF-PATCH."""
    return any(old == new + suffix for suffix in _BACKUP_SUFFIXES) or (
        old.startswith(f"{new}~") and "/" not in old[len(new) :]
    )


def _strip_level(name: str, line: int) -> int:
    if name.startswith("/") and name != "/dev/null":
        raise DamagedDiff(line, f"absolute file name {name}", "make the diff from the top of the kernel tree")
    return strip_level(name)
