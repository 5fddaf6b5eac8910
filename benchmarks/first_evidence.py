"""What the order of the cases is worth: a finished mutation run, replayed in the order that was learned since.

    .venv/bin/python benchmarks/first_evidence.py RUN_DIR [--kconfig base]

No guest runs. Of each mutant that was killed by a case, the attempts and their times are known up to the kill. In
another order, a case that comes before the killing one and had not been tried may have killed the mutant at once, or
may notice nothing: so the new time lies between two bounds, and they are far apart where the first case tried killed
the mutant. Times are those with this mutant, or of the control run. Mutants whose header names cases are left out:
their order does not change.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from orchestrator.context import Places
from orchestrator.declarations.catalog import load_catalog
from orchestrator.jobs.learned import known
from orchestrator.judge.mutants import Kill
from orchestrator.judge.mutation_run import MUTATION_RUN, judge_mutation_run
from orchestrator.model.case import Case
from orchestrator.model.report import BOOT
from orchestrator.model.selection import Learned
from orchestrator.model.series import Mutant
from orchestrator.questions.mutation import cases_in_order
from orchestrator.runs.record import KernelRecord, MutationRecord, load_record, records_of


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("run_dir", type=Path, metavar="RUN_DIR")
    arguments.add_argument("--kconfig", default="base")
    args = arguments.parse_args()
    catalog = load_catalog()
    made = load_record(MutationRecord, args.run_dir / MUTATION_RUN)
    cases = [catalog.case(name) for name in made.cases]
    learned = tuple(known(Places.of_user(), catalog, catalog.kconfig(args.kconfig), cases).values())
    records = {record.name: record for record in records_of(args.run_dir)}
    control = times(records[f"{args.kconfig}.mutated"])
    mutants = {mutant.name: mutant for mutant in made.mutants}
    pairs = []
    for row in judge_mutation_run(args.run_dir).matrix.rows:
        mutant, record = mutants[row.mutant], records.get(f"{args.kconfig}.{row.mutant}")
        if row.kill and record and row.kill.case != BOOT and not mutant.cases:
            pairs.append(replayed(with_function(mutant), row.kill, record, control, cases, learned))
            before, least, most = pairs[-1]
            print(f"{row.mutant:<28} {row.kill.case:<18} {before:6.1f} s, then {least:6.1f} to {most:6.1f} s")
    if not pairs:
        print("no mutant of this run was killed by a case that no header names")
        return 1
    before, least, most = (statistics.median(side) for side in zip(*pairs, strict=True))
    print(f"median of {len(pairs)} kills: {before:.1f} s as run, {least:.1f} to {most:.1f} s in the learned order")
    sooner, later = sum(most < before for before, _, most in pairs), sum(least > before for before, least, _ in pairs)
    same = sum(least == before == most for before, least, most in pairs)
    unknown = len(pairs) - sooner - later - same
    print(f"certainly sooner: {sooner}, certainly later: {later}, the same: {same}, not known: {unknown}")
    return 0


def with_function(mutant: Mutant) -> Mutant:
    """Runs of earlier versions have the place in the words only: FILE:LINE, FUNCTION(): ..."""
    if mutant.place:
        return mutant
    where, _, function = mutant.breaks.partition("():")[0].partition(", ")
    return replace(mutant, place=f"{where.partition(':')[0]}: {function}()")


def times(record: KernelRecord) -> dict[str, float]:
    return {attempt.case: attempt.duration_s for attempt in record.attempts}


def replayed(
    mutant: Mutant,
    kill: Kill,
    record: KernelRecord,
    control: dict[str, float],
    cases: Sequence[Case],
    learned: Sequence[Learned],
) -> tuple[float, float, float]:
    """Seconds of cases up to the kill: as run, and at the least and the most in the learned order."""
    own = times(record)
    tried = [attempt.case for attempt in record.attempts]
    within_s = own[kill.case]  # how far into the case the evidence appeared is the same in both orders
    order = [case.name for case in cases_in_order(cases, mutant, learned)]
    ahead = order[: order.index(kill.case)]
    as_run = sum(own[case] for case in tried[: tried.index(kill.case)])
    most = sum(own.get(case, control.get(case, 0.0)) for case in ahead) + within_s
    untried = next((at for at, case in enumerate(ahead) if case not in own), None)
    least = most if untried is None else sum(own[case] for case in ahead[:untried])
    return as_run + within_s, least, most


if __name__ == "__main__":
    sys.exit(main())
