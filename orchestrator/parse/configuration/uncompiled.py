"""Changed lines against a configuration: which of them does this kernel not have, and why? Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from orchestrator.model.compilation import Uncompiled
from orchestrator.parse.code.c_conditions import holds, joined, missing
from orchestrator.parse.code.c_statements import CStatement, Kind, statements
from orchestrator.parse.code.changed_lines import ChangedLines


def uncompiled_lines(
    file: str, text: str, lines: ChangedLines, symbols: Collection[str], why_not: str
) -> Iterator[Uncompiled]:
    """The statements of a file among its changed lines that a kernel with these symbols does not have. `why_not` says
    why the whole file is not compiled, if it is not."""
    for one in statements(text):
        if one.kind is Kind.DIRECTIVE or lines.added.isdisjoint(range(one.first, one.last + 1)):
            continue
        why = why_not or _unmet(one, symbols)
        if why:
            yield Uncompiled(file, one.first, one.last, why)


def compiled_nowhere(kernels: Sequence[Sequence[Uncompiled]]) -> tuple[Uncompiled, ...]:
    """What no kernel has; neighbours with the same reason together. The reason is that of the first kernel."""
    if not kernels:
        return ()
    common = set.intersection(*({(one.file, one.first, one.last) for one in kernel} for kernel in kernels))
    found: list[Uncompiled] = []
    for one in kernels[0]:
        if (one.file, one.first, one.last) not in common:
            continue
        last = found[-1] if found else None
        if last and (last.file, last.why) == (one.file, one.why) and one.first <= last.last + 2:
            found[-1] = Uncompiled(one.file, last.first, max(last.last, one.last), one.why)
        else:
            found.append(one)
    return tuple(found)


def _unmet(one: CStatement, symbols: Collection[str]) -> str:
    """Empty: as far as is known, the kernel has it."""
    if not one.conditions or holds(joined(one.conditions), symbols) is not False:
        return ""
    unmet = [condition for condition in one.conditions if holds(condition, symbols) is False]
    return "; ".join(", ".join(missing(condition, symbols)) or f"#if {condition}" for condition in unmet)
