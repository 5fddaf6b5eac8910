"""What a run recorded of one kernel's coverage -> its coverage. Reads the run directory, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from orchestrator import kept
from orchestrator.evidence.coverage.judge import Hits, coverage
from orchestrator.guest.counters import HITS, read_hits
from orchestrator.model.coverage import CodeMap, Coverage
from orchestrator.model.report import BOOT
from orchestrator.record import KernelRecord

CODE_MAP = "coverage.json"  # in a kernel's directory
CODE_MAP_SCHEMA = 2  # also raised when the same kernel would be mapped in another way


def collect(record: KernelRecord, home: Path) -> Coverage | None:
    """The coverage of a kernel whose directory is `home`, so far; None if it was not measured."""
    try:
        code = kept.load(CodeMap, home / CODE_MAP, CODE_MAP_SCHEMA)
    except ValueError:  # it was not measured, or by another version
        return None
    return coverage(code, list(hits_of(record, home, code.control)))


def hits_of(record: KernelRecord, home: Path, control: int) -> Iterator[tuple[str, Hits]]:
    """What guests executed that executed the control, case by case. Files that are gone, or that a killed run left
    unfinished, count as nothing."""
    counted = set()
    for number in record.numbers:
        with suppress(OSError, ValueError):
            hits = read_hits(home / f"guest-{number}" / HITS)
            if not control or control in hits:
                counted.add(number)
                yield BOOT, hits
    for attempt in record.attempts:
        if attempt.coverage and attempt.guest in counted:
            with suppress(OSError, ValueError):
                yield attempt.case, read_hits(home / attempt.coverage)
