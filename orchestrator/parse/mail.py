"""Mails that carry patches: splitting an mbox, decoding bodies and headers, reading `[PATCH v2 3/7]`."""

from __future__ import annotations

import binascii
import email.header
import email.message
import email.parser
import re
from collections.abc import Iterator
from dataclasses import dataclass

# "From " lines as git and mail archives write them; git format-patch puts the commit's name there.
_SEPARATOR = re.compile(rb"^From \S+ .*\d\d:\d\d:\d\d.*\d{4}.*\r?\n(?=>?[A-Za-z][A-Za-z0-9-]*:| )", re.MULTILINE)
_HEADER = re.compile(rb"[A-Za-z][A-Za-z0-9-]*:")
_MAIL_HEADER = re.compile(rb"^(From|Subject|Date|Message-Id|Received|Return-Path):", re.IGNORECASE | re.MULTILINE)
_REPLY = re.compile(r"^\s*((re|aw|sv|antw|fwd|fw|wg)(\[\d+\])?\s*:)", re.IGNORECASE)
_TAGS = re.compile(r"^\s*((?:\[[^\]]*\]\s*)+)")
_PATCH_WORD = re.compile(r"\b(PATCH|RFC|RFT)(?=v?\d|\b)", re.IGNORECASE)
_PART = re.compile(r"(?<![\w.])(\d+)\s*/\s*(\d+)(?![\w.])")
_VERSION = re.compile(r"(?:\b|(?<=PATCH)|(?<=patch))v(\d+)\b", re.IGNORECASE)
_PATCH_NAME = re.compile(r"\.(patch|diff)$", re.IGNORECASE)


@dataclass(frozen=True)
class Tag:
    """What a subject says: `[PATCH v2 RESEND 3/7] mm: x` is version 2, number 3 of 7, title `mm: x`."""

    title: str
    is_patch: bool = False
    is_reply: bool = False
    version: int = 1
    number: int | None = None
    total: int | None = None


@dataclass(frozen=True)
class Body:
    """A text part. `is_decoded`: line numbers in it are not those of the file; `is_flowed`: format=flowed."""

    text: bytes
    is_decoded: bool = False
    is_flowed: bool = False


@dataclass(frozen=True)
class Mail:
    """One mail, decoded. `offset` is where it starts in its file, `had_html` that it has an HTML part."""

    tag: Tag
    author: str
    message_id: str
    in_reply_to: tuple[str, ...]
    bodies: tuple[Body, ...]
    offset: int = 0
    had_html: bool = False


def split(data: bytes) -> list[tuple[int, bytes]] | None:
    """Mails of an mbox, or the one mail of a file, each with its byte offset; None when there are no mail headers."""
    cuts = [match.start() for match in _SEPARATOR.finditer(data)]
    if cuts and not data[: cuts[0]].strip():
        return [(start, data[start:end]) for start, end in zip(cuts, [*cuts[1:], len(data)], strict=True)]
    text = data.lstrip()
    head = re.split(rb"\r?\n\r?\n", text, maxsplit=1)[0]
    if _HEADER.match(head) and _MAIL_HEADER.search(head):
        return [(len(data) - len(text), text)]
    return None


def read(data: bytes, offset: int = 0) -> Mail:
    """Decode one mail. Whatever is malformed in it is taken as it stands: what matters is checked in the diff."""
    text = re.sub(rb"^From [^\n]*\n", b"", data, count=1)
    text = re.sub(rb"^>(>*From )", rb"\1", text, flags=re.MULTILINE)  # how an mbox escapes such lines
    message = email.parser.BytesParser().parsebytes(text)
    bodies = tuple(_bodies(message))
    return Mail(
        tag=read_tag(_decoded(message.get("Subject"))),
        author=_in_body_author(bodies) or _decoded(message.get("From")),
        message_id=_decoded(message.get("Message-ID")).strip("<> "),
        in_reply_to=tuple(
            found
            for name in ("In-Reply-To", "References")
            for value in message.get_all(name, [])
            for found in re.findall(r"<([^<>\s]+)>", _decoded(value))
        ),
        bodies=bodies,
        offset=offset,
        had_html=any(part.get_content_type() == "text/html" for part in message.walk()),
    )


def read_tag(subject: str) -> Tag:
    reply = _REPLY.match(subject)
    while match := _REPLY.match(subject):
        subject = subject[match.end() :]
    tags = _TAGS.match(subject)
    if tags is None:
        return Tag(subject.strip(), is_reply=reply is not None)
    part, version = _PART.search(tags[1]), _VERSION.search(tags[1])
    return Tag(
        title=subject[tags.end() :].strip(),
        is_patch=_PATCH_WORD.search(tags[1]) is not None or part is not None,
        is_reply=reply is not None,
        version=int(version[1]) if version else 1,
        number=int(part[1]) if part else None,
        total=int(part[2]) if part else None,
    )


def _decoded(value: object) -> str:
    """A header in plain text: RFC 2047 words decoded, folding undone."""
    if value is None:
        return ""
    try:
        text = str(email.header.make_header(email.header.decode_header(str(value))))
    except (ValueError, LookupError, UnicodeError, binascii.Error):
        text = str(value)
    text = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return re.sub(r"\s*[\r\n]+\s*", " ", text).strip()


def _bodies(message: email.message.Message) -> Iterator[Body]:
    for part in message.walk():
        if part.is_multipart():
            continue
        kind = part.get_content_type()
        named = _PATCH_NAME.search(part.get_filename() or "")
        if kind not in ("text/plain", "text/x-patch", "text/x-diff", "application/x-patch") and not named:
            continue
        payload = part.get_payload(decode=True)
        if not isinstance(payload, bytes):
            continue
        encoding = str(part.get("Content-Transfer-Encoding", "")).strip().lower()
        yield Body(
            payload,
            is_decoded=encoding in ("base64", "quoted-printable"),
            is_flowed=str(part.get_param("format", "")).lower() == "flowed",
        )


def _in_body_author(bodies: tuple[Body, ...]) -> str:
    """git format-patch names an author who is not the sender in the first lines of the body."""
    for body in bodies[:1]:
        match = re.match(rb"\s*From: ([^\r\n]+@[^\r\n]+)", body.text)
        if match:
            return _decoded(match[1].decode("utf-8", "replace"))
    return ""
