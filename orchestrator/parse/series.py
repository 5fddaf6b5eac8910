"""Intake of patches: bytes of files (patches, a directory of them, an mbox) to one ordered, checked series.

What git would find out later and say worse is found here: missing parts, mixed versions, damage by a mailer.
Nothing is guessed in silence: what was ignored or assumed is in `Series.notes`.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import NoReturn

from orchestrator.errors import PatchUnreadable
from orchestrator.model.series import Patch, Series
from orchestrator.parse import diff as diffs
from orchestrator.parse import mail as mails

_RAW_HINT = "save the mail in raw form (the archive's raw or mbox link), not from a mail program"


@dataclass(frozen=True)
class _Found:
    """A patch with what is needed to choose and to order; `place` names it for people."""

    patch: Patch
    tag: mails.Tag
    in_reply_to: tuple[str, ...]
    file: str
    place: str


def read_patches(files: Sequence[tuple[str, bytes]], name: str = "") -> Series:
    """Read a series from (file name, content) pairs: one patch, one mbox, or the files of a directory.

    Files are taken in natural name order (2-x before 10-x), the mails of an mbox in the order of their n/m.
    `name` defaults to the single file's stem, or the directory's name. Raises PatchUnreadable.
    """
    if not files:
        raise PatchUnreadable("no patch files", hint="give a patch, an mbox, or a directory with .patch files")
    notes: list[str] = []
    found: list[_Found] = []
    for file, data in sorted(files, key=lambda item: _natural(PurePath(item[0]).name)):
        found += _read_file(file, data, notes)
    found = _chosen(found, notes)
    if not found:
        where = files[0][0] if len(files) == 1 else f"the {len(files)} files of {name or 'the directory'}"
        raise PatchUnreadable(
            f"{where}: no patch in it" + (f" ({'; '.join(notes)})" if notes else ""),
            hint="a cover letter and replies alone change nothing: give the patches themselves",
        )
    _check_parts(found)
    found = _ordered(found, notes, by_number=len(files) == 1)
    patches = tuple(item.patch for item in found)
    first = PurePath(files[0][0])
    stem = name or (first.stem if len(files) == 1 else first.parent.name or "series")
    return Series(stem, patches, _digest(patches), tuple(dict.fromkeys(notes)))


def _natural(text: str) -> list[tuple[int, str]]:
    return [(int(digits or 0), rest) for digits, rest in re.findall(r"(\d*)(\D*)", text)]


def _refuse(file: str, line: int | None, what: str, hint: str) -> NoReturn:
    raise PatchUnreadable(f"{file}:{line}: {what}" if line else f"{file}: {what}", hint=hint)


# --- one file


def _read_file(file: str, data: bytes, notes: list[str]) -> list[_Found]:
    _check_encoding(file, data)
    letters = mails.split(data)
    if letters is None:
        return [_plain(file, data, notes)]
    several = len(letters) > 1
    read = (_mailed(file, data, mails.read(raw, offset), notes, several=several) for offset, raw in letters)
    return [item for item in read if item is not None]


def _check_encoding(file: str, data: bytes) -> None:
    if not data.strip():
        _refuse(file, None, "the file is empty", "write the patch again: git format-patch -1 COMMIT")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        _refuse(file, 1, "UTF-16 text", "convert it: iconv -f UTF-16 -t UTF-8 (PowerShell's > writes UTF-16)")
    if data.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"PK\x03\x04", b"\x28\xb5\x2f\xfd")):
        _refuse(file, None, "a compressed file", "decompress it first")
    if (at := data.find(b"\0")) >= 0:
        _refuse(
            file, data.count(b"\n", 0, at) + 1, "a NUL byte: not text", "give the output of git format-patch or diff -u"
        )


def _plain(file: str, data: bytes, notes: list[str]) -> _Found:
    """A diff without mail headers: diff -u, git diff, git show."""
    at = _line_of_start(data)
    if at is None:
        kind = "HTML, not a patch" if re.match(rb"\s*<(!doctype|html)", data, re.IGNORECASE) else "no diff in it"
        _refuse(
            file,
            None,
            kind,
            "give the output of git format-patch or diff -u" + (f"; {_RAW_HINT}" if "HTML" in kind else ""),
        )
    lines = data.split(b"\n")
    diff = _checked(file, lines[at:], at, notes)
    shown = re.match(rb"commit [0-9a-f]{7,64}\b", data)  # git show
    author = re.search(rb"^Author: +(.+)$", data, re.MULTILINE) if shown else None
    title = re.search(rb"^    (\S.*)$", data, re.MULTILINE) if shown else None
    tag = mails.Tag(title[1].decode("utf-8", "replace") if title else PurePath(file).stem, is_patch=True)
    patch = _patch(PurePath(file).name, tag, diff, author[1].decode("utf-8", "replace") if author else "", "")
    return _Found(patch, tag, (), file, file)


def _mailed(file: str, data: bytes, mail: mails.Mail, notes: list[str], *, several: bool) -> _Found | None:
    """The patch of one mail; None for a cover letter, a reply, and what else a thread holds."""
    tag = mail.tag
    place = f"{file}: {tag.title!r}" if several else file
    if tag.is_reply or tag.number == 0 or (mail.in_reply_to and not tag.is_patch):
        kind = "cover letter" if tag.number == 0 else "reply"
        notes.append(f"{kind} ignored: {tag.title or place}")
        return None
    with_diff = [(body, at) for body in mail.bodies if (at := _line_of_start(body.text)) is not None]
    if not with_diff:
        if several and not tag.number:
            notes.append(f"mail without a diff ignored: {tag.title or place}")
            return None
        line = data.count(b"\n", 0, mail.offset) + 1
        if mail.had_html:
            _refuse(file, line, f"an HTML mail without a diff in plain text: {tag.title!r}", _RAW_HINT)
        _refuse(file, line, f"no diff in it: {tag.title!r}", "give the output of git format-patch")
    if len(with_diff) > 1:
        line = data.count(b"\n", 0, mail.offset) + 1
        _refuse(
            file, line, f"several diffs in one mail: {tag.title!r}", "save each attachment as a file in a directory"
        )
    body, at = with_diff[0]
    text = body.text
    if body.is_decoded and (ends := text.rstrip(b"\r\n").count(b"\n")) and text.rstrip(b"\r\n").count(b"\r\n") == ends:
        text = text.replace(b"\r\n", b"\n")  # the canonical line end of encoded text in MIME, not damage
        notes.append(f"CRLF of an encoded mail body converted: {tag.title}")
    lines = text.split(b"\n")
    first = _file_line(data, mail, lines, at)
    if body.is_flowed:
        _check_flowed(file, lines[at:], first)
    where = file if first is not None else f"{file}: decoded text of {tag.title!r}"
    diff = _checked(where, lines[at:], at if first is None else first, notes)
    label = PurePath(file).name if not several else _label(tag)
    return _Found(_patch(label, tag, diff, mail.author, mail.message_id), tag, mail.in_reply_to, file, place)


def _label(tag: mails.Tag) -> str:
    slug = re.sub(r"[^A-Za-z0-9._]+", "-", tag.title).strip("-.")[:52]
    return f"{tag.number:04}-{slug}" if tag.number is not None else slug or "patch"


def _line_of_start(text: bytes) -> int | None:
    return diffs.start(text.split(b"\n"))


def _file_line(data: bytes, mail: mails.Mail, lines: list[bytes], at: int) -> int | None:
    """0-based line of the file where the diff starts, None when the file holds it in encoded form."""
    index = data.find(b"\n".join(lines[at : at + 4]), mail.offset)
    return data.count(b"\n", 0, index) if index >= 0 else None


def _check_flowed(file: str, lines: list[bytes], first: int | None) -> None:
    """format=flowed stuffs a space before each line that starts with one; no count of lines can tell."""
    context = [(i, line) for i, line in enumerate(lines) if line.startswith(b" ") and line.strip()]
    if len(context) > 2 and all(line.startswith(b"  ") for _, line in context):
        _refuse(
            file,
            first + context[0][0] + 1 if first is not None else None,
            "format=flowed: each context line has one space too many",
            "the sender's mailer changed white space; " + _RAW_HINT + ", or ask for git send-email",
        )


def _checked(file: str, lines: list[bytes], first: int, notes: list[str]) -> diffs.Diff:
    """`first` is the 0-based line of the file where the diff starts."""
    try:
        diff = diffs.read(lines)
    except diffs.DamagedDiff as damage:
        _refuse(file, first + damage.line + 1, damage.what, damage.hint)
    notes += [f"{PurePath(file).name}: {note}" for note in diff.notes]
    return diff


def _patch(name: str, tag: mails.Tag, diff: diffs.Diff, author: str, message_id: str) -> Patch:
    return Patch(
        name=name,
        subject=tag.title,
        diff=diff.text,
        sha256=hashlib.sha256(diff.text).hexdigest(),
        files=diff.files,
        number=tag.number,
        total=tag.total,
        version=tag.version,
        author=author,
        message_id=message_id,
    )


# --- choosing and ordering


def _chosen(found: list[_Found], notes: list[str]) -> list[_Found]:
    """Patches proper: no copies, and in a numbered series nothing that only answers to it."""
    kept: list[_Found] = []
    seen: dict[tuple[int | None, int | None, int, str], _Found] = {}
    for item in found:
        key = (item.tag.number, item.tag.total, item.tag.version, item.patch.sha256)
        if item.tag.number is not None and key in seen:
            notes.append(f"second copy ignored: {item.tag.title}")
            continue
        if item.patch.message_id and any(item.patch.message_id == other.patch.message_id for other in kept):
            notes.append(f"second copy ignored: {item.tag.title}")
            continue
        seen[key] = item
        kept.append(item)
    ids = {item.patch.message_id for item in kept}

    def answers(item: _Found) -> bool:
        # only inside one mbox: the files of a directory were put there on purpose
        is_numbered_thread = any(other.tag.number is not None and other.file == item.file for other in kept)
        return item.tag.number is None and (is_numbered_thread or bool(ids.intersection(item.in_reply_to)))

    one_file = len({item.file for item in kept}) == 1
    answering = [item for item in kept if one_file and answers(item) and not _differs_in_version(item, kept)]
    notes += [f"ignored, it answers a mail of the series: {item.tag.title}" for item in answering]
    return [item for item in kept if item not in answering]


def _differs_in_version(item: _Found, among: Iterable[_Found]) -> bool:
    """A [PATCH v2] that answers [PATCH] is no fix-up but another version, which the user must choose from."""
    numbered = any(other.tag.number is not None for other in among)
    return not numbered and any(other.tag.version != item.tag.version for other in among)


def _check_parts(found: list[_Found]) -> None:
    versions = Counter(item.tag.version for item in found)
    if len(versions) > 1:
        raise PatchUnreadable(
            f"two versions are mixed: {_several(found, lambda item: f'v{item.tag.version}')}",
            hint="give the patches of one version",
        )
    numbered = [item for item in found if item.tag.number is not None]
    if not numbered:
        return
    totals = Counter(item.tag.total for item in numbered)
    if len(totals) > 1:
        raise PatchUnreadable(
            f"two series are mixed: {_several(numbered, lambda item: f'n/{item.tag.total}')}",
            hint="give one series; patches that belong together must be numbered together (git format-patch -n)",
        )
    total = numbered[0].tag.total or 0
    numbers = Counter(item.tag.number for item in numbered)
    twice = [item for item in numbered if numbers[item.tag.number] > 1]
    if twice:
        raise PatchUnreadable(
            f"different patches have the same number: {_several(twice, lambda item: f'{item.tag.number}/{total}')}",
            hint="give each part once",
        )
    missing = [number for number in range(1, total + 1) if number not in numbers]
    beyond = [number for number in numbers if number is not None and number > total]
    if missing or beyond:
        names = ", ".join(f"{number}/{total}" for number in (missing or beyond)[:20])
        raise PatchUnreadable(
            f"the series is incomplete: missing {names}" if missing else f"number beyond the total: {names}",
            hint="get the whole thread, or remove [n/m] from the subject to test a part alone",
        )


def _several(found: list[_Found], key: Callable[[_Found], str]) -> str:
    """`v1 (a.patch), v2 (b.patch, c.patch, ...)`: at most two places for each."""
    groups: dict[str, list[str]] = {}
    for item in found:
        groups.setdefault(key(item), []).append(item.place)
    return ", ".join(
        f"{label} ({', '.join(places[:2])}{', ...' if len(places) > 2 else ''})" for label, places in groups.items()
    )


def _ordered(found: list[_Found], notes: list[str], *, by_number: bool) -> list[_Found]:
    if by_number:
        return sorted(found, key=lambda item: item.tag.number or 0)
    numbers = [item.tag.number for item in found if item.tag.number]  # one more patch behind a series has none
    if numbers == sorted(numbers):
        return found
    notes.append("files are applied in name order, which is not the order of their [n/m]")
    return found


def _digest(patches: Iterable[Patch]) -> str:
    return hashlib.sha256("".join(patch.sha256 + "\n" for patch in patches).encode()).hexdigest()


def first(series: Series, count: int) -> Series:
    """The series up to its patch number `count`."""
    patches = series.patches[:count]
    return replace(series, patches=patches, digest=_digest(patches))


def with_patches(series: Series, more: Series) -> Series:
    """The series with another one's patches on top, under its own name."""
    patches = (*series.patches, *more.patches)
    return Series(series.name, patches, _digest(patches), (*series.notes, f"with {more.name} on top"))
