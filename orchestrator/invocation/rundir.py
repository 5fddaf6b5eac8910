"""The directory of a run: a new one, the interrupted one of the same request, or the one that the user named."""

from __future__ import annotations

import fcntl
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from enum import Enum
from pathlib import Path

from orchestrator import __version__
from orchestrator.codec import encode
from orchestrator.context import Context
from orchestrator.errors import DiskFull, UsageError
from orchestrator.host.os_errors import situation
from orchestrator.host.real_path import real_path
from orchestrator.invocation.targets import is_writable
from orchestrator.judge.run import RUN, utc_now
from orchestrator.model.night import NightItem
from orchestrator.model.planned import PlannedKernel
from orchestrator.model.request import Baseline, Plan
from orchestrator.model.series import Patch
from orchestrator.questions.regression import per_patch, subjects
from orchestrator.runs.record import BASE_PATCHES, PATCHES, RunRecord, load_record, save_record
from orchestrator.storage.manifest import file_digest
from orchestrator.storage.store import is_held, key

LOCK = ".lock"


@contextmanager
def claim(
    context: Context, plan: Plan, about: str, output: Path | None, command: str = "", night: NightItem | None = None
) -> Iterator[tuple[Path, bool]]:
    """The run directory, held against other runs, and whether an interrupted run is resumed in it. `about` is the
    command, with what it was given beyond the request; `command` is its line, for people; `night` says
    of which night the run is an item.

    A directory that holds something else is refused. One that holds a finished run, or one of another request, is
    moved aside to DIR.old (.old.2, ...): nothing is lost, and the report is where it was asked for.
    """
    request_key = _key(plan, about)
    run_dir = real_path(output) if output else _interrupted(context.places.runs, request_key) or _new(context, plan)
    with _refusals(run_dir, is_named=output is not None):
        run_dir.parent.mkdir(parents=True, exist_ok=True)
        resumed = _prepare(run_dir, request_key)
        run_dir.mkdir(exist_ok=True)
    with (run_dir / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _in_use(run_dir) from None
        if resumed:
            record = _resumed(load_record(RunRecord, run_dir / RUN), plan)
        else:
            record = _begin(run_dir, plan, request_key)
        save_record(replace(record, command=command, night=night or record.night), run_dir / RUN)
        yield run_dir, resumed


def check_output(plan: Plan, about: str, output: Path) -> None:
    """What `claim` says of a directory that the user named, without changing anything. Raises UsageError."""
    run_dir = real_path(output)
    with _refusals(run_dir, is_named=True):
        found = _found(run_dir, _key(plan, about))
        if is_held(run_dir / LOCK):
            raise _in_use(run_dir)
        if not is_writable(run_dir) or (found is _Found.ANOTHER and not is_writable(run_dir.parent)):
            raise UsageError(f"--output {run_dir}: cannot be written", hint="choose another")


@contextmanager
def _refusals(run_dir: Path, *, is_named: bool) -> Iterator[None]:
    """Refusals of the operating system as ours; a directory that the user named is the user's to choose."""
    try:
        yield
    except OSError as error:
        why = situation(error, str(run_dir))
        raise (UsageError(why.message) if is_named and not isinstance(why, DiskFull) else why) from error


def _in_use(run_dir: Path) -> UsageError:
    return UsageError(f"{run_dir} is in use by another run", hint="give this one its own --output")


def _resumed(record: RunRecord, plan: Plan) -> RunRecord:
    """The request without what may have changed since: such a change is no reason for another run."""
    asked = plan.request
    presented = replace(
        record.request,
        coverage_min=asked.coverage_min,
        cost=asked.cost,
        sandbox=asked.sandbox,
        suite_name=asked.suite_name,
        attachments_root=asked.attachments_root,
        ci_name=asked.ci_name,
        location=asked.location,
    )
    return replace(
        record,
        request=presented,
        known=plan.known,
        compiler=plan.compiler,
        version=__version__,
        trouble="",
    )


def _begin(run_dir: Path, plan: Plan, request_key: str) -> RunRecord:
    series = plan.series
    if series:
        _write_patches(run_dir / PATCHES, series.patches)
    if plan.source.below:
        _write_patches(run_dir / BASE_PATCHES, plan.source.below)
    return RunRecord(
        request=plan.request,
        key=request_key,
        series=series.name if series else "",
        series_digest=series.digest if series else "",
        started=utc_now(),
        notes=series.notes if series else (),
        known=plan.known,
        # a mail may be without one
        planned=planned(plan),
        order=plan.order,
        subjects=tuple(patch.subject for patch in series.patches) if series else (),
        message_ids=tuple(patch.message_id for patch in series.patches) if series else (),
        commits=tuple(patch.commit for patch in series.patches) if series else (),
        origin=series.origin if series else None,
        arch=plan.kernel(plan.variants[0]).arch,
        compiler=plan.compiler,
        version=__version__,
        id=uuid.uuid4().hex,
        mails=series.mails if series else (),
    )


def _write_patches(directory: Path, patches: Sequence[Patch]) -> None:
    directory.mkdir(exist_ok=True)
    for number, patch in enumerate(patches, 1):
        (directory / f"{number:04d}-{_plain(_bare_name(patch))}.patch").write_bytes(patch.diff)


def planned(plan: Plan) -> tuple[PlannedKernel, ...]:
    """The kernels that a test is going to test. Those of a mutation run are in its own record."""
    if plan.mutants:
        return ()
    names = tuple(case.name for case in plan.cases)
    found = [subjects(plan, variant) for variant in plan.variants]
    wanted = [subject for pair in found for subject in pair[: 2 if plan.request.baseline is Baseline.ALWAYS else 1]]
    if plan.request.each_patch:
        wanted += [subject for variant in plan.variants for subject in per_patch(plan, variant)]
    return tuple(
        PlannedKernel(
            one.name, kconfig.name, one.role, names, one.kernel.toolchain, one.kernel.arch, kconfig_files=kconfig.files
        )
        for one in wanted
        for kconfig in [one.kernel.kconfig]
    )


def _bare_name(patch: Patch) -> str:
    """A patch's file name without number and suffix."""
    return Path(patch.name).stem.lstrip("0123456789-")


class _Found(Enum):
    """What is at the place of a run directory."""

    NOTHING = "nothing, or nothing that counts"
    SAME = "a run of this request, which is to be resumed"
    ANOTHER = "a run that is over, or of another request"


def _found(run_dir: Path, request_key: str) -> _Found:
    """Reads only. Raises UsageError for what is none of ours, OSError."""
    if not run_dir.exists() or (run_dir.is_dir() and not any(run_dir.iterdir())):
        return _Found.NOTHING
    if not run_dir.is_dir() or not (run_dir / RUN).is_file():
        if run_dir.is_dir() and {path.name for path in run_dir.iterdir()} <= {LOCK, PATCHES, BASE_PATCHES}:
            return _Found.NOTHING  # a run that was killed before it had a record
        raise UsageError(f"--output {run_dir}: exists and is not a run directory of ours", hint="choose another")
    record = load_record(RunRecord, run_dir / RUN)
    return _Found.SAME if record.key == request_key and not record.finished else _Found.ANOTHER


def _prepare(run_dir: Path, request_key: str) -> bool:
    """Make room in a directory that exists; true when its run is to be resumed."""
    found = _found(run_dir, request_key)
    if found is _Found.ANOTHER:
        old = _free(run_dir.with_name(f"{run_dir.name}.old"))
        with (run_dir / LOCK).open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise _in_use(run_dir) from None
            run_dir.rename(old)
    return found is _Found.SAME


def _interrupted(runs: Path, request_key: str) -> Path | None:
    """The newest unfinished run of the same request that nobody is working on."""
    for path in sorted(runs.glob(f"*/{RUN}"), reverse=True):
        try:
            record = load_record(RunRecord, path)
        except UsageError:
            continue
        if record.key == request_key and not record.finished and not is_held(path.parent / LOCK):
            return path.parent
    return None


def _new(context: Context, plan: Plan) -> Path:
    name = _plain(plan.series.name if plan.series else "base")
    stamp = utc_now().replace(":", "").replace("-", "")
    context.places.runs.mkdir(parents=True, exist_ok=True)
    while True:
        path = _free(context.places.runs / f"{stamp}-{name}")
        try:
            path.mkdir()  # ours now: two runs that begin in the same second get two directories
        except FileExistsError:
            continue
        return path


def _free(path: Path) -> Path:
    """The path, or with .2, .3, ... the first of its kind that does not exist."""
    found, number = path, 1
    while found.exists():
        number += 1
        found = path.with_name(f"{path.name}.{number}")
    return found


def _plain(name: str) -> str:
    return "".join(c if c.isalnum() or c in "-_." else "-" for c in name)[:80] or "series"


def _key(plan: Plan, about: str) -> str:
    """The same request on the same content: a changed patch, case or fragment is another run."""
    return key(
        "run",
        about=about,
        # how many at a time and what it is called in reports is no part of what is asked
        request=encode(
            replace(
                plan.request,
                jobs=None,
                cost=False,
                coverage_min=None,
                insecure=False,
                sandbox=None,
                suite_name="",
                attachments_root="",
                ci_name="",
                location="",
            )
        ),
        series=plan.series.digest if plan.series else "",
        source=(plan.source.tree, plan.source.revision, [patch.sha256 for patch in plan.source.below]),
        cases=case_digests(plan),
        fragments=fragment_symbols(plan),
        mutants=[(mutant.name, mutant.digest, mutant.kconfig, mutant.cases) for mutant in plan.mutants],
    )


def case_digests(plan: Plan) -> dict[str, dict[str, str]]:
    """What the cases of a plan are made of: digests of their files, by case and file."""
    return {
        case.name: {path.name: file_digest(path) for path in sorted(case.directory.iterdir()) if path.is_file()}
        for case in plan.cases
    }


def fragment_symbols(plan: Plan) -> dict[str, list[tuple[tuple[str, str], ...]]]:
    """What the kconfigs of a plan are made of, on each architecture: the symbols of their fragments."""
    return {one.name: [fragment.symbols for fragment in one.kconfig.fragments] for one in plan.variants}
