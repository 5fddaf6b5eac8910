"""orchestrate clean, on a home of its own: what it shows, what it removes, what it leaves alone."""

from __future__ import annotations

import fcntl
import json
import os
import time
from pathlib import Path

import pytest

from orchestrator.arguments.commands.host import KINDS
from orchestrator.context import Places
from orchestrator.host.process import Cancel, Runner
from orchestrator.invocation.inventory import inventory, sizes_of
from orchestrator.model.kernel import Base
from orchestrator.model.night import NightRecord
from orchestrator.model.request import Request
from orchestrator.nights.night_dir import save_night
from orchestrator.runs.record import RunRecord, save_record
from orchestrator.source.bases import Workplace, tree_base
from orchestrator.source.trees import base_tree, move_worktree
from orchestrator.storage.retention import DAY_S, Kind
from tests.integration.conftest import Cli

RUNNER = Runner(Cancel())


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """Of the `cli` fixture."""
    return Places(tmp_path / "home/cache/orchestrate", tmp_path / "home/state/orchestrate")


@pytest.fixture
def base(places: Places, tree: Path) -> Base:
    """A base with a worktree, in which two kernels were built; all long ago."""
    made = tree_base(tree, "HEAD", Workplace(places.bases, RUNNER, print))[0]
    where = move_worktree(made, "patched", base_tree(made, RUNNER), RUNNER)
    for kconfig in ("base", "debug"):
        (where / f".build-{kconfig}").mkdir()
        (where / f".build-{kconfig}/vmlinux").write_bytes(b"x" * 10_000)
    (made.home / "patched.lock").write_text("pid 1")
    age(places.bases, 30)
    return made


@pytest.fixture
def product(places: Places) -> Path:
    path = places.store.put("build", "old", lambda scratch: (scratch / "image").write_bytes(b"x" * 50_000))
    os.utime(path, (time.time() - 30 * DAY_S,) * 2)
    return path


def age(root: Path, days: float) -> None:
    for path in (root, *root.rglob("*")):
        os.utime(path, (time.time() - days * DAY_S,) * 2, follow_symlinks=False)


def run_dir(places: Places, name: str, days: float, *, finished: bool = True) -> Path:
    path = places.runs / name
    path.mkdir(parents=True)
    save_record(RunRecord(Request(), "k", "s", "d", "2026-01-01T00:00:00", finished=finished), path / "run.json")
    (path / ".lock").touch()
    (path / "console.log").write_bytes(b"x" * 20_000)
    age(path, days)
    return path


def night_dir(places: Places, name: str, days: float, *, finished: bool = True) -> Path:
    path = places.nights / name
    record = NightRecord(name, "/plan.yaml", "2026-01-01T00:00:00", 60.0, (), (), finished=finished)
    path.mkdir(parents=True)
    save_night(record, path)
    run = path / "runs/mm-new"
    run.mkdir(parents=True)
    save_record(RunRecord(Request(), "k", "s", "d", "2026-01-01T00:00:00"), run / "run.json")
    (run / ".lock").touch()
    (run / "console.log").write_bytes(b"x" * 20_000)
    age(path, days)
    return path


