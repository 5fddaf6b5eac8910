"""A mutant: one mutant, as a file with a header in the style of mail and a diff against the tree of the series.

    Mutant: leak-on-mm-mismatch
    Class: reader-leak
    Breaks: what is wrong now; further lines are indented
    Symptom: what one should see
    Kconfig: base
    Cases: vma-reuse split-merge
    Delays: reader-taken=2000
    Observable: yes
    From: class table
    ---
    diff --git a/mm/memory.c b/mm/memory.c

`Kconfig` is the weakest kernel that can show it. `Cases`, best first, are where it is looked for first. `Observable` is
yes, `no: ARGUMENT` (no execution on this machine can differ) or `equivalent: REASON`. `Build: own` is for what cannot
be switched at run time.
"""

from __future__ import annotations

import re

from orchestrator.errors import BadDeclaration
from orchestrator.model.series import Mutant, Observable

_KNOWN = (
    "Mutant", "Class", "Breaks", "Symptom", "Kconfig", "Cases", "Delays", "Observable", "Build", "From",
)  # fmt: skip
_REQUIRED = ("Class", "Breaks", "Symptom", "Observable")
_FIELD = re.compile(r"(?P<name>[A-Z][\w-]*):[ \t]*(?P<value>.*)")
_DELAY = re.compile(r"([\w-]+)=(\d+)")


def read(name: str, text: bytes) -> Mutant:
    """The mutant that a file holds. Raises BadDeclaration that names the file and the field."""
    head, separator, diff = text.partition(b"\n---\n")
    if not separator or not diff.lstrip().startswith(b"diff --git "):
        raise BadDeclaration(f"{name}: a mutant is a header, a line ---, and a diff that begins with diff --git")
    fields = _fields(name, head.decode("utf-8", "replace"))
    for wanted in _REQUIRED:
        if not fields.get(wanted):
            raise BadDeclaration(f"{name}: {wanted} is missing")
    if fields.get("Mutant", name) != name:
        raise BadDeclaration(f"{name}: Mutant: {fields['Mutant']} is not the file's name")
    observable, argument = _observable(name, fields["Observable"])
    delays = fields.get("Delays", "").split()
    for delay in delays:
        if not _DELAY.fullmatch(delay):
            raise BadDeclaration(f"{name}: Delays: {delay!r} is not POINT=MICROSECONDS")
    if fields.get("Build", "own") != "own":
        raise BadDeclaration(f"{name}: Build: {fields['Build']!r}: the only build to ask for is own")
    return Mutant(
        name=name,
        group=fields["Class"],
        breaks=fields["Breaks"],
        symptom=fields["Symptom"],
        kconfig=fields.get("Kconfig", "base"),
        cases=tuple(fields.get("Cases", "").split()),
        delays=tuple((point, int(us)) for point, us in _DELAY.findall(" ".join(delays))),
        observable=observable,
        argument=argument,
        has_own_build="Build" in fields,
        origin=fields.get("From", ""),
        diff=diff.lstrip(b"\n"),
    )


def _fields(name: str, head: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    last = ""
    for line in head.splitlines():
        if line.startswith((" ", "\t")) and last:
            fields[last] = f"{fields[last]} {line.strip()}".strip()
        elif match := _FIELD.fullmatch(line):
            last = match["name"]
            if last not in _KNOWN or last in fields:
                what = "given twice" if last in fields else "no field of a mutant"
                raise BadDeclaration(f"{name}: {last}: {what}", hint=f"fields: {', '.join(_KNOWN)}")
            fields[last] = match["value"].strip()
        elif line.strip():
            raise BadDeclaration(f"{name}: {line!r} is neither a field nor the indented rest of one")
    return fields


def _observable(name: str, words: str) -> tuple[Observable, str]:
    word, _, argument = words.partition(":")
    try:
        observable = Observable(word.strip())
    except ValueError:
        raise BadDeclaration(f"{name}: Observable: {word!r} is not yes, no: ARGUMENT or equivalent: REASON") from None
    if observable is not Observable.YES and not argument.strip():
        raise BadDeclaration(f"{name}: Observable: {word}: say why")
    return observable, argument.strip()
