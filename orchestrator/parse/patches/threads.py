"""Mails of a mailbox -> their threads, and the name that a series keeps from version to version. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from orchestrator.parse.patches.mail import Mail

_SEPARATOR = b"From mboxrd@z Thu Jan  1 00:00:00 1970\n"
_FROM = re.compile(rb"^(>*From )", re.MULTILINE)
LONGEST_NAME = 52


def threads(mails: Iterable[Mail]) -> list[tuple[Mail, ...]]:
    """Mails that answer each other, also by way of mails that are not there; the thread with the newest mail first, its
    mails in the order in which they were sent. A mail that is there twice counts once."""
    root: dict[str, str] = {}

    def top(name: str) -> str:
        while root.setdefault(name, name) != name:
            root[name] = root[root[name]]
            name = root[name]
        return name

    known: dict[str, Mail] = {}
    for number, mail in enumerate(mails):
        own = mail.message_id or f" {number}"
        known.setdefault(own, mail)
        for other in mail.in_reply_to:
            root[top(own)] = top(other)
    groups: dict[str, list[Mail]] = {}
    for name, mail in known.items():
        groups.setdefault(top(name), []).append(mail)
    found = [tuple(sorted(group, key=lambda mail: mail.sent_s)) for group in groups.values()]
    return sorted(found, key=lambda thread: thread[-1].sent_s, reverse=True)


def has_patches(thread: Iterable[Mail]) -> bool:
    """Whether somebody sent patches in it, and not only words."""
    return any(mail.tag.is_patch and not mail.tag.is_reply and mail.tag.number != 0 for mail in thread)


def as_mbox(thread: Sequence[Mail]) -> bytes:
    """As mail archives write them: lines that begin with From are quoted."""
    letters = [_FROM.sub(rb">\1", mail.letter) for mail in thread]
    return b"".join(_SEPARATOR + letter.rstrip(b"\n") + b"\n\n" for letter in letters)


def version_of(thread: Iterable[Mail]) -> int:
    """The newest."""
    return max((mail.tag.version for mail in _sent(thread)), default=1)


def _sent(thread: Iterable[Mail]) -> list[Mail]:
    return [mail for mail in thread if mail.tag.is_patch and not mail.tag.is_reply]


def title_of(thread: Sequence[Mail]) -> str:
    """Of the newest version: the cover letter's, else the first patch's."""
    newest = version_of(thread)
    own = [mail for mail in _sent(thread) if mail.tag.version == newest]
    return min(own, key=lambda mail: mail.tag.number or 0).tag.title if own else ""


def plain_name(title: str) -> str:
    """A title as a name without spaces and slashes: the same for each version of a series."""
    return re.sub(r"[^A-Za-z0-9._]+", "-", title).strip("-.")[:LONGEST_NAME].rstrip("-.") or "series"
