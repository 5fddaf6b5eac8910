"""What mails say about the base of their series: the lines that `git format-patch --base` and b4 write. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from orchestrator.model.series import Foundation

_LINE = re.compile(
    r"^(?P<key>base-commit|prerequisite-patch-id|prerequisite-message-id|based-on):[ \t]*(?P<value>\S.{0,998})$",
    re.IGNORECASE | re.MULTILINE,
)
_COMMIT = re.compile(r"[0-9a-f]{7,64}\b", re.IGNORECASE)
_MESSAGE_ID = re.compile(r"<([^<>\s]+@[^<>\s]+)>|([^<>\s/]+@[^<>\s/]+)")


def read_foundation(texts: Iterable[str], trees: Iterable[str], notes: list[str]) -> Foundation:
    """What the texts of a series say, the cover letter first. Two base commits that differ: the first counts."""
    commits: list[str] = []
    patches: list[str] = []
    others: list[str] = []
    for match in (match for text in texts for match in _LINE.finditer(text)):
        key, value = match["key"].lower(), match["value"]
        commit, message_id = _COMMIT.match(value), _MESSAGE_ID.search(value)
        if key == "base-commit" and commit:
            commits.append(commit[0].lower())
        elif key == "prerequisite-patch-id" and commit:
            patches.append(commit[0].lower())
        elif key in ("based-on", "prerequisite-message-id") and message_id:
            others.append(message_id[1] or message_id[2])
        else:
            notes.append(f"not understood, and ignored: {match[0].strip()}")
    if len(set(commits)) > 1:
        notes.append(f"several base commits are named: the first counts, {commits[0][:12]}")
    return Foundation(
        base_commit=commits[0] if commits else "",
        prerequisites=tuple(dict.fromkeys(patches)),
        based_on=tuple(dict.fromkeys(others)),
        trees=tuple(dict.fromkeys(trees)),
    )
