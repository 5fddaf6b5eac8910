"""What ran on a kernel as KCIDB's tests: attempts of cases, their subtests, and stages that test. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from orchestrator.model.report import (
    BOOT,
    COVERAGE,
    HOST_TESTS,
    STATIC_CHECKS,
    CaseResult,
    Finding,
    Metric,
    RunReport,
    StageResult,
    SuiteReport,
)
from orchestrator.reporters import decoded
from orchestrator.reporters.compared import compared
from orchestrator.reporters.elsewhere import address, ci_name, run_id, why
from orchestrator.reporters.failures import items_of
from orchestrator.reporters.kcidb.names import Json, moment, object_id, path, seconds, text, without_nothing
from orchestrator.reporters.kcidb.status import STATUS, of_run, of_stage
from orchestrator.reporters.text import tail, visible
from orchestrator.words import counted

OURS = "orchestrate"  # where cases are in the tree of tests; `boot` is everybody's
TESTS = (BOOT, *HOST_TESTS, STATIC_CHECKS, COVERAGE)  # the stages that test something
THROUGHPUT = "ops/s"
LONGEST = 16_384  # characters of an excerpt, by the schema
_NOTE = 400  # of those at most for a note of what was cut


@dataclass(frozen=True)
class Excerpts:
    """How many bytes of text an object may have."""

    limit: int

    @classmethod
    def of(cls, report: RunReport, together: int) -> Excerpts:
        """As many as the schema allows, or so many that all of a run's stay below `together`."""
        bad = sum(
            sum(one.outcome.is_bad for one in (item, *item.subtests))
            for suite in report.suites
            for item in (*items_of(suite), *suite.attempts)
        )
        return cls(min(LONGEST - _NOTE, together // max(1, bad)))

    def text(self, words: str, where: str = "") -> str:
        """The end of a text: what happened last ended it."""
        return tail(words, self.limit, where[: _NOTE // 4])

    def head(self, words: str) -> str:
        """The beginning of a kernel report: it says most."""
        cut = words[: self.limit]
        while len(cut.encode("utf-8", "surrogatepass")) > self.limit or len(visible(cut)) > LONGEST:
            cut = cut[: len(cut) * 3 // 4]
        return visible(cut)


@dataclass(frozen=True)
class Ran:
    """A test object, and what it was made of. A subtest has no `source`."""

    data: Json
    source: Finding | StageResult | None = field(default=None, repr=False)


def tests(report: RunReport, suite: SuiteReport, build: str, excerpts: Excerpts) -> Iterator[Ran]:
    """The attempts in their order, then the cases that have none, then the stages."""
    cases = {case.case: case for case in suite.cases}
    attempted = {one.case for one in suite.attempts}
    for one in (*suite.attempts, *(case for case in suite.cases if case.case not in attempted)):
        yield from _run(report, suite, build, excerpts, one, cases.get(one.case))
    for stage in suite.stages:
        if stage.stage in TESTS or (stage.outcome.is_bad and stage.stage not in ("apply", "configure", "build")):
            yield from _stage(report, suite, build, excerpts, stage)


def _run(
    report: RunReport, suite: SuiteReport, build: str, excerpts: Excerpts, one: Finding, case: CaseResult | None
) -> Iterator[Ran]:
    about = {"attempt": one.number, "pair": one.pair, "seed": one.seed, "case": text(one.case)}
    compared_to_base = {
        "answer": case.comparison.answer.name,
        "p": case.comparison.p if math.isfinite(case.comparison.p) else None,
        "words": text(case.comparison.words),
    } if case and case.comparison else {}  # fmt: skip
    key = (run_id(report), suite.name, one.case, str(one.number))
    shown = case if case and case.number == one.number else None  # what the case is said to be is this attempt
    said = _said(shown or one, excerpts)
    common = _common(report, suite, build)
    yield Ran(
        without_nothing(
            {
                **common,
                "id": object_id(report, "test", *key),
                "path": path(OURS, one.case),
                "status": of_run(one),
                "comment": text("; ".join(filter(None, (compared(shown), why(shown)))) if shown else one.message),
                "duration": seconds(one.time_s),
                "log_excerpt": said if one.outcome.is_bad else "",
                "log_url": address(report, one.console_log),
                "output_files": _files(report, (one.stdout, one.stderr, *one.evidence)),
                "number": _measured([*one.metrics, *(metric for part in one.subtests for metric in part.metrics)]),
                "misc": {
                    OURS: without_nothing(
                        {
                            **about,
                            "comparison": without_nothing(compared_to_base),
                            "metrics": _all_measured(one.metrics),
                        }
                    )
                },
            }
        ),
        one,
    )
    yield from _parts(report, common, key, (OURS, one.case), one, excerpts)


def _stage(report: RunReport, suite: SuiteReport, build: str, excerpts: Excerpts, stage: StageResult) -> Iterator[Ran]:
    key = (run_id(report), suite.name, stage.stage, "stage")
    where = (BOOT,) if stage.stage == BOOT else (OURS, stage.stage)
    percent = suite.coverage.percent if stage.stage == COVERAGE and suite.coverage else None
    common = _common(report, suite, build)
    said = "\n".join(part for part in (stage.message, stage.console or stage.detail) if part)
    if any(one.outcome.is_bad for one in stage.kernel_reports):
        said = _reports(stage, excerpts)
    yield Ran(
        without_nothing(
            {
                **common,
                "id": object_id(report, "test", *key),
                "path": path(*where),
                "status": of_stage(stage),
                "comment": text("; ".join(part for part in (compared(stage), stage.message) if part)),
                "duration": seconds(stage.time_s),
                "number": {"value": round(percent, 1), "unit": "%"} if percent is not None else {},
                "log_excerpt": excerpts.text(said, stage.log) if stage.outcome.is_bad else "",
                "log_url": address(report, stage.log),
            }
        ),
        stage,
    )
    yield from _parts(report, common, key, where, stage, excerpts)


def _parts(
    report: RunReport,
    common: Json,
    key: tuple[str, ...],
    where: tuple[str, ...],
    whole: Finding | StageResult,
    excerpts: Excerpts,
) -> Iterator[Ran]:
    """The subtests of an attempt or stage."""
    for number, subtest in enumerate(whole.subtests):
        said = "\n".join((subtest.message, *subtest.diagnostics))
        yield Ran(
            without_nothing(
                {
                    **common,
                    "id": object_id(report, "test", *key, str(number), subtest.name),
                    "path": path(*where, subtest.name),
                    "status": STATUS[subtest.outcome],
                    "comment": text(subtest.message),
                    "duration": seconds(subtest.time_s),
                    "log_excerpt": excerpts.text(said) if subtest.outcome.is_bad else "",
                    "number": _measured(subtest.metrics),
                    "misc": {
                        OURS: without_nothing({"name": text(subtest.name), "metrics": _all_measured(subtest.metrics)})
                    },
                }
            )
        )


def _measured(metrics: Sequence[Metric]) -> Json:
    """The throughput as the number of a test, since it has only one."""
    values = [metric.value for metric in metrics if metric.unit == THROUGHPUT and math.isfinite(metric.value)]
    return {"value": sum(values), "unit": THROUGHPUT, "prefix": "metric"} if values else {}


def _all_measured(metrics: Iterable[Metric]) -> Json:
    """All numbers, by their names."""
    return {
        text(metric.name): without_nothing({"value": metric.value, "unit": text(metric.unit)})
        for metric in metrics
        if math.isfinite(metric.value)
    }


def _common(report: RunReport, suite: SuiteReport, build: str) -> Json:
    facts = suite.facts
    machine = f"QEMU {facts.machine} ({facts.accelerator}), {counted(facts.cpus, 'CPU')}, {facts.memory_mib} MiB"
    environment = {
        "comment": text(machine) if facts.machine else "",
        "misc": {OURS: without_nothing({
            "machine": text(facts.machine), "accelerator": text(facts.accelerator), "cpus": facts.cpus,
            "memory_mib": facts.memory_mib, "qemu": text(facts.qemu),
        })} if facts.machine else {},
    }  # fmt: skip
    return without_nothing(
        {
            "build_id": build,
            "origin": ci_name(report),
            "start_time": moment(suite.started),
            "environment": without_nothing(environment),
        }
    )


def _said(one: Finding, excerpts: Excerpts) -> str:
    if any(kernel_report.outcome.is_bad for kernel_report in one.kernel_reports):
        return _reports(one, excerpts)
    return excerpts.text("\n".join(part for part in (one.message, one.diagnosis, one.console) if part), one.console_log)


def _reports(item: Finding | StageResult, excerpts: Excerpts) -> str:
    """The first kernel report decoded: later ones are often its consequences."""
    first = next(one for one in item.kernel_reports if one.outcome.is_bad)
    return excerpts.head(f"{first.title}\n{decoded.screen(first)}")


def _files(report: RunReport, names: Iterable[str]) -> list[Json]:
    found = {name: address(report, name) for name in names if name}
    return [{"name": text(name.rpartition("/")[2]) or "file", "url": url} for name, url in found.items() if url]
