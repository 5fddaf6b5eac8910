"""One file, as bytes, to the patches in it: a mail or several, or a diff without one.

What git would find out later and say worse is found here: damage by a mailer, several diffs in one mail, text that is
none. `notes` say what was ignored or undone.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from pathlib import PurePath
from typing import NoReturn

from orchestrator.errors import PatchUnreadable
from orchestrator.model.series import Patch
from orchestrator.parse.patches import diff as diffs
from orchestrator.parse.patches import html_escapes, mail_limits, signed
from orchestrator.parse.patches import mail as mails
from orchestrator.parse.patches.tag import Tag
from orchestrator.words import counted

FEW = 5  # lines that one note names
MOST_DEPTH = 3  # of mails attached to mails
_TAG = re.compile(rb"</?[A-Za-z][^<>\n]{0,500}>")
_RAW_HINT = "save the mail in raw form (the archive's raw or mbox link), not from a mail program"


@dataclass(frozen=True)
class FoundPatch:
    """A patch with what is needed to choose and to order; `place` names it for people, `text` is all that its mail
    says."""

    patch: Patch
    tag: Tag
    file: str
    place: str
    in_reply_to: tuple[str, ...] = ()
    sender: str = ""
    sent_s: float = 0.0
    text: str = field(default="", repr=False)


@dataclass(frozen=True)
class OtherMail:
    """A mail that is no part of a series by its headers. It is looked into when there is nothing else."""

    file: str
    data: bytes
    mail: mails.Mail
    note: str


def refuse(file: str, line: int | None, what: str, hint: str) -> NoReturn:
    """Raises PatchUnreadable, with the line where one is known (1-based)."""
    raise PatchUnreadable(f"{file}:{line}: {what}" if line else f"{file}: {what}", hint=hint)


def read_file(file: str, data: bytes, notes: list[str], answers: list[OtherMail]) -> list[FoundPatch]:
    """The patches of a file, which is a diff, a mail or an mbox. What is left out is told in `notes`; mails that are no
    part of a series go to `answers`. Raises PatchUnreadable."""
    _check_encoding(file, data)
    data = data.removeprefix(b"\xef\xbb\xbf")  # with which editors of Windows mark UTF-8
    if (plain := mails.without_crlf(data)) != data:
        data = plain
        notes.append(f"{PurePath(file).name}: CRLF line ends converted, which all of its lines have")
    if (bare := signed.without_armour(data)) is not data:
        data = bare
        notes.append(signed.NOTE)
    letters = mails.split_mbox(data)
    if letters is None:
        return [_plain(file, data, notes)]
    several = len(letters) > 1
    if len(letters) > mail_limits.MOST_MAILS:
        refuse(file, None, f"{len(letters)} mails in one file", "save the thread of the series alone")
    sent: list[mails.Mail] = []
    for offset, raw in letters:
        if excess := mail_limits.excess(raw):
            refuse(file, _line_at(data, offset + excess[0]), f"no mail that somebody wrote: {excess[1]}", _RAW_HINT)
        try:
            sent.append(mails.parse(raw, offset))
        except mails.Unreadable as error:
            refuse(file, _line_at(data, offset), f"a malformed mail: {error}", _RAW_HINT)
    tags = {mail.message_id: mail.tag for mail in sent}
    found: list[FoundPatch] = []
    for mail in sent:
        tag = mail.tag
        if tag.number == 0 or _is_reply(mail, tags):
            kind = "cover letter" if tag.number == 0 else "reply"
            notes.append(f"{kind} ignored: {tag.title or file}")
            answers.append(OtherMail(file, data, mail, notes[-1]))
        else:
            found += mailed(file, data, mail, notes, several=several)
    return found


def _is_reply(mail: mails.Mail, tags: Mapping[str, Tag]) -> bool:
    """Whether it says so, answers something and is no patch, or answers the very patch that it claims to be. `tags` are
    those of all mails beside it, by message id."""
    tag = mail.tag
    if tag.is_reply or (mail.in_reply_to and not tag.is_patch):
        return True
    same = [other for name in mail.in_reply_to if (other := tags.get(name)) and other is not tag]
    is_same = any((other.number, other.version, other.title) == (tag.number, tag.version, tag.title) for other in same)
    return is_same and not any(starts(body.text) or mails.attached(body) for body in mail.bodies)


def _check_encoding(file: str, data: bytes) -> None:
    if not data.strip():
        refuse(file, None, "the file is empty", "write the patch again: git format-patch -1 COMMIT")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        refuse(file, 1, "UTF-16 text", "convert it: iconv -f UTF-16 -t UTF-8 (PowerShell's > writes UTF-16)")
    if data.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"PK\x03\x04", b"\x28\xb5\x2f\xfd")):
        refuse(file, None, "a compressed file of a kind that is not read here", "decompress it first")
    if (at := data.find(b"\0")) >= 0:
        refuse(
            file, data.count(b"\n", 0, at) + 1, "a NUL byte: not text", "give the output of git format-patch or diff -u"
        )


def _plain(file: str, data: bytes, notes: list[str]) -> FoundPatch:
    """A diff without mail headers: diff -u, git diff, git show."""
    at = _line_of_start(data)
    if at is None:
        _refuse_coloured(file, data)
        _refuse_escaped(file, data)
        kind = "HTML, not a patch" if re.match(rb"\s*<(!doctype|html)", data, re.IGNORECASE) else "no diff in it"
        refuse(
            file,
            None,
            kind,
            "give the output of git format-patch or diff -u" + (f"; {_RAW_HINT}" if "HTML" in kind else ""),
        )
    lines = data.split(b"\n")
    diff = _checked(file, lines[at:], lambda: at, notes)
    letter = _shown(lines[:at])
    title = _title(letter) if letter else ""
    tag = Tag(title or _bare_name(file), is_patch=True)
    return FoundPatch(_patch(PurePath(file).name, tag, diff, letter, ""), tag, file, file)


def _refuse_coloured(file: str, text: bytes) -> None:
    if re.search(rb"^(\x1b\[[0-9;]*m)+(diff --git|--- ) ", text, re.MULTILINE):
        refuse(file, None, "a coloured diff: its lines have escapes of a terminal", "make it with git diff --no-color")


def _refuse_escaped(file: str, text: bytes) -> None:
    """Of a text without a diff: perhaps it would be one without what a web page made of it."""
    if (escapes := html_escapes.html_escapes(text)) and starts(_TAG.sub(b"", text)):
        refuse(file, None, f"HTML around a diff: {escapes}", html_escapes.HINT)
    if re.search(rb"^-----BEGIN PGP MESSAGE-----", text, re.MULTILINE):
        refuse(file, None, "an encrypted message", "decrypt it first: gpg --decrypt")


def _title(letter: bytes) -> str:
    try:
        return mails.parse(letter).tag.title
    except mails.Unreadable:
        return ""


def _shown(lines: Sequence[bytes]) -> bytes:
    """What git show, git log -p, hg export or the header of a Debian patch says of a commit, as a mail; empty when the
    lines are not of theirs."""
    if lines and lines[0].rstrip() == b"# HG changeset patch":
        return _exported(lines)
    if any(line.startswith(b"Description: ") for line in lines):
        return _described(lines)
    if not lines or not re.match(rb"commit [0-9a-f]{7,64}\b", lines[0]):
        return b""
    end = lines.index(b"") if b"" in lines else len(lines)
    headers = {name: value.strip() for name, _, value in (line.partition(b":") for line in lines[:end])}
    title, *text = [line.removeprefix(b"    ") for line in lines[end + 1 :]] or [b""]
    who, date = headers.get(b"Author", b""), headers.get(b"AuthorDate") or headers.get(b"Date", b"")
    return b"From: %b\nDate: %b\nSubject: %b\n\n%b\n---\n" % (who, date, title, b"\n".join(text))


def _exported(lines: Sequence[bytes]) -> bytes:
    """What hg export says of a commit, as a mail."""
    comments = [line[2:].split(b" ", 1) for line in lines if line.startswith(b"# ")]
    headers = {comment[0]: comment[-1].strip() for comment in comments}
    seconds = re.match(rb"\d{1,10}\b", headers.get(b"Date", b""))
    date = formatdate(int(seconds[0])).encode() if seconds else b""
    title, *text = [line for line in lines if not line.startswith(b"#")] or [b""]
    return b"From: %b\nDate: %b\nSubject: %b\n\n%b\n---\n" % (headers.get(b"User", b""), date, title, b"\n".join(text))


def _bare_name(file: str) -> str:
    """A file's name without suffix, and without the number that it has in a directory."""
    stem = PurePath(file).stem
    return re.sub(r"^\d+-", "", stem) or stem


