"""`git diff -U0` -> which lines of the new files are new. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_HUNK = re.compile(rb"@@ -\d+(?:,(?P<removed>\d+))? \+(?P<at>\d+)(?:,(?P<added>\d+))? @@")


@dataclass(frozen=True)
class ChangedLines:
    """Of one file. `added` are lines from 1. Behind the lines `cut` something was only removed."""

    added: frozenset[int]
    cut: frozenset[int] = frozenset()


def changed_lines(diff: bytes) -> Mapping[str, ChangedLines]:
    """By the new names of files; files that are gone are not listed. `diff` has no lines of context, and its names the
    prefixes a/ and b/."""
    found: dict[str, ChangedLines] = {}
    name: str | None = None
    left = 0  # lines of the hunk: they may begin like a header
    for line in diff.split(b"\n"):
        if left:
            left -= not line.startswith(b"\\")
            continue
        if line.startswith(b"diff --git "):
            name = None
        elif line.startswith(b"+++ "):
            said = line[4:].rstrip(b"\t").strip(b'"').decode("utf-8", "surrogateescape")
            name = said.removeprefix("b/") if said.startswith("b/") else None
            if name is not None:
                found.setdefault(name, ChangedLines(frozenset()))
        elif match := _HUNK.match(line):
            at, removed = int(match["at"]), int(match["removed"] if match["removed"] is not None else 1)
            added = int(match["added"] if match["added"] is not None else 1)
            left = added + removed
            if name is not None:
                before = found[name]
                found[name] = ChangedLines(
                    before.added | frozenset(range(at, at + added)), before.cut | ({at} if not added else frozenset())
                )
    return found
