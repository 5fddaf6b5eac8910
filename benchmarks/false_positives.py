"""How often does a run of kernels that are believed to be good report something?

    .venv/bin/python benchmarks/false_positives.py [--runs N] [--kconfig NAME ...] [-- ARGUMENTS OF orchestrate test]

Runs `orchestrate test --patch vm_refcnt --baseline always` with the seeds 1 to N, and prints for each kernel how many
cases ran, were skipped, did not exercise what they are there for, and were bad, and each false positive with its run
directory.
A bad case is a false positive, even if it fails on both kernels. The exit status is 1 if there was one.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

BAD = ("FAIL", "TIMEOUT", "CRASH", "ERROR")


def run(seed: int, kconfigs: list[str], more: list[str], run_dir: Path) -> dict:
    """The report of one run."""
    chosen = [word for name in kconfigs for word in ("--kconfig", name)]
    command = [
        sys.executable, "-m", "orchestrator", "test", "--patch", "vm_refcnt", "--baseline", "always",
        "--seed", str(seed), "--output", run_dir, *chosen, *more,
    ]  # fmt: skip
    subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return json.loads((run_dir / "report.json").read_text())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--kconfig", action="append", default=[])
    parser.add_argument("more", nargs="*")
    args = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="false-positives-"))
    counts: dict[str, Counter[str]] = {}
    found: list[str] = []
    for seed in range(1, args.runs + 1):
        run_dir = home / str(seed)
        report = run(seed, args.kconfig or ["base"], args.more, run_dir)
        print(f"seed {seed}: {report['verdict']} ({report['time_s']:.0f} s): {report['reason']}", flush=True)
        for suite in report["suites"]:
            results = [(stage["stage"], stage) for stage in suite["stages"]]
            results += [(case["case"], case) for case in suite["cases"]]
            count = counts.setdefault(suite["name"], Counter())
            count.update(case["outcome"] for case in suite["cases"])
            found += [
                f"{suite['name']}: {name} {result['outcome']}: {result['message']} ({run_dir})"
                for name, result in results
                if result["outcome"] in BAD
            ]
    print(f"{'kernel':28} {'cases':>6} {'passed':>7} {'skipped':>8} {'not exercised':>14} {'bad':>7}")
    for name, count in counts.items():
        bad = sum(count[outcome] for outcome in BAD)
        told = f"{count['PASS']:7} {count['SKIP']:8} {count['NOT_EXERCISED']:14}"
        print(f"{name:28} {count.total():6} {told} {bad:7}")
    print("\n".join(found) or "no false positive")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
