"""What a rebuild costs: nothing changed, one line changed, and the second variant of a kconfig. Beside plain make.

    .venv/bin/python benchmarks/rebuild.py

Uses the real cache; builds vm_refcnt on base first when that has not been done. One line of mm/memory.c is then
changed by a new version of the series, once for orchestrate and once by hand in a tree of our own with plain make.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from orchestrator.context import Places
from orchestrator.stages.toolchain import REPRODUCIBLE, ccache_environment

FRESH = "benchmark"
ROOT = Path(__file__).resolve().parents[1]
ORCHESTRATE = [sys.executable, "-m", "orchestrator"]


def orchestrate(*args: str) -> tuple[float, subprocess.CompletedProcess[str]]:
    started = time.monotonic()
    result = subprocess.run([*ORCHESTRATE, *args], cwd=ROOT, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        sys.exit(result.stderr)
    return time.monotonic() - started, result


def series(where: Path, word: str) -> Path:
    """vm_refcnt with one more patch: a line in mm/memory.c that says `word`."""
    directory = where / f"series-{word}"
    shutil.copytree(ROOT / "patches/vm_refcnt", directory)
    for path in directory.glob("*.patch"):
        path.write_text(re.sub(r"^Subject: \[PATCH[^]]*\]", "Subject: [PATCH]", path.read_text(), count=1, flags=re.M))
    (directory / "0000-cover-letter.patch").unlink()
    (directory / "9999-line.patch").write_text(line_patch(word))
    return directory


def line_patch(word: str) -> str:
    return (
        "diff --git a/mm/memory.c b/mm/memory.c\n--- a/mm/memory.c\n+++ b/mm/memory.c\n"
        "@@ -1,1 +1,2 @@\n // SPDX-License-Identifier: GPL-2.0-only\n"
        f'+const char orchestrate_benchmark_word[] = "{word}";\n'
    )


def compiled(log: str) -> int:
    return len(re.findall(r"^  CC +", log, re.M))


def lane() -> Path:
    return next(Places.of_user().bases.glob("linux-source-*/patched"))


def unchanged(where: Path) -> None:
    args = (
        "test",
        "--patch",
        "patches/vm_refcnt",
        "--testcase",
        "split-merge",
        "--duration",
        "2",
        "--baseline",
        "never",
    )
    orchestrate(*args, "--output", str(where / "warm"))
    started = time.time()
    total_s, result = orchestrate(*args, "--output", str(where / "again"), "-v")
    suite = json.loads((where / "again/report.json").read_text())["suites"][0]
    boot_s = next(s["time_s"] for s in suite["stages"] if s["stage"] == "boot")
    cases_s = sum(c["time_s"] for c in suite["cases"])
    # written just before QEMU is started
    qemu_s = (where / "again/base.patched/guest-0/qemu.argv").stat().st_mtime - started
    print("nothing changed:")
    print(f"  makes, compilers            {result.stderr.count('+ make')}, {result.stderr.count('+ gcc -std')}")
    print(f"  command start to QEMU       {qemu_s:6.1f} s")
    rest_s = total_s - boot_s - cases_s
    print(
        f"  whole command               {total_s:6.1f} s: boot {boot_s:.1f}, cases {cases_s:.1f}, the rest {rest_s:.1f}"
    )


def one_line(where: Path) -> None:
    words = [os.urandom(6).hex() for _ in range(2)]
    orchestrate("build", "--patch", str(series(where, words[0])))
    ours_s, _ = orchestrate("build", "--patch", str(series(where, words[1])))
    log = (Places.of_user().logs / "base.patched/build.log").read_text()
    ours = compiled(log)
    # the same edit in a hand-kept tree: a copy of the lane, with its build directory and all mtimes
    hand = where / "hand"
    subprocess.run(["cp", "-a", lane(), hand], check=True)
    env = {**os.environ, **dict(REPRODUCIBLE), "CCACHE_DIR": str(where / "ccache")}
    make = [
        "make",
        f"-j{len(os.sched_getaffinity(0))}",
        "O=.build-base",
        "CC=ccache gcc",
        "HOSTCC=ccache gcc",
        "bzImage",
        "vmlinux",
    ]
    subprocess.run(make, cwd=hand, env=env, check=True, capture_output=True)  # settle: the path has changed
    source = hand / "mm/memory.c"
    source.write_text(source.read_text().replace(words[1], os.urandom(6).hex()))
    started = time.monotonic()
    result = subprocess.run(make, cwd=hand, env=env, check=True, capture_output=True, text=True)
    plain_s = time.monotonic() - started
    print("one line changed in a file of mm/:")
    print(f"  objects compiled            {ours} (plain make {compiled(result.stdout)})")
    print(f"  wall time                   {ours_s:6.1f} s, plain make {plain_s:.1f} s: ratio {ours_s / plain_s:.2f}")


def second_variant() -> None:
    """The baseline in a new build directory, from the ccache that the patched build filled."""
    places = Places.of_user()
    build = lane().with_name(f"baseline/.build-{FRESH}")
    shutil.rmtree(build, ignore_errors=True)
    build.mkdir()
    shutil.copyfile(lane() / ".build-base/.config", build / ".config")
    env = {**os.environ, **dict(REPRODUCIBLE), **dict(ccache_environment(places, build))}
    command = [
        "make",
        f"-j{len(os.sched_getaffinity(0))}",
        f"O={build.name}",
        "CC=ccache gcc",
        "HOSTCC=ccache gcc",
        "bzImage",
        "vmlinux",
    ]
    started = time.monotonic()
    subprocess.run(command, cwd=build.parent, env=env, check=True, capture_output=True)
    counts: dict[str, int] = {}
    for line in (build / "ccache.stats").read_text().splitlines():
        if not line.startswith("#"):
            counts[line] = counts.get(line, 0) + 1
    shutil.rmtree(build)
    hits, others = (
        counts.get("direct_cache_hit", 0),
        counts.get("preprocessed_cache_hit", 0) + counts.get("cache_miss", 0),
    )
    print(f"the baseline after the patched kernel: {time.monotonic() - started:.0f} s")
    print(f"  objects                     {hits} direct hits, {others} others: {hits / (hits + others):.1%} direct")


def main() -> None:
    with tempfile.TemporaryDirectory(dir=Places.of_user().cache) as name:
        where = Path(name)
        unchanged(where)
        one_line(where)
        second_variant()


if __name__ == "__main__":
    main()
