"""A series on a base as commits, one for each patch, in the base's own store.

Who wrote a line, what a patch changed, and the tree behind the first patches are then questions that git answers.

There is no worktree, and no index of the whole tree: `git apply` needs an index of the files that the series names,
no more, and fast-import makes the trees. An index of a kernel's 86,000 files is 9 MB, read and written for each patch.
What a commit says is what `git am` would have it say: `git mailinfo` reads the mail.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import PatchDoesNotApply
from orchestrator.host.process import Runner
from orchestrator.model.kernel import Base
from orchestrator.model.series import Patch, Series
from orchestrator.parse.patches.html_escapes import HINT as ESCAPED_HINT
from orchestrator.parse.patches.html_escapes import html_escapes
from orchestrator.parse.patches.mail import git_date
from orchestrator.parse.patches.tag import read_tag
from orchestrator.source.git import DATE, WHO, Git, quoted

FAILED_AT = re.compile(r"^error: patch failed: (?P<file>.+):(?P<line>\d+)$", re.MULTILINE)
REFUSED = re.compile(r"^error: (?P<file>[^:\n]+): (?P<why>[^\n]+)$", re.MULTILINE)
HUNK = re.compile(r"^@@ -(?P<start>\d+)(?:,\d+)? .*$", re.MULTILINE)
TRAILER = re.compile(r"[A-Za-z][A-Za-z-]*: \S")  # Signed-off-by: and its like

Entries = Mapping[bytes, bytes]  # path -> mode and id of a blob: b"100644 0a95db..."


def commit_series(base: Base, series: Series, runner: Runner) -> tuple[str, ...]:
    """The ids of the commits, one for each patch, the first on top of the base's commit. Raises PatchDoesNotApply.

    The same patches on the same base give the same ids. A ref of ours keeps them.
    """
    git = Git(base.home / "git", runner)
    bodies: list[bytes] = []
    with tempfile.TemporaryDirectory(prefix=".apply-", dir=base.home) as scratch:
        index = Path(scratch) / "index"
        before: Entries = _named(git.check("ls-tree", "-r", "-z", base.commit).stdout, series)
        lines = (b"%b\t%b\0" % (entry, path) for path, entry in before.items())
        git.check("update-index", "-z", "--index-info", index=index, stdin=b"".join(lines))
        for number, patch in enumerate(series.patches, 1):
            after = _applied(git, index, patch, base)
            words = _words(git, patch, Path(scratch))
            parent = base.commit if number == 1 else f":{number - 1}"
            bodies.append(_body(words, number, parent, before, after))
            before = after
    ref = f"refs/orchestrate/{hashlib.sha256(b''.join(bodies)).hexdigest()[:32]}"
    stream = b"".join(f"commit {ref}\n".encode() + body for body in bodies)
    return tuple(git.check("fast-import", "--quiet", "--force", stdin=stream).text.split())


def trees_of(base: Base, commits: Iterable[str], runner: Runner) -> tuple[str, ...]:
    """The ids of the trees of commits."""
    asked = (f"{commit}^{{tree}}" for commit in commits)
    return tuple(Git(base.home / "git", runner).check("rev-parse", *asked).text.split())


def _named(listing: bytes, series: Series) -> dict[bytes, bytes]:
    """Of the output of `git ls-tree -r -z`, in path order, the entries that a patch of the series can touch or
    collide with: a file where it needs a directory, or the reverse."""
    lines = listing.split(b"\0")[:-1]
    names = {name.encode("utf-8", "surrogateescape") for patch in series.patches for name in patch.files}
    found = {}
    for start in {*names, *(parent for name in names for parent in _parents(name)), *(name + b"/" for name in names)}:
        for at in range(bisect_left(lines, start, key=_path), len(lines)):
            path = _path(lines[at])
            if path != start and not (start.endswith(b"/") and path.startswith(start)):
                break
            mode, _, blob = lines[at].partition(b"\t")[0].split(b" ")
            found[path] = mode + b" " + blob
    return found


def _path(line: bytes) -> bytes:
    return line.partition(b"\t")[2]


def _parents(path: bytes) -> Iterator[bytes]:
    while b"/" in path:
        path = path.rpartition(b"/")[0]
        yield path


def _applied(git: Git, index: Path, patch: Patch, base: Base) -> Entries:
    """The content of the index after the patch was applied to it. Raises PatchDoesNotApply."""
    if patch.diff.strip():  # a commit may change nothing, and git refuses a patch that is empty
        result = git.ask("apply", "--cached", "--verbose", "--whitespace=nowarn", "-", index=index, stdin=patch.diff)
        if result.status != 0:
            raise _does_not_apply(patch, base, result.stderr.decode(errors="replace"))
    found = {}
    for line in git.check("ls-files", "--stage", "-z", index=index).stdout.split(b"\0")[:-1]:
        words, _, path = line.partition(b"\t")
        found[path] = words.rpartition(b" ")[0]  # without the stage
    return found


@dataclass(frozen=True)
class _Words:
    """What a commit says. `author` is a line of a commit object: NAME <ADDRESS> SECONDS ZONE."""

    author: str
    message: str


def _words(git: Git, patch: Patch, scratch: Path) -> _Words:
    """What `git am` would make the commit say; for a patch that is no mail, its subject."""
    message = scratch / "message"
    message.write_bytes(b"")
    said = b""
    if patch.letter:
        # what cannot be read of a mail (an unknown charset) is left out: the diff counts, which intake has checked
        said = git.ask(
            "mailinfo", "--scissors", "--quoted-cr=strip", str(message), os.devnull, stdin=patch.letter
        ).stdout
    lines = (line.partition(": ") for line in said.decode("utf-8", "replace").split("\n"))
    info = {name: value for name, _, value in lines}
    name = re.sub(r"[<>\s]+", " ", info.get("Author", "")).strip()
    address = re.sub(r"[<>\s]+", "", info.get("Email", ""))
    subject = read_tag(info.get("Subject", "")).title or patch.subject or patch.name
    return _Words(
        author=f"{name or 'unknown'} <{address}> {git_date(info.get('Date', '')) or DATE}",
        message=_message(subject, message.read_text("utf-8", "replace").replace("\0", "").strip(), patch.message_id),
    )


def _message(subject: str, text: str, message_id: str) -> str:
    """Subject, text, and the mail that it came in, which joins the trailers when there are any."""
    trailer = f"Message-Id: <{message_id}>" if message_id else ""
    if trailer and TRAILER.match(text.rpartition("\n")[2]):
        text, trailer = f"{text}\n{trailer}", ""
    return "\n\n".join(part for part in (subject, text, trailer) if part) + "\n"


def _body(words: _Words, number: int, parent: str, before: Entries, after: Entries) -> bytes:
    """A commit for fast-import, after its first line. Removals come first: a directory may replace a file."""
    message = words.message.encode("utf-8", "replace")
    lines = [
        f"mark :{number}\nauthor {words.author}\ncommitter {WHO}\n".encode("utf-8", "replace"),
        b"data %d\n%b\nfrom %b\n" % (len(message), message, parent.encode()),
        *(b"D %b\n" % quoted(path) for path in before if path not in after),
        *(b"M %b %b\n" % (entry, quoted(path)) for path, entry in after.items() if before.get(path) != entry),
        b"\nget-mark :%d\n" % number,
    ]
    return b"".join(lines)


def _does_not_apply(patch: Patch, base: Base, words: str) -> PatchDoesNotApply:
    errors = "\n".join(line for line in words.splitlines() if not line.startswith("Checking patch "))
    hint = f"rebase the series onto {base.origin}, or name the base it was made for with --tree and --base"
    if match := FAILED_AT.search(words):
        file, line = match["file"], int(match["line"])
        where = f"{file}, hunk {_hunk(patch, file, line)}"
    elif match := REFUSED.search(words):
        where = f"{match['file']}: {match['why']}"
    else:
        where = errors.partition("\n")[0].removeprefix("error: ")
    if escapes := html_escapes(patch.diff):
        where, hint = f"{where}; {escapes}", ESCAPED_HINT
    return PatchDoesNotApply(f"{patch.name} does not apply to {base.origin}: {where}", detail=errors, hint=hint)


def _hunk(patch: Patch, file: str, line: int) -> str:
    """The number and header of the hunk of a file that starts at a line, as the patch has it."""
    text = patch.diff.decode(errors="replace")
    for section in re.split(r"^(?=diff --git |--- )", text, flags=re.MULTILINE):
        if not re.search(rf"^\+\+\+ (?:b/)?{re.escape(file)}(?:\t|$)", section, re.MULTILINE):
            continue
        for number, match in enumerate(HUNK.finditer(section), 1):
            if int(match["start"]) == line:
                return f"{number} ({match[0]})"
    return f"at line {line}"