def _described(lines: Sequence[bytes]) -> bytes:
    """What the header of a patch in debian/patches says (DEP-3), as a mail."""
    matches = (re.match(rb"(Description|Author|From): +(.*)", line) for line in lines)
    headers = {match[1]: match[2] for match in matches if match}
    who = headers.get(b"Author") or headers.get(b"From", b"")
    text = [b"" if line == b" ." else line[1:] for line in lines if line.startswith(b" ")]
    return b"From: %b\nSubject: %b\n\n%b\n---\n" % (who, headers[b"Description"], b"\n".join(text))


def mailed(
    file: str, data: bytes, mail: mails.Mail, notes: list[str], *, several: bool, depth: int = 0
) -> list[FoundPatch]:
    """The patches of one mail: its own, or those of the mails attached to it. None of a mail without a diff.
    `depth`: of mails that it is attached to."""
    tag = mail.tag
    attached = [mails.attached(body) if depth < MOST_DEPTH else [] for body in mail.bodies]
    inside = [inner for several_of_them in attached for inner in several_of_them if inner.tag.number != 0]
    if inside and not any(starts(body.text) for body, inner in zip(mail.bodies, attached, strict=True) if not inner):
        if len(inside) == 1:
            inside = [mails.inherited(inside[0], mail)]
        several = several or len(inside) > 1
        inside = [replace(inner, offset=mail.offset) for inner in inside]
        return [item for inner in inside for item in mailed(file, data, inner, notes, several=several, depth=depth + 1)]
    with_diff = [(body, at) for body in mail.bodies if (at := _line_of_start(body.text)) is not None]
    if len(with_diff) != 1:
        line = _line_at(data, mail.offset)
    if not with_diff:
        for body in mail.bodies:
            _refuse_coloured(file, body.text)
            _refuse_escaped(file, body.text)
        if several and not tag.number:
            notes.append(f"mail without a diff ignored: {tag.title or file}")
            return []
        if mail.had_html:
            refuse(file, line, f"an HTML mail without a diff in plain text: {tag.title!r}", _RAW_HINT)
        refuse(file, line, f"no diff in it: {tag.title!r}", "give the output of git format-patch")
    if len(with_diff) > 1:
        refuse(file, line, f"several diffs in one mail: {tag.title!r}", "save each attachment as a file in a directory")
    if mail.is_signed:
        notes.append(signed.NOTE)
    body, at = with_diff[0]
    diff = _diff(file, data, mail, body, at, notes)
    above = mails.decoded_text(replace(body, text=b"\n".join(body.text.split(b"\n")[:at]))).split("\n")
    if mails.below_scissors(above):
        notes.append(f"what stands above the scissors line was left out: {tag.title}")
    tag = mails.with_own_headers(tag, above)
    if not tag.title:
        tag = replace(tag, title=_bare_name(file))
    label = PurePath(file).name if not several else _label(tag)
    return [
        FoundPatch(
            patch=_patch(label, tag, diff, mail.letter, mail.message_id),
            tag=tag,
            file=file,
            place=f"{file}: {tag.title!r}" if several else file,
            in_reply_to=mail.in_reply_to,
            sender=mail.sender,
            sent_s=mail.sent_s,
            text=text_of(mail),
        )
    ]


