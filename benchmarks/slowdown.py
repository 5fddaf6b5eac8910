"""Does `--perf` find a seeded slowdown, with its size, and call nothing slower that is not?

    .venv/bin/python benchmarks/slowdown.py [--runs N] [--seed S] [--pairs N] [--patch NAME ...] [--keep DIR]

Runs `orchestrate test --perf` on each patch of patches/slower, --runs times with other seeds, and prints a table: by
how much each metric was to grow, which is what the patch adds to an operation by what the base takes for it, and what
was said of it. The answer is right if
- what becomes slower by more than the margin is called slower, and the interval holds the seeded size, or one that is
  off by what the compiler, and the faults of processes that begin and end, add to each operation (SLACK);
- what becomes slower by less is not called faster, and the interval holds the size in the same way;
- what does not change is called neither slower nor faster.
"No difference" of what does not change is right, "inconclusive" is not wrong: they are counted apart. The exit status
is 1 if an answer was wrong. A run is ended after --pairs pairs. What was measured in --keep is read and not repeated.
"""

from __future__ import annotations

import argparse
import math
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from orchestrator.evidence.cost.measured import words
from orchestrator.judge.performance import pairs
from orchestrator.judge.run import RUN, judge_run
from orchestrator.model.kernel import Role
from orchestrator.model.performance import Judged, Word

ROOT = Path(__file__).resolve().parents[1]
LOOK_EVERY_S = 5.0
PAGES = 64  # of a mapping, as testcases/perf/main.c has it
ANONYMOUS = ("fault-anon", "fault-anon-threads", "fault-anon-processes")
MAPPING = ("mmap-munmap", "mmap-munmap-threads", "mmap-munmap-processes")
TOUCHING = (*ANONYMOUS, "fault-file")
UNCOUNTED = ("fork-exit", "exec")  # they fault, map and unmap, nobody has counted how often

SLACK = 10.0  # instructions for each operation. Seen: 2 more for a fault of one thread, 7 for one of two processes

# Instructions that a patch adds to an operation. What is neither here nor uncounted does not change.
ADDED: Mapping[str, Mapping[str, float]] = {
    "nothing": {},
    "fault-2-percent": dict.fromkeys(ANONYMOUS, 147.0),
    "fault-10-percent": dict.fromkeys(ANONYMOUS, 735.0),
    "munmap-10-percent": {**dict.fromkeys(MAPPING, 885.0), **dict.fromkeys(TOUCHING, 885.0 / PAGES)},
}


@dataclass(frozen=True)
class Answer:
    """`size`: the seeded one, as a logarithm, give or take `slack`; None: unknown, and not below 0."""

    patch: str
    seed: int
    size: float | None
    slack: float
    judged: Judged

    @property
    def is_right(self) -> bool:
        word, interval = self.judged.word, self.judged.interval
        if interval is None:
            return False
        if self.size is None:
            return word is not Word.FASTER
        if self.size == 0:
            return word not in (Word.SLOWER, Word.FASTER)
        holds = interval.low - self.slack <= self.size <= interval.high + self.slack
        return holds and (
            word is Word.SLOWER if self.size > math.log1p(self.judged.margin) else word is not Word.FASTER
        )

    @property
    def expected(self) -> str:
        return "?" if self.size is None else f"{100 * math.expm1(self.size):+.2f} %"


def measure(patch: str, seed: int, most: int, run_dir: Path) -> None:
    """Ends the run when it has `most` pairs; it would go on until all intervals are narrow, or for its budget."""
    command = (
        sys.executable, "-m", "orchestrator", "test", "--perf", "--patch", ROOT / f"patches/slower/{patch}.patch",
        "--seed", str(seed), "--budget", "86400", "--no-cost", "--jobs", "1", "--output", run_dir,
    )  # fmt: skip
    with run_dir.with_suffix(".log").open("w") as log:
        run = subprocess.Popen(command, stdout=log, stderr=log)
        while run.poll() is None:
            if measured(run_dir) >= most:
                run.send_signal(signal.SIGTERM)
                run.wait()
            time.sleep(LOOK_EVERY_S)


def measured(run_dir: Path) -> int:
    """How many pairs a run has that count: neither those of guests that were lost, nor those of another program."""
    if not (run_dir / RUN).is_file():
        return 0
    suites = {suite.role: suite for suite in judge_run(run_dir, interrupted=False).suites}
    if not suites.keys() >= {Role.PATCHED, Role.BASELINE}:
        return 0
    return min(map(len, pairs(suites[Role.PATCHED], suites[Role.BASELINE]).values()), default=0)


def answers(patch: str, seed: int, run_dir: Path) -> Iterator[Answer]:
    suites = {suite.role: suite for suite in judge_run(run_dir, interrupted=False).suites}
    base = {
        name: median(without for without, _ in values)
        for name, values in pairs(suites[Role.PATCHED], suites[Role.BASELINE]).items()
    }
    for one in suites[Role.PATCHED].performance:
        added = ADDED[patch].get(one.name, 0.0)
        size = None if one.name in UNCOUNTED and ADDED[patch] else math.log1p(added / base[one.name])
        yield Answer(patch, seed, size, SLACK / base[one.name], one)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pairs", type=int, default=9)
    parser.add_argument("--patch", action="append", choices=sorted(ADDED))
    parser.add_argument("--keep", type=Path)
    args = parser.parse_args()
    home = args.keep or Path(tempfile.mkdtemp(prefix="slowdown-"))
    home.mkdir(parents=True, exist_ok=True)
    wrong, count = 0, Counter[str]()
    print("| patch | seed | expected | said |  |\n| --- | ---: | ---: | --- | --- |")
    for seed in range(args.seed, args.seed + 1000 * args.runs, 1000):
        for patch in args.patch or ADDED:
            run_dir = home / f"{patch}-{seed}"
            if measured(run_dir) < args.pairs:
                measure(patch, seed, args.pairs, run_dir)
            made = list(answers(patch, seed, run_dir))
            wrong += not made
            for one in made:
                said = "right" if one.is_right else "WRONG"
                wrong += not one.is_right
                count[one.judged.word.value] += 1
                print(f"| {patch} | {seed} | {one.expected} | {words(one.judged)} | {said} |")
            print(f"load of the host: {os.getloadavg()[1]:.1f}", file=sys.stderr, flush=True)
    print(", ".join(f"{word}: {n}" for word, n in count.items()), f"\n{wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
