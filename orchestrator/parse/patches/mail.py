"""Mails that carry patches: splitting an mbox, finding the part with the diff.

What a commit says (author, date, text) is left to `git mailinfo` (source/commits.py). What it and `git mailsplit` do
not do as we need it is here: mailsplit cuts at every "From " line with a time, also in a quoted or attached patch, and
forgets where in the file a mail was; mailinfo takes the text of all parts together, HTML included, takes the CR away
from each line or from none, joins a blank context line of format=flowed with the next, and knows no replies.
"""

from __future__ import annotations

import email.errors
import email.header
import email.message
import email.parser
import email.utils
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from orchestrator.parse.patches import mail_limits
from orchestrator.parse.patches.scissors import is_scissors
from orchestrator.parse.patches.signed import SIGNED_TYPE, without_armour
from orchestrator.parse.patches.tag import Tag, read_tag

# "From " lines as git and mail archives write them; git format-patch puts the commit's name there.
_SEPARATOR = re.compile(
    rb"^From \S{1,200} (?>[^\n]{0,200}?\d\d:\d\d:\d\d)(?>[^\n]{0,80}?\d{4})[^\n]{0,200}\n"
    rb"(?=>?[A-Za-z][A-Za-z0-9-]{0,80}:| )",
    re.MULTILINE,
)
_HEADER = re.compile(rb"[A-Za-z][A-Za-z0-9-]*:")
_MAIL_HEADER = re.compile(rb"^(From|Subject|Date|Message-Id|Received|Return-Path):", re.IGNORECASE | re.MULTILINE)
_PATCH_NAME = re.compile(r"\.(patch|diff|mbox|eml)$", re.IGNORECASE)
_ENCODED = r"=\?[^?\s]+\?[bq]\?[^?]*\?="
_ENCODED_WORDS = re.compile(rf"{_ENCODED}(?:\s*{_ENCODED})*", re.IGNORECASE)
# what the standard library's reader raises for some malformed headers and parts, by their thousands of forms
FAILURES = (TypeError, ValueError, LookupError, AttributeError, RecursionError)
_PATCH_TYPES = ("text/x-patch", "text/x-diff", "application/x-patch")
# how the mails of mm-commits begin the patch that they are about
_PASSED_ON = re.compile(rb"^-{40,}\n(?=(?:(?:From|Subject|Date): [^\n]+\n){2})", re.MULTILINE)
_OWN_HEADER = re.compile(r"(From|Subject|Date):\s*(.*)", re.IGNORECASE)


class Unreadable(Exception):
    """A mail that is too malformed to be taken apart."""


@dataclass(frozen=True)
class Body:
    """A text part. `is_decoded`: line numbers in it are not those of the file; `is_flowed`: format=flowed, in
    which `deletes_space` is delsp=yes; `is_signed`: clear-signed, below an encoding; `converted_from`: the charset that
    it was in; `is_attached`: it may be a mail itself, as git format-patch writes it. `message` is one that was
    forwarded as a mail; `text` is then nothing but its letter."""

    text: bytes
    is_decoded: bool = False
    is_flowed: bool = False
    deletes_space: bool = False
    is_signed: bool = False
    is_attached: bool = False
    charset: str = ""
    converted_from: str = ""
    message: email.message.Message | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Mail:
    """One mail, decoded. `offset` is where it starts in its file, `had_html` that it has an HTML part, `is_signed` that
    it has a signature.

    `letter` is the mail as it was sent, `sender` an address, `sent_s` a time in seconds, 0.0 where it is not known.
    """

    letter: bytes
    tag: Tag
    sender: str
    sent_s: float
    message_id: str
    in_reply_to: tuple[str, ...]
    bodies: tuple[Body, ...]
    offset: int = 0
    had_html: bool = False
    is_signed: bool = False


def split_mbox(data: bytes) -> list[tuple[int, bytes]] | None:
    """Mails of an mbox, or the one mail of a file, each with its byte offset; None when there are no mail headers."""
    cuts = [match.start() for match in _SEPARATOR.finditer(data)]
    if cuts and not data[: cuts[0]].strip():
        return [(start, data[start:end]) for start, end in zip(cuts, [*cuts[1:], len(data)], strict=True)]
    text = data.lstrip()
    head = re.split(rb"\r?\n\r?\n", text, maxsplit=1)[0]
    if _HEADER.match(head) and _MAIL_HEADER.search(head):
        return [(len(data) - len(text), text)]
    return None


def as_mbox(contents: Sequence[bytes]) -> bytes:
    """The mails of files as one mbox; empty if none of them has any."""
    letters = [raw for data in contents for _, raw in split_mbox(without_crlf(data)) or ()]
    bare = (re.sub(rb"\AFrom [^\n]*\n", b"", raw) for raw in letters)
    escaped = (re.sub(rb"^(>*From )", rb">\1", raw, flags=re.MULTILINE) for raw in bare)
    return b"".join(b"From mboxrd@z Thu Jan  1 00:00:00 1970\n%b\n" % raw for raw in escaped)


