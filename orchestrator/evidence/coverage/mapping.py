"""Changed lines + line table -> the state of each changed statement before anything has run. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.evidence.coverage.line_table import Row
from orchestrator.model.coverage import ChangedStatement, Copy, LineState
from orchestrator.parse.code.c_conditions import holds, joined, missing
from orchestrator.parse.code.c_statements import CStatement, Kind, statements
from orchestrator.parse.code.changed_lines import ChangedLines, is_of_kernel

TEXT = 200  # characters of a statement that are kept


@dataclass(frozen=True)
class Kernel:
    """What a kernel was made of and with. `rows` are those of a file's line table, for files that it names. `not_built`
    says why another source file is not compiled."""

    rows: Mapping[str, Sequence[Row]]
    function_at: Callable[[int], str]
    symbols: Collection[str]
    not_built: Callable[[str], str]


def changed_statements(file: str, text: str, lines: ChangedLines, kernel: Kernel) -> tuple[ChangedStatement, ...]:
    """The statements of a file that the series wrote or changed, in order. A file that is no part of the kernel has
    none."""
    if not is_of_kernel(file):
        return ()
    found = _assembly(text) if file.endswith(".S") else statements(text)
    source = text.split("\n")
    rows: dict[int, list[Row]] = {}
    for row in kernel.rows.get(file, ()):
        rows.setdefault(row.line, []).append(row)
    alive = {
        (one.function, one.number)
        for one in found
        if one.number and any(line in rows for line in range(one.first, one.last + 1))
    }
    changed = []
    for one in found:
        span = range(one.first, one.last + 1)
        touched = tuple(line for line in span if line in lines.added)
        if not touched and not any(line in lines.cut and line + 1 in span for line in span):
            continue
        own = [row for line in span for row in rows.get(line, ())]
        state, why = _state(file, one, own, (one.function, one.number) in alive, kernel)
        words = " ".join(" ".join(source[one.first - 1 : one.last]).split())[:TEXT]
        copies = _copies((row.address for row in own), kernel.function_at) if state is LineState.NEVER_HIT else ()
        changed.append(
            ChangedStatement(one.first, one.last, touched, words, one.function, state, why, copies, one.is_condition)
        )
    return tuple(changed)


def _state(
    file: str, one: CStatement, rows: Sequence[Row], is_function_there: bool, kernel: Kernel
) -> tuple[LineState, str]:
    if one.kind in (Kind.DECLARATION, Kind.LABEL, Kind.DIRECTIVE) and not file.endswith(".S"):
        return LineState.NO_CODE, one.kind.value
    if rows:
        return LineState.NEVER_HIT, ""
    if one.conditions and holds(joined(one.conditions), kernel.symbols) is False:
        return LineState.NOT_COMPILED, ", ".join(_unmet(one.conditions, kernel.symbols))
    if one.kind not in (Kind.CODE, Kind.HEAD):
        return LineState.NO_CODE, one.kind.value
    if file not in kernel.rows and not file.endswith(".h"):
        return LineState.NOT_COMPILED, kernel.not_built(file)
    if not is_function_there:
        return LineState.NOT_COMPILED, f"nothing in this kernel uses {one.function}()"
    return LineState.OPTIMISED, ""


def _unmet(conditions: Iterable[str], symbols: Collection[str]) -> Iterable[str]:
    for condition in conditions:
        if holds(condition, symbols) is False:
            yield ", ".join(missing(condition, symbols)) or f"#if {condition}"


def _copies(addresses: Iterable[int], function_at: Callable[[int], str]) -> tuple[Copy, ...]:
    by_function: dict[str, set[int]] = {}
    for address in addresses:
        by_function.setdefault(function_at(address), set()).add(address)
    return tuple(Copy(name, tuple(sorted(found))) for name, found in sorted(by_function.items()))


def _assembly(text: str) -> tuple[CStatement, ...]:
    """Each line is one. What the assembler makes of it shows in the line table alone."""
    return tuple(
        CStatement(number, number, Kind.DIRECTIVE)
        for number, line in enumerate(text.split("\n"), 1)
        if line.strip() and not line.strip().startswith(("/*", "*", "//"))
    )
