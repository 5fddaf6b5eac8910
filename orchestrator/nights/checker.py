"""What is wrong with the file of a plan, gathered line by line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.codec import Place, spelled
from orchestrator.declarations import schema
from orchestrator.errors import BadDeclaration, ToolMissing, UsageError
from orchestrator.nights.durations import seconds
from orchestrator.words import near


@dataclass(frozen=True)
class _Problem:
    """What is wrong in a line (0: in the file as a whole), and the way out."""

    line: int
    words: str
    hint: str


@dataclass
class Checker:
    """Gathers what is wrong, each with its line, so that one run of the command tells all of it."""

    path: Path
    lines: Mapping[Place, int]
    found: list[_Problem] = field(default_factory=list)

    def wrong(self, place: Place, words: str, hint: str = "") -> None:
        where = spelled(place).removeprefix(".")
        problem = _Problem(schema.line_of(place, self.lines), f"{where}: {words}" if where else words, hint)
        if problem not in self.found:
            self.found.append(problem)

    @contextmanager
    def at(self, *place: str | int) -> Iterator[None]:
        """What is raised in here is wrong at this place."""
        try:
            yield
        except (UsageError, ToolMissing) as error:
            self.wrong(place, error.message, error.hint)
        except ValueError as error:
            self.wrong(place, str(error))

    def seconds(self, text: str, *place: str | int) -> float | None:
        """Of a duration; None where nothing is said, or something that is none."""
        with self.at(*place):
            return seconds(text) if text else None
        return None

    def one_of(self, name: str, known: Sequence[str], kind: str, *place: str | int) -> None:
        if name not in known:
            hint = near(name, known) or f"known: {', '.join(known) or 'none'}"
            self.wrong(place, f"unknown {kind} {name}", hint)

    def settle(self) -> None:
        """Raises BadDeclaration."""
        if not self.found:
            return
        first, *others = sorted(self.found, key=lambda one: one.line)
        if not others:
            where = f"{self.path}:{first.line}" if first.line else str(self.path)
            raise BadDeclaration(f"{where}: {first.words}", hint=first.hint)
        told = (f"line {one.line}: {one.words}" + (f" ({one.hint})" if one.hint else "") for one in (first, *others))
        raise BadDeclaration(f"{self.path}: {'; '.join(told)}")
