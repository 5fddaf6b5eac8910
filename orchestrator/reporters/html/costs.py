"""What the series costs, for the page. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from orchestrator.evidence.cost.measured import words
from orchestrator.evidence.cost.told import screen, sentence
from orchestrator.model.cost import MemberPlace, SizeChange, StructChange
from orchestrator.model.report import RunReport

MOST_STRUCTS, MOST_ROWS = 20, 300  # on the page; report.json has them all


@dataclass(frozen=True)
class MemberRow:
    name: str
    type: str
    before: str
    after: str


@dataclass(frozen=True)
class StructTable:
    name: str
    file: str
    members: tuple[MemberRow, ...]


@dataclass(frozen=True)
class SizeTable:
    title: str
    what: str
    rows: tuple[SizeChange, ...]
    more: int


@dataclass(frozen=True)
class KernelCost:
    kernel: str
    sentence: str
    performance: tuple[str, ...]
    lines: tuple[str, ...]
    structs: tuple[StructTable, ...]
    sizes: tuple[SizeTable, ...]


def costs(report: RunReport) -> Iterator[KernelCost]:
    for suite in report.suites:
        found = suite.cost
        measured = tuple(map(words, suite.performance))
        if found is None and measured:
            yield KernelCost(suite.name, "", measured, (), (), ())
        if found:
            tables = (
                _sizes("Functions that changed in size", "function", found.functions),
                _sizes("Variables that changed in size", "variable", found.data),
                _sizes("Stack frames that changed", "stack frame", found.stacks),
            )
            structs = tuple(map(_struct, found.structs[:MOST_STRUCTS]))
            yield KernelCost(suite.name, sentence(found), measured, tuple(screen(found)), structs, tables)


def _struct(one: StructChange) -> StructTable:
    """Its members in the order of the new layout, those that are gone last."""
    before = dict(one.before.members) if one.before else {}
    after = dict(one.after.members) if one.after else {}
    rows = (
        MemberRow(name, (after.get(name) or before[name]).type, _place(before.get(name)), _place(after.get(name)))
        for name in dict.fromkeys((*after, *before))
    )
    return StructTable(one.name, one.file, tuple(rows))


def _place(one: MemberPlace | None) -> str:
    if one is None:
        return ""
    bits = f", {one.bits} bits from {one.bit}" if one.bits else ""
    return f"{one.offset}, {one.size}{bits}"


def _sizes(title: str, what: str, found: Sequence[SizeChange]) -> SizeTable:
    first = sorted(found, key=lambda one: (-abs(one.growth), one.name))[:MOST_ROWS]
    return SizeTable(title, what, tuple(first), len(found) - len(first))
