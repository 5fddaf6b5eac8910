"""A damaged store, a full or read-only cache: one line that names the thing and the way out, and never the patch."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from orchestrator.build.apply import apply
from orchestrator.context import Context, Places
from orchestrator.declarations.catalog import load_catalog
from orchestrator.errors import BaseDamaged, BaseUnavailable, CommandFailed, DiskFull, HostRefused
from orchestrator.host.process import Cancel, Command, Runner
from orchestrator.model.kernel import Base
from orchestrator.source import bases
from orchestrator.source.bases import Workplace, packaged_base, tree_base
from orchestrator.source.git import Git
from orchestrator.storage.store import Store, write_atomically
from tests.integration.conftest import Cli, git

NAME = "linux-source-0.1"


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def context(tmp_path: Path, said: list[str]) -> Context:
    places = Places(tmp_path / "cache", tmp_path / "state")
    return Context(places, load_catalog(), Runner(Cancel()), lambda event: said.append(str(event)))


@pytest.fixture
def at(context: Context, said: list[str]) -> Workplace:
    return Workplace(context.places.bases, context.runner, said.append)


@pytest.fixture
def archives(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A source package of the small tree, with 2 MB that do not compress, in so many files that git makes a pack."""
    (tree / "noise").mkdir()
    for number in range(128):
        (tree / f"noise/{number}").write_bytes(os.urandom(16 << 10))
    where = tmp_path / "src"
    where.mkdir()
    with tarfile.open(where / f"{NAME}.tar.xz", "w:xz") as tar:
        for path in sorted(tree.rglob("*")):
            if ".git" not in path.parts:
                tar.add(path, f"{NAME}/{path.relative_to(tree)}")
    monkeypatch.setattr(bases, "ARCHIVES", where)
    return where


def packs(base: Base) -> list[Path]:
    return [*(base.home / "git/objects/pack").glob("*.pack"), *(base.home / "git/objects/pack").glob("*.idx")]


