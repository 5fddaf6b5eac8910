"""What a run is called in other systems, and which of its results are new there. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import PurePath
from urllib.parse import quote

from orchestrator.judge.cause import cause
from orchestrator.judge.verdict import is_patch_failure
from orchestrator.model.outcome import Verdict
from orchestrator.model.report import CaseResult, RunReport, StageResult, SuiteReport
from orchestrator.reporters.failures import items_of, name_of
from orchestrator.reporters.junit_names import suite_name

DEFAULT_NAME = "orchestrate"


def ci_name(report: RunReport) -> str:
    """Whoever runs this: the origin of KCIDB, the context of patchwork checks, the tool of b4's."""
    return report.ci_name or DEFAULT_NAME


def run_id(report: RunReport) -> str:
    """The same for a copy of the run directory, and whenever it is judged."""
    if report.run_id:
        return report.run_id
    return digest(report.started, report.series_digest, report.command)[:32]


def address(report: RunReport, *path: str) -> str:
    """Where others find a file of the run directory; empty where they cannot, or without a path."""
    if not report.location or not all(path):
        return ""
    # a name that is no text comes from the file system, and is such bytes in an address too
    names = "/".join((PurePath(report.run_dir).name, *path)).encode("utf-8", "surrogatepass")
    return f"{report.location}/{quote(names)}"


def is_regression(report: RunReport) -> bool:
    """Whether it is news for those who did not ask for it: the series is at fault, and that is settled. A case that was
    not compared with the base, or not often enough, may fail there too, and is no fault to tell an author."""
    return report.verdict is Verdict.PATCH_AT_FAULT and any(
        isinstance(item, StageResult) if item.comparison is None else item.comparison.is_settled
        for _, item in failing_items(report)
    )


def failing_items(report: RunReport) -> tuple[tuple[SuiteReport, StageResult | CaseResult], ...]:
    """What the series is at fault for, in the order of the report."""
    return tuple((suite, item) for suite in report.suites for item in items_of(suite) if is_patch_failure(item))


def news(report: RunReport) -> str:
    """A digest of what a reader learns: the verdict, what failed and how it is called. Times, counts and seeds of
    another run that finds the same are no news."""
    found = sorted(
        f"{suite_name(report, suite)} {name_of(item)} {_title(item)}" for suite, item in failing_items(report)
    )
    return digest(report.verdict.name, *found)


def _title(item: StageResult | CaseResult) -> str:
    """What stays the same from run to run."""
    titles = sorted({one.title for one in item.kernel_reports if one.outcome.is_bad and not one.known})
    if titles:
        return " ".join(titles)
    return item.message if isinstance(item, StageResult) else item.outcome.name


def digest(*parts: str) -> str:
    """Hexadecimal SHA-256 of texts, in which no two lists of texts are alike."""
    whole = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        whole.update(b"%d:%b" % (len(data), data))
    return whole.hexdigest()


def why(item: StageResult | CaseResult) -> str:
    """In one line, as other reports say it."""
    return (item.message if isinstance(item, StageResult) else cause(item)).split("\n", 1)[0].strip()


def unique(names: Iterator[str]) -> Iterator[str]:
    """The names, each further one of the same name with .2, .3, ... behind it."""
    seen: dict[str, int] = {}
    for one in names:
        seen[one] = seen.get(one, 0) + 1
        yield one if seen[one] == 1 else f"{one}.{seen[one]}"
