"""A report, or the record of a night, as others may have it: without directories of this machine, where their names say
as much. Pure.

What texts are made of (where the run lies, the tree of a kernel's facts) is kept: reporters ask `discreet` for it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields, is_dataclass, replace
from pathlib import PurePath
from typing import Any, TypeVar

from orchestrator.model.night import NightPlan, NightRecord
from orchestrator.model.report import RunReport
from orchestrator.model.series import Place

T = TypeVar("T")
_KEPT = frozenset({"run_dir", "command", "attachments_root", "origin", "mails", "facts", "coverage", "cost"})
_HOME = re.compile(r"(?<![\w/.~-])/(?:home|Users)/[^/\s:;,'\")\]]+")


def for_others(report: RunReport) -> RunReport:
    """The report with the name of a directory where a text of it has its path."""
    return _mapped(report, discreet(report))


def night_for_others(record: NightRecord, plan: NightPlan) -> NightRecord:
    """The same of a night: a command names a tree, and whoever pastes it stands beside one of that name."""
    return _mapped(record, _discreet(_places(record, plan)))


def discreet(report: RunReport) -> Callable[[str], str]:
    """What makes a text one for others: `/home/me/src/linux/mm/mmap.c` becomes `linux/mm/mmap.c`, and another place
    in a home directory one below ~."""
    return _discreet(_directories(report))


def _discreet(places: Iterable[str]) -> Callable[[str], str]:
    known = sorted({path.rstrip("/") for path in places}, key=len, reverse=True)
    paths = "|".join(re.escape(path) for path in known if len(PurePath(path).parts) > 2)
    found = re.compile(rf"(?<![\w/.~-])(?:{paths})(?![\w.-])") if paths else None

    def told(text: str) -> str:
        if "/" not in text:
            return text
        return _HOME.sub("~", found.sub(lambda match: PurePath(match[0]).name, text) if found else text)

    return told


def _directories(report: RunReport) -> Iterator[str]:
    """Those of this machine that the report knows: the run's, the tree's, the series', the compiler's, the user's."""
    yield report.run_dir
    if report.origin:
        yield report.origin.tree
        if report.origin.place is Place.FILE:
            yield str(PurePath(report.origin.name).parent)
    for suite in report.suites:
        yield suite.facts.base_tree
        yield suite.facts.toolchain if suite.facts.toolchain.startswith("/") else ""
        yield from suite.facts.kconfig_files
    try:
        words = shlex.split(report.command)
    except ValueError:  # a record that somebody edited
        return
    if words[:1] == ["cd"]:
        yield from words[1:2]


def _places(record: NightRecord, plan: NightPlan) -> Iterator[str]:
    """The plan's, and those that command lines name; as a shell has them too, where it needs quotes within them."""
    named = [str(PurePath(plan.path).parent), *_entries(plan)]
    for item in record.items:
        if item.directory:
            named.append(str(PurePath(item.directory).parents[1]))  # the night's
        for word in item.words:
            value = word.partition("=")[2] if word.startswith("-") else word
            named += [value, *value.split("+")]
    for path in named:
        if path.startswith("/"):
            yield from (path, shlex.quote(path).strip("'"))


def _entries(plan: NightPlan) -> Iterator[str]:
    for tree in plan.trees:
        yield tree.path
    for series in plan.series:
        yield from (series.tree, series.place)


def _mapped(value: T, told: Callable[[str], str]) -> T:
    """A value of the model with all its texts mapped."""
    new: Any = value
    if isinstance(value, str):
        new = told(value)
    elif isinstance(value, tuple):
        new = tuple(_mapped(one, told) for one in value)
    elif is_dataclass(value) and not isinstance(value, type):
        parts = {entry.name: getattr(value, entry.name) for entry in fields(value) if entry.init}
        changed = {
            name: mapped
            for name, part in parts.items()
            if name not in _KEPT and (mapped := _mapped(part, told)) is not part and mapped != part
        }
        new = replace(value, **changed) if changed else value
    return new  # type: ignore[no-any-return]
