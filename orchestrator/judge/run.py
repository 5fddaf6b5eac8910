"""a run directory -> the run report. Callable on a finished, running or interrupted run."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from orchestrator.evidence.cost.measured import sentence
from orchestrator.evidence.coverage.judge import with_result
from orchestrator.judge.attempts import classify
from orchestrator.judge.compare import compare
from orchestrator.judge.first_bad import FirstBad, by_kconfig, first_bad_patch, regressed_cases
from orchestrator.judge.known import remarks
from orchestrator.judge.performance import with_performance
from orchestrator.judge.planned import with_planned
from orchestrator.judge.verdict import is_patch_failure, verdict
from orchestrator.model.kernel import Role
from orchestrator.model.kernel_report import KnownIssue
from orchestrator.model.outcome import Verdict
from orchestrator.model.report import RunReport, SuiteReport
from orchestrator.parse.configuration.uncompiled import compiled_nowhere
from orchestrator.runs.record import KernelRecord, RunRecord, load_record, records_of

COMPARED = (Role.PATCHED, Role.PER_PATCH)  # the parts whose failures are asked of the base
RUN = "run.json"


def judge_run(run_dir: Path, *, interrupted: bool = False, known: Sequence[KnownIssue] | None = None) -> RunReport:
    """Classify everything that a run recorded and reach a verdict. Reads only. Raises UsageError.

    `known` replaces the known issues that the run was made with.
    """
    run = load_record(RunRecord, run_dir / RUN)
    issues = run.known if known is None else known
    records = records_of(run_dir)
    least = run.request.coverage_min
    judged = tuple(with_result(classify(record, run_dir / record.name, issues), least) for record in records)
    suites = with_planned(with_comparisons(judged, run.request.error), run.planned, run.started)
    if run.request.perf:
        suites = with_performance(suites, run.request.margin, run.request.error)
    found, reason = verdict(
        suites, interrupted, strict=run.request.strict, trouble=run.trouble, fault=run.trouble_fault
    )
    reason = "; ".join(
        [*_of_costs(suites, found, run.request.perf), reason, *first_bad_patches(suites, run.request.error)]
    )
    notes = (*remarks(issues, suites, run.started[:10]), *unmarked_ends(records), *nowhere_compiled(suites))
    had_guests = any(record.guests for record in records)
    return run_report(run, run_dir, (found, reason), suites, notes, had_guests=had_guests)


def _of_costs(suites: Sequence[SuiteReport], found: Verdict, perf: bool) -> list[str]:
    """What a run that measures says first, where nothing failed: that its case passed is not what was asked."""
    if not perf or found is not Verdict.CLEAN:
        return []
    measured = [suite for suite in suites if suite.role is Role.PATCHED]
    return [f"{suite.name}: {sentence(suite.performance)}" for suite in measured]


def run_report(
    run: RunRecord,
    run_dir: Path,
    found: tuple[Verdict, str],
    suites: Sequence[SuiteReport],
    notes: Iterable[str],
    *,
    had_guests: bool,
) -> RunReport:
    """The report of a run: its verdict and everything that its record knows."""
    verdict, reason = found
    return RunReport(
        series=run.series or "base",
        series_digest=run.series_digest,
        verdict=verdict,
        reason=reason,
        suites=tuple(suites),
        run_dir=str(run_dir),
        started=run.started,
        time_s=run.time_s,
        hostname=platform.node(),
        notes=(*run.remarks(had_guests=had_guests), *notes),
        subjects=run.subjects,
        message_ids=run.message_ids,
        commits=run.commits,
        origin=run.origin,
        arch=run.arch,
        compiler=run.compiler,
        version=run.version,
        suite_name=run.request.suite_name,
        attachments_root=run.request.attachments_root,
        command=run.command,
        run_id=run.id,
        mails=run.mails,
        ci_name=run.request.ci_name,
        location=run.request.location,
    )


def unmarked_ends(records: Iterable[KernelRecord]) -> Iterator[str]:
    """What it means that guests did not mark the ends of cases: one note for each kernel."""
    for record in records:
        if unmarked := record.unmarked:
            which = f"of {unmarked[0].case}" if len(unmarked) == 1 else f"of {len(unmarked)} attempts"
            yield (
                f"{record.name}: the console did not show the end {which} in time: what the kernel reported late may "
                f"count for the next case"
            )


def nowhere_compiled(suites: Iterable[SuiteReport]) -> Iterator[str]:
    """The changed lines that no kernel of --build-only has: one note for each stretch."""
    found = [suite.compilation.uncompiled for suite in suites if suite.compilation]
    for one in compiled_nowhere(found):
        lines = f"{one.first}-{one.last}" if one.last > one.first else f"{one.first}"
        yield f"no kernel of this run compiles {one.file}:{lines} ({one.why})"


def first_bad_patches(suites: Sequence[SuiteReport], error: float) -> Iterator[str]:
    """What is known about the patches that broke something: a clause for each case."""
    for behind, whole in by_kconfig(suites):
        broken = [kernel for kernel in behind if any(map(is_patch_failure, kernel.stages))]
        if broken:
            yield f"patch {broken[0].facts.patch or broken[0].name} is the first that does not build or boot"
        for case in regressed_cases(whole):
            found = first_bad_patch(behind, whole, case, error)
            if isinstance(found, FirstBad):
                yield found.words


def with_comparisons(suites: Sequence[SuiteReport], error: float) -> tuple[SuiteReport, ...]:
    """Compare kernels with patches to the base of the same kconfig, in this run and in earlier ones. `error` is the
    accepted probability of a wrong answer."""
    baselines = {suite.kconfig: suite for suite in suites if suite.role is Role.BASELINE}
    return tuple(
        compare(suite, baselines.get(suite.kconfig), error=error) if suite.role in COMPARED else suite
        for suite in suites
    )


def utc_now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")
