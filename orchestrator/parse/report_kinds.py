"""The table of kernel report kinds: data/kernel_reports/KIND.toml, the user's own, and data/ignored-frames.toml, read
once and checked.

Expressions are matched at the start of a message, that is behind the printk prefix.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any

from orchestrator.errors import BadDeclaration
from orchestrator.model.outcome import Outcome
from orchestrator.parse import report_lines as report_lines
from orchestrator.parse.report_lines import Lines
from orchestrator.roots import kernel_report_files, user_root

_OUTCOMES = {"pass": Outcome.PASS, "fail": Outcome.FAIL, "crash": Outcome.CRASH}


@dataclass(frozen=True)
class Kind:
    """One kind of kernel report; what the keys of a file mean is said here: they are the same."""

    kind: str
    priority: int  # of several kinds that match one report the lowest number names it
    outcome: Outcome
    start: tuple[re.Pattern[str], ...]
    titles: tuple[str, ...]  # the first one whose fields are all there
    before: tuple[str, ...] = ()
    end: tuple[str, ...] = ()
    fields: tuple[tuple[str, re.Pattern[str]], ...] = ()
    absorbs: frozenset[str] = frozenset()  # kinds whose start inside this report, before any trace, belongs to it
    folds: tuple[str, ...] = ()  # starts of this kind that only follow from the report before
    farewell: tuple[str, ...] = ()  # messages after which a start of this kind is expected (is_boot)
    trace_after: re.Pattern[str] | None = None  # the trace that counts comes after this line
    untraced: re.Pattern[str] | None = None  # reports with this line have no such trace; others without it were cut
    lines: int = 300
    gap_s: float = 5.0  # silence of the kernel's clock that ends a report without an end marker
    all_callers: bool = False  # lines of other CPUs and tasks belong to it too
    is_fatal: bool = False  # the kernel is gone
    is_boot: bool = False  # its start is said by every boot: a report only when the one before had not ended
    needs_evidence: bool = False  # its start alone proves nothing: something that only reports have must follow
    must_end: bool = False  # without one of its end markers it was cut
    is_plain: bool = False  # it has no trace, and nothing else that proves it
    contains: tuple[str, ...] = ()  # texts that find the starts whose first character may be any

    @property
    def openers(self) -> Iterator[str]:
        """Expressions for messages that matter outside of a report."""
        yield from (pattern.pattern for pattern in self.start)
        yield from self.before
        yield from self.farewell


@dataclass(frozen=True)
class Table:
    """All kinds, most specific first, with the expressions that the scanner needs, compiled for bytes."""

    kinds: tuple[Kind, ...]
    ignored: re.Pattern[str]  # functions that are never the culprit one, whole names
    printers: re.Pattern[str]  # those of them that are not even named when there is nothing else
    starts: tuple[tuple[Kind, re.Pattern[bytes]], ...]
    any_start: re.Pattern[bytes]
    before: re.Pattern[bytes]
    ends: Mapping[str, re.Pattern[bytes]]
    folds: re.Pattern[bytes]
    farewell: re.Pattern[bytes]  # after these messages a boot is no surprise
    opener: bytes  # any message that matters outside of a report, but for those that begin with anything
    contains: tuple[bytes, ...]  # what is in messages of the latter sort
    lines: Lines

    def candidate(self, tail: bytes) -> re.Pattern[bytes]:
        """What is looked for in clean text: `tail`, the end of a prefix, and an opener behind it.

        sre finds a literal at the beginning with memchr, so that most of the text is never looked at.
        """
        return re.compile(tail + self.opener)


_REQUIRED = {"kind": str, "priority": int, "outcome": str, "start": list, "titles": list}
_OPTIONAL = {
    "before": list,
    "end": list,
    "fields": dict,
    "absorbs": list,
    "folds": list,
    "trace_after": str,
    "untraced": str,
    "lines": int,
    "gap_s": float,
    "all_callers": bool,
    "is_fatal": bool,
    "is_boot": bool,
    "must_end": bool,
    "needs_evidence": bool,
    "is_plain": bool,
    "farewell": list,
    "contains": list,
}
_TYPES = _REQUIRED | _OPTIONAL


def load() -> Table:
    """The table shipped with the package, with the kinds of the user's own root over it. Raises BadDeclaration,
    UsageError."""
    return _load(user_root())


@cache
def _load(own: Path | None) -> Table:
    data = files("orchestrator").joinpath("data")
    kinds = [item for item in data.joinpath("kernel_reports").iterdir() if item.name.endswith(".toml")]
    texts = {**{item.name: item.read_text() for item in kinds}, **kernel_report_files(own)}
    return read_table(texts, data.joinpath("ignored-frames.toml").read_text(), report_lines.load())


def read_table(texts: Mapping[str, str], ignored: str, lines: Lines) -> Table:
    """Check and compile the table from file name -> TOML text. Raises BadDeclaration naming file and key."""
    kinds = sorted((_kind(name, text) for name, text in sorted(texts.items())), key=lambda kind: kind.priority)
    for one, other in pairwise(kinds):
        if one.priority == other.priority:
            raise BadDeclaration(
                f"{other.kind}.toml: priority {other.priority} is that of {one.kind} too",
                hint="give every kind a priority of its own: it decides which kind names a report",
            )
    names = {kind.kind for kind in kinds}
    for kind in kinds:
        if unknown := kind.absorbs - names:
            raise BadDeclaration(f"{kind.kind}.toml: absorbs: unknown kind {sorted(unknown)[0]!r}")
    start = _union(pattern.pattern for kind in kinds for pattern in kind.start)
    before = _union(before for kind in kinds for before in kind.before)
    printers, ignored_names = _ignored(ignored)
    openers = [expression for kind in kinds for expression in kind.openers]
    farewell = _union(message for kind in kinds for message in kind.farewell)
    return Table(
        kinds=tuple(kinds),
        ignored=ignored_names,
        printers=printers,
        starts=tuple((kind, re.compile(_union(pattern.pattern for pattern in kind.start))) for kind in kinds),
        any_start=re.compile(start),
        before=re.compile(before),
        ends={kind.kind: re.compile(_union(kind.end)) for kind in kinds},
        folds=re.compile(_union(fold for kind in kinds for fold in kind.folds)),
        farewell=re.compile(farewell),
        opener=_opener([expression for expression in openers if first_characters(expression)]),
        contains=tuple(text.encode() for kind in kinds for text in kind.contains),
        lines=lines,
    )


def _opener(expressions: Sequence[str]) -> bytes:
    """Any of the expressions, in a form that gives up soon: most characters begin none of them, and those that begin
    with a letter are only tried behind that letter."""
    firsts = [first_characters(expression) for expression in expressions]
    asked = "".join(f"\\x{ord(c):02x}" for c in sorted(frozenset().union(*filter(None, firsts))))
    by_letter: dict[str, list[str]] = {}
    for expression in expressions:
        letter = expression[0] if re.match(r"[A-Za-z][^?*{+]", expression) else ""
        by_letter.setdefault(letter, []).append(expression[len(letter) :])
    branches = [letter.encode() + _union(rests) for letter, rests in by_letter.items()]
    return b"(?=[" + asked.encode() + b"])(?:" + b"|".join(branches) + b")" if branches else b"(?!)"


def _union(expressions: Iterable[str]) -> bytes:
    """One expression for bytes; nothing at all matches nothing."""
    found = [re.sub(r"\(\?P<\w+>", "(?:", expression) for expression in dict.fromkeys(expressions)]
    return ("(?:" + "|".join(found) + ")" if found else r"(?!)").encode()


def _ignored(text: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Printers, and all ignored frames."""
    data = _toml("ignored-frames.toml", text)
    for key in data:
        if key not in ("names", "patterns", "printers"):
            hint = "known keys: names, patterns, printers"
            raise BadDeclaration(f"ignored-frames.toml: unknown key {key!r}", hint=hint)
    names = [re.escape(name) for name in _strings("ignored-frames.toml", "names", data.get("names", []))]
    printers = [*data.get("printers", []), "(?!)"]
    ignored = [*names, *data.get("patterns", []), *printers]
    return (
        _compiled("ignored-frames.toml", "printers", "|".join(printers)),
        _compiled("ignored-frames.toml", "patterns", "|".join(ignored)),
    )


