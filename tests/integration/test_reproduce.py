"""reproduce.sh by itself: run from anywhere, in a run directory that was moved. A small tree stands in for Linux; where
it would boot its kernel, QEMU refuses."""

from __future__ import annotations

import array
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.build.toolchain import Toolchain
from orchestrator.declarations import catalog
from orchestrator.guest.counters import Counting
from orchestrator.guest.vma_writes import MEMBER_AT, VmaWatch
from orchestrator.host.process import Cancel, Runner
from orchestrator.invocation.compose import on_top
from orchestrator.jobs.boot import GuestSpec
from orchestrator.jobs.reproduce import reproduce, written
from orchestrator.jobs.vma_writes import PLACES
from orchestrator.model.case import Programs
from orchestrator.model.kernel import KernelImage
from orchestrator.model.machine import Host
from orchestrator.model.request import Request
from orchestrator.model.subject import patched
from orchestrator.parse.patches.series import read_patches
from orchestrator.plan import make_plan
from orchestrator.source.bases import Workplace, tree_base
from tests.integration.conftest import GOOD, git

MAKEFILE = """\
olddefconfig:
	test -f $(O)/.config
bzImage vmlinux:
	mkdir -p $(O)/arch/x86/boot
	touch $(O)/arch/x86/boot/bzImage
"""


@pytest.fixture
def linux(tree: Path) -> Path:
    (tree / "Makefile").write_text(MAKEFILE)
    git(tree, "add", "-A")
    git(tree, "commit", "-q", "-m", "a Makefile")
    return tree


WATCH = VmaWatch(
    Counting(Path("/store/watch.so"), Path("vma-writes.addresses"), (16, 32, 48, 64), counters="writes", layout=(1,)),
    ("vma_shrink+0x10/0x90", "vma_merge+0x20/0x90", "do_brk+0x30/0x90", "dup_mmap+0x40/0x90"),
    ("vm_start", "vm_flags"),
)


def run_of(run_dir: Path, tree: Path, patch: str, *kconfigs: str, below: str = "") -> None:
    """A run directory as far as the scripts know it. `below` is a patch that the series requires."""
    known = catalog.load_catalog()
    path = run_dir.parent / f"{run_dir.name}.patch"
    path.write_text(patch)
    request = Request(patch=str(path), tree=str(tree), kconfigs=kconfigs or ("base",), testcases=("split-merge",))
    plan = make_plan(request, known, known.series(str(path)), Host(cpus=2, memory_mib=4096))
    base = tree_base(tree, "HEAD", Workplace(run_dir.parent / "bases", Runner(Cancel()), print))[0]
    if below:
        required = read_patches([("below.patch", below.encode())]).patches
        plan = replace(plan, source=replace(plan.source, below=required))
        base = on_top(base, required, Runner(Cancel()))
        (run_dir / "base-patches").mkdir(parents=True)
        (run_dir / "base-patches/0001-below.patch").write_text(below)
    kernel = KernelImage(Path("/store/image"), Path("/store/vmlinux"), Path("/store/config"), "6", "", "gcc")
    programs = Programs(Path("/store/initramfs.cpio"), "", ())
    spec = GuestSpec(
        plan.machine, known.accel("tcg"), kernel, programs, slowdown=1.0, boot_limit_s=5.0, vma_writes=WATCH
    )
    (run_dir / "patches").mkdir(parents=True)
    (run_dir / "patches/0001-a.patch").write_text(patch)
    for variant in plan.variants:
        subject = patched(plan.kernel(variant))
        guest = run_dir / subject.name / "guest-0"
        guest.mkdir(parents=True)
        for file in (guest.parent / "config", guest / "initramfs.cpio", guest / "id_ed25519"):
            file.write_text("")
        (guest / "known_hosts").write_text("[127.0.0.1]:1 ssh-ed25519 AAAA\n")
        reproduce(plan, subject, base, Toolchain("gcc 12", "gcc"), spec, run_dir)


