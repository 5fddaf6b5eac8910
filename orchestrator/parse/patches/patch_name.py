"""What --patch names: a path, a series by name, an address, a message of a mail archive, or commits of a git tree.

Pure: the caller says what exists. What is none of these is refused with what it may have been meant to be.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum
from typing import NoReturn
from urllib.parse import quote, unquote, urlsplit

from orchestrator.errors import PatchUnreadable, UsageError
from orchestrator.parse.patches.series import Parts

_PARTS = re.compile(r"#(?P<first>\d{1,6})(?:-(?P<last>\d{1,6}))?/(?P<total>\d{1,6})$")
_PART = re.compile(r"(?P<first>\d{1,6})(?:-(?P<last>\d{1,6}))?$")
_MESSAGE_ID = re.compile(
    r"(?:(?:message-id|mid|id):\s*)?(?:<([^<>\s]+@[^<>\s]+)>|([^<>\s/:]+@[^<>\s/]+))", re.IGNORECASE
)
_IN_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+")
_FILE_SUFFIX = re.compile(r"\.(patch|diff|mbox|eml)(\.(gz|xz|bz2|zst))?$", re.IGNORECASE)
# a name of a ref has neither two dots nor a slash at its ends, so this is no path: ../x.patch, a/../b
_REVISION = r"(?:[^\s./:-](?:[^\s.]|\.(?!\.))*(?<!/))"
_RANGE = re.compile(rf"(?P<since>{_REVISION})?(?P<dots>\.\.\.?)(?P<until>{_REVISION})?|(?P<one>{_REVISION})\^!")
_BRANCH = re.compile(r"\w[\w./-]*")
_ONE_REVISION = re.compile(
    r"(?:HEAD|@)?(?:[~^]\d*)+|(?:HEAD|@)(?:[~^].*)?|[0-9a-f]{7,64}|v\d+\.\d+\S*|\S+(?:[~^]\d*|@\{\S+\})"
)
_NO_SCHEME = re.compile(r"(?:[\w-]+\.)+(?:org|com|net|io|dev)(?::\d+)?/\S")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:/", re.IGNORECASE)
_LONGEST = 4096  # PATH_MAX
_WHOLE_THREAD = frozenset({"", "T", "t", "t.mbox.gz", "t.mbox", "t.atom"})
FEW = 5  # names that one hint may hold


class Kind(Enum):
    """What kind of thing --patch names."""

    PATH = "path"
    NAME = "name"  # under patches/
    WEB = "web"
    MESSAGE = "message"
    RANGE = "range"


@dataclass(frozen=True)
class PatchName:
    """`text` without `parts`: a path, a name, a URL, a message id without brackets, or a git range. `archive` is the
    address of the message's archive where it was given with it."""

    kind: Kind
    text: str
    parts: Parts | None = None
    archive: str = ""


@dataclass(frozen=True)
class Range:
    """`since`..`until`, or the commit `until` `alone`. An empty one is HEAD."""

    since: str
    until: str
    alone: bool = False


def patch_name(text: str, paths: Collection[str], known: Collection[str], nearby: Collection[str] = ()) -> PatchName:
    """Decide. `paths` are those of `text`, with and without its parts, that exist; `known` the names under patches/,
    `nearby` the files in the directory that `text` would be in. Raises PatchUnreadable, UsageError."""
    if len(text) > _LONGEST:
        raise PatchUnreadable(f"{text[:60]}...: too long for a path, an address or a message id")
    if text == "-":
        raise PatchUnreadable(
            "-: a patch is not read from stdin, as the same command continues a run",
            hint="save it to a file: git format-patch --stdout BASE..HEAD >series.mbox",
        )
    if text in paths:
        return PatchName(Kind.PATH, text)
    whole, parts = split_parts(text)
    if whole in paths:
        return PatchName(Kind.PATH, whole, parts)
    if whole in known:
        return PatchName(Kind.NAME, whole, parts)
    if re.match(r"https?://", whole, re.IGNORECASE):
        return _address(whole, parts)
    if not _FILE_SUFFIX.search(whole):
        if found := _MESSAGE_ID.fullmatch(whole.strip()):
            return PatchName(Kind.MESSAGE, found[1] or found[2], parts)
        found = _RANGE.fullmatch(whole)
        if found and found["dots"] != "..." and (found["since"] or found["until"] or found["one"]):
            return PatchName(Kind.RANGE, whole, parts)
    _refuse(text, whole, known, nearby)