def without_crlf(data: bytes) -> bytes:
    """A text with the line ends that mails have on their way, in which mail programs save them too, with ours: if each
    of its lines ends so."""
    return data.replace(b"\r\n", b"\n") if data.count(b"\n") == data.count(b"\r\n") else data


def in_utf8(text: bytes, charset: str) -> bytes:
    """A text that a mail program converted to another charset, as kernel sources have it; else as it is: mails say
    wrong charsets, too."""
    shifts = re.match(r"(iso-2022-|utf-?7|utf-?16|utf-?32|hz)", charset, re.IGNORECASE)
    try:
        text.decode()
        if not shifts:
            return text
    except UnicodeDecodeError:
        pass
    try:
        return text.decode(charset).encode() if charset else text
    except (LookupError, ValueError):
        return text


def parse(data: bytes, offset: int = 0) -> Mail:
    """Decode one mail. Whatever is malformed in it is taken as it stands: what matters is checked in the diff. Raises
    Unreadable."""
    text = re.sub(rb"^From [^\n]*\n", b"", data, count=1)
    text = re.sub(rb"^>(>*From )", rb"\1", text, flags=re.MULTILINE)  # how an mbox escapes such lines
    try:
        return _mail(email.parser.BytesParser().parsebytes(text), text, offset)
    except FAILURES as error:
        raise Unreadable(str(error)) from error


def _mail(message: email.message.Message, letter: bytes, offset: int = 0) -> Mail:
    bodies, kinds = tuple(_bodies(message)), {part.get_content_type() for part in message.walk()}
    return Mail(
        letter=letter,
        tag=read_tag(header(message, "Subject")),
        sender=_address(header(message, "From")),
        sent_s=float(git_date(header(message, "Date")).partition(" ")[0] or 0),
        message_id=header(message, "Message-ID").strip("<> "),
        in_reply_to=tuple(
            found
            for name in ("In-Reply-To", "References")
            for value in headers(message, name)
            for found in re.findall(r"<([^<>\s]+)>", value)
        ),
        bodies=bodies,
        offset=offset,
        had_html="text/html" in kinds,
        is_signed=SIGNED_TYPE in kinds or any(body.is_signed for body in bodies),
    )


def attached(body: Body) -> list[Mail]:
    """The mails that an attachment consists of: a forwarded one, the output of git format-patch; or the one that a text
    passes on below a line of dashes."""
    try:
        return _attached(body)
    except (Unreadable, *FAILURES):
        return []


def _attached(body: Body) -> list[Mail]:
    if body.message:
        return [_mail(body.message, body.text)]
    passed_on = _PASSED_ON.search(body.text)
    if not (body.is_attached or passed_on) or mail_limits.excess(body.text):
        return []
    letters = split_mbox(body.text) if body.is_attached else None
    read_ones = [parse(raw) for _, raw in letters or ()] or ([parse(body.text[passed_on.end() :])] if passed_on else [])
    return read_ones if all(mail.tag.title for mail in read_ones) else []


def inherited(inner: Mail, outer: Mail) -> Mail:
    """An attached mail that is the only one, with what the mail around it says and it does not."""
    tag = inner.tag
    if tag.number is None:
        tag = replace(tag, number=outer.tag.number, total=outer.tag.total, version=max(tag.version, outer.tag.version))
    return replace(
        inner,
        tag=tag,
        sender=outer.sender,
        sent_s=outer.sent_s,
        message_id=inner.message_id or outer.message_id,
        in_reply_to=inner.in_reply_to or outer.in_reply_to,
    )


def unflowed(lines: Sequence[bytes], *, deletes_space: bool) -> list[bytes]:
    """Lines of format=flowed as they were written: without the space that was put before a space, `From` and `>`,
    and with lines joined that end in a space. One of a space alone is no paragraph but a blank line of context."""
    found: list[bytes] = []
    is_open = False
    for line in lines:
        if line != b"-- ":
            line = line.removeprefix(b" ")
        if is_open:
            found[-1] = (found[-1].removesuffix(b" ") if deletes_space else found[-1]) + line
        else:
            found.append(line)
        is_open = line.endswith(b" ") and line not in (b" ", b"-- ")
    return found


def decoded_text(body: Body) -> str:
    """The text of a part in its own charset; where that is unknown or wrong, UTF-8 or else Latin-1."""
    for charset in (body.charset, "utf-8"):
        try:
            return body.text.decode(charset or "utf-8")
        except (LookupError, ValueError):
            continue
    return body.text.decode("latin-1")


def below_scissors(lines: Sequence[str]) -> int:
    """Where the text of a patch begins in the lines above its diff: behind the last scissors line. 0 without one.
    As for `git am --scissors`, a line below `---` is none."""
    end = next((at for at, line in enumerate(lines) if line.rstrip() == "---"), len(lines))
    return next((at + 1 for at in reversed(range(end)) if is_scissors(lines[at])), 0)


