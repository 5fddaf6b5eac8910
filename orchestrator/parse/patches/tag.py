"""Subjects of mails: the parts of `Re: [PATCH v2 6.12 3/7] mm: x`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from orchestrator.parse.patches.mail_limits import LONGEST_SUBJECT

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
# So is [PATCH v3.1 3/7]: nobody maintains kernels before 6.0 whose second number is so small
_LAST_OF_FEW, _MOST_OF_FEW = 5, 3


@dataclass(frozen=True)
class Tag:
    """What a subject says: `[PATCH v2 6.12 3/7] mm: x` is version 2, for tree 6.12, number 3 of 7, title `mm: x`;
    `[PATCH v2.1 3/7]` is revision 1 of a part of version 2."""

    title: str
    is_patch: bool = False
    is_reply: bool = False
    version: int = 1
    number: int | None = None
    total: int | None = None
    tree: str = ""
    revision: int = 0


def read_tag(subject: str) -> Tag:
    """Read a subject, without what was put before it (`Re:`, a list's name). It never fails: the rest is the title."""
    subject = subject[:LONGEST_SUBJECT]
    reply = _REPLY.match(subject)
    while match := _REPLY.match(subject):
        subject = subject[match.end() :]
    tags = _TAGS.match(subject)
    if tags is None:
        return Tag(subject.strip(), is_reply=reply is not None)
    part, (version, revision, tree) = _PART.search(tags[1]), _version_and_tree(tags[1])
    return Tag(
        title=_BEHIND_TAGS.sub("", subject[tags.end() :]).strip(),
        is_patch=_PATCH_WORD.search(tags[1]) is not None or part is not None,
        is_reply=reply is not None,
        version=version,
        number=_count(part[1]) if part else None,
        total=_count(part[2]) if part else None,
        tree=tree,
        revision=revision,
    )


def _count(digits: str) -> int:
    """The number, as far as one can tell: of more digits than any series has parts the first ones are enough."""
    return int(digits[:MOST_DIGITS])


def _version_and_tree(tags: str) -> tuple[int, int, str]:
    """Which version of the series, which revision of that, and for which kernel: [PATCH v5.10 v2] is version 2 for
    5.10."""
    for match in _VERSION.finditer(tags):
        if match[2] is None or _is_revision(_count(match[1]), _count(match[2])):
            version, revision = _count(match[1]), _count(match[2] or "0")
            break
    else:
        version, revision = 1, 0
    trees = (match[1] for match in _TREE.finditer(tags) if not _is_version(tags, match))
    return version, revision, next((tree for tree in trees if _numbers(tree) >= _OLDEST_TREE), "")


def _is_version(tags: str, tree: re.Match[str]) -> bool:
    """Whether what may name a tree is a version of the series."""
    before = tags[: tree.start(1)][-1:]
    return before in ("v", "V") and tree[1].count(".") == 1 and _is_revision(*_numbers(tree[1]))


def _numbers(tree: str) -> tuple[int, int]:
    major, minor, *_ = tree.split(".")
    return int(major), int(minor)


def _is_revision(major: int, minor: int) -> bool:
    return (major, minor) < _OLDEST_TREE or (major <= _LAST_OF_FEW and minor <= _MOST_OF_FEW)
