"""Names of declared things: an unknown one is an error that suggests near ones."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TypeVar

from orchestrator.errors import UnknownName

T = TypeVar("T")


def find(kind: str, name: str, known: Mapping[str, T]) -> T:
    """The thing of that name; `kind` is what people call such things. Raises UnknownName."""
    try:
        return known[name]
    except KeyError:
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(known)}"
        raise UnknownName(f"unknown {kind} {name}", hint=hint) from None
