"""Subjects of mails: the parts of `Re: [PATCH v2 6.12 3/7] mm: x`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from orchestrator.parse.mail_limits import LONGEST_SUBJECT

MOST_DIGITS = 9  # of a number that counts
_REPLY = re.compile(r"^\s*((re|aw|sv|antw|fwd|fw|wg)(\[\d+\])?\s*:)", re.IGNORECASE)
_TAGS = re.compile(r"^\s*((?:\[[^\]]*\]\s*)+)")
_BEHIND_TAGS = re.compile(r"^(?:[:\s]|-\s)+")  # [PATCH 1/2]: mm: x
_PATCH_WORD = re.compile(r"\b(PATCH|RFC|RFT)(?=v?\d|_|\b)", re.IGNORECASE)
_PART = re.compile(r"(?<![\w.])(\d+)\s{0,9}(?:/|of)\s{0,9}(\d+)(?![\w.])", re.IGNORECASE)
_VERSION = re.compile(r"(?:(?<![\w.-])|(?<=PATCH)|(?<=RFC)|(?<=RFT)|(?<=_))v(\d+)(?:\.(\d+))?(?![\w.])", re.IGNORECASE)
_TREE = re.compile(
    r"(?<![\w.])(?:linux-|stable-|for-)?v?(\d{1,4}\.\d{1,6}(?:\.(?:\d{1,6}|y))?)(?![\w/])", re.IGNORECASE
)
_OLDEST_TREE = (2, 6)  # [PATCH v2.1 3/7] is a version, [PATCH v5.10 3/7] names a tree


@dataclass(frozen=True)
class Tag:
    """What a subject says: `[PATCH v2 6.12 3/7] mm: x` is version 2, for tree 6.12, number 3 of 7, title `mm: x`."""

    title: str
    is_patch: bool = False
    is_reply: bool = False
    version: int = 1
    number: int | None = None
    total: int | None = None
    tree: str = ""


def read_tag(subject: str) -> Tag:
    """Read a subject, without what was put before it (`Re:`, a list's name). It never fails: the rest is the title."""
    subject = subject[:LONGEST_SUBJECT]
    reply = _REPLY.match(subject)
    while match := _REPLY.match(subject):
        subject = subject[match.end() :]
    tags = _TAGS.match(subject)
    if tags is None:
        return Tag(subject.strip(), is_reply=reply is not None)
    part, (version, tree) = _PART.search(tags[1]), _version_and_tree(tags[1])
    return Tag(
        title=_BEHIND_TAGS.sub("", subject[tags.end() :]).strip(),
        is_patch=_PATCH_WORD.search(tags[1]) is not None or part is not None,
        is_reply=reply is not None,
        version=version,
        number=_count(part[1]) if part else None,
        total=_count(part[2]) if part else None,
        tree=tree,
    )


def _count(digits: str) -> int:
    """The number, as far as one can tell: of more digits than any series has parts the first ones are enough."""
    return int(digits[:MOST_DIGITS])


def _version_and_tree(tags: str) -> tuple[int, str]:
    """Which version of the series, and for which kernel: [PATCH v5.10 v2] is version 2 for 5.10."""
    for match in _VERSION.finditer(tags):
        if match[2] is None or (_count(match[1]), _count(match[2])) < _OLDEST_TREE:
            version = _count(match[1])
            break
    else:
        version = 1
    trees = (match[1] for match in _TREE.finditer(tags))
    return version, next((tree for tree in trees if tuple(map(int, tree.split(".")[:2])) >= _OLDEST_TREE), "")
