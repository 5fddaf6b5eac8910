"""Which test cases a change is most likely to be seen by. Pure.

What earlier runs saw a case execute comes first. Where that says nothing there is a guess: a case names what it is
about, by its name, its group and its tags; a diff names the functions and files that it changes; and words of both may
match. All of this only orders cases, and leaves none out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePath

from orchestrator.model.case import Case
from orchestrator.model.selection import Choice, Learned, Selection
from orchestrator.model.series import Patch
from orchestrator.parse.code.changed_functions import changed_functions

_IN_FUNCTION = re.compile(rb"^@@ [^@\n]{1,60} @@ (?P<head>[^\n]{1,200})", re.MULTILINE)
_CHANGED = re.compile(rb"^[-+](?![-+]{2} )(?P<text>[^\n]{0,400})", re.MULTILINE)
_CALL = re.compile(r"\b([A-Za-z_]\w{2,80})\s*\(")
_PART = re.compile(r"[a-z]+|[0-9]+")
_OTHER_NAMES = {
    "userfaultfd": "uffd", "uffd": "userfaultfd", "huge": "thp", "hugepage": "thp", "khugepaged": "thp",
    "vmscan": "reclaim", "mempolicy": "numa", "swapfile": "swap",
}  # fmt: skip
_LEAST = 3  # letters: shorter words (mm, do, of) are in every name
_OF_NAME = 2.0  # a word of a case's name, compared with one of its tags
_IN_HEAD, _IN_FILE, _IN_CALL = 4.0, 2.0, 1.0  # where a word was met: the function itself says more than what it calls


def select(cases: Sequence[Case], patches: Sequence[Patch], learned: Mapping[str, Learned]) -> Selection:
    """The cases, in the order in which they are most likely to notice something: those that execute the changed
    functions most often first, then those that match by words; else they keep their order. `learned` is by case."""
    changed, weights = changed_functions(patches), words_of_patches(patches)
    known = {case.name: dict(learned[case.name].rates) for case in cases if case.name in learned and changed}
    most = {name: max((rates.get(name, 0.0) for rates in known.values()), default=0.0) for name in changed}
    choices = []
    for case in cases:
        rates = known.get(case.name)
        hits = tuple(sorted(set(changed).intersection(rates or ())))
        share = round(sum(rates[name] / most[name] for name in hits), 3) if rates else 0.0
        choices.append(Choice(case.name, hits, share, rates is not None, words_in_common(case, weights)))
    choices.sort(key=lambda choice: (-choice.share, choice.is_learned and not choice.hits, -choice.words))
    missed = tuple(name for name in changed if not most[name]) if known else ()
    return Selection(changed, tuple(choices), missed)


def in_order(cases: Sequence[Case], selection: Selection) -> tuple[Case, ...]:
    """The cases in the order of the choices."""
    by_name = {case.name: case for case in cases}
    return tuple(by_name[choice.case] for choice in selection.choices)


def words_of_patches(patches: Iterable[Patch]) -> dict[str, float]:
    """The words in the names of the functions and files that patches change, with their weights."""
    return _heaviest(item for patch in patches for item in words_of_diff(patch.diff, patch.files).items())


def words_of_diff(diff: bytes, files: Iterable[str]) -> dict[str, float]:
    """The same of one diff, which changes these files."""
    weighed = [(name, _IN_FILE) for file in files for name in PurePath(file).with_suffix("").parts]
    for match in _IN_FUNCTION.finditer(diff):
        weighed += ((name, _IN_HEAD) for name in _CALL.findall(match["head"].decode("utf-8", "replace")))
    for match in _CHANGED.finditer(diff):
        weighed += ((name, _IN_CALL) for name in _CALL.findall(match["text"].decode("utf-8", "replace")))
    return _heaviest((word, weight) for name, weight in weighed for word in _words(name))


def _heaviest(weighed: Iterable[tuple[str, float]]) -> dict[str, float]:
    weights: dict[str, float] = {}
    for word, weight in weighed:
        weights[word] = max(weight, weights.get(word, 0.0))
    return weights


def words_in_common(case: Case, weights: Mapping[str, float]) -> float:
    """How much a case's name, group and tags have in common with words of a change."""
    return sum(factor * weights.get(word, 0.0) for word, factor in sorted(_words_of_case(case).items()))


def _words_of_case(case: Case) -> dict[str, float]:
    """With how much each says: a case that does a little of everything has many tags, but one name."""
    tags = {word for name in (case.group, *case.tags) for word in _words(name)}
    return dict.fromkeys(tags, 1.0) | dict.fromkeys(_words(case.name), _OF_NAME)


def _words(name: str) -> set[str]:
    found = {word for word in _PART.findall(name.lower()) if len(word) >= _LEAST}
    return found | {_OTHER_NAMES[word] for word in found if word in _OTHER_NAMES}
