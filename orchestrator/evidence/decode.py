"""judged report -> the same report with the addresses of kernel reports decoded to source lines.

This needs the vmlinux that ran (found in the store by its build id) and, for source lines and patches, the tree that it
was built from, or what a worker of a cluster left of that. If one of them is gone, the report's notes say so; the
verdict never depends on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from orchestrator.build.compile import find_built
from orchestrator.context import Places
from orchestrator.errors import Interrupted, OrchestrateError, UsageError, VmlinuxUnreadable
from orchestrator.evidence.source_lines import Lines, kept_lines, read, tested
from orchestrator.evidence.symbols import Symbols
from orchestrator.host.process import Runner
from orchestrator.judge.run import RUN
from orchestrator.model.kernel import Role
from orchestrator.model.kernel_report import Frame, KernelReport
from orchestrator.model.report import RunReport, SuiteReport
from orchestrator.model.series import Series
from orchestrator.parse.logs.frames import code_refs
from orchestrator.parse.patches.series import read_patches
from orchestrator.runs.record import RunRecord, load_record
from orchestrator.storage.store import Store

FILES = 20  # reports of one stage or case that get a file of their own


@dataclass(frozen=True)
class _At:
    """Where things are, and how to run git. `symbols` are those of the kernels seen so far, by build id."""

    places: Places
    runner: Runner
    run_dir: Path
    symbols: dict[str, Symbols | None] = field(default_factory=dict)


def decode(places: Places, runner: Runner, report: RunReport, run_dir: Path) -> RunReport:
    """The report with frames, marks and notes on what could not be decoded. Raises Interrupted only."""
    suites, notes = decode_suites(places, runner, run_dir, report.suites)
    return replace(report, suites=suites, notes=(*report.notes, *notes))


def decode_suites(
    places: Places, runner: Runner, run_dir: Path, suites: Sequence[SuiteReport]
) -> tuple[tuple[SuiteReport, ...], tuple[str, ...]]:
    """The suites with frames and marks, and what could not be decoded. Raises Interrupted only."""
    notes: list[str] = []
    at = _At(places, runner, run_dir)
    decoded = tuple(_suite(at, suite, notes) if suite.kernel_reports else suite for suite in suites)
    return decoded, tuple(dict.fromkeys(notes))


def decode_kernel_reports(kernel_reports: Iterable[KernelReport], symbols: Symbols) -> tuple[KernelReport, ...]:
    """Kernel reports of any log with the frames that this vmlinux has. Raises VmlinuxUnreadable, and UsageError if this
    vmlinux cannot be the kernel that wrote the log. A log has no build id, but the sizes of functions show it."""
    decoded = []
    for kernel_report in kernel_reports:
        wrong = next((ref for ref in code_refs(kernel_report.text) if symbols.contradicts(ref)), None)
        if wrong:
            raise UsageError(
                f"{symbols.vmlinux} is not the kernel that wrote the report at line {kernel_report.line_start}: "
                f"it has no {wrong.function} of {wrong.size:#x} bytes",
                hint="give the vmlinux of the same build",
            )
        decoded.append(replace(kernel_report, frames=_frames(kernel_report, symbols)))
    return tuple(decoded)


def _suite(at: _At, suite: SuiteReport, notes: list[str]) -> SuiteReport:
    build_id = suite.facts.build_id
    if build_id not in at.symbols:
        at.symbols[build_id] = _symbols(at.places.store, suite.name, build_id, notes)
    symbols = at.symbols[build_id]
    try:
        frames = {kernel_report: _frames(kernel_report, symbols) for kernel_report in suite.kernel_reports}
    except VmlinuxUnreadable as error:
        notes.append(f"{suite.name}: kernel reports are not decoded: {error.message}")
        frames = {kernel_report: _frames(kernel_report, None) for kernel_report in suite.kernel_reports}
    if places := _places(frames.values()):
        lines = _lines(at, suite, places, notes)
        frames = {kernel_report: _shown(found, lines) for kernel_report, found in frames.items()}

    def decoded(kernel_reports: Sequence[KernelReport], stem: str) -> tuple[KernelReport, ...]:
        def file(number: int) -> str:
            return f"{suite.name}/{stem}{number}.txt" if number <= FILES else ""

        numbered = enumerate(kernel_reports, 1)
        return tuple(
            replace(kernel_report, frames=frames[kernel_report], file=file(number))
            for number, kernel_report in numbered
        )

    stages = (
        replace(stage, kernel_reports=decoded(stage.kernel_reports, f"logs/{stage.stage}-report-"))
        for stage in suite.stages
    )
    cases = (
        replace(case, kernel_reports=decoded(case.kernel_reports, f"cases/{case.case}/{case.number}/report-"))
        for case in suite.cases
    )
    return replace(suite, stages=tuple(stages), cases=tuple(cases))


def keep_lines(
    places: Places, runner: Runner, suite: SuiteReport, series: Series | None, name: str, home: Path
) -> None:
    """Leave in a kernel's directory the source lines that its reports refer to, for a machine that has not its source.
    What cannot be found is left out. Raises Interrupted only."""
    bad = [one for one in suite.kernel_reports if one.outcome.is_bad]
    symbols = _symbols(places.store, suite.name, suite.facts.build_id, []) if bad else None
    if symbols is None:
        return
    try:
        wanted = _places(_frames(one, symbols) for one in bad)
        patches = series.patches if series and suite.role is not Role.BASELINE else ()
        labels = _labels([patch.subject or patch.name for patch in patches])
        found = read(places, runner, tested(suite, series if patches else None, labels), wanted) if wanted else None
    except Interrupted:
        raise
    except OrchestrateError:
        return
    if found:
        found.keep(home, name)


def _places(frames: Iterable[Iterable[Frame]]) -> set[tuple[str, int]]:
    return {(place.file, place.line) for found in frames for frame in found for place in frame.places}


def _symbols(store: Store, suite: str, build_id: str, notes: list[str]) -> Symbols | None:
    kernel = find_built(store, build_id) if build_id else None
    if kernel is None:
        what = f"its kernel (build id {build_id}) is no longer in the store" if build_id else "its kernel is not known"
        notes.append(f"{suite}: {what}: kernel reports are not decoded")
        return None
    try:
        symbols = Symbols(kernel.vmlinux)
    except VmlinuxUnreadable as error:
        notes.append(f"{suite}: kernel reports are not decoded: {error.message}")
        return None
    if symbols.build_id != build_id:
        notes.append(f"{suite}: {kernel.vmlinux} is another kernel than the store says: reports are not decoded")
        return None
    return symbols


def _frames(kernel_report: KernelReport, symbols: Symbols | None) -> tuple[Frame, ...]:
    return tuple(
        Frame(
            line=ref.line,
            function=ref.function,
            offset=ref.offset,
            size=ref.size,
            is_reliable=ref.is_reliable,
            places=symbols.places(ref) if symbols else (),
        )
        for ref in code_refs(kernel_report.text)
    )


def _shown(frames: Iterable[Frame], lines: Lines) -> tuple[Frame, ...]:
    return tuple(replace(frame, places=tuple(lines.shown(place) for place in frame.places)) for frame in frames)


def _lines(at: _At, suite: SuiteReport, places: set[tuple[str, int]], notes: list[str]) -> Lines:
    """The lines that the kernel reports refer to, with the patches that wrote them: from the tree that was built, else
    from what the worker that built it left."""
    try:
        series, labels = _series(at.run_dir) if suite.role is not Role.BASELINE else (None, ())
        found = read(at.places, at.runner, tested(suite, series, labels), places)
        if found is None:
            found = kept_lines(at.run_dir / suite.name)
    except Interrupted:
        raise
    except OrchestrateError as error:
        notes.append(f"{suite.name}: no source lines are shown: {error.message}")
        return Lines({})
    if found is None:
        commit = suite.facts.commit
        notes.append(f"{suite.name}: its source (commit {commit}) is not in the cache: no source lines are shown")
    return found or Lines({})


def _series(run_dir: Path) -> tuple[Series | None, tuple[str, ...]]:
    """The patches that the run recorded, and what they are called. Raises PatchUnreadable, UsageError."""
    paths = sorted((run_dir / "patches").glob("*.patch"))
    if not paths:
        return None, ()
    series = read_patches([(path.name, path.read_bytes()) for path in paths], name="patches")
    # a run of an older version recorded no subjects: file names say nearly the same
    subjects = load_record(RunRecord, run_dir / RUN).subjects or tuple(path.stem[len("0001-") :] for path in paths)
    return series, _labels(subjects)


def _labels(subjects: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"{number}/{len(subjects)} {subject}" for number, subject in enumerate(subjects, 1))