def with_own_headers(tag: Tag, lines: Sequence[str]) -> Tag:
    """The tag of a mail, with the Subject that its text begins with: that of a patch which somebody passes on. Its
    version and number count where the mail's own subject has none."""
    at = below_scissors(lines)
    while at < len(lines) and not lines[at].strip():
        at += 1
    subject: list[str] = []
    is_header = is_subject = False
    for line in lines[at:]:
        header = _OWN_HEADER.match(line)
        if header:
            is_header, is_subject = True, header[1].lower() == "subject"
        elif not is_header or not line.strip() or not line.startswith((" ", "\t")):  # else it was folded
            break
        if is_subject:
            subject.append(header[2] if header else line)
    own = read_tag(decoded(" ".join(word.strip() for word in subject)))
    if not own.title:
        return tag
    is_numbered = tag.number is not None
    return replace(
        tag,
        title=own.title,
        is_patch=tag.is_patch or own.is_patch,
        version=max(tag.version, own.version),
        number=tag.number if is_numbered else own.number,
        total=tag.total if is_numbered else own.total,
        tree=tag.tree or own.tree,
    )


def git_date(text: str) -> str:
    """The Date of a mail as git writes it: `SECONDS ZONE`. Empty when it is not a date."""
    try:
        parts = email.utils.parsedate_tz(text[: mail_limits.LONGEST_SUBJECT])
        if parts is None:
            return ""
        seconds, ahead_s = email.utils.mktime_tz(parts), parts[9] or 0
    except (ValueError, OverflowError, IndexError, TypeError):  # parsedate_tz is no match for every text
        return ""
    hours, minutes = divmod(abs(ahead_s) // 60, 60)
    if not 0 <= seconds < 2**33 or hours * 60 + minutes > 14 * 60:
        return ""
    return f"{seconds} {'-' if ahead_s < 0 else '+'}{hours:02}{minutes:02}"


def headers(message: email.message.Message, name: str) -> list[str]:
    """The decoded values of a field, which may be there several times."""
    is_list = name in ("References", "To", "Cc")
    longest = mail_limits.LONGEST_HEADER if is_list else mail_limits.LONGEST_SUBJECT
    return [decoded(str(value)[:longest]) for key, value in message.raw_items() if key.lower() == name.lower()]


def _address(text: str) -> str:
    try:
        return email.utils.parseaddr(text)[1].lower()
    except (RecursionError, ValueError, IndexError):  # of nested comments and groups
        return ""


def header(message: email.message.Message, name: str) -> str:
    """The first value of a field; empty where it is not there."""
    return next(iter(headers(message, name)), "")


def decoded(value: str) -> str:
    """A header in plain text: folding undone, RFC 2047 words decoded, raw bytes taken for UTF-8 or else Latin-1."""
    raw = value.encode("utf-8", "surrogateescape")
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    text = " ".join(part.strip() for part in re.split(r"[\r\n]+", text)).strip()
    return _ENCODED_WORDS.sub(lambda match: _decoded_words(match[0]), text)


def _decoded_words(text: str) -> str:
    try:
        parts = email.header.decode_header(text)
        words = "".join(
            part if isinstance(part, str) else part.decode(charset or "ascii", "replace") for part, charset in parts
        )
    except (ValueError, LookupError, OverflowError, email.errors.HeaderParseError):
        return text
    return words.encode("utf-8", "replace").decode()  # UTF-7 and others can name what is no character


def _written(message: email.message.Message) -> bytes:
    """A forwarded mail as a file; empty if it is so malformed that the library cannot write what it has read."""
    try:
        return message.as_bytes()
    except (ValueError, LookupError, TypeError, AttributeError):
        return b""


def _bodies(message: email.message.Message) -> Iterator[Body]:
    """The parts that may hold a diff, in their order."""
    kind = message.get_content_type()
    if kind == "message/rfc822" and message.is_multipart():
        for inner in message.get_payload():
            if isinstance(inner, email.message.Message) and (letter := _written(inner)):
                yield Body(letter, is_attached=True, message=inner)
    elif message.is_multipart():
        for part in message.get_payload():
            if isinstance(part, email.message.Message):
                # the line end before a boundary is the boundary's; where a diff ends there it may be a line of context
                yield from (replace(body, text=body.text + b"\n") for body in _bodies(part))
    else:
        is_named = _PATCH_NAME.search(message.get_filename() or "") is not None
        # one that says it has parts and has none is as its sender's list server left it
        if kind != "text/plain" and kind not in _PATCH_TYPES and not is_named and not kind.startswith("multipart/"):
            return
        payload = message.get_payload(decode=True)
        if isinstance(payload, bytes):
            encoding = str(message.get("Content-Transfer-Encoding", "")).strip().lower()
            charset = str(message.get_param("charset", "") or "")
            text = in_utf8(payload, charset)
            bare = without_armour(text)
            yield Body(
                bare,
                is_decoded=encoding in ("base64", "quoted-printable"),
                is_flowed=str(message.get_param("format", "")).lower() == "flowed",
                deletes_space=str(message.get_param("delsp", "")).lower() == "yes",
                is_signed=bare is not text,
                is_attached=is_named or kind in _PATCH_TYPES,
                charset=charset if text is payload else "utf-8",
                converted_from="" if text is payload else charset,
            )
