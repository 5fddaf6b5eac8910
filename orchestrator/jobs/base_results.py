"""What runs found out about a base, kept for later runs by content: it holds for the same kernel, case and guest on a
host of the same class.

A failure that the base is known to have needs no second kernel. A pass is tested anew each time: it means something
only beside a run with the series at the same time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from orchestrator.context import Context
from orchestrator.declarations.catalog import Catalog
from orchestrator.host import resources
from orchestrator.judge.signature import signature
from orchestrator.model.case import Case
from orchestrator.model.kernel import Kconfig
from orchestrator.model.kernel_facts import KernelFacts
from orchestrator.model.report import BaseResult, Finding
from orchestrator.storage import kept
from orchestrator.storage.manifest import file_digest
from orchestrator.storage.store import key, locked, write_atomically

SCHEMA = 1
MOST = 50  # failures that are remembered of a case
CPUINFO = Path("/proc/cpuinfo")


def recall(
    context: Context, facts: KernelFacts, kconfig: Kconfig, cases: Iterable[Case], duration_s: float | None
) -> tuple[BaseResult, ...]:
    """What is known about these cases on the base of a kernel with these facts. An unreadable file counts as empty."""
    found = (_read(_path(context, facts, kconfig, case, duration_s), case.name) for case in cases)
    return tuple(result for result in found if result)


def remember(
    context: Context,
    facts: KernelFacts,
    kconfig: Kconfig,
    cases: Iterable[Case],
    duration_s: float | None,
    findings: Sequence[Finding],
) -> None:
    """Add what a run found out about a base with these facts."""
    for case in cases:
        marks = [
            marks for finding in findings if finding.case == case.name and (marks := signature(finding)) is not None
        ]
        if not marks:
            continue
        path = _path(context, facts, kconfig, case, duration_s)
        pause = context.runner.cancel.sleep
        with locked(path.with_suffix(".lock"), on_wait=lambda holder: None, pause=pause):
            known = _read(path, case.name) or BaseResult(case.name, 0)
            failures = (*known.failures, *(tuple(sorted(found)) for found in marks if found))
            result = _shortened(BaseResult(case.name, known.runs + len(marks), failures))
            write_atomically(path, kept.dumps(result, SCHEMA))


def _shortened(result: BaseResult) -> BaseResult:
    """With the last failures only, and as many runs less that it has failed as often as before."""
    share = MOST / max(MOST, len(result.failures))
    return BaseResult(result.case, round(result.runs * share), result.failures[-MOST:])


def _path(context: Context, facts: KernelFacts, kconfig: Kconfig, case: Case, duration_s: float | None) -> Path:
    name = key(
        "base-result",
        commit=facts.commit,
        symbols=[fragment.symbols for fragment in kconfig.fragments],
        arch=facts.arch,
        compiler=facts.compiler,
        case=case.name,
        args=case.args,
        files=files_of_case(context.catalog, case),
        duration_s=case.duration_s if duration_s is None else duration_s,
        guest=(facts.machine, facts.accelerator, facts.cpus, facts.memory_mib),
        host=_host_class(),
    )
    return context.places.base_results / f"{name}.json"


def files_of_case(catalog: Catalog, case: Case) -> dict[str, str]:
    """What a case's program is made of: the digests of its own files and of its harness, by their names."""
    sources = [path for path in sorted(case.directory.iterdir()) if path.is_file()]
    return {path.name: file_digest(path) for path in [*sources, *sorted(catalog.library(case).glob("*.[ch]"))]}


def _read(path: Path, case: str) -> BaseResult | None:
    try:
        found = kept.load(BaseResult, path, SCHEMA)
    except ValueError:
        return None
    return found if found.case == case else None


@cache
def _host_class() -> str:
    """What hosts with the same races share: the model of their CPUs, and how many of them we may use."""
    lines = CPUINFO.read_text().splitlines() if CPUINFO.exists() else []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return f"{model} x {resources.cpus()}"
