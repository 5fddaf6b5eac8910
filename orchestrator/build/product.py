"""What a stage returns: its value, and whether it came from the store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from orchestrator.model.outcome import Outcome
from orchestrator.model.report import Subtest

T = TypeVar("T")


@dataclass(frozen=True)
class Product(Generic[T]):
    """A stage's value. `cached`: it was made by an earlier run."""

    value: T
    cached: bool
    note: str = ""  # one line for people: what was done
    detail: str = ""  # what is worth reading though the stage passed
    # of a stage that is a test itself: it has a product whatever it finds, and the stages after it go on
    outcome: Outcome = Outcome.PASS
    subtests: tuple[Subtest, ...] = ()
    is_patch_fault: bool = False
    also_on_base: bool = False