def split_parts(text: str) -> tuple[str, Parts | None]:
    """What --patch names, and which parts of it alone: t.mbox#12/345, t.mbox#3-5/9. Raises UsageError."""
    match = _PARTS.search(text)
    if match is None:
        return text, None
    first, last, total = int(match["first"]), int(match["last"] or match["first"]), int(match["total"])
    if not 1 <= first <= last <= total:
        raise UsageError(f"--patch {text}: there is no part {match[0][1:]}")
    return text[: match.start()], Parts(range(first, last + 1), total)


def read_parts(text: str) -> Parts:
    """What --part says: 3, or 2-4. Raises UsageError."""
    match = _PART.fullmatch(text)
    first, last = (int(match["first"]), int(match["last"] or match["first"])) if match else (0, 0)
    if not 1 <= first <= last:
        raise UsageError(f"--part {text}: not a number of a part", hint="3, or 2-4")
    return Parts(range(first, last + 1))


def is_range(text: str) -> bool:
    """Whether a text that is no path and no name is commits of a git tree."""
    return len(text) <= _LONGEST and _RANGE.fullmatch(split_parts(text)[0]) is not None


def read_range(text: str) -> Range:
    """The ends of what `patch_name` found to be a git range."""
    match = _RANGE.fullmatch(text)
    assert match
    if match["one"]:
        return Range("", match["one"], alone=True)
    return Range(match["since"] or "", match["until"] or "")


def thread_address(archive: str, message_id: str) -> str:
    """Where an archive that public-inbox serves has the whole thread of a message."""
    return f"{archive.rstrip('/')}/{quote(message_id, safe='!$&*+,;=:@~')}/t.mbox.gz"


def without_credentials(url: str) -> str:
    """An address as it may stand in a report."""
    return re.sub(r"^(https?://)[^/@]*@", r"\1", url, flags=re.IGNORECASE)


def _address(url: str, parts: Parts | None) -> PatchName:
    """A page of a public-inbox archive about a message stands for the message's thread."""
    try:
        split = urlsplit(url)
    except ValueError:
        return PatchName(Kind.WEB, url, parts)  # refused where it is to be fetched
    above, last = split.path.split("/"), list[str]()
    while above and not _IN_ADDRESS.fullmatch(unquote(above[-1])):
        last.insert(0, above.pop())
    if len(above) < 2 or "/".join(last).strip("/") not in _WHOLE_THREAD or split.query:
        return PatchName(Kind.WEB, url, parts)
    *directory, message_id = above
    if directory[-1] == "r":  # lore's short address leads to some list's page of the message
        directory[-1] = "all"
    archive = f"{split.scheme}://{split.netloc}{'/'.join(directory)}"
    return PatchName(Kind.MESSAGE, unquote(message_id), parts, archive)


def _refuse(text: str, whole: str, known: Collection[str], nearby: Collection[str]) -> NoReturn:
    """Raises PatchUnreadable with a way on."""
    what = f"{text}: no such file or directory, and no patch of that name"
    found = _RANGE.fullmatch(whole)
    if found and found["dots"] == "...":
        since, until = found["since"] or "HEAD", found["until"] or "HEAD"
        raise PatchUnreadable(
            f"{text}: three dots name the commits of either side", hint=f"those of one side: {since}..{until}"
        )
    if whole.startswith("file:/"):
        raise PatchUnreadable(f"{text}: not an address to download from", hint=f"as a path: {urlsplit(whole).path}")
    if _SCHEME.match(whole):
        raise PatchUnreadable(f"{text}: not an address to download from", hint="it begins with http:// or https://")
    if _NO_SCHEME.match(whole):
        raise PatchUnreadable(what, hint=f"an address begins with its scheme: https://{text}")
    directory, _, name = whole.rpartition("/")
    near = [f"{directory}/{one}" if directory else one for one in difflib.get_close_matches(name, nearby, n=3)]
    near += difflib.get_close_matches(whole, known, n=3)
    if not near and _ONE_REVISION.fullmatch(whole):
        raise PatchUnreadable(
            f"{text}: no such file, and as a revision it is no range",
            hint=f"{whole}^! is that commit alone, {whole}.. what came after it",
        )
    if "@" in whole and re.search(r"[\s<>]", whole.strip()):
        raise PatchUnreadable(what, hint="a message id stands in angle brackets and has no space: '<20260105.1@host>'")
    names = f"known names: {', '.join(sorted(known)) or 'none'}"
    if len(known) > FEW:
        names = f"`orchestrate list patches` lists the {len(known)} known names"
    if _BRANCH.fullmatch(whole) and not _FILE_SUFFIX.search(whole):
        names += f"; commits of a tree are a range: BASE..{whole}"
    hint = f"near names: {', '.join(near)}" if near else names
    raise PatchUnreadable(what, hint=hint)