def _kind(name: str, text: str) -> Kind:
    data = _checked(name, _toml(name, text))
    lists = {key: _strings(name, key, data.get(key, [])) for key, type_ in _TYPES.items() if type_ is list}
    for key in ("before", "end", "folds", "farewell"):
        for expression in lists[key]:
            _compiled(name, key, expression)
    starts = _starts(name, lists)
    fields = {key: _compiled(name, f"fields.{key}", value) for key, value in data.get("fields", {}).items()}
    if bad := [key for key, pattern in fields.items() if pattern.groups != 1]:
        raise BadDeclaration(f"{name}: fields.{bad[0]} must have one group")
    _check_titles(name, lists["titles"], starts, fields)
    optional: dict[str, Any] = {key: data[key] for key in data if _OPTIONAL.get(key) in (int, float, bool)}
    optional |= {key: _compiled(name, key, data[key]) for key in data if _OPTIONAL.get(key) is str}
    return Kind(
        kind=data["kind"],
        priority=data["priority"],
        outcome=_OUTCOMES[data["outcome"]],
        start=starts,
        titles=lists["titles"],
        before=lists["before"],
        end=lists["end"],
        fields=tuple(fields.items()),
        absorbs=frozenset(lists["absorbs"]),
        folds=lists["folds"],
        farewell=lists["farewell"],
        contains=lists["contains"],
        **optional,
    )


