"""How fast the kernel_report engine passes over a clean console, and over a storm of reports, in the incremental mode
that watches a live guest.

    .venv/bin/python benchmarks/kernel_reports.py [FILE ...]

Without files: 200 MB of boot logs and of program output; 10,000 reports of 242 sorts, one after the other. Each is also
read by `grep -c`; the ratio is of one run. Times are of CPUs, so that a busy machine does not matter.
"""

from __future__ import annotations

import argparse
import random
import re
import resource
import subprocess
import tempfile
import time
from pathlib import Path

from orchestrator.parse.logs.kernel_report import Scanner

CHUNK = 1 << 16  # what guest/console.py reads at a time
SIZE = 200_000_000
BOOT = Path(__file__).parent.parent / "tests/data/console/clean-boot.log"
PROGRAM = b"ok 17 moving-border # time=120ms\n# metric toucher 823392 ops/s [main.c:77] a comment of ordinary length\n"


REPORTS = Path(__file__).parent.parent / "tests/data/culprits"
PREFIX = re.compile(rb"(?:<\d+>)?\[ *\d+\.\d{6}\](?:\[[^\]]*\])? ?")
STORM = 10_000  # reports


def storm() -> bytes:
    """Reports at random, a line each 10 us and a report each 10 ms."""
    logs = [path.read_bytes().splitlines() for path in sorted(REPORTS.glob("*.log"))]
    said = [[PREFIX.sub(b"", line) for line in log if PREFIX.match(line)] for log in logs]
    lines: list[bytes] = []
    for at, one in enumerate(random.Random(1).choices([one for one in said if one], k=STORM)):
        lines += [b"[%12.6f] %b\n" % (100 + at / 100 + number / 100_000, line) for number, line in enumerate(one)]
    return b"".join(lines)


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
            paths.append(Path(where) / "storm")
            paths[-1].write_bytes(storm())
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