def text_of(mail: mails.Mail) -> str:
    """All text of a mail, its parts one after the other."""
    return "\n".join(mails.decoded_text(body) for body in mail.bodies)


def _diff(file: str, data: bytes, mail: mails.Mail, body: mails.Body, at: int, notes: list[str]) -> diffs.Diff:
    """The diff that starts at a line of a mail's body. Raises PatchUnreadable."""
    lines = body.text.split(b"\n")
    index = data.find(b"\n".join(lines[at : at + 4]), mail.offset)  # -1 when the file holds it in encoded form
    if body.is_decoded and lines[at].endswith(b"\r"):
        # the canonical line end of encoded text in MIME, not damage: a header of a diff has no other CR
        lines = [line.removesuffix(b"\r") for line in lines]
        notes.append(f"CRLF of an encoded mail body converted: {mail.tag.title}")
    if body.converted_from:
        notes.append(f"converted from {body.converted_from} to UTF-8: {mail.tag.title}")
    if body.is_flowed and _is_stuffed(lines[at:]):
        lines = [*lines[:at], *mails.unflowed(lines[at:], deletes_space=body.deletes_space)]
        notes.append(f"format=flowed undone: {mail.tag.title}")
        index = -1
    if index < 0:
        return _checked(f"{file}: decoded text of {mail.tag.title!r}", lines[at:], lambda: at, notes)
    return _checked(file, lines[at:], lambda: _line_at(data, index) - 1, notes)


