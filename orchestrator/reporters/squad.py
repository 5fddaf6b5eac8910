"""What SQUAD takes of a run (docs/outbound.md): for each kernel under test the names of its build and environment, the
results, the metrics, and what is known about it. Pure.

SQUAD's receiver decides the forms: `/` separates a suite from a test, but not inside of [], a name of more than 256
characters is passed over in silence, a job_id is taken once and has no `/`, and metadata are texts. Its database has
100 characters for a build and an environment, and 128 for a job_id.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator
from typing import Any

from orchestrator.model.outcome import Outcome
from orchestrator.model.report import CaseResult, Finding, Metric, RunReport, StageResult, Subtest, SuiteReport
from orchestrator.reporters import decoded
from orchestrator.reporters.elsewhere import address, digest, run_id, why
from orchestrator.reporters.junit_names import is_under_test, suite_name
from orchestrator.reporters.outside import discreet
from orchestrator.reporters.text import one_line, tail, visible

Json = dict[str, Any]
CASES, STAGES = "cases", "stages"  # the suites of results that are no subtest's
LONGEST_NAME = 200  # of a suite, and of a test
LOG_BYTES = 4_096
_MOST_LOGS = 2_000  # the rest has the result alone
_NOT_IN_SLUG = re.compile(r"[^a-zA-Z0-9_.-]+")


def content(report: RunReport) -> bytes | None:
    """The whole file: an array with a submission for each kernel. None for a mutation run."""
    if any(suite.has_mutants for suite in report.suites):
        return None
    found = [submission(report, suite) for suite in report.suites if is_under_test(suite, report.suites)]
    return json.dumps(found, indent=1, allow_nan=False).encode("ascii") + b"\n"


def submission(report: RunReport, suite: SuiteReport) -> Json:
    """`build` and `environment` are parts of the address where the others are posted."""
    return {
        "build": build_name(report, suite),
        "environment": slug(suite_name(report, suite)),
        "tests": dict(_results(suite)),
        "metrics": dict(_metrics(suite)),
        "metadata": _metadata(report, suite),
    }


def build_name(report: RunReport, suite: SuiteReport) -> str:
    """What is tested: the base, and the version of the series. Another run of the same adds to the same build."""
    facts = suite.facts
    base = facts.known_commit[:12] if facts.base_tree else facts.base.replace(" ", "-")
    series = f"{report.series[:60]}-{report.series_digest[:12]}" if report.subjects else ""
    return slug("-".join(part for part in (base, series) if part) or report.series)


def slug(words: str) -> str:
    """As SQUAD wants identifiers: [a-zA-Z0-9][a-zA-Z0-9_.-]*, at most 100 characters."""
    found = _NOT_IN_SLUG.sub("-", words).strip("-_.")
    if len(found) > 100:
        found = f"{found[:87]}-{digest(words)[:12]}"
    return found or "unnamed"


def _results(suite: SuiteReport) -> Iterator[tuple[str, Json | str]]:
    logs = iter(range(_MOST_LOGS))
    for stage in suite.stages:
        yield f"{STAGES}/{_test(stage.stage)}", _result(_word(stage), _log_of_stage(stage), logs)
        yield from _subtests(stage.stage, stage.subtests, logs)
    for case in suite.cases:
        yield f"{CASES}/{_test(case.case)}", _result(_word(case), _log_of_case(case), logs)
        yield from _subtests(case.case, case.subtests, logs)


def _subtests(whole: str, subtests: Iterable[Subtest], logs: Iterator[int]) -> Iterator[tuple[str, Json | str]]:
    for one in subtests:
        said = "\n".join((one.message, *one.diagnostics))
        yield f"{_suite(whole)}/{_test(one.name)}", _result(_OUTCOMES[one.outcome], said, logs)


# Everything but pass and fail is shown as skipped: what nobody knows is neither
_OUTCOMES = {
    Outcome.PASS: "pass",
    Outcome.SKIP: "skip",
    Outcome.NOT_EXERCISED: "skip",
    Outcome.FAIL: "fail",
    Outcome.TIMEOUT: "fail",
    Outcome.CRASH: "fail",
    Outcome.ERROR: "skip",
}


def _word(item: StageResult | CaseResult) -> str:
    if isinstance(item, CaseResult) and (item.is_host_fault or item.is_not_run):
        return "skip"
    return _OUTCOMES[item.outcome]


def _result(word: str, log: str, logs: Iterator[int]) -> Json | str:
    """A failure has its log, as long as they are not too many."""
    if word == "pass" or not log.strip() or next(logs, None) is None:
        return word
    return {"result": word, "log": tail(log, LOG_BYTES)}


def _log_of_case(case: CaseResult) -> str:
    reported = [f"{one.title}\n{decoded.screen(one)}" for one in case.kernel_reports if one.outcome.is_bad]
    # the first report says most, and a log's end is what is kept of it
    return "\n".join([*reported[:1], why(case)]) if case.outcome is not Outcome.PASS else ""


def _log_of_stage(stage: StageResult) -> str:
    return "\n".join(part for part in (stage.message, stage.detail) if part)


def _metrics(suite: SuiteReport) -> Iterator[tuple[str, list[float]]]:
    """All measurements of a metric, of all attempts: SQUAD takes their mean, and shows their range."""
    found: dict[str, list[float]] = {}
    runs: tuple[Finding, ...] = suite.attempts or suite.cases
    for run in runs:
        for name, metric in _of_run(run):
            if math.isfinite(metric.value):
                found.setdefault(name, []).append(metric.value)
    if suite.coverage and suite.coverage.percent is not None:
        found[f"{STAGES}/coverage"] = [round(suite.coverage.percent, 1)]
    return iter(found.items())


def _of_run(run: Finding) -> Iterator[tuple[str, Metric]]:
    for metric in run.metrics:
        yield f"{_suite(run.case)}/{_test(metric.name)}", metric
    for subtest in run.subtests:
        for metric in subtest.metrics:
            yield f"{_suite(run.case)}/{_test(f'{subtest.name}.{metric.name}')}", metric


def _suite(name: str) -> str:
    return one_line(name, LONGEST_NAME).replace("[", "(").replace("]", ")") or "unnamed"


def _test(name: str) -> str:
    """Without what SQUAD would take for the end of the suite's name, or for a variant."""
    return _suite(name).replace("/", "_")


def _metadata(report: RunReport, suite: SuiteReport) -> dict[str, str]:
    known = {
        "job_id": slug(f"{run_id(report)}-{suite.name}"),
        "job_status": report.verdict.value,
        "job_url": address(report, "report.html"),
        "datetime": f"{suite.started}+00:00" if re.fullmatch(r"[\d-]+T[\d:]+", suite.started, re.ASCII) else "",
        "reason": report.reason,
        "series": report.series,
        **{f"patch {number}": subject for number, subject in enumerate(report.subjects, 1)},
        **dict(suite.facts.properties()),
        "orchestrate": report.version,
    }
    told = discreet(report)
    return {name: visible(told(value)[:1_000]) for name, value in known.items() if value}
