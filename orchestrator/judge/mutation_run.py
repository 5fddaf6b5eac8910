"""the directory of a mutation run -> the kill matrix, the run report that carries it, and their files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.build.schemata import SWITCH
from orchestrator.judge.attempts import classify
from orchestrator.judge.mutants import NOT_RUN, Matrix, MutantRow, MutantStatus, mutation_verdict, row_of
from orchestrator.judge.run import RUN, run_report, unmarked_ends
from orchestrator.judge.verdict import of_trouble
from orchestrator.model.kernel import Role
from orchestrator.model.kernel_report import KnownIssue
from orchestrator.model.outcome import Outcome, Verdict
from orchestrator.model.report import CaseResult, RunReport, SuiteReport
from orchestrator.model.series import Mutant
from orchestrator.reporters import json_report
from orchestrator.reporters.table import write_decoded, write_files
from orchestrator.runs.record import KernelRecord, MutationRecord, RunRecord, load_record, records_of

Decode = Callable[[Sequence[SuiteReport]], tuple[tuple[SuiteReport, ...], tuple[str, ...]]]  # with notes
MUTATION_RUN, MATRIX = "mutation.json", "matrix.json"
NESTED = "mutants"  # in the directory of a test: that of its mutation run
_OUTCOMES = {
    MutantStatus.KILLED: Outcome.PASS,
    MutantStatus.SURVIVED: Outcome.FAIL,
    MutantStatus.SKIPPED: Outcome.SKIP,
    MutantStatus.ERROR: Outcome.ERROR,
}


@dataclass(frozen=True)
class MutationReport:
    """The matrix, and the report in which each mutant is a test case that passes when it was killed."""

    matrix: Matrix
    report: RunReport


def as_printed(suites: Sequence[SuiteReport]) -> tuple[tuple[SuiteReport, ...], tuple[str, ...]]:
    """Kernel reports without decoding."""
    return tuple(suites), ()


def judge_mutation_run(
    run_dir: Path,
    *,
    interrupted: bool = False,
    known: Sequence[KnownIssue] | None = None,
    decode: Decode = as_printed,
) -> MutationReport:
    """Classify everything that a mutation run recorded; `known` replaces the known issues that it was made with,
    `decode` turns addresses in kernel reports into lines of source code. Reads only.

    Raises UsageError, and what `decode` raises.
    """
    run, made = load_record(RunRecord, run_dir / RUN), load_record(MutationRecord, run_dir / MUTATION_RUN)
    records = records_of(run_dir)
    suites, notes = decode(
        [classify(record, run_dir / record.name, run.known if known is None else known) for record in records]
    )
    judged = {suite.name: suite for suite in suites}
    unmutated = tuple(f".{role.value}" for role in (Role.PATCHED, Role.MUTATED))
    controls = {name: suite for name, suite in judged.items() if name.endswith(unmutated)}
    by_kconfig = {suite.kconfig: suite for suite in controls.values() if suite.role is Role.MUTATED}
    refused, not_run = dict(made.refused), dict(made.not_run)
    rows = []
    for mutant in made.mutants:
        tried = [judged[name] for kconfig in made.kconfigs if (name := f"{kconfig}.{mutant.name}") in judged]
        why = not_run.get(mutant.name, "") or ("interrupted before it" if interrupted and not tried else "")
        found = row_of(mutant, tried, by_kconfig, not_run=why, refused=refused.get(mutant.name, ""))
        rows.append(_proven(found, mutant, [record for record in records if record.name in _names(tried)], run_dir))
    matrix = Matrix(tuple(rows), made.kconfigs, made.cases)
    found_verdict = mutation_verdict(matrix, controls, interrupted=interrupted)
    if run.trouble and not interrupted:
        found_verdict = of_trouble(run.trouble_fault), run.trouble
    judged_suites = (*controls.values(), mutants_suite(matrix, run.started))
    had_guests = any(record.guests for record in records)
    notes = (*notes, *unmarked_ends(records))
    return MutationReport(matrix, run_report(run, run_dir, found_verdict, judged_suites, notes, had_guests=had_guests))


def with_mutants(report: RunReport, run_dir: Path, decode: Decode = as_printed) -> RunReport:
    """A test's report, with the mutants of the mutation run within it as one more suite, if there is one. Its verdict
    stays that of the test: a survivor says something about the cases. Writes the files of the mutation run."""
    home = run_dir / NESTED
    if not (home / MUTATION_RUN).is_file():
        return report
    judged = judge_mutation_run(home, interrupted=report.verdict is Verdict.INTERRUPTED, decode=decode)
    write_mutation_run(judged, home)
    suites = tuple(_of_interest(suite) for suite in judged.report.suites if suite.has_mutants)
    note = f"mutants: {judged.report.reason}; diffs of survivors and all evidence: {home}"
    return replace(report, suites=(*report.suites, *suites), notes=(*report.notes, note))


def _of_interest(suite: SuiteReport) -> SuiteReport:
    """Without the hundreds that no guest was meant for; matrix.json has them."""
    shown = (case for case in suite.cases if case.outcome is not Outcome.SKIP or case.message.startswith(NOT_RUN))
    return replace(suite, cases=tuple(shown))


def mutants_suite(matrix: Matrix, started: str) -> SuiteReport:
    """The mutants as cases. Their names do not depend on the file name of the series. Pure."""
    kconfig = "+".join(matrix.kconfigs)
    cases = tuple(_case(found) for found in matrix.rows)
    return SuiteReport(f"{kconfig}.mutants", kconfig, Role.MUTATED, (), cases, started, has_mutants=True)


def write_mutation_run(judged: MutationReport, run_dir: Path) -> None:
    """matrix.json, the files of the run report and one for each kernel report of a kill, each whole or not at all."""
    write_decoded(
        (kernel_report for row in judged.matrix.rows if row.kill for kernel_report in row.kill.kernel_reports), run_dir
    )
    json_report.write_json(judged.matrix, run_dir / MATRIX)
    write_files(judged.report, run_dir)


def _names(suites: list[SuiteReport]) -> set[str]:
    return {suite.name for suite in suites}


def _proven(found: MutantRow, mutant: Mutant, records: list[KernelRecord], run_dir: Path) -> MutantRow:
    """A survivor whose kernel log does not say that the mutant was on has not been tested."""
    if found.status is not MutantStatus.SURVIVED or mutant.has_own_build:
        return found
    for record in records:
        line = f"{SWITCH}: {record.facts.mutant} is on".encode()
        consoles = [run_dir / record.name / f"guest-{number}/console.log" for number in record.numbers]
        if not all(line in path.read_bytes() for path in consoles if path.is_file()):
            return replace(found, status=MutantStatus.ERROR, reason="the guest did not switch it on", kill=None)
    return found


def _case(found: MutantRow) -> CaseResult:
    kill = found.kill
    message = (
        f"killed by {kill.case} on {kill.kconfig} ({kill.detector.value}): {kill.evidence}" if kill else found.reason
    )
    outcome = _OUTCOMES[found.status]
    return CaseResult(found.mutant, outcome, outcome, message, kill.guest_s if kill else 0.0)
