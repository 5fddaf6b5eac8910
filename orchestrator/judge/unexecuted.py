"""Which cases execute the statements that generated mutants change: no other could notice them, so no guest is spent on
mutants that none executes. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from orchestrator.judge.mutants import NOT_RUN
from orchestrator.model.coverage import Coverage, LineState, StatementCoverage
from orchestrator.model.series import Mutant


def unexecuted(mutants: Iterable[Mutant], found: Coverage) -> Mapping[str, str]:
    """By the name of a mutant, why it is not run: each statement that it changes and that has instructions of its own
    was never hit. Where none has any, nobody knows, and the mutant is run."""
    reasons = {}
    for mutant in mutants:
        own = _own(mutant, found)
        if own and all(one.state is LineState.NEVER_HIT for one in own):
            reasons[mutant.name] = f"{NOT_RUN}no case executes {mutant.file}:{own[0].line}"
    return reasons


def covered_first(mutants: Iterable[Mutant], found: Coverage) -> list[Mutant]:
    """Those of lines that cases execute, then those of which nobody knows; else in the same order."""
    hit = {
        (file.file, line)
        for file in found.files
        for one in file.statements
        if one.state is LineState.HIT
        for line in range(one.line, one.last_line + 1)
    }

    def is_hit(mutant: Mutant) -> bool:
        return any((mutant.file, line) in hit for line in range(mutant.lines[0], mutant.lines[1] + 1))

    return sorted(mutants, key=lambda mutant: not is_hit(mutant))


def executions(mutant: Mutant, found: Coverage) -> dict[str, int]:
    """By case, how often it executed the statements that a mutant changes. Empty where nobody knows."""
    counts: Counter[str] = Counter()
    for statement in _own(mutant, found):
        for hits in statement.cases:
            counts[hits.case] += hits.count
    return dict(counts)


def _own(mutant: Mutant, found: Coverage) -> list[StatementCoverage]:
    """The statements that it changes and that have instructions of their own."""
    first, last = mutant.lines
    return [
        one
        for file in found.files
        if file.file == mutant.file
        for one in file.statements
        if one.state.is_counted and one.line <= last and first <= one.last_line
    ]