def reproduced(script: Path | str, cwd: Path, **env: str) -> str:
    """What it says when QEMU has refused the kernel."""
    result = subprocess.run(
        [script], cwd=cwd, env={**os.environ, **env}, capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 1, result.stderr
    assert "the guest died" in result.stderr
    return result.stderr


def test_a_run_that_was_moved_replays_its_own_patches(linux: Path, tmp_path: Path) -> None:
    run_of(tmp_path / "run", linux, GOOD)
    (tmp_path / "run").rename(tmp_path / "run.old")
    run_of(tmp_path / "run", linux, GOOD.replace("line six", "line newer"))
    reproduced(tmp_path / "run.old/base.patched/reproduce.sh", tmp_path, WORK=str(tmp_path / "work"))
    assert "line six\n" in (tmp_path / "work/linux/mm/memory.c").read_text()


@pytest.mark.parametrize("script", ["run/reproduce.sh", "run/base.patched/reproduce.sh"])
def test_paths_are_relative_to_the_caller(linux: Path, tmp_path: Path, script: str) -> None:
    run_of(tmp_path / "run", linux, GOOD)
    reproduced(script, tmp_path, WORK="my work", KERNEL="kernels/no such bzImage", CDPATH=str(tmp_path / "bases"))
    (stderr,) = (tmp_path / "my work").rglob("qemu.stderr")
    assert f"{tmp_path}/kernels/no such bzImage" in stderr.read_text()


def test_patches_are_applied_also_inside_a_repository(linux: Path, tmp_path: Path) -> None:
    run_of(tmp_path / "run", linux, GOOD)
    reproduced("run/base.patched/reproduce.sh", tmp_path, WORK=str(linux / "work"))
    assert "line six\n" in (linux / "work/linux/mm/memory.c").read_text()


def test_what_the_series_requires_is_applied_first(linux: Path, tmp_path: Path) -> None:
    """And a commit that changes nothing is nothing to apply."""
    run_of(tmp_path / "run", linux, GOOD.replace("line 6\n", "line 6b\n"), below=GOOD.replace("line six", "line 6b"))
    (tmp_path / "run/base-patches/0000-empty.patch").write_text("")
    script = tmp_path / "run/base.patched/reproduce.sh"
    assert "base-patches/*.patch | head -n 1 |" in script.read_text()
    script.write_text(script.read_text().replace("head -n 1 |", "head -n 2 |"))
    reproduced(script, tmp_path, WORK=str(tmp_path / "work"))
    assert "line six\n" in (tmp_path / "work/linux/mm/memory.c").read_text()


def test_writes_of_vmas_are_watched_where_a_plugin_is_given(linux: Path, tmp_path: Path) -> None:
    """QEMU says of what it was given that it is no plugin."""
    run_of(tmp_path / "run", linux, GOOD)
    suite, work = tmp_path / "run/base.patched", tmp_path / "work"
    (suite / "vma-writes.addresses").write_bytes(bytes(32))
    (suite / "vma-writes.addresses.layout").write_bytes(bytes(8))
    (tmp_path / "my.so").write_text("no plugin")
    reproduced(suite / "reproduce.sh", tmp_path, WORK=str(work), WATCH="my.so")
    assert "watch.so" in (work / "qemu.stderr").read_text()
    assert [(work / name).stat().st_size for name in ("writers", "writes", "layout")] == [32, 40, 8]
    reproduced(suite / "reproduce.sh", tmp_path, WORK=str(work))
    assert "watch.so" not in (work / "qemu.stderr").read_text()


def test_writes_without_the_lock_are_told_as_in_a_run(tmp_path: Path) -> None:
    counters = (1234, 5, 1 << MEMBER_AT | 7, 0, 2 << MEMBER_AT)
    (tmp_path / "writes").write_bytes(array.array("Q", counters).tobytes())
    (tmp_path / PLACES).write_text("".join(f"{place}\n" for place in WATCH.places))
    env = {**os.environ, "WORK": str(tmp_path), "suite": str(tmp_path), "WATCH": "/store/watch.so"}
    told = subprocess.run(["sh", "-euc", written(WATCH)], env=env, capture_output=True, text=True, check=True).stdout
    count, *lines = told.splitlines()
    assert count.split() == ["writes", "of", "VMAs", "that", "were", "watched:", "1234"]
    assert lines == [
        "vm_start of a VMA was written without its lock by vma_merge+0x20/0x90",
        "vm_flags of a VMA was written without its lock by dup_mmap+0x40/0x90",
    ]


def test_each_kernel_of_a_run_is_built_in_a_tree_of_its_own(linux: Path, tmp_path: Path) -> None:
    run_of(tmp_path / "run", linux, GOOD, "base", "debug+kasan")
    lines = (tmp_path / "run/reproduce.sh").read_text().splitlines()
    assert [line.split("./")[1] for line in lines if "/reproduce.sh" in line] == [
        "base.patched/reproduce.sh", "debug+kasan.patched/reproduce.sh"
    ]  # fmt: skip
    reproduced("run/reproduce.sh", tmp_path, WORK="work")
    assert "line six\n" in (tmp_path / "work/base.patched/linux/mm/memory.c").read_text()