def cut(path: Path) -> None:
    """As a power cut leaves a file: half of it."""
    path.chmod(0o644)
    os.truncate(path, path.stat().st_size // 2)


@pytest.mark.parametrize("number", [0, 1])
def test_a_damaged_import_is_made_anew_and_says_so(archives: Path, at: Workplace, said: list[str], number: int) -> None:
    base, _ = packaged_base(NAME, at)
    (base.home / "patched").mkdir()
    cut(packs(base)[number])
    said.clear()
    again, was_there = packaged_base(NAME, at)
    assert (again, was_there) == (base, False)
    assert Git(again.home / "git", at.runner).check("cat-file", "blob", f"{again.commit}:Kconfig").text == "mainmenu\n"
    assert ["damaged" in line for line in said] == [True]
    assert (base.home / "patched").is_dir()  # worktrees and what was compiled in them stay


def test_a_whole_import_is_not_made_anew(archives: Path, at: Workplace, said: list[str]) -> None:
    base, _ = packaged_base(NAME, at)
    before = [(path, path.stat().st_mtime_ns) for path in packs(base)]
    said.clear()
    assert packaged_base(NAME, at) == (base, True)
    assert [(path, path.stat().st_mtime_ns) for path in packs(base)] == before
    assert said == []


def test_a_damaged_archive_is_named(archives: Path, at: Workplace) -> None:
    cut(archives / f"{NAME}.tar.xz")
    with pytest.raises(BaseUnavailable, match=r"linux-source-0\.1\.tar\.xz: cannot be imported") as caught:
        packaged_base(NAME, at)
    assert "dpkg --verify linux-source-0.1" in caught.value.hint


def test_damaged_objects_are_never_the_patchs_fault(
    tree: Path, context: Context, at: Workplace, good_patch: Path
) -> None:
    base, _ = tree_base(tree, "HEAD", at)
    series = context.catalog.series(str(good_patch))
    applied = apply(context, base, series).value
    made = Git(base.home / "git", context.runner)
    blob = made.check("rev-parse", f"{applied.tree}:mm/memory.c").text.strip()
    cut(base.home / f"git/objects/{blob[:2]}/{blob[2:]}")
    with pytest.raises(BaseDamaged, match=f"the git objects of base {base.home.name} are damaged: ") as caught:
        made.check("cat-file", "blob", blob)
    assert f"rm -r {base.home / 'git'}" in caught.value.hint
    shutil.rmtree(base.home / "git")  # what the hint says
    again, _ = tree_base(tree, "HEAD", at)
    assert apply(context, again, series).value.tree == applied.tree


@pytest.mark.parametrize("loss", ["cut", "gone"])
def test_a_users_tree_with_damaged_objects_is_told_from_a_patch_that_does_not_apply(
    cli: Cli, tree: Path, good_patch: Path, loss: str
) -> None:
    blob = git(tree, "rev-parse", "HEAD:mm/memory.c").strip()
    path = tree / f".git/objects/{blob[:2]}/{blob[2:]}"
    if loss == "cut":
        cut(path)
    else:
        path.unlink()
    result = cli("build", "--patch", str(good_patch), "--tree", str(tree))
    assert result.returncode == 3, result.stderr
    assert "damaged: " in result.stderr
    assert "Traceback" not in result.stderr


def test_a_store_that_borrows_is_made_anew(tree: Path, at: Workplace, said: list[str]) -> None:
    git(tree, "gc", "-q")
    base, _ = tree_base(tree, "HEAD", at)
    objects = base.home / "git/objects/pack"
    for path in (tree / ".git/objects/pack").glob("pack-*"):
        shutil.copy(path, objects / path.name)
    for path in objects.glob("*.pack"):
        cut(path)
    (base.home / "git/objects/info/alternates").unlink()
    assert tree_base(tree, "HEAD", at)[0] == base


def in_mounted(cache: Path, options: str, script: str) -> subprocess.CompletedProcess[str]:
    """Run a script of Python where a small tmpfs is the cache."""
    cache.mkdir(parents=True, exist_ok=True)
    mount = f'mount -t tmpfs -o {options} none "$1" && shift && exec "$@"'
    words = ["unshare", "--mount", "--map-root-user", "sh", "-c", mount, "sh", str(cache), *script.split("\0")]
    return subprocess.run(
        words, capture_output=True, text=True, timeout=120, check=False, cwd=Path(__file__).parents[2]
    )


IMPORT = """
import sys
from pathlib import Path
from orchestrator.errors import OrchestrateError
from orchestrator.host.process import Cancel, Runner
from orchestrator.source import bases
bases.ARCHIVES = Path(sys.argv[1])
try:
    bases.packaged_base(sys.argv[2], bases.Workplace(Path(sys.argv[3]) / "bases", Runner(Cancel()), lambda _: None))
except OrchestrateError as error:
    print(type(error).__name__, error.message, error.hint, sep="|")
"""


def test_an_import_into_a_full_cache_says_that_it_is_full(archives: Path, tmp_path: Path) -> None:
    words = [sys.executable, "-c", IMPORT, str(archives), NAME, str(tmp_path / "full")]
    result = in_mounted(tmp_path / "full", "size=1m", "\0".join(words))
    kind, message, hint = result.stdout.strip().split("|")
    assert kind == "DiskFull", result.stderr
    assert str(tmp_path / "full") in message
    assert "No space left on device" in message
    assert "free some space" in hint


@pytest.mark.parametrize("variable", ["XDG_CACHE_HOME", "XDG_STATE_HOME"])
@pytest.mark.parametrize("options", ["ro", "size=4k,nr_inodes=2"])
def test_a_read_only_or_full_directory_is_one_line_and_exit_status_3(
    tree: Path, good_patch: Path, tmp_path: Path, options: str, variable: str
) -> None:
    env = {"XDG_CACHE_HOME": tmp_path / "c", "XDG_STATE_HOME": tmp_path / "s", "HOME": tmp_path}
    set_ = [f"{name}={value}" for name, value in env.items()]
    words = ["env", *set_, sys.executable, "-m", "orchestrator", "test", "--accel", "tcg", "--patch", str(good_patch)]
    result = in_mounted(env[variable], options, "\0".join([*words, "--tree", str(tree)]))
    assert result.returncode == 3, result.stderr
    assert "Traceback" not in result.stderr
    reason = "Read-only file system" if options == "ro" else "No space left on device"
    (line,) = [line for line in (result.stdout + result.stderr).splitlines() if reason in line][:1]
    assert str(env[variable]) in line


def test_permission_denied_names_the_path_and_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HostRefused, match=f"{tmp_path}/file: File exists"):
        write_atomically(tmp_path / "file/report.json", b"")
    with pytest.raises(HostRefused, match=f"{tmp_path}/file"):
        Store(tmp_path / "file").put("build", "k", lambda _: None)


def test_a_command_that_the_host_refused_something_says_what(tmp_path: Path) -> None:
    command = Command(("sh", "-c", "echo 'fatal: write error: No space left on device' >&2; exit 128"), cwd=tmp_path)
    with pytest.raises(DiskFull, match=f"sh in {tmp_path}: No space left on device"):
        Runner(Cancel()).check(command)


def test_a_script_that_may_not_be_run_is_not_the_hosts_refusal(tmp_path: Path) -> None:
    command = Command(("sh", "-c", "echo 'sh: ./scripts/new.sh: Permission denied' >&2; exit 126"), cwd=tmp_path)
    with pytest.raises(CommandFailed, match="sh exited with 126"):
        Runner(Cancel()).check(command)


def test_a_directory_that_is_gone_is_not_a_missing_setpriv(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="gone"):
        Runner(Cancel()).run(Command(("true",), cwd=tmp_path / "gone"))
