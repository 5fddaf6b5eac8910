"""What was counted in a run -> the functions that each case executed. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from orchestrator.evidence.coverage.functions import Functions
from orchestrator.evidence.coverage.judge import Hits
from orchestrator.model.coverage import CodeMap
from orchestrator.model.report import BOOT


def functions_by_case(
    code: CodeMap, known: Functions, hits: Iterable[tuple[str, Hits]]
) -> Mapping[str, frozenset[str]]:
    """An instruction stands for the function that it lies in. That of a changed statement also stands for the function
    that has the statement in its text, which is another one where that was inlined."""
    written: dict[int, set[str]] = {}
    for statement in (statement for file in code.files for statement in file.statements):
        for address in (address for copy in statement.copies for address in copy.addresses):
            written.setdefault(address, set()).add(statement.function)
    found: dict[str, set[str]] = {}
    for case, counts in hits:
        if case != BOOT:
            names = found.setdefault(case, set())
            for address in counts:
                names |= {known.at(address), *written.get(address, ())}
    return {case: frozenset(names - {""}) for case, names in found.items()}
