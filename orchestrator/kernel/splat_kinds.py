"""The table of kernel report kinds: data/splats/KIND.toml and data/plumbing.toml, read once and checked.

Expressions are matched at the start of a message, that is behind the printk prefix.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Any

from orchestrator.errors import BadDeclaration
from orchestrator.model import Outcome

# [seconds.microseconds][caller] as printk writes it; a <level> comes with some ways of saving a log
PREFIX = rb"(?:<\d{1,3}>)?\[ *(\d+\.\d{6})\](?:\[ *([TC]\d+)\])? ?"

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
    trace_after: re.Pattern[str] | None = None  # the trace that counts comes after this line
    lines: int = 300
    gap_s: float = 5.0  # silence of the kernel's clock that ends a report without an end marker
    all_callers: bool = False  # lines of other CPUs and tasks belong to it too
    is_fatal: bool = False  # the kernel is gone


@dataclass(frozen=True)
class Table:
    """All kinds, most specific first, with the expressions that the scanner needs, compiled for bytes."""

    kinds: tuple[Kind, ...]
    plumbing: re.Pattern[str]  # functions that are never the guilty one, whole names
    starts: tuple[tuple[Kind, re.Pattern[bytes]], ...]
    any_start: re.Pattern[bytes]
    before: re.Pattern[bytes]
    ends: Mapping[str, re.Pattern[bytes]]
    folds: re.Pattern[bytes]
    # lines that start a report, each with the newline before it: sre looks for that with memchr
    candidate: re.Pattern[bytes]
    bare_candidate: re.Pattern[bytes]  # the same for logs without any prefix


_REQUIRED = {"kind": str, "priority": int, "outcome": str, "start": list, "titles": list}
_OPTIONAL = {
    "before": list,
    "end": list,
    "fields": dict,
    "absorbs": list,
    "folds": list,
    "trace_after": str,
    "lines": int,
    "gap_s": float,
    "all_callers": bool,
    "is_fatal": bool,
}


@cache
def load() -> Table:
    """The table shipped with the package. Raises BadDeclaration."""
    data = files("orchestrator").joinpath("data")
    texts = {item.name: item.read_text() for item in data.joinpath("splats").iterdir() if item.name.endswith(".toml")}
    return read_table(texts, data.joinpath("plumbing.toml").read_text())


def read_table(texts: Mapping[str, str], plumbing: str) -> Table:
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
    opener = b"(?:" + start + b"|" + before + b")"
    return Table(
        kinds=tuple(kinds),
        plumbing=_plumbing(plumbing),
        starts=tuple((kind, re.compile(_union(pattern.pattern for pattern in kind.start))) for kind in kinds),
        any_start=re.compile(start),
        before=re.compile(before),
        ends={kind.kind: re.compile(_union(kind.end)) for kind in kinds},
        folds=re.compile(_union(fold for kind in kinds for fold in kind.folds)),
        candidate=re.compile(rb"\n(?>" + PREFIX + rb")" + opener),
        bare_candidate=re.compile(rb"\n" + opener),
    )


def _union(expressions: Iterable[str]) -> bytes:
    """One expression for bytes; nothing at all matches nothing."""
    found = [re.sub(r"\(\?P<\w+>", "(?:", expression) for expression in dict.fromkeys(expressions)]
    return ("(?:" + "|".join(found) + ")" if found else r"(?!)").encode()


def _plumbing(text: str) -> re.Pattern[str]:
    data = _toml("plumbing.toml", text)
    for key in data:
        if key not in ("names", "patterns"):
            raise BadDeclaration(f"plumbing.toml: unknown key {key!r}", hint="known keys: names, patterns")
    names = [re.escape(name) for name in _strings("plumbing.toml", "names", data.get("names", []))]
    return _compiled("plumbing.toml", "patterns", "|".join([*names, *data.get("patterns", []), "(?!)"]))


def _kind(name: str, text: str) -> Kind:
    data = _toml(name, text)
    known = _REQUIRED | _OPTIONAL
    for key, value in data.items():
        if key not in known:
            raise BadDeclaration(f"{name}: unknown key {key!r}", hint=f"known keys: {', '.join(known)}")
        right = isinstance(value, known[key]) or (known[key] is float and isinstance(value, int))
        if not right or (known[key] is not bool and isinstance(value, bool)):
            raise BadDeclaration(f"{name}: {key} must be a {known[key].__name__}, not {value!r}")
    if missing := [key for key in _REQUIRED if not data.get(key)]:
        raise BadDeclaration(f"{name}: {missing[0]} is missing")
    if data["kind"] != name.removesuffix(".toml"):
        raise BadDeclaration(f"{name}: kind is {data['kind']!r}", hint="the file is named after its kind")
    if data["outcome"] not in _OUTCOMES:
        raise BadDeclaration(f"{name}: outcome {data['outcome']!r}", hint=f"one of: {', '.join(_OUTCOMES)}")
    lists = {
        key: _strings(name, key, data.get(key, [])) for key in ("start", "titles", "before", "end", "absorbs", "folds")
    }
    for key in ("before", "end", "folds"):
        for expression in lists[key]:
            _compiled(name, key, expression)
    starts = tuple(_compiled(name, "start", expression) for expression in lists["start"])
    if loose := [pattern.pattern for pattern in starts if pattern.match("")]:
        raise BadDeclaration(f"{name}: start {loose[0]!r} matches an empty line")
    for expression in (*lists["start"], *lists["before"]):
        if re.search(r"(?<!\\)[\^$]|\\[sAZ]", expression.replace("[^", "[")):
            # they are looked for in a block of many lines, which may end with CR LF
            raise BadDeclaration(f"{name}: {expression!r}: no ^, $ or \\s in start and before")
    fields = {key: _compiled(name, f"fields.{key}", value) for key, value in data.get("fields", {}).items()}
    if bad := [key for key, pattern in fields.items() if pattern.groups != 1]:
        raise BadDeclaration(f"{name}: fields.{bad[0]} must have one group")
    _check_titles(name, lists["titles"], starts, fields)
    after = data.get("trace_after")
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
        trace_after=_compiled(name, "trace_after", after) if after else None,
        lines=data.get("lines", Kind.lines),
        gap_s=float(data.get("gap_s", Kind.gap_s)),
        all_callers=data.get("all_callers", False),
        is_fatal=data.get("is_fatal", False),
    )


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
