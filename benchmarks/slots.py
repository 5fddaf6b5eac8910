"""Cells (a case on a kernel) per hour with 1, 2 and 4 guests at a time, in turn, and the ratio to one guest.

    python benchmarks/slots.py [--rounds 2] [-- more arguments of orchestrate test]

The kernel is built before the clock starts. What bounds the figures is printed with them: emulated CPUs take turns on
the host's CPUs, so more guests than CPUs gain only what guests spend waiting (boots, settling, leak counts).
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from orchestrator.host import resources

SLOTS = (1, 2, 4)
USUAL = ("--patch", "vm_refcnt", "--duration", "2", "--baseline", "never")


def cells_per_hour(jobs: int, more: list[str]) -> tuple[float, float, str]:
    """Of one run; its wall time in seconds; and by what its guests were run."""
    with tempfile.TemporaryDirectory(prefix="orchestrate-slots-") as where:
        run_dir = Path(where) / "run"
        words = [sys.executable, "-m", "orchestrator", "test", "--jobs", str(jobs), "--output", str(run_dir), *more]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode not in (0, 1):
            sys.exit(f"{' '.join(words)} ended with {done.returncode}:\n{done.stderr[-2000:]}")
        report = json.loads((run_dir / "report.json").read_text())
    cells = sum(len(suite["attempts"]) for suite in report["suites"])
    return 3600 * cells / report["time_s"], report["time_s"], report["suites"][0]["facts"]["accelerator"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("more", nargs="*", default=[])
    args = parser.parse_args()
    more = args.more or list(USUAL)
    cells_per_hour(1, [*more, "--testcase", "discard"])  # whatever has to be built is built now
    found: dict[int, list[float]] = {jobs: [] for jobs in SLOTS}
    for _ in range(args.rounds):
        for jobs in SLOTS:
            rate, time_s, accel = cells_per_hour(jobs, more)
            found[jobs].append(rate)
            print(f"{jobs} guests at a time: {rate:6.0f} cells per hour ({time_s:.1f} s, {accel})", flush=True)
    one = statistics.median(found[1])
    for jobs in SLOTS:
        rate = statistics.median(found[jobs])
        print(f"{jobs}: median {rate:.0f}, {rate / one:.2f} times one guest")
    print(f"on {resources.cpus()} CPUs of the host")


if __name__ == "__main__":
    main()
