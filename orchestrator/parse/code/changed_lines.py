"""`git diff -U0` -> which lines of which files changed. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_HUNK = re.compile(rb"@@ -(?P<old>\d+)(?:,(?P<removed>\d+))? \+(?P<new>\d+)(?:,(?P<added>\d+))? @@")

SOURCES = (".c", ".h", ".S")
# Directories whose files are no part of a kernel, though some are compiled for the host that builds it
_NOT_KERNEL = ("tools/", "scripts/", "samples/", "Documentation/", "LICENSES/", "usr/", "certs/")


@dataclass(frozen=True)
class Hunk:
    """One stretch of a change: lines of the old file that lines of the new one replace, both counted from 1. Where one
    side has none, its range is empty and begins at the line behind the place."""

    old: range
    new: range


@dataclass(frozen=True)
class ChangedLines:
    """Of one file. `added` are lines from 1. Behind the lines `cut` something was only removed."""

    added: frozenset[int]
    cut: frozenset[int] = frozenset()


def is_of_kernel(file: str) -> bool:
    """Whether its statements can be in a kernel at all."""
    return file.endswith(SOURCES) and not file.startswith(_NOT_KERNEL)


def hunks(diff: bytes) -> Mapping[str, tuple[Hunk, ...]]:
    """By the new names of files; files that are gone are not listed. `diff` has no lines of context, and its names the
    prefixes a/ and b/."""
    found: dict[str, list[Hunk]] = {}
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
                found.setdefault(name, [])
        elif match := _HUNK.match(line):
            old, new = _range(match["old"], match["removed"]), _range(match["new"], match["added"])
            left = len(old) + len(new)
            if name is not None:
                found[name].append(Hunk(old, new))
    return {name: tuple(of_file) for name, of_file in found.items()}


def changed_lines(diff: bytes) -> Mapping[str, ChangedLines]:
    """The same, without what was there before."""
    return {
        name: ChangedLines(
            frozenset(line for hunk in of_file for line in hunk.new),
            frozenset(hunk.new.start - 1 for hunk in of_file if not hunk.new),
        )
        for name, of_file in hunks(diff).items()
    }


def _range(start: bytes, count: bytes | None) -> range:
    """Of no lines, git names the line before."""
    first, number = int(start), 1 if count is None else int(count)
    return range(first, first + number) if number else range(first + 1, first + 1)
