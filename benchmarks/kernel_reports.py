"""How fast the kernel_report engine passes over a clean console, in the incremental mode that watches a live guest.

    .venv/bin/python benchmarks/kernel_reports.py [FILE ...]

Without files: 200 MB of boot logs and of program output. Each is also read by `grep -c`; the ratio is of one run. Times
are of CPUs, so that a busy machine does not matter.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import tempfile
import time
from pathlib import Path

from orchestrator.parse.kernel_report import Scanner

CHUNK = 1 << 16  # what guest/console.py reads at a time
SIZE = 200_000_000
BOOT = Path(__file__).parent.parent / "tests/data/console/clean-boot.log"
PROGRAM = b"ok 17 moving-border # time=120ms\n# metric toucher 823392 ops/s [main.c:77] a comment of ordinary length\n"


def grep_s(path: Path) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(["grep", "-c", "Kernel panic", path], check=False, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def scan(path: Path) -> tuple[int, float]:
    scanner, reports = Scanner(), 0
    started = time.process_time()
    with path.open("rb") as log:
        while chunk := log.read(CHUNK):
            reports += len(scanner.feed(chunk))
    return reports + len(scanner.close()), time.process_time() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", metavar="FILE", nargs="*", type=Path)
    paths = parser.parse_args().paths
    with tempfile.TemporaryDirectory() as where:
        if not paths:
            boot = BOOT.read_bytes().partition(b"\n\n")[2]
            # one boot, then what it says while it runs: a second "Linux version" would be a reset
            running = boot.partition(b"\n")[2]
            for name, block in (("boot", running), ("program", PROGRAM)):
                path = Path(where) / name
                path.write_bytes(block * (SIZE // len(block)))
                paths.append(path)
        print(f"{'':20} {'MB':>6} {'reports':>8} {'grep -c':>10} {'engine':>10} {'ratio':>6}")
        for path in paths:
            megabytes = path.stat().st_size / 1e6
            grep_s(path)  # into the page cache
            grep = grep_s(path)
            reports, engine = scan(path)
            rates = f"{megabytes / grep:5.0f} MB/s {megabytes / engine:5.0f} MB/s"
            print(f"{path.name:20} {megabytes:6.0f} {reports:8} {rates} {engine / grep:6.1f}")


if __name__ == "__main__":
    main()