def _label(tag: Tag) -> str:
    slug = re.sub(r"[^A-Za-z0-9._]+", "-", tag.title).strip("-.")[:52]
    return f"{tag.number:04}-{slug}" if tag.number is not None else slug or "patch"


def _line_of_start(text: bytes) -> int | None:
    return diffs.find_start(text.split(b"\n"))


def starts(text: bytes) -> bool:
    """Whether a diff starts somewhere in a text."""
    return _line_of_start(text) is not None


def _line_at(data: bytes, offset: int) -> int:
    """Of the byte, from 1. To be asked for an error only: in an mbox of many mails it would make the time quadratic."""
    return data.count(b"\n", 0, offset) + 1


def _is_stuffed(lines: Sequence[bytes]) -> bool:
    """format=flowed puts a space before each line that starts with one; no count of lines can tell."""
    context = [line for line in lines if line.startswith(b" ") and line.strip()]
    return len(context) > 1 and all(line.startswith(b"  ") for line in context)


def _checked(file: str, lines: list[bytes], first: Callable[[], int], notes: list[str]) -> diffs.Diff:
    """`first` gives the 0-based line of the file where the diff starts."""
    try:
        diff = diffs.parse(lines)
    except diffs.DamagedDiff as damage:
        escapes = html_escapes.html_escapes(b"\n".join(lines))
        what, hint = (f"{damage.what}; {escapes}", html_escapes.HINT) if escapes else (damage.what, damage.hint)
        refuse(file, first() + damage.line + 1, what, hint)
    notes += [f"{PurePath(file).name}: {note}" for note in diff.notes]
    if lines[-1] and diff.text.endswith(b"\n" + lines[-1] + b"\n"):
        notes.append(f"{PurePath(file).name}: ends in the middle of a line: is it whole?")
    if diff.wrapped:
        numbers = [str(first() + line + 1) for line in diff.wrapped]
        more = f" and {counted(len(numbers) - FEW, 'more line')}" if len(numbers) > FEW else ""
        which = f"{'line' if len(numbers) == 1 else 'lines'} {', '.join(numbers[:FEW])}{more}"
        verb = "was" if len(numbers) == 1 else "were"
        notes.append(f"{PurePath(file).name}: {which} {verb} wrapped by a mail client: joined with what follows")
    return diff


def _patch(name: str, tag: Tag, diff: diffs.Diff, letter: bytes, message_id: str) -> Patch:
    return Patch(
        name=name,
        subject=tag.title,
        diff=diff.text,
        sha256=hashlib.sha256(diff.text).hexdigest(),
        files=diff.files,
        number=tag.number,
        total=tag.total,
        version=tag.version,
        message_id=message_id,
        letter=letter,
    )
