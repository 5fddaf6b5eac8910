"""What a program of the Linux Test Project printed and how it exited -> results. Pure.

Its results are lines "mmap01.c:85: TPASS: words", where a header may have a path before its name, in older tests
"mmap01    1  TPASS  :  words"; newer ones end with a summary that counts them. There may be thousands from one place in
a loop, so a subtest is a place, and the worst of its results counts. The exit status is a set of bits (MEANINGS).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from orchestrator.model.outcome import Outcome
from orchestrator.model.report import Subtest
from orchestrator.parse.results.ktap import KtapReport
from orchestrator.words import counted

_PATH = r"/?(?:[\w.+-]{1,100}/){0,20}"
_COLOUR = r"(?:\x1b\[[0-9;]{0,10}m)?"
RESULT = re.compile(
    rf"^(?:{_PATH}(?P<place>[\w.-]{{1,100}}\.[ch]:\d{{1,7}}): {_COLOUR}(?P<kind>T[A-Z]{{3,5}}): {_COLOUR}"
    rf"|(?P<test>[\w.-]{{1,100}}) +(?P<number>\d{{1,7}}) +{_COLOUR}(?P<old>T[A-Z]{{3,5}}){_COLOUR} +: +)(?P<words>.*)$",
    re.MULTILINE,
)
SUMMARY = re.compile(r"^(passed|failed|broken|skipped|warnings) +(\d{1,9})$", re.MULTILINE)
OUTCOMES = {
    "TPASS": Outcome.PASS,
    "TCONF": Outcome.SKIP,
    "TFAIL": Outcome.FAIL,
    "TBROK": Outcome.FAIL,
    "TWARN": Outcome.FAIL,
}
MEANINGS = {1: "failed", 2: "broke", 4: "warned", 16: "informed", 32: "not for this configuration"}
HARMLESS = 16 | 32
NOT_HERE = 32
MOST = 2000  # places


@dataclass
class _Place:
    outcome: Outcome
    message: str
    count: int = 0


def parse(stdout: str, stderr: str, status: int | None) -> KtapReport:
    """`problems` are what the exit status or the summary says and no line does; `status` None: it did not end."""
    text = f"{stdout}\n{stderr}"
    subtests = tuple(
        Subtest(name, place.outcome, message=place.message, diagnostics=(counted(place.count, "result"),))
        for name, place in _places(text).items()
    )
    is_bad = any(subtest.outcome.is_bad for subtest in subtests)
    problems = [] if is_bad else [*_of_status(status), *_of_summary(text)]
    if status is not None and not problems and not subtests:
        if status & NOT_HERE:
            return KtapReport((Subtest("configuration", Outcome.SKIP, message=MEANINGS[NOT_HERE]),), None, is_ktap=True)
        problems = ["it printed no result"]
    return KtapReport(subtests, len(subtests), tuple(problems), is_ktap=True)


def _places(text: str) -> dict[str, _Place]:
    found: dict[str, _Place] = {}
    for match in RESULT.finditer(text):
        kind = match["kind"] or match["old"]
        outcome = OUTCOMES.get(kind)
        name = match["place"] or f"{match['test']}.{match['number']}"
        if outcome is None or (name not in found and len(found) >= MOST):
            continue
        message = "" if outcome is Outcome.PASS else f"{kind}: {match['words'].strip()[:500]}"
        known = found.setdefault(name, _Place(outcome, message))
        known.count += 1
        if outcome > known.outcome:
            known.outcome, known.message = outcome, message
    return found


def _of_status(status: int | None) -> list[str]:
    if status is None or status > 128 or not status & ~HARMLESS:  # a signal is the caller's to tell
        return []
    said = [words for bit, words in MEANINGS.items() if status & bit & ~HARMLESS]
    return [f"exit status {status}: {' and '.join(said) or 'of unknown meaning'}"]


def _of_summary(text: str) -> list[str]:
    counts = {name: int(count) for name, count in SUMMARY.findall(text)}
    bad = [f"{counts[name]} {name}" for name in ("failed", "broken", "warnings") if counts.get(name)]
    return [f"its summary says {', '.join(bad)}"] if bad else []
