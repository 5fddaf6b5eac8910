"""The stage in which what a series changes is compiled, in a kernel that nothing boots."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from orchestrator.build.apply import apply
from orchestrator.build.compile_changed import Side, compile_changed
from orchestrator.build.configure import configure
from orchestrator.build.product import Product
from orchestrator.context import Context
from orchestrator.errors import KconfigBroken, KconfigDropped
from orchestrator.evidence.compilation import COMPILATION, COMPILATION_SCHEMA
from orchestrator.jobs.build import Tree
from orchestrator.model.compilation import Compilation, NewFinding
from orchestrator.model.outcome import Outcome
from orchestrator.model.report import Subtest
from orchestrator.model.series import Series
from orchestrator.model.static_finding import Severity
from orchestrator.model.subject import Subject, baseline
from orchestrator.storage import kept
from orchestrator.storage.store import write_atomically
from orchestrator.words import counted


def compilation(
    context: Context, subject: Subject, tree: Tree, series: Series, home: Path, *, each_patch: bool
) -> Product[None]:
    """The result of the stage; what was found goes to the kernel's directory in a run. Raises as compile_changed, and
    KconfigDropped or KconfigBroken where the series is why."""
    (home / COMPILATION).unlink(missing_ok=True)  # of an interrupted run
    logs, tools = home / "logs", tree.toolchain
    base = apply(context, tree.base, None).value
    without = replace(subject, kernel=baseline(subject.kernel).kernel)  # in the same worktree
    try:
        before = configure(context, without, base, tools, logs / "configure-base.log").value
    except (KconfigDropped, KconfigBroken) as error:
        note = f"this tree has no such kernel: {error.message}"
        return Product(None, cached=False, outcome=Outcome.SKIP, note=note, detail=error.detail)
    try:
        after = configure(context, subject, tree.applied, tools, logs / "configure.log").value
    except KconfigDropped as error:
        note = f"{error.message}; the base's does not"
        return Product(None, cached=False, outcome=Outcome.FAIL, note=note, detail=error.detail, is_patch_fault=True)
    found = compile_changed(
        context,
        subject,
        series,
        Side(base, before),
        Side(tree.applied, after),
        tools,
        logs / "compile.log",
        each_patch=each_patch,
    )
    write_atomically(home / COMPILATION, kept.dumps(found, COMPILATION_SCHEMA))
    return told(found, series)


def told(found: Compilation, series: Series) -> Product[None]:
    """An error or a warning that the base's kernel is without is a failure. A subtest for each patch."""
    if not found.sources:
        return Product(None, cached=False, outcome=Outcome.SKIP, note="compiles nothing of what the series changes")
    more = f", {counted(found.left_out, 'user')} of changed headers left out" if found.left_out else ""
    compiled = f"{counted(len(found.sources), 'object')}{more}"
    counts = Counter(one.finding.severity for one in found.new)
    said = ", ".join(counted(counts[kind], f"new {kind.value}") for kind in Severity if counts[kind])
    first = f": {found.new[0].finding.words}" if found.new else ""
    return Product(
        None,
        cached=False,
        outcome=Outcome.FAIL if found.new else Outcome.PASS,
        note=f"{said}{first}" if found.new else f"{compiled}, nothing new",
        detail="\n".join(f"patch {one.patch}: {one.finding.words}" for one in found.new),
        subtests=tuple(_subtest(number, series, found.new) for number in range(1, len(series.patches) + 1)),
        is_patch_fault=bool(found.new),
    )


def _subtest(number: int, series: Series, new: Sequence[NewFinding]) -> Subtest:
    patch = series.patches[number - 1]
    mine = [one.finding for one in new if one.patch == number]
    return Subtest(
        name=f"{number} {patch.subject or patch.name}",
        outcome=Outcome.FAIL if mine else Outcome.PASS,
        message=mine[0].words if mine else "",
        diagnostics=tuple(one.words for one in mine),
    )
