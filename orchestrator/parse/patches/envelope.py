"""Who wrote the mails of a series to whom: what an answer to them has to say in its own headers. Pure."""

from __future__ import annotations

import email.message
import email.parser
import email.utils
import re
from collections.abc import Iterator, Sequence

from orchestrator.model.series import Envelope, Patch
from orchestrator.parse.patches.mail import FAILURES, decoded, header, headers
from orchestrator.parse.patches.mail_limits import LONGEST_HEADER

MOST_ADDRESSES = 200  # of one field: a series that touches a whole subsystem's files has some 100
_ADDRESS = re.compile(r"[^\s<>@\",;:]{1,250}@[A-Za-z0-9._-]{1,250}")
_MESSAGE_ID = re.compile(r"<([^<>\s]{1,900})>")


def envelopes(cover: bytes, patches: Sequence[Patch]) -> tuple[Envelope, ...]:
    """Those of the cover letter, if there is one (else b""), and of the patches that are mails of a thread."""
    found = [_envelope(0, cover, "")]
    found += [_envelope(number, patch.letter, patch.message_id) for number, patch in enumerate(patches, 1)]
    return tuple(one for one in found if one)


def _envelope(part: int, letter: bytes, message_id: str) -> Envelope | None:
    """None for what nobody can answer: it has no message id, or no sender."""
    if not letter:
        return None
    try:
        message = email.parser.BytesHeaderParser().parsebytes(re.sub(rb"^From [^\n]*\n", b"", letter, count=1))
        found = Envelope(
            part,
            message_id or header(message, "Message-ID").strip("<> "),
            header(message, "Subject"),
            next(_addresses(message, "From"), ""),
            tuple(_addresses(message, "To")),
            tuple(_addresses(message, "Cc")),
            tuple(dict.fromkeys(_above(message))),
        )
    except FAILURES:
        return None
    return found if found.message_id and found.sender else None


def _above(message: email.message.Message) -> Iterator[str]:
    for name in ("References", "In-Reply-To"):
        for value in headers(message, name):
            yield from _MESSAGE_ID.findall(value)


def _addresses(message: email.message.Message, name: str) -> Iterator[str]:
    """Each address once. Names are on one line, so that they stay what they are in another mail's header."""
    known = set()
    # taken apart before they are decoded: an encoded name may have a comma in it
    raw = [str(value)[:LONGEST_HEADER] for key, value in message.raw_items() if key.lower() == name.lower()]
    for who, address in email.utils.getaddresses(raw)[:MOST_ADDRESSES]:
        if _ADDRESS.fullmatch(address) and address.lower() not in known:
            known.add(address.lower())
            plain = " ".join("".join(c for c in decoded(who) if c.isprintable()).split())
            # formataddr would encode what is not ASCII, which is for whoever writes the mail
            quoted = re.sub(r'(["\\])', r"\\\1", plain)
            needs_quotes = re.search(r'[()<>@,:;".\[\]\\]', plain)
            yield f'"{quoted}" <{address}>' if needs_quotes else f"{plain} <{address}>" if plain else address