def test_nights_go_with_their_runs_unless_they_go_on_or_are_at_work(cli: Cli, places: Places) -> None:
    old = night_dir(places, "2026-01-01-aaaaaaaaaaaa", 30)
    never_ended = night_dir(places, "2026-01-02-bbbbbbbbbbbb.2", 30, finished=False)
    new = night_dir(places, "2026-01-03-cccccccccccc", 0.5)
    goes_on = night_dir(places, "2026-01-04-dddddddddddd", 0.5, finished=False)
    at_work = night_dir(places, "2026-01-05-eeeeeeeeeeee.3", 30)
    series = [places.nights / "series" / name / "fix.mbox" for name in ("used", "unused")]
    for path, days in zip(series, (1, 30), strict=True):
        path.parent.mkdir(parents=True)
        path.write_bytes(b"x" * 5_000)
        age(path.parent, days)
    with (places.nights / ".eeeeeeeeeeee.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        said = cli("clean", "--yes", "--keep-days", "0.3").stdout
    assert f"stays: interrupted: the same command continues it  {goes_on}\n" in said
    assert f"stays: a night is at work in it  {at_work}\n" in said
    assert [path.exists() for path in (old, never_ended, new, goes_on, at_work)] == [False, False, False, True, True]
    assert not series[0].exists()
    assert not series[1].parent.exists()
    assert not list(places.nights.rglob(".removed-*"))


def test_the_run_of_a_night_that_somebody_continues_alone_stays(cli: Cli, places: Places) -> None:
    night = night_dir(places, "2026-01-01-aaaaaaaaaaaa", 30)
    with (night / "runs/mm-new/.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        age(night, 30)
        cli("clean", "--yes")
    assert night.exists()


def test_what_runs_found_out_goes_when_no_run_adds_to_it(cli: Cli, places: Places) -> None:
    for name, days in (("old", 30), ("new", 1)):
        for path in (places.learned / name / "0123.json", places.base_results / f"{name}.json"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("{}")
            path.with_suffix(".lock").touch()
            for one in (path, path.with_suffix(".lock")):
                age(one, days)
    with (places.learned / "old/0123.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        said = cli("clean", "--yes", "--kind", "learned").stdout
        assert "stays: a run is at work in it" in said
    assert (places.learned / "old").exists()
    assert cli("clean", "--yes").returncode == 0
    assert not (places.learned / "old").exists()
    assert not (places.base_results / "old.json").exists()
    assert (places.learned / "new/0123.json").exists()
    assert (places.base_results / "new.json").exists()


def test_without_yes_nothing_is_removed(cli: Cli, places: Places, base: Base, product: Path) -> None:
    old = run_dir(places, "old", 30)
    before = sorted(path for root in (places.cache, places.state) for path in root.rglob("*"))
    result = cli("clean")
    assert result.returncode == 0, result.stderr
    for path in (old, product, base.home, base.home / "patched", base.home / "patched/.build-debug"):
        assert f"  {path}\n" in result.stdout
    assert result.stdout.endswith("nothing was removed; --yes removes it\n")
    assert sorted(path for root in (places.cache, places.state) for path in root.rglob("*")) == before


def test_what_is_old_is_removed_and_the_rest_is_not(cli: Cli, places: Places, base: Base, product: Path) -> None:
    old, new = run_dir(places, "old", 30), run_dir(places, "new", 3)
    fresh = places.store.put("build", "new", lambda scratch: (scratch / "image").write_bytes(b"x"))
    result = cli("clean", "--yes")
    assert result.returncode == 0, result.stderr
    assert not any(path.exists() for path in (old, product, base.home))
    assert new.is_dir()
    assert fresh.is_dir()
    assert not list(places.bases.glob("*/"))
    assert "removed " in result.stdout
    assert cli("clean", "--yes").stdout.endswith("removed 0 B\n")


def test_a_worktree_goes_with_its_index_and_comes_back_whole(cli: Cli, base: Base) -> None:
    cli("clean", "--yes", "--kind", "worktrees", "--kind", "builds")
    assert not (base.home / "patched").exists()
    assert not (base.home / "patched.index").exists()
    where = move_worktree(base, "patched", base_tree(base, RUNNER), RUNNER)
    assert (where / "mm/memory.c").is_file()


def test_a_build_directory_that_is_used_keeps_what_is_around_it(cli: Cli, base: Base) -> None:
    used = base.home / "patched/.build-base"
    (used / "vmlinux").touch()
    cli("clean", "--yes")
    assert (used / "vmlinux").is_file()
    assert (base.home / "patched/mm/memory.c").is_file()
    assert not (base.home / "patched/.build-debug").exists()


def test_what_a_run_works_with_stays(cli: Cli, places: Places, base: Base) -> None:
    """A lock tells, not the time: a suspended run has old files."""
    working = run_dir(places, "working", 30)
    with (working / ".lock").open() as run_lock, (base.home / "patched.lock").open() as lane_lock:
        for lock in (run_lock, lane_lock):
            fcntl.flock(lock, fcntl.LOCK_EX)
        result = cli("clean", "--yes", "--keep-days", "0", "--max-size", "0")
        assert result.returncode == 0, result.stderr
        assert working.is_dir()
        assert (base.home / "patched/.build-base/vmlinux").is_file()
        assert f"stays: a run is at work in it  {working}" in result.stdout
    cli("clean", "--yes")
    assert not working.exists()
    assert not base.home.exists()


def test_an_interrupted_run_waits_for_the_same_command(cli: Cli, places: Places) -> None:
    waits = run_dir(places, "waits", 3, finished=False)
    forgotten = run_dir(places, "forgotten", 30, finished=False)
    result = cli("clean", "--yes", "--keep-days", "1")
    assert waits.is_dir(), result.stdout
    assert not forgotten.exists()
    assert "interrupted: the same command continues it" in result.stdout


def test_a_run_of_another_version_is_old_or_not_like_any_other(cli: Cli, places: Places) -> None:
    for name, text in (("a", ""), ("b", "{}"), ("c", "\0")):
        (run_dir(places, name, 30) / "run.json").write_text(text)
        age(places.runs / name, 30)
    assert cli("clean", "--yes").returncode == 0
    assert not list(places.runs.iterdir())


def test_a_size_takes_the_oldest(cli: Cli, places: Places) -> None:
    made = [run_dir(places, f"run-{days}", days) for days in (1, 2, 3)]
    cli("clean", "--yes", "--max-size", "60K")
    assert [path.exists() for path in made] == [True, True, False]


def test_only_a_kind(cli: Cli, places: Places, product: Path) -> None:
    old = run_dir(places, "old", 30)
    cli("clean", "--yes", "--kind", "products")
    assert old.is_dir()
    assert not product.exists()


def test_what_was_killed_leaves_nothing_for_ever(cli: Cli, places: Places, base: Base) -> None:
    left = [places.store.root / "build/.scratch-x", places.bases / ".import-x-y", base.home / ".apply-x"]
    left += [base.home / "patched/.removed-0", places.runs / ".removed-1"]
    for path in left:
        path.mkdir(parents=True)
        (path / "file").touch()
        age(path, 30)
    (places.store.root / "build/.scratch-y").mkdir()
    cli("clean", "--yes", "--kind", "leftovers")
    assert not any(path.exists() for path in left)
    assert (places.store.root / "build/.scratch-y").is_dir()


@pytest.mark.parametrize("arguments", [("--keep-days", "-1"), ("--keep-days", "nan"), ("--max-size", "much")])
def test_what_makes_no_sense_is_refused(cli: Cli, arguments: tuple[str, str]) -> None:
    result = cli("clean", *arguments)
    assert result.returncode == 2
    assert arguments[1] in result.stderr


def test_nothing_is_counted_twice(places: Places, base: Base, product: Path) -> None:
    items = inventory(places, RUNNER)
    whole = sizes_of([places.bases / base.home.name, product], RUNNER)
    assert sum(item.size for item in items) == sum(whole.values())
    assert {item.kind for item in items} == {Kind.BASE, Kind.WORKTREE, Kind.BUILD, Kind.PRODUCT}
    assert all(item.size > 0 for item in items)


def test_doctor_says_what_the_disk_holds_and_checks_it(cli: Cli, places: Places, product: Path) -> None:
    before = (product / "image").stat()
    (product / "image").write_bytes(b"y" * 50_000)
    os.utime(product / "image", ns=(before.st_atime_ns, before.st_mtime_ns))
    intact = places.store.put("build", "intact", lambda scratch: (scratch / "image").write_bytes(b"x" * 70_000))
    result = cli("doctor", "--json", "--verify")
    assert f"dropped, it was damaged: {product}" in result.stderr
    assert "2 products checked, 1 damaged" in result.stderr
    assert not product.exists()
    assert intact.is_dir()
    disk = json.loads(result.stdout)["disk"]["products"]
    assert disk["count"] == 1
    assert disk["bytes"] >= 70_000


def test_the_command_line_knows_all_kinds() -> None:
    assert tuple(kind.value for kind in Kind) == KINDS
