"""A page before it is HTML or JSON: what it says, in sections. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from orchestrator.dashboard.chart import Chart
from orchestrator.history.questions import Answer
from orchestrator.reporters.summary import Tone

_SHORT = 24  # characters

Ask = Callable[..., Answer]
"""ask(QUESTION, **fields of history.questions.Filter)"""


class BadParameter(ValueError):
    """What stands behind the `?` of an address cannot be understood."""


@dataclass(frozen=True)
class Cell:
    """`link` is a page of ours, `url` an address elsewhere; `note` stands behind the text, smaller."""

    text: str
    link: str = ""
    url: str = ""
    tone: Tone | None = None
    note: str = ""

    @property
    def is_short(self) -> bool:
        """Not to be broken into lines."""
        return len(self.text) <= _SHORT and not self.note


@dataclass(frozen=True)
class Table:
    """Rows under headings. The first cell of a row is what the row is about. `is_matrix`: many narrow columns."""

    heads: tuple[Cell, ...]
    rows: tuple[tuple[Cell, ...], ...]
    is_matrix: bool = False


@dataclass(frozen=True)
class Section:
    """`data` is what the JSON has: all of it, also where the table is cut. `is_news`: counted on top of the page."""

    id: str
    title: str
    data: Answer
    table: Table | None = None
    chart: Chart | None = None
    words: str = ""
    empty: str = "nothing"
    left_out: int = 0
    tone: Tone | None = None
    is_filtered: bool = False  # the reader can search its rows


@dataclass(frozen=True)
class Field:
    """A field of the form that asks for the page anew. `choices`: value and words; none: any text."""

    name: str
    label: str
    value: str
    choices: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Page:
    """`path` is the address below the dashboard's root, without .html or .json."""

    path: str
    title: str
    sections: tuple[Section, ...]
    words: str = ""
    facts: tuple[tuple[str, Cell], ...] = ()
    fields: tuple[Field, ...] = ()
    links: tuple[Cell, ...] = field(default=())  # to the pages before and behind

    @property
    def root(self) -> str:
        """The way from this page to the dashboard's root."""
        return "../" * self.path.count("/")
