"""Decoding addresses of a kernel to lines with inlined functions: our way (drgn), and other programs kept running.

    .venv/bin/python benchmarks/decode.py [VMLINUX]

Takes 100 places in 100 functions of the kernel, picked at random: the hardest case, since frames of real reports share
compilation units. Default: the newest vmlinux in the store. Each program is asked one address at a time, as a report
that is being read would do, and answers before the next question.
"""

from __future__ import annotations

import argparse
import random
import resource
import shutil
import subprocess
import sys
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

from orchestrator.context import Places
from orchestrator.evidence.symbols import Symbols
from orchestrator.parse.logs.frames import CodeRef

COUNT = 100


def text_symbols(vmlinux: Path) -> list[tuple[str, int, int]]:
    """Name, address and size (up to the next symbol) of functions whose name is theirs alone."""
    out = subprocess.run(["nm", "-n", "--defined-only", vmlinux], check=True, capture_output=True, text=True).stdout
    rows = [(name, int(address, 16), kind) for address, kind, name in (line.split() for line in out.splitlines())]
    times = Counter(name for name, _, _ in rows)
    starts = sorted({address for _, address, _ in rows})
    after = dict(pairwise(starts))
    return [(n, a, after[a] - a) for n, a, kind in rows if kind in "tT" and times[n] == 1 and a in after]


class Asked:
    """addr2line or llvm-symbolizer at the other end of a pipe."""

    def __init__(self, argv: list[str], *, is_llvm: bool) -> None:
        self.is_llvm = is_llvm
        self.child = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def ask(self, address: int) -> int:
        """How many lines it answered. addr2line does not say where an answer ends: a second question tells."""
        assert self.child.stdin
        assert self.child.stdout
        self.child.stdin.write(f"{address:#x}\n" if self.is_llvm else f"{address:#x}\n0x0\n")
        self.child.stdin.flush()
        lines = 0
        for line in self.child.stdout:
            if self.is_llvm and line == "\n":
                break
            if not self.is_llvm and line.startswith("0x") and int(line, 16) == 0:
                self.child.stdout.readline()
                self.child.stdout.readline()
                break
            lines += 1
        return lines

    def close(self) -> None:
        assert self.child.stdin
        self.child.stdin.close()
        self.child.wait()


def report(name: str, first_s: float, all_s: float, again_s: float) -> None:
    print(f"{name:<16} ready {first_s:6.2f} s   {COUNT} frames {all_s:6.2f} s   again {again_s:6.3f} s")


def main() -> None:
    found = sorted((Places.of_user().store.root / "build").glob("*/vmlinux"), key=lambda path: path.stat().st_mtime)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("vmlinux", nargs="?", type=Path, default=found[-1] if found else None)
    vmlinux = parser.parse_args().vmlinux
    if vmlinux is None:
        sys.exit("no vmlinux in the store: name one, or run `orchestrate build` first")
    subprocess.run(["md5sum", vmlinux], check=True, capture_output=True)  # into the page cache, for all alike
    pick = random.Random(1).sample([row for row in text_symbols(vmlinux) if row[2] > 1], COUNT)
    refs = [CodeRef(1, name, size // 2, size) for name, _, size in pick]

    at = [time.monotonic()]
    symbols = Symbols(vmlinux)
    symbols.places(refs[0])
    at.append(time.monotonic())
    places = [symbols.places(ref) for ref in refs]
    at.append(time.monotonic())
    for ref in refs:
        symbols.places(ref)
    at.append(time.monotonic())
    report("symbols (drgn)", *(after - before for before, after in pairwise(at)))
    inlined = sum(len(found) - 1 for found in places if found)
    none = sum(not found for found in places)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{'':<16} {none} without a line, {inlined} inlined frames, {peak:.0f} MiB")

    addresses = [address + ref.looked_up for (_, address, _), ref in zip(pick, refs, strict=True)]
    programs = {
        "addr2line": (["addr2line", "-a", "-f", "-i", "-e", str(vmlinux)], False),
        "llvm-symbolizer": (["llvm-symbolizer", f"--obj={vmlinux}", "-f", "-i"], True),
    }
    for name, (argv, is_llvm) in programs.items():
        if not shutil.which(name):
            print(f"{name:<16} not installed")
            continue
        at = [time.monotonic()]
        asked = Asked(argv, is_llvm=is_llvm)
        asked.ask(addresses[0])
        at.append(time.monotonic())
        for address in addresses:
            asked.ask(address)
        at.append(time.monotonic())
        for address in addresses:
            asked.ask(address)
        at.append(time.monotonic())
        asked.close()
        report(name, *(after - before for before, after in pairwise(at)))


if __name__ == "__main__":
    main()
