"""Impossible values in the record of a run: somebody edited it, or its disk is bad. Pure.

We open files by its names and paths, seek and loop by its numbers, and match with its expressions. So they are checked
when a record is loaded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime

from orchestrator.judge.known import range_problem
from orchestrator.model.attempt import Attempt
from orchestrator.model.kernel_report import KnownIssue
from orchestrator.model.report import StageResult
from orchestrator.parse.expressions import title_problem

MAX_GUESTS = 10_000  # of one kernel; a run has some dozens
MAX_ATTEMPTS = 5000  # on one kernel; a run has some hundreds
MAX_OFFSET = 1 << 53  # bytes of a console log, and more than enough
MAX_STATUS = 1 << 31
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
_NAME = re.compile(r"[\w+-][\w.+-]{0,200}")  # of a kernel, a stage or a case: one directory or file
_PATH = re.compile(r"(?:[\w+-][\w.+-]{0,200}/){0,10}[\w+-][\w.+-]{0,200}")  # below a kernel's directory


def of_kernel(
    name: str, guests: int, first_guest: int, attempts: Iterable[Attempt], stages: Iterable[StageResult]
) -> Iterator[str]:
    """What cannot be in a kernel's record."""
    if not _NAME.fullmatch(name):
        yield f"name: {name[:80]!r} is no kernel's name"
    if not 0 <= first_guest <= guests <= MAX_GUESTS:
        yield f"guests: {first_guest}..{guests}: a kernel has at most {MAX_GUESTS}"
    for number, stage in enumerate(stages):
        if not _NAME.fullmatch(stage.stage):
            yield f"stages[{number}]: {stage.stage[:80]!r} is no stage's name"
        if not _is_offset(stage.examined_at):
            yield f"stages[{number}].examined_at: {stage.examined_at} is no place in a file"
    attempts = tuple(attempts)
    if len(attempts) > MAX_ATTEMPTS:
        yield f"attempts: a kernel has at most {MAX_ATTEMPTS}, not {len(attempts)}"
    for number, attempt in enumerate(attempts):
        yield from (f"attempts[{number}].{what}" for what in of_attempt(attempt, guests))


def of_attempt(attempt: Attempt, guests: int = MAX_GUESTS) -> Iterator[str]:
    """What cannot be in an attempt's record."""
    if not _NAME.fullmatch(attempt.case):
        yield f"case: {attempt.case[:80]!r} is no case's name"
    for key in ("stdout", "stderr", "console"):
        path = getattr(attempt, key)
        if path and not _PATH.fullmatch(path):
            yield f"{key}: {path[:80]!r} is no path of a file in the kernel's directory"
    for key in ("console_from", "console_to", "examined_at"):
        if not _is_offset(getattr(attempt, key)):
            yield f"{key}: {getattr(attempt, key)} is no place in a file"
    if not 0 <= attempt.guest <= guests or attempt.number < 0:
        yield f"guest: {attempt.guest}, number: {attempt.number}: there is no such guest or attempt"
    numbers = [attempt.taint_before, attempt.taint_after, attempt.left, attempt.stuck, attempt.stdout_dropped]
    numbers += [number for count in attempt.counts for number in (count.before, count.after)]
    if not all(0 <= number < 1 << 64 for number in numbers) or not -MAX_STATUS <= (attempt.status or 0) <= MAX_STATUS:
        yield "a status, taint or count that no guest can have"
    yield from (f"expects: {problem}" for pattern in attempt.expects if (problem := title_problem(pattern)))


def of_run(error: float, known: Iterable[KnownIssue], started: str) -> Iterator[str]:
    """What cannot be in a run's record."""
    if not _is_moment(started):
        yield f"started: {started[:80]!r} is no date and time"
    if not 0 < error < 1:
        yield f"request.error: {error} is no probability of a mistake"
    for number, issue in enumerate(known):
        for key, problem in (("title", title_problem(issue.title)), ("base", range_problem(issue.base))):
            if problem:
                yield f"known[{number}].{key}: {problem}"


def _is_moment(text: str) -> bool:
    """`2026-11-29T15:10:45`: the history orders runs by it as a text."""
    try:
        return bool(_MOMENT.match(text)) and bool(datetime.fromisoformat(text))
    except ValueError:
        return False


def _is_offset(number: int | None) -> bool:
    return number is None or 0 <= number < MAX_OFFSET
