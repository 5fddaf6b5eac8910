"""Intake of patches: bytes of files (patches, a directory of them, an mbox) to one ordered, checked series.

What git would find out later and say worse is found here: missing parts, mixed versions, damage by a mailer.
Nothing is guessed in silence: what was ignored or assumed is in `Series.notes`.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath

from orchestrator.errors import PatchUnreadable
from orchestrator.model.series import Origin, Patch, Series
from orchestrator.parse.patches import diff as diffs
from orchestrator.parse.patches import mail as mails
from orchestrator.parse.patches.change_id import read_change_id
from orchestrator.parse.patches.envelope import envelopes
from orchestrator.parse.patches.foundation import read_foundation
from orchestrator.parse.patches.mail_limits import MOST_PARTS
from orchestrator.parse.patches.patch_file import FoundPatch, OtherMail, mailed, read_file, refuse, starts, text_of
from orchestrator.parse.patches.tag import Tag


@dataclass(frozen=True)
class Parts:
    """Some parts of a numbered series: N/M or N-M/M at the end of what --patch names, or --part N without a total."""

    numbers: range
    total: int | None = None

    def __str__(self) -> str:
        first, last = self.numbers[0], self.numbers[-1]
        of = "" if self.total is None else f"/{self.total}"
        return f"{first}{of}" if first == last else f"{first}-{last}{of}"


@dataclass(frozen=True)
class Choice:
    """What of several things in one place is wanted: `parts` without the others; one `version` of a thread, that of a
    `message`, or the `newest` one. Without any of them two versions are an error."""

    parts: Parts | None = None
    version: int | None = None
    message: str = ""
    newest: bool = False


ALL = Choice()
_NO_PARTS = "its subjects have no numbers: leave the part out"


def read_patches(
    files: Sequence[tuple[str, bytes]], name: str = "", choice: Choice = ALL, *, is_ordered: bool = False
) -> Series:
    """Read a series from (file name, content) pairs: one patch, one mbox, or the files of a directory.

    Files are taken in natural name order (2-x before 10-x), unless `is_ordered` says that they are in order; the mails
    of an mbox in the order of their n/m, or of their thread. `name` defaults to the single file's stem, or the
    directory's name. Raises PatchUnreadable.
    """
    if not files:
        raise PatchUnreadable("no patch files", hint="give a patch, an mbox, or a directory with .patch files")
    notes: list[str] = []
    found: list[FoundPatch] = []
    answers: list[OtherMail] = []
    for file, data in files if is_ordered else sorted(files, key=lambda item: _natural(PurePath(item[0]).name)):
        found += read_file(file, data, notes, answers)
    named = {item.patch.message_id: item.tag for item in found} | {one.mail.message_id: one.mail.tag for one in answers}
    if choice.message and choice.message in named and choice.version is None:
        choice = replace(choice, version=named[choice.message].version)
    found = _chosen(_of_one_version(found, choice, notes), notes) or _answering(answers, notes)
    if not found:
        where = files[0][0] if len(files) == 1 else f"the {len(files)} files of {name or 'the directory'}"
        raise PatchUnreadable(
            f"{where}: no patch in it" + (f" ({'; '.join(notes)})" if notes else ""),
            hint="a cover letter and replies alone change nothing: give the patches themselves",
        )
    if not choice.parts:
        _check_parts(found)
    if not is_ordered:
        found = _ordered(found, notes, by_number=len(files) == 1)
    if choice.parts:
        found = _parts(found, choice.parts, notes)
    trees = sorted({item.tag.tree for item in found if item.tag.tree})
    if trees:
        notes.append(f"its subjects say that it is for {' and '.join(trees)}")
    covers = [answer.mail for answer in answers if answer.mail.tag.number == 0 and not answer.mail.tag.is_reply]
    versions = {item.tag.version for item in found}
    covers = [cover for cover in covers if cover.tag.version in versions]
    texts = [text_of(cover) for cover in covers] + [item.text for item in found]
    foundation = read_foundation(texts, trees, notes)
    patches = tuple(item.patch for item in found)
    first = PurePath(files[0][0])
    stem = name or (first.stem if len(files) == 1 else first.parent.name or "series")
    return Series(
        stem,
        patches,
        _digest(patches),
        tuple(dict.fromkeys(notes)),
        foundation=foundation,
        mails=envelopes(covers[0].letter if covers else b"", patches),
        change_id=read_change_id(texts),
    )


def _natural(text: str) -> list[tuple[int, str]]:
    return [(int(digits or 0), rest) for digits, rest in re.findall(r"(\d*)(\D*)", text)]


def _of_one_version(found: list[FoundPatch], choice: Choice, notes: list[str]) -> list[FoundPatch]:
    """Without the versions that are not wanted. Raises PatchUnreadable if the wanted one is not there."""
    numbered = [item for item in found if item.tag.number is not None]
    versions = sorted({item.tag.version for item in numbered or found})
    if choice.version is not None and choice.version not in versions:
        there = ", ".join(f"v{version}" for version in versions) or "none"
        raise PatchUnreadable(f"version {choice.version} is not there, but {there}", hint="name one that is")
    wanted = choice.version
    if wanted is None and choice.newest and len(versions) > 1:
        wanted = versions[-1]
        others = ", ".join(f"v{version}" for version in versions[:-1])
        notes.append(f"v{wanted} was taken, the newest of its thread, which also has {others} (--version)")
    if wanted is None:
        return found
    kept = [item for item in found if item.tag.version == wanted or (numbered and item.tag.number is None)]
    return [*_not_sent_again(kept, numbered, wanted, notes), *kept]


def _not_sent_again(
    kept: Sequence[FoundPatch], numbered: Sequence[FoundPatch], version: int, notes: list[str]
) -> list[FoundPatch]:
    """The parts that a version lacks because its author sent only the others again, each as an answer to the version
    before: they are as they were."""
    again = [item for item in kept if item.tag.number is not None]
    older = [item for item in numbered if item.tag.version < version]
    names = {item.patch.message_id for item in older}
    if not again or any(names.isdisjoint(item.in_reply_to) for item in again):
        return []
    total = again[0].tag.total or 0
    missing = {*range(1, total + 1)} - {item.tag.number for item in again}
    last: dict[int, FoundPatch] = {}
    for item in sorted(older, key=lambda item: item.tag.version):
        if item.tag.number is not None and item.tag.number in missing and item.tag.total == total:
            last[item.tag.number] = item
    if not missing or last.keys() != missing:
        return []
    listed = ", ".join(f"{item.tag.number}/{total} of v{item.tag.version}" for _, item in sorted(last.items()))
    notes.append(f"v{version} sends only a part of the series again: with it go {listed}")
    return [replace(item, tag=replace(item.tag, version=version)) for item in last.values()]


def _chosen(found: list[FoundPatch], notes: list[str]) -> list[FoundPatch]:
    """The patches themselves, without copies and answers: in a numbered series, what has no number; in another
    thread, what comes from somebody else or is another way to change the same lines."""
    found = _newest_revisions(found, notes)
    kept: list[FoundPatch] = []
    message_ids: set[str] = set()
    seen: dict[tuple[int | None, int | None, int, str], FoundPatch] = {}
    for item in found:
        key = (item.tag.number, item.tag.total, item.tag.version, item.patch.sha256)
        if item.tag.number is not None and key in seen:
            notes.append(f"second copy ignored: {item.tag.title}")
            continue
        if item.patch.message_id and item.patch.message_id in message_ids:
            notes.append(f"second copy ignored: {item.tag.title}")
            continue
        seen[key] = item
        message_ids.add(item.patch.message_id)
        kept.append(item)
    # only inside one mbox: the files of a directory were put there on purpose
    one_file = len({item.file for item in kept}) == 1
    is_numbered = any(item.tag.number is not None for item in kept)

    has_versions = len({item.tag.version for item in kept}) > 1  # in a thread without numbers the user chooses one
    by_message_id = {item.patch.message_id: item for item in kept}

    def answers(item: FoundPatch) -> bool:
        if item.tag.number is not None or not one_file or (has_versions and not is_numbered):
            return False
        named = dict.fromkeys(item.in_reply_to)
        others = [by_message_id[name] for name in named if name in by_message_id and by_message_id[name] is not item]
        return is_numbered or any(
            other.sender != item.sender or _is_alternative(item.patch.diff, other.patch.diff) for other in others
        )

    answering = [item for item in kept if answers(item)]
    notes += [f"ignored, it answers a mail of the series: {item.tag.title}" for item in answering]
    left_out = set(map(id, answering))
    return [item for item in kept if id(item) not in left_out]


def _newest_revisions(found: Sequence[FoundPatch], notes: list[str]) -> list[FoundPatch]:
    """Without the parts that their author sent again as v2.1, which is no version of the series."""
    newest: dict[tuple[object, ...], int] = {}
    for item in found:
        newest[_place(item.tag)] = max(item.tag.revision, newest.get(_place(item.tag), 0))
    kept = []
    for item in found:
        if item.tag.revision == (revision := newest[_place(item.tag)]):
            kept.append(item)
        else:
            notes.append(f"v{item.tag.version}.{revision} takes the place of an older revision: {item.tag.title}")
    return kept


def _place(tag: Tag) -> tuple[object, ...]:
    """What two revisions of a part have in common: its number, or where it has none its title."""
    return tag.version, tag.number, tag.total, tag.title if tag.number is None else ""


def _is_alternative(one: bytes, other: bytes) -> bool:
    """Whether two diffs expect the same lines of a file in the same state: then one does not apply on top of the
    other."""
    return not diffs.old_sides(one).isdisjoint(diffs.old_sides(other))


def _answering(answers: Sequence[OtherMail], notes: list[str]) -> list[FoundPatch]:
    """The patch in a reply, if no other mail has one."""
    carrying = [
        answer for answer in answers if any(starts(body.text) or mails.attached(body) for body in answer.mail.bodies)
    ]
    if len(carrying) > 1:
        named = ", ".join(repr(answer.mail.tag.title) for answer in carrying)
        refuse(carrying[0].file, None, f"no patch but several replies with a diff: {named}", "save one as a file")
    found: list[FoundPatch] = []
    for answer in carrying:
        notes.remove(answer.note)
        notes.append(f"the patch is in a reply: {answer.mail.tag.title}")
        alone = replace(answer.mail, tag=replace(answer.mail.tag, number=None, total=None))
        found += mailed(answer.file, answer.data, alone, notes, several=False)
    return found


def _check_parts(found: list[FoundPatch]) -> None:
    versions = Counter(item.tag.version for item in found)
    if len(versions) > 1:
        raise PatchUnreadable(
            f"two versions are mixed: {_several(found, lambda item: f'v{item.tag.version}')}",
            hint=f"--version {max(versions)} takes the newest alone",
        )
    numbered = [item for item in found if item.tag.number is not None]
    if not numbered:
        return
    totals = Counter(item.tag.total for item in numbered)
    if len(totals) > 1:
        raise PatchUnreadable(
            f"two series are mixed: {_several(numbered, lambda item: f'n/{item.tag.total}')}",
            hint="give one series; patches that belong together must be numbered together (git format-patch -n)",
        )
    total = numbered[0].tag.total or 0
    if total > MOST_PARTS:
        raise PatchUnreadable(f"{numbered[0].place}: part of a series of {total}", hint="correct its subject")
    numbers = Counter(item.tag.number for item in numbered)
    twice = [item for item in numbered if numbers[item.tag.number] > 1]
    if twice:
        raise PatchUnreadable(
            f"different patches have the same number: {_several(twice, lambda item: f'{item.tag.number}/{total}')}",
            hint="give each part once",
        )
    missing = [number for number in range(1, total + 1) if number not in numbers]
    beyond = sorted(number for number in numbers if number is not None and number > total)
    if beyond:
        raise PatchUnreadable(f"number beyond the total: {_ranges(beyond, total)}", hint="get the whole thread")
    if missing:
        first = numbered[0]
        raise PatchUnreadable(
            f"the series is incomplete: missing {_ranges(missing, total)}",
            hint=f"get the whole thread, or test a part alone: --part {first.tag.number}",
        )


def _ranges(numbers: Sequence[int], total: int) -> str:
    """`2/9, 4/9`, and `1-11/345` of numbers that follow each other."""
    runs: list[range] = []
    for number in numbers:
        if runs and number == runs[-1].stop:
            runs[-1] = range(runs[-1].start, number + 1)
        else:
            runs.append(range(number, number + 1))
    listed = [str(Parts(run, total)) for run in runs]
    return ", ".join([*listed[:20], *(["..."] if len(listed) > 20 else [])])


def _parts(found: Sequence[FoundPatch], only: Parts, notes: list[str]) -> list[FoundPatch]:
    """The requested parts, by their numbers; where there are none, by their places. Raises PatchUnreadable if one is
    missing or is there twice."""
    totals = sorted({item.tag.total for item in found if item.tag.total is not None})
    if not totals and only.total is None and only.numbers[-1] <= len(found):
        chosen = [found[number - 1] for number in only.numbers]
    else:
        chosen = [
            item
            for item in found
            if item.tag.total == (only.total or item.tag.total) and item.tag.number in only.numbers
        ]
        numbers = Counter(item.tag.number for item in chosen)
        if missing := [number for number in only.numbers if numbers[number] != 1]:
            there = "twice" if numbers[missing[0]] > 1 else "not"
            total = f"/{only.total}" if only.total else ""
            known = f"its parts are {', '.join(f'1-{total}/{total}' for total in totals)}" if totals else _NO_PARTS
            raise PatchUnreadable(f"part {missing[0]}{total} is {there} there", hint=known)
    notes.append(f"parts {only} alone" if len(only.numbers) > 1 else f"part {only} alone")
    return chosen


def _several(found: list[FoundPatch], key: Callable[[FoundPatch], str]) -> str:
    """`v1 (a.patch), v2 (b.patch, c.patch, ...)`: at most two places for each."""
    groups: dict[str, list[str]] = {}
    for item in found:
        groups.setdefault(key(item), []).append(item.place)
    return ", ".join(
        f"{label} ({', '.join(places[:2])}{', ...' if len(places) > 2 else ''})" for label, places in groups.items()
    )


def _ordered(found: list[FoundPatch], notes: list[str], *, by_number: bool) -> list[FoundPatch]:
    if by_number and all(item.tag.number is None for item in found):
        return _threaded(found)
    if by_number:
        return sorted(found, key=lambda item: item.tag.number or 0)
    numbers = [item.tag.number for item in found if item.tag.number]  # one more patch behind a series has none
    if numbers == sorted(numbers):
        return found
    notes.append("files are applied in name order, which is not the order of their [n/m]")
    return found


def _threaded(found: list[FoundPatch]) -> list[FoundPatch]:
    """Mails without numbers in the order of their thread: an answer comes after what it answers, then time counts.
    Mails of several threads (a file that somebody put together) keep the file's order."""
    ids = {item.patch.message_id for item in found if item.patch.message_id}
    answered = Counter(name for item in found for name in set(item.in_reply_to))
    if not any(count > 1 or name in ids for name, count in answered.items()):
        return found
    left, ordered = sorted(found, key=lambda item: item.sent_s), list[FoundPatch]()
    waiting = Counter(item.patch.message_id for item in left)
    while left:
        free = (at for at, item in enumerate(left) if not any(waiting[name] for name in item.in_reply_to))
        at = next(free, 0)  # else they answer each other in a circle
        waiting[left[at].patch.message_id] -= 1
        ordered.append(left.pop(at))
    return ordered


def _digest(patches: Iterable[Patch]) -> str:
    return hashlib.sha256("".join(patch.sha256 + "\n" for patch in patches).encode()).hexdigest()


def series_of(name: str, patches: Iterable[Patch], notes: Iterable[str], origin: Origin | None = None) -> Series:
    """Patches that are in order already, as a series."""
    patches = tuple(patches)
    return Series(name, patches, _digest(patches), tuple(notes), origin)


def first_patches(series: Series, count: int) -> Series:
    """The first `count` patches of the series."""
    patches = series.patches[:count]
    return replace(series, patches=patches, digest=_digest(patches))


def with_patches(series: Series, more: Series) -> Series:
    """The series with the patches of another one on top, under its own name."""
    patches = (*series.patches, *more.patches)
    return replace(series, patches=patches, digest=_digest(patches), notes=(*series.notes, f"with {more.name} on top"))
