"""What runs have left on the disk, and which parts of it are in use."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from orchestrator.context import Places
from orchestrator.errors import UsageError
from orchestrator.guest.left import find_left
from orchestrator.host.process import Command, Runner
from orchestrator.invocation.rundir import LOCK
from orchestrator.judge.run import RUN
from orchestrator.nights.night_dir import GOES_ON_H, NIGHT, RUNS, SERIES, load_night, lock_of
from orchestrator.runs.record import RunRecord, load_record
from orchestrator.storage.retention import DAY_S, Item, Kind
from orchestrator.storage.store import is_held

REMOVED = ".removed-*"  # what is being removed is called so first
RESUMED_S = 7 * DAY_S  # for so long an interrupted run waits for the same command


def inventory(places: Places, runner: Runner) -> tuple[Item, ...]:
    """Everything that `orchestrate clean` may remove, with its size on the disk."""
    items = [
        *_runs(places), *_nights(places), *_products(places), *_bases(places), *_ccache(places), *_known(places),
        *_leftovers(places),
    ]  # fmt: skip
    sizes = sizes_of([item.path for item in items], runner)
    return tuple(replace(item, size=sizes.get(item.path, 0)) for item in items)


def sizes_of(paths: Sequence[Path], runner: Runner) -> dict[Path, int]:
    """Bytes on the disk, of each path without the other paths inside of it. du is several times as fast as we are."""
    # du counts a file once, for the first path that it lies in
    inner_first = sorted(paths, key=lambda path: -len(path.parts))
    names = b"\0".join(os.fsencode(path) for path in inner_first)
    if not names:
        return {}
    # it complains of what vanishes meanwhile, and counts the rest
    said = runner.run(Command(("du", "--block-size=1", "--summarize", "--null", "--files0-from=-")), stdin=names).stdout
    rows = (row.partition(b"\t") for row in said.split(b"\0") if row)
    return {Path(os.fsdecode(name)): int(size) for size, _, name in rows}


def _runs(places: Places) -> Iterator[Item]:
    for path in _directories(places.runs):
        used = _newest([path, path / LOCK, path / RUN])
        yield Item(Kind.RUN, path, used, keep=_why_keep(path, used), locks=(path / LOCK,))


def _why_keep(run_dir: Path, used: float) -> str:
    if is_held(run_dir / LOCK):
        return "a run is at work in it"
    if left := find_left(run_dir):
        return f"its guest is still there, paused (pid {left.pid})"
    try:
        is_finished = load_record(RunRecord, run_dir / RUN).finished
    except UsageError:  # another version's, or killed before it had one
        return ""
    return "" if is_finished or used < time.time() - RESUMED_S else "interrupted: the same command continues it"


def _nights(places: Places) -> Iterator[Item]:
    """Those in the usual place: each with its runs, and each series that one of them tested."""
    for path in _directories(places.nights):
        if path.name == SERIES:
            yield from (Item(Kind.NIGHT, one, _newest([one, *one.iterdir()])) for one in _directories(path))
            continue
        runs = _directories(path / RUNS)
        locks = (lock_of(path), *(run / LOCK for run in runs))
        used = _newest([path / NIGHT, *locks, *(run / RUN for run in runs)])
        yield Item(Kind.NIGHT, path, used, keep=_why_keep_night(path, used, locks), locks=locks)


def _why_keep_night(night: Path, used: float, locks: Sequence[Path]) -> str:
    if any(map(is_held, locks)):
        return "a night is at work in it"
    try:
        is_finished = load_night(night / NIGHT).finished
    except UsageError:  # another version's, or killed before it had one
        return ""
    is_old = used < time.time() - GOES_ON_H * 3600
    return "" if is_finished or is_old else "interrupted: the same command continues it"


def _known(places: Places) -> Iterator[Item]:
    """What runs found out and later ones use. Both are small, and found out anew."""
    for path in _directories(places.learned):
        locks = tuple(sorted(path.glob("*.lock")))
        yield Item(Kind.LEARNED, path, _newest([*path.glob("*.json"), *locks]), keep=_held(locks), locks=locks)
    for path in sorted(places.base_results.glob("[!.]*.json")):
        lock = path.with_suffix(".lock")
        yield Item(Kind.BASE_RESULT, path, _newest([path, lock]), keep=_held((lock,)), locks=(lock,))


def _products(places: Places) -> Iterator[Item]:
    for path in places.store.products():
        yield Item(Kind.PRODUCT, path, _newest([path]))


def _bases(places: Places) -> Iterator[Item]:
    """A worktree is told by the index beside it, a build directory by where it lies."""
    for home in _directories(places.bases):
        for index in sorted(home.glob("*.index")):
            yield from _worktree(index)
        locks = (home.with_name(f"{home.name}.lock"), *sorted(home.glob("*.lock")))
        yield Item(Kind.BASE, home, _newest([home / "git", *locks]), keep=_held(locks), locks=locks)


def _worktree(index: Path) -> Iterator[Item]:
    path, locks = index.with_suffix(""), (index.with_suffix(".lock"),)
    if not path.is_dir():
        return
    for build in sorted(path.glob(".build-*")):
        used = _newest([build, build / ".config", build / "vmlinux"])
        yield Item(Kind.BUILD, build, used, keep=_held(locks), locks=locks)
    yield Item(Kind.WORKTREE, path, _newest([index, *locks]), keep=_held(locks), locks=locks)


def _ccache(places: Places) -> Iterator[Item]:
    if places.ccache.is_dir():
        yield Item(Kind.CCACHE, places.ccache, _newest([places.ccache, *places.ccache.glob("?/stats")]))


def _leftovers(places: Places) -> Iterator[Item]:
    """Scratch of what was killed."""
    of_bases = (".import-*", "*/.apply-*", REMOVED, f"*/{REMOVED}", f"*/*/{REMOVED}")
    patterns = (
        (places.store.root, "*/.*"),
        *((root, REMOVED) for root in (places.runs, places.nights, places.learned, places.base_results)),
        (places.nights / SERIES, REMOVED),
        *((places.bases, name) for name in of_bases),
    )
    for root, pattern in patterns:
        for path in sorted(root.glob(pattern)):
            yield Item(Kind.LEFTOVER, path, _newest([path]))


def _directories(root: Path) -> list[Path]:
    return sorted(path for path in root.glob("[!.]*") if path.is_dir() and not path.is_symlink())


def _held(locks: Sequence[Path]) -> str:
    return "a run is at work in it" if any(map(is_held, locks)) else ""


def _newest(paths: Iterable[Path]) -> float:
    """The latest time at which one of those that exist was written."""
    times = []
    for path in paths:
        try:
            times.append(path.lstat().st_mtime)
        except OSError:
            continue
    return max(times, default=0.0)
