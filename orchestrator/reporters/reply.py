"""An answer to a series as an mbox of one mail, for `git send-email` and mail programs: addressed as the thread was,
without From, Date and Message-ID, which are for who sends it. Nothing here sends it. Pure."""

from __future__ import annotations

import email.utils
import re
from collections.abc import Iterable, Iterator
from email.header import Header

from orchestrator.model.outcome import Verdict
from orchestrator.model.report import RunReport
from orchestrator.model.series import Envelope
from orchestrator.reporters.pinpoint import Level, pinpoints
from orchestrator.reporters.reply_text import body
from orchestrator.reporters.text import printable

TOLD = (Verdict.CLEAN, Verdict.PATCH_AT_FAULT)  # what else ended a run is no news for an author
_SEPARATOR = b"From mboxrd@z Thu Jan  1 00:00:00 1970\n"
_MESSAGE_ID = re.compile(r"[\x21-\x3b\x3d\x3f-\x7e]{1,900}")  # no brackets, no spaces
_LONGEST_SUBJECT = 900  # characters: one word of them has still to fit into the 998 of a line
_LONGEST = 76  # columns of a header's line, as far as it can be folded


def content(report: RunReport) -> bytes | None:
    """The whole file; None where there is no mail to answer, or nothing to say."""
    mail = answered(report)
    if mail is None or report.verdict not in TOLD or any(suite.has_mutants for suite in report.suites):
        return None
    head = "".join(f"{line}\n" for line in _head(mail))
    text = f"{head}\n{body(report, report.mails[0].message_id)}"
    return _SEPARATOR + text.encode("utf-8", "backslashreplace") + b"\n"


def answered(report: RunReport) -> Envelope | None:
    """The mail to answer: that of the patch that wrote the lines at fault, where it is one, else the first of the
    thread."""
    usable = [mail for mail in report.mails if _MESSAGE_ID.fullmatch(mail.message_id)]
    at_fault = {one.patch for one in pinpoints(report) if one.level is Level.ERROR}
    own = [mail for mail in usable if {mail.part} == at_fault and mail.part]
    return next(iter((*own, *usable)), None)


def recipients(mail: Envelope) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """To and Cc of an answer to everybody: who wrote the mail, and those who got it."""
    sender = email.utils.parseaddr(mail.sender)[1].lower()
    others = {email.utils.parseaddr(one)[1].lower(): one for one in (*mail.copy, *reversed(mail.to))}
    others.pop(sender, None)
    ordered = [one for one in (*mail.to, *mail.copy) if one in others.values()]
    return (mail.sender,), tuple(dict.fromkeys(ordered))


def subject(mail: Envelope) -> str:
    words = printable(mail.subject[:_LONGEST_SUBJECT])
    return words if re.match(r"re:", words, re.IGNORECASE) else f"Re: {words}"


def _head(mail: Envelope) -> Iterator[str]:
    to, copy = recipients(mail)
    above = [one for one in mail.references if _MESSAGE_ID.fullmatch(one) and one != mail.message_id]
    yield f"Subject: {Header(_encodable(subject(mail)), header_name='Subject', maxlinelen=_LONGEST).encode()}"
    yield f"To: {_list(to)}"
    if copy:
        yield f"Cc: {_list(copy)}"
    yield f"In-Reply-To: <{mail.message_id}>"
    yield "References: " + "\n ".join(f"<{one}>" for one in (*above, mail.message_id))
    yield "MIME-Version: 1.0"
    yield "Content-Type: text/plain; charset=UTF-8"
    yield "Content-Transfer-Encoding: 8bit"


def _list(addresses: Iterable[str]) -> str:
    """An address on each line."""
    return ",\n ".join(email.utils.formataddr(_pair(one)) for one in addresses)


def _pair(one: str) -> tuple[str, str]:
    name, address = email.utils.parseaddr(one)
    return _encodable(printable(name)), address


def _encodable(words: str) -> str:
    """Without lone surrogates, which no charset can encode."""
    return words.encode("utf-8", "replace").decode()
