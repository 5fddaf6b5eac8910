"""What was counted in a run -> the functions that each case executed. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from orchestrator.evidence.coverage.functions import Functions
from orchestrator.evidence.coverage.judge import Hits
from orchestrator.model.coverage import CodeMap
from orchestrator.model.report import BOOT


def functions_by_case(
    code: CodeMap, known: Functions, hits: Iterable[tuple[str, Hits]]
) -> Mapping[str, Mapping[str, int]]:
    """How often each case executed each function. An instruction stands for the function that it lies in; that of a
    changed statement also for the function that has the statement in its text, which is another one where that was
    inlined. Where a function's entry was counted, that is how often; else it is the most of its instructions."""
    written: dict[int, set[str]] = {}
    for statement in (statement for file in code.files for statement in file.statements):
        for address in (address for copy in statement.copies for address in copy.addresses):
            written.setdefault(address, set()).add(statement.function)
    entries = set(known.entries)
    found: dict[str, dict[str, int]] = {}
    for case, counts in hits:
        if case == BOOT:
            continue
        once: dict[str, int] = {}
        entered: dict[str, int] = {}
        for address, count in counts.items():
            for name in {known.at(address), *written.get(address, ())} - {""}:
                once[name] = max(count, once.get(name, 0))
            if address in entries:
                entered[known.at(address)] = entered.get(known.at(address), 0) + count
        sums = found.setdefault(case, {})
        for name, count in (once | entered).items():
            sums[name] = sums.get(name, 0) + count
    return found