def _checked(name: str, data: dict[str, Any]) -> dict[str, Any]:
    """The same: its keys are known, their values of the right types, and the file is named after its kind."""
    for key, value in data.items():
        if key not in _TYPES:
            raise BadDeclaration(f"{name}: unknown key {key!r}", hint=f"known keys: {', '.join(_TYPES)}")
        right = isinstance(value, _TYPES[key]) or (_TYPES[key] is float and isinstance(value, int))
        if not right or (_TYPES[key] is not bool and isinstance(value, bool)):
            raise BadDeclaration(f"{name}: {key} must be a {_TYPES[key].__name__}, not {value!r}")
    if missing := [key for key in _REQUIRED if not data.get(key)]:
        raise BadDeclaration(f"{name}: {missing[0]} is missing")
    if data["kind"] != name.removesuffix(".toml"):
        raise BadDeclaration(f"{name}: kind is {data['kind']!r}", hint="the file is named after its kind")
    if data["outcome"] not in _OUTCOMES:
        raise BadDeclaration(f"{name}: outcome {data['outcome']!r}", hint=f"one of: {', '.join(_OUTCOMES)}")
    return data


def _starts(name: str, lists: Mapping[str, Sequence[str]]) -> tuple[re.Pattern[str], ...]:
    """The starts, compiled. They and what may stand before them are looked for in whole logs, so their form matters."""
    starts = tuple(_compiled(name, "start", expression) for expression in lists["start"])
    if loose := [pattern.pattern for pattern in starts if pattern.match("")]:
        raise BadDeclaration(f"{name}: start {loose[0]!r} matches an empty line")
    for expression in (*lists["start"], *lists["before"], *lists["farewell"]):
        if re.search(r"(?<!\\)[\^$]|\\[sAZ]", expression.replace("[^", "[")):
            # they are looked for in a block of many lines, which may end with CR LF
            raise BadDeclaration(f"{name}: {expression!r}: no ^, $ or \\s in start, before and farewell")
        if len(_choices(expression)) > 1:
            raise BadDeclaration(f"{name}: {expression!r}: two expressions, not one with | outside of a group")
        if not first_characters(expression) and not any(text in expression for text in lists["contains"]):
            raise BadDeclaration(
                f"{name}: {expression!r} may begin with anything", hint="name a text that it always has in contains"
            )
    return starts


def _choices(expression: str) -> list[str]:
    """The expression's parts between those | that are in no group."""
    depth, parts = 0, [""]
    for token in re.findall(r"\\.|\[\^?\]?(?:\\.|[^]\\])*\]|.", expression):
        depth += (token == "(") - (token == ")")
        if token == "|" and not depth:
            parts.append("")
        else:
            parts[-1] += token
    return parts


def first_characters(expression: str) -> frozenset[str]:
    """Those that a match can begin with; empty when it may be any (or none), as far as this understands it."""
    choices = [_first_of_one(choice) for choice in _choices(expression)]
    return frozenset().union(*choices) if all(choices) else frozenset()


def _first_of_one(expression: str) -> frozenset[str]:
    if group := re.match(r"\((?:\?:|\?P<\w+>)", expression):
        depth = 0
        for token in re.finditer(r"\\.|\[\^?\]?(?:\\.|[^]\\])*\]|.", expression):
            depth += (token[0] == "(") - (token[0] == ")")
            if not depth:
                inside, rest = expression[group.end() : token.start()], expression[token.end() :]
                return frozenset() if rest[:1] in ("?", "*", "{") else first_characters(inside)
    single = re.match(r"\\([^\w\s])|([A-Za-z0-9=<'\"#%&,/:;@_~-])|\[([A-Za-z0-9]+)\]", expression)
    if not single or re.match(r"[?*]|\{0", expression[single.end() :]):
        return frozenset()
    return frozenset(next(filter(None, single.groups())))


def _check_titles(
    name: str, titles: tuple[str, ...], starts: tuple[re.Pattern[str], ...], fields: Mapping[str, re.Pattern[str]]
) -> None:
    known = {"function"} | set(fields) | {group for pattern in starts for group in pattern.groupindex}
    for title in titles:
        for field in re.findall(r"\{(\w*)\}", title):
            if field not in known:
                raise BadDeclaration(f"{name}: titles: no field {field!r}", hint=f"fields: {', '.join(sorted(known))}")
    if "{" in titles[-1]:
        raise BadDeclaration(f"{name}: titles: the last one must need no field, for reports that are cut short")


def _toml(name: str, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadDeclaration(f"{name}: {error}") from None


def _strings(name: str, key: str, value: list[Any]) -> tuple[str, ...]:
    if not all(isinstance(item, str) and item for item in value):
        raise BadDeclaration(f"{name}: {key} must be a list of strings")
    return tuple(value)


def _compiled(name: str, key: str, expression: object) -> re.Pattern[str]:
    if not isinstance(expression, str):
        raise BadDeclaration(f"{name}: {key} must be a string, not {expression!r}")
    try:
        return re.compile(expression)
    except re.error as error:
        raise BadDeclaration(f"{name}: {key}: {expression!r}: {error}") from None
