"""What a rebuild costs: nothing changed, a second worktree, one line changed. Beside plain make.

    .venv/bin/python benchmarks/rebuild.py

Uses the real cache; builds vm_refcnt on base first when that has not been done. One line of mm/memory.c is then
changed by a new version of the series, once for orchestrate and once by hand in a tree of our own with plain make.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from orchestrator.build.toolchain import Toolchain, make
from orchestrator.context import Places

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
        "@@ -1,3 +1,4 @@\n \n // SPDX-License-Identifier: GPL-2.0-only\n"
        f'+const char orchestrate_benchmark_word[] = "{word}";\n /*\n'  # no context below means the file's end
    )


def compiled(log: str) -> int:
    return len(re.findall(r"^  CC +", log, re.M))


def worktree() -> Path:
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


def against_plain_make(where: Path) -> None:
    """A second worktree is filled from the ccache of the first; then one line changes, for us and for plain make."""
    words = [os.urandom(6).hex() for _ in range(2)]
    orchestrate("build", "--patch", str(series(where, words[0])))
    ours_s, _ = orchestrate("build", "--patch", str(series(where, words[1])))
    ours = compiled((Places.of_user().logs / "base.patched/build.log").read_text())

    hand = where / "hand"
    subprocess.run(["cp", "-a", "--reflink=auto", worktree(), hand], check=True)
    build = hand / ".build-base"
    config = (build / ".config").read_bytes()
    shutil.rmtree(build)
    build.mkdir()
    (build / ".config").write_bytes(config)
    toolchain = Toolchain("gcc", "ccache gcc")
    made = make(hand, build, "bzImage", "vmlinux", toolchain=toolchain, places=Places.of_user())
    command, env = made.argv, {**os.environ, **dict(made.env)}
    started = time.monotonic()
    subprocess.run(command, cwd=hand, env=env, check=True, capture_output=True)
    second_s = time.monotonic() - started
    lines = [line for line in (build / "ccache.stats").read_text().splitlines() if not line.startswith("#")]
    direct, others = lines.count("direct_cache_hit"), lines.count("preprocessed_cache_hit") + lines.count("cache_miss")
    print(f"the same objects in a second worktree: {second_s:.0f} s")
    print(
        f"  ccache                      {direct} direct hits, {others} others: {direct / (direct + others):.1%} direct"
    )

    source = hand / "mm/memory.c"
    source.write_text(source.read_text().replace(words[1], os.urandom(6).hex()))
    started = time.monotonic()
    result = subprocess.run(command, cwd=hand, env=env, check=True, capture_output=True, text=True)
    plain_s = time.monotonic() - started
    print("one line changed in a file of mm/:")
    print(f"  objects compiled            {ours} (plain make {compiled(result.stdout)})")
    print(f"  wall time                   {ours_s:6.1f} s, plain make {plain_s:.1f} s: ratio {ours_s / plain_s:.2f}")


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    with tempfile.TemporaryDirectory(dir=Places.of_user().cache) as name:
        where = Path(name)
        unchanged(where)
        against_plain_make(where)


if __name__ == "__main__":
    main()
