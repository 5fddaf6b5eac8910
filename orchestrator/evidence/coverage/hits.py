"""coverage.txt: what was executed while a case ran, or a guest booted, and how often."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

HITS = "coverage.txt"  # in the directories of an attempt, and of a guest: what its boot executed
Way = tuple[int, int]  # from a conditional jump to the instruction that is next


def write_hits(hits: Mapping[int, int], path: Path, gone: Mapping[Way, int] | None = None) -> None:
    """A line for each address in hex: how often it was executed. For each way of a jump, both addresses: how often it
    was gone."""
    lines = [f"{address:x} {count}\n" for address, count in sorted(hits.items())]
    lines += [f"{jump:x}>{to:x} {count}\n" for (jump, to), count in sorted((gone or {}).items())]
    path.write_text("".join(lines))


def read_hits(path: Path) -> Mapping[int, int]:
    """OSError, ValueError."""
    return {int(key, 16): count for key, count in _lines(path) if ">" not in key}


def read_gone(path: Path) -> Mapping[Way, int]:
    """OSError, ValueError."""
    ways = ((key.split(">"), count) for key, count in _lines(path) if ">" in key)
    return {(int(jump, 16), int(to, 16)): count for (jump, to), count in ways}


def _lines(path: Path) -> list[tuple[str, int]]:
    lines = (line.split() for line in path.read_text().splitlines())
    return [(key, int(count)) for key, count in lines]
