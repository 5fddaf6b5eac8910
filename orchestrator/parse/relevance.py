"""Which test cases a change is most likely to be seen by. Pure.

A case names what it is about: by its name, its group and its tags. A diff names the functions and files that it
changes. Where words of both match, the case comes first. This is a guess that only orders cases, and leaves none out;
measured coverage takes its place as another `Relevance`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import PurePath

from orchestrator.model.case import Case
from orchestrator.model.series import Patch

Relevance = Callable[[Case, Sequence[Patch]], float]
"""How much of what patches change a case runs: 0 for nothing known."""

_IN_FUNCTION = re.compile(rb"^@@ [^@\n]{1,60} @@ (?P<head>[^\n]{1,200})", re.MULTILINE)
_CHANGED = re.compile(rb"^[-+](?![-+]{2} )(?P<text>[^\n]{0,400})", re.MULTILINE)
_CALL = re.compile(r"\b([A-Za-z_]\w{2,80})\s*\(")
_PART = re.compile(r"[a-z]+|[0-9]+")
_OTHER_NAMES = {"userfaultfd": "uffd", "uffd": "userfaultfd", "huge": "thp", "hugepage": "thp", "vmscan": "reclaim"}
_LEAST = 3  # letters: shorter words (mm, do, of) are in every name
_IN_HEAD, _IN_FILE, _IN_CALL = 4.0, 2.0, 1.0  # where a word was met: the function itself says more than what it calls


def in_order(cases: Iterable[Case], patches: Sequence[Patch], relevance: Relevance) -> tuple[Case, ...]:
    """The cases, the most relevant first; equally relevant ones keep their order."""
    return tuple(sorted(cases, key=lambda case: -relevance(case, patches)))


def by_names(case: Case, patches: Sequence[Patch]) -> float:
    """The weights of the words of a case that patches have too."""
    weights = words_of_patches(patches)
    return sum(weights.get(word, 0.0) for word in _words_of_case(case))


def words_of_patches(patches: Iterable[Patch]) -> dict[str, float]:
    """The words in the names of the functions and files that patches change, with their weights."""
    weights: dict[str, float] = {}

    def note(names: Iterable[str], weight: float) -> None:
        for word in (word for name in names for word in _words(name)):
            weights[word] = max(weight, weights.get(word, 0.0))

    for patch in patches:
        note((part for name in patch.files for part in PurePath(name).with_suffix("").parts), _IN_FILE)
        for match in _IN_FUNCTION.finditer(patch.diff):
            note(_CALL.findall(match["head"].decode("utf-8", "replace")), _IN_HEAD)
        for match in _CHANGED.finditer(patch.diff):
            note(_CALL.findall(match["text"].decode("utf-8", "replace")), _IN_CALL)
    return weights


def _words_of_case(case: Case) -> set[str]:
    return {word for name in (case.name, case.group, *case.tags) for word in _words(name)}


def _words(name: str) -> set[str]:
    found = {word for word in _PART.findall(name.lower()) if len(word) >= _LEAST}
    return found | {_OTHER_NAMES[word] for word in found if word in _OTHER_NAMES}
