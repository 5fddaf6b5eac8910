"""A badge: the verdict of a run as a small SVG image. Pure."""

from __future__ import annotations

import unicodedata
from xml.sax.saxutils import escape

from orchestrator.model.outcome import Verdict
from orchestrator.model.report import RunReport
from orchestrator.reporters.text import one_line

_WORDS = {
    Verdict.CLEAN: "nothing regressed",
    Verdict.PATCH_AT_FAULT: "patch at fault",
    Verdict.NO_VERDICT: "no verdict",
    Verdict.BAD_REQUEST: "bad request",
    Verdict.FAILED: "failed",
    Verdict.INTERRUPTED: "interrupted",
    Verdict.ALL_KILLED: "all mutants killed",
    Verdict.SURVIVED: "mutants survived",
}
# White text on each has a contrast of 4.5 or more
_GOOD, _BAD, _OPEN = "#1a7f37", "#c5221f", "#57606a"
_COLOURS = {
    Verdict.CLEAN: _GOOD,
    Verdict.ALL_KILLED: _GOOD,
    Verdict.PATCH_AT_FAULT: _BAD,
    Verdict.FAILED: _BAD,
    Verdict.SURVIVED: _BAD,
}
_LABEL, _LABEL_CHARS = "#24292f", 40
_CHAR, _MARGIN, _HEIGHT = 7, 8, 20  # in pixels; each text is stretched to the width that is reckoned for it


def content(report: RunReport) -> bytes:
    """The image: what was tested, and the verdict."""
    return badge(report.series or "base", report.verdict).encode()


def badge(label: str, verdict: Verdict) -> str:
    """An SVG image that needs no font of its own and no network."""
    label = one_line(label, _LABEL_CHARS).encode("utf-8", "backslashreplace").decode()
    words, colour = _WORDS[verdict], _COLOURS.get(verdict, _OPEN)
    left, right = _width(label), _width(words)
    title = escape(f"{label}: {words}", {'"': "&quot;"})
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="{_HEIGHT}" role="img" '
        f'aria-label="{title}"><title>{title}</title>'
        f'<rect width="{left}" height="{_HEIGHT}" fill="{_LABEL}"/>'
        f'<rect x="{left}" width="{right}" height="{_HEIGHT}" fill="{colour}"/>'
        f'<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">'
        f"{_text(label, 0, left)}{_text(words, left, right)}</g></svg>\n"
    )


def _text(words: str, at: int, width: int) -> str:
    inside = width - 2 * _MARGIN
    return f'<text x="{at + _MARGIN}" y="14" textLength="{inside}">{escape(words)}</text>'


def _width(words: str) -> int:
    cells = sum(2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in words)
    return max(1, cells) * _CHAR + 2 * _MARGIN
