"""How the values of a column are shown: one function for each kind, by the column's name. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from orchestrator.dashboard.names import slug
from orchestrator.dashboard.page import Cell, Section, Table
from orchestrator.history.questions import Answer
from orchestrator.model.outcome import Verdict
from orchestrator.reporters.summary import TONES, VERDICT_TONES, Tone, seconds

MOST_ROWS = 100
NONE = Cell("-")
TIP = Cell("tip")  # of a tree, without a series
Row = Mapping[str, Any]
# by the names in the history; one that a version wrote which is not this one says nothing
OUTCOMES = {outcome.name: tone for outcome, tone in TONES.items()}
VERDICTS = {verdict.name: tone for verdict, tone in VERDICT_TONES.items()}


def section(
    name: str, title: str, data: Answer, columns: str, *, most: int = MOST_ROWS, tone: Tone | None = None, **more: Any
) -> Section:
    """A table of some columns of an answer, named as in `test, since, latest: last result`, where a heading follows the
    colon; its JSON has all columns and rows."""
    made = table(data, columns, most=most)
    return Section(name, title, data, made if made.rows else None, left_out=max(0, len(data.rows) - most),
                   tone=tone if data.rows else None, **more)  # fmt: skip


def table(data: Answer, columns: str, *, most: int = MOST_ROWS) -> Table:
    parts = [part.partition(": ") for part in columns.split(", ")]
    named = [(name, head or name.replace("_", " ")) for name, _, head in parts]
    rows = tuple(
        tuple(cell(name, row) for name, _ in named)
        for row in (dict(zip(data.columns, found, strict=True)) for found in data.rows[:most])
    )
    return Table(tuple(Cell(head) for _, head in named), rows)


def cell(name: str, row: Row) -> Cell:
    value = row[name]
    if name == "series" and value == "":
        return TIP
    return NONE if value is None or value == "" else _SHOWN.get(name, _plain)(value, row)


def where(answer: Answer, column: str, *values: Any) -> Answer:
    """The rows that have one of these values there."""
    at = answer.at(column)
    return Answer(answer.columns, tuple(row for row in answer.rows if row[at] in values))


def moment(text: str) -> str:
    """To the minute: every moment of a dashboard is UTC."""
    return text[:16].replace("T", " ")


def number(value: float) -> str:
    """With as many digits as say something: 1,234,568, 12.35, 0.00123."""
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def outcome_cell(name: str, link: str = "") -> Cell:
    return Cell(name.replace("_", " "), link, tone=OUTCOMES.get(name, Tone.UNKNOWN))


def page_of(kind: str, name: str) -> str:
    """The page about a thing."""
    return f"{kind}/{slug(name)}"


def metric_page(test: str, name: str) -> str:
    return page_of("metrics", f"{test} {name}")


def location(text: str) -> Cell:
    """A link only where it is an address on the web: anything else would be code, or a file of the reader's."""
    return Cell(text, url=text if text.startswith(("https://", "http://")) else "")


def _plain(value: Any, row: Row) -> Cell:
    if isinstance(value, bool):
        return Cell("yes" if value else "no")
    return Cell(number(value) if isinstance(value, int | float) else str(value))


def _linked(kind: str) -> Callable[[Any, Row], Cell]:
    return lambda value, row: Cell(str(value), page_of(kind, str(value)))


def _series(value: str, row: Row) -> Cell:
    return Cell(value, page_of("series", row.get("topic", value)))


def _moment(value: str, row: Row) -> Cell:
    return Cell(moment(value))


def _started(value: str, row: Row) -> Cell:
    run = row.get("run") or row.get("id")
    return Cell(moment(value), page_of("runs", run) if run else "")


def _verdict(value: str, row: Row) -> Cell:
    run = row.get("run") or row.get("id")
    is_tip = value == Verdict.PATCH_AT_FAULT.name and row.get("series") == ""
    words = "the kernel under test fails" if is_tip else _WORDS.get(value, value)
    return Cell(words, page_of("runs", run) if run else "", tone=VERDICTS.get(value, Tone.UNKNOWN))


def _rate(value: float, row: Row) -> Cell:
    return Cell(percent(value), note=f"{percent(row['low'])} to {percent(row['high'])}")


def _middle(value: float, row: Row) -> Cell:
    low, high = row["low"], row["high"]
    note = "" if low is None or high is None else f"{number(low)} to {number(high)}"
    return Cell(f"{number(value)} {row['unit']}", note=note)


def _shift(value: float, row: Row) -> Cell:
    return Cell(f"{100 * value:+.1f} %", note=f"{100 * row['shift_low']:+.1f} to {100 * row['shift_high']:+.1f} %")


def _with_unit(value: float, row: Row) -> Cell:
    return Cell(f"{number(value)} {row['unit']}")


def _place(value: str, row: Row) -> Cell:
    return Cell(f"{value}:{row['line']}" if row.get("line") else value)


def _metric(value: str, row: Row) -> Cell:
    return Cell(value, metric_page(row["test"], value))


def _commit(value: str, row: Row) -> Cell:
    return Cell(value[:12])


def _duration(value: float, row: Row) -> Cell:
    hours, rest = divmod(round(value), 3600)
    return Cell(f"{hours} h {rest // 60} min" if hours else seconds(value))


_WORDS = {verdict.name: verdict.value.partition(":")[0] for verdict in Verdict}
_STATES = {"expired": Tone.BAD, "never seen": Tone.OPEN, "seen": Tone.GOOD}
_SHOWN: Mapping[str, Callable[[Any, Row], Cell]] = {
    "test": _linked("tests"),
    "kernel": _linked("matrix"),
    "tree": _linked("trees"),
    "title": _linked("titles"),
    "series": _series,
    "name": _metric,
    "started": _started,
    "outcome": lambda value, row: outcome_cell(value),
    "verdict": _verdict,
    "rate": _rate,
    "score": _rate,
    "covered": lambda value, row: Cell(percent(value)),
    "middle": _middle,
    "shift": _shift,
    "value": _with_unit,
    "before": _with_unit,
    "behind": _with_unit,
    "time_s": _duration,
    "location": lambda value, row: location(value),
    "link": lambda value, row: location(value),
    "file": _place,
    "commit": _commit,
    "digest": _commit,
    "state": lambda value, row: Cell(value, tone=_STATES.get(value)),
    **dict.fromkeys(("since", "last_pass", "fails_since", "latest", "first", "first_seen", "last_seen", "last_failure",
                     "changed", "fixed"), _moment),
}  # fmt: skip
