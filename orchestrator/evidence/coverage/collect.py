"""What a run recorded of one kernel's coverage -> its coverage. Reads the run directory, and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from orchestrator.evidence.coverage.hits import HITS, Way, read_gone, read_hits
from orchestrator.evidence.coverage.judge import Hits, coverage
from orchestrator.model.coverage import CodeMap, Coverage
from orchestrator.model.report import BOOT
from orchestrator.runs.record import KernelRecord
from orchestrator.storage import kept

CODE_MAP = "coverage.json"  # in a kernel's directory
CODE_MAP_SCHEMA = 5  # also raised when the same kernel would be mapped in another way


def collect(record: KernelRecord, home: Path) -> Coverage | None:
    """The coverage of a kernel whose directory is `home`, so far; None if it was not measured."""
    try:
        code = kept.load(CodeMap, home / CODE_MAP, CODE_MAP_SCHEMA)
    except ValueError:  # it was not measured, or by another version
        return None
    gone: Counter[Way] | None = None if code.no_ways else Counter()
    if gone is not None:
        for _, path in _files(record, home, code.control):
            with suppress(OSError, ValueError):
                gone.update(read_gone(path))
    return coverage(code, list(hits_of(record, home, code.control)), gone)


def hits_of(record: KernelRecord, home: Path, control: int) -> Iterator[tuple[str, Hits]]:
    """What guests executed that executed the control, case by case. Files that are gone, or that a killed run left
    unfinished, count as nothing."""
    for case, path in _files(record, home, control):
        with suppress(OSError, ValueError):
            yield case, read_hits(path)


def _files(record: KernelRecord, home: Path, control: int) -> Iterator[tuple[str, Path]]:
    """The files with what was executed, case by case, of guests that executed the control."""
    counted = set()
    for number in record.numbers:
        with suppress(OSError, ValueError):
            path = home / f"guest-{number}" / HITS
            if not control or control in read_hits(path):
                counted.add(number)
                yield BOOT, path
    for attempt in record.attempts:
        if attempt.coverage and attempt.guest in counted:
            yield attempt.case, home / attempt.coverage
