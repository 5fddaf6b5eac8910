"""One change to a function's body, and the function as operators see it."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.mutation.statements import Statement
from orchestrator.mutation.vocabulary import Vocabulary


@dataclass(frozen=True)
class Edit:
    """Offsets `start` to `end` become `new`. `weight`: how much a survivor would say, 1 to 10. `words` go on from
    "FILE:LINE, FUNCTION(): "."""

    operator: str
    weight: int
    start: int
    end: int
    new: str
    words: str


@dataclass(frozen=True)
class Body:
    """A function's body in the text of its file. `labels` are those of the function, in their order."""

    text: str
    statements: tuple[Statement, ...]
    labels: tuple[str, ...]
    returns_nothing: bool
    vocabulary: Vocabulary

    def source(self, start: int, end: int) -> str:
        """For people: one line, shortened."""
        words = " ".join(self.text[start:end].split())
        return words if len(words) <= 60 else f"{words[:57]}..."

    def blank(self, start: int, end: int, instead: str = "") -> str:
        """A replacement for a stretch that has as many lines as the stretch, so that all line numbers stay."""
        return instead + "\n" * (self.text.count("\n", start, end) - instead.count("\n"))
