"""What operators know of the names of the kernel's functions: data/mutation.toml."""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files

from orchestrator.declarations.schema import from_toml

FILE = "mutation.toml"
ORDINARY = 6  # the weight of a call that none of the lists knows


@dataclass(frozen=True)
class Callees:
    """Functions of one kind. `weight`: how likely it is that a call of them is forgotten, 1 to 10."""

    what: str
    weight: int
    names: tuple[str, ...]

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        return _any(self.names)


@dataclass(frozen=True)
class Swap:
    """Calls that a mutant makes weaker: name of the callee -> what the call becomes, with $1 and $2 for its
    arguments."""

    operator: str
    weight: int
    words: str
    calls: dict[str, str]


@dataclass(frozen=True)
class Vocabulary:
    """All of it."""

    arid: tuple[str, ...]
    declaring: tuple[str, ...]
    elsewhere: tuple[str, ...]
    callees: tuple[Callees, ...]
    swaps: tuple[Swap, ...]

    def is_arid(self, name: str) -> bool:
        """Whether a call only logs, asserts, counts or advises."""
        return bool(self._arid.fullmatch(name))

    def is_left_alone(self, name: str) -> bool:
        """Whether nothing is done to a call: it is arid, or it is no call but a declaration."""
        return self.is_arid(name) or bool(self._declaring.fullmatch(name))

    def is_elsewhere(self, file: str) -> bool:
        """Whether a file is linked into something besides the kernel too."""
        return bool(self._elsewhere.fullmatch(file))

    def weight_of(self, name: str) -> int:
        """How much it says when nobody notices that a call of this function is gone."""
        return next((kind.weight for kind in self.callees if kind.pattern.fullmatch(name)), ORDINARY)

    @cached_property
    def _arid(self) -> re.Pattern[str]:
        return _any(self.arid)

    @cached_property
    def _declaring(self) -> re.Pattern[str]:
        return _any(self.declaring)

    @cached_property
    def _elsewhere(self) -> re.Pattern[str]:
        return _any(self.elsewhere)


def load_vocabulary() -> Vocabulary:
    """Raises BadDeclaration."""
    return from_toml(Vocabulary, files("orchestrator").joinpath("data", FILE).read_text(), FILE)


def _any(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(fnmatch.translate(pattern) for pattern in patterns))
