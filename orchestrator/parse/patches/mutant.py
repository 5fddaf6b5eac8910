"""A mutant: one mutant, as a file with a header in the style of mail and a diff against the tree of the series.

    Mutant: leak-on-mm-mismatch
    Class: reader-leak
    Breaks: what is wrong now; further lines are indented
    Symptom: what one should see
    Kconfig: base
    Cases: vma-reuse split-merge
    Delays: reader-taken=2000
    Observable: yes
    From: its class
    ---
    diff --git a/mm/memory.c b/mm/memory.c

`Kconfig` is the weakest kernel that can show it. `Cases`, best first, are where it is looked for first. `Observable` is
yes, `no: ARGUMENT` (no execution on this machine can differ) or `equivalent: REASON`. `Build: own` is for what cannot
be switched at run time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from orchestrator.declarations.schema import declared
from orchestrator.errors import BadDeclaration
from orchestrator.model.series import Mutant, Observable

_FIELD = re.compile(r"(?P<name>[A-Z][\w-]*):[ \t]*(?P<value>.*)")
_DELAY = re.compile(r"([\w-]+)=(\d{1,9})")


@dataclass(frozen=True)
class _Header:
    """The fields, as they are spelled in the file."""

    Class: str
    Breaks: str
    Symptom: str
    Observable: str
    Mutant: str = ""
    Kconfig: str = "base"
    Cases: str = ""
    Delays: str = ""
    Build: Literal["own"] | None = None
    From: str = ""


def parse(name: str, text: bytes) -> Mutant:
    """The mutant that a file holds. Raises BadDeclaration that names the file and the field."""
    head, separator, diff = text.partition(b"\n---\n")
    if not separator or not diff.lstrip().startswith(b"diff --git "):
        raise BadDeclaration(f"{name}: a mutant is a header, a line ---, and a diff that begins with diff --git")
    header = declared(_Header, _fields(name, head.decode("utf-8", "replace")), name)
    if header.Mutant not in ("", name):
        raise BadDeclaration(f"{name}: Mutant: {header.Mutant} is not the file's name")
    observable, argument = _observable(name, header.Observable)
    delays = header.Delays.split()
    for delay in delays:
        if not _DELAY.fullmatch(delay):
            raise BadDeclaration(f"{name}: Delays: {delay!r} is not POINT=MICROSECONDS")
    return Mutant(
        name=name,
        group=header.Class,
        breaks=header.Breaks,
        symptom=header.Symptom,
        kconfig=header.Kconfig,
        cases=tuple(header.Cases.split()),
        delays=tuple((point, int(us)) for point, us in _DELAY.findall(" ".join(delays))),
        observable=observable,
        argument=argument,
        has_own_build=header.Build is not None,
        origin=header.From,
        diff=diff.lstrip(b"\n"),
    )


def files_of(diff: bytes) -> tuple[str, ...]:
    """The files that a diff of ours changes."""
    return tuple(
        name.decode("utf-8", "surrogateescape") for name in re.findall(rb"^\+\+\+ b/(.*)$", diff, re.MULTILINE)
    )


def _fields(name: str, head: str) -> dict[str, str | None]:
    """Names and values; None where a field has none."""
    fields: dict[str, list[str]] = {}
    last = ""
    for line in head.splitlines():
        if line.startswith((" ", "\t")) and last:
            fields[last].append(line.strip())
        elif match := _FIELD.fullmatch(line):
            last = match["name"]
            if last in fields:
                raise BadDeclaration(f"{name}: {last}: given twice")
            fields[last] = [match["value"].strip()]
        elif line.strip():
            raise BadDeclaration(f"{name}: {line!r} is neither a field nor the indented rest of one")
    return {field: " ".join(filter(None, words)) or None for field, words in fields.items()}


def _observable(name: str, words: str) -> tuple[Observable, str]:
    word, _, argument = words.partition(":")
    try:
        observable = Observable(word.strip())
    except ValueError:
        raise BadDeclaration(f"{name}: Observable: {word!r} is not yes, no: ARGUMENT or equivalent: REASON") from None
    if observable is not Observable.YES and not argument.strip():
        raise BadDeclaration(f"{name}: Observable: {word}: say why")
    return observable, argument.strip()
