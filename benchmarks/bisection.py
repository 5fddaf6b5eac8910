"""How often noisy bisection is right, and what it costs: by simulation, as in docs/statistics.md.

    .venv/bin/python benchmarks/bisection.py [--repeat N] [--commits N] [--confidence C] [--calibrate N] [--seed S]

The reproducer fails on a bad commit at the rate given and never on a good one. The rate is not known to the bisection,
which is preceded by --calibrate runs of the bad end. A build costs as much as --build runs.
"""

from __future__ import annotations

import argparse
import random
from statistics import mean

from orchestrator.judge.bisection import RunNext, Tally, next_step

RATES = (1, 0.8, 0.5, 0.3, 0.1)


def bisect(args: argparse.Namespace, rate: float, rng: random.Random) -> tuple[bool, int, int]:
    """Whether the answer was right, how many runs it took, and how many commits were built."""
    first_bad = rng.randrange(args.commits)
    tried, index = [Tally()] * args.commits, args.commits - 1
    for _ in range(args.calibrate):
        tried[index] = after_a_run(tried[index], rng.random() < rate)
    while isinstance(step := next_step(tried, None, args.confidence, args.build), RunNext):
        failed = step.index >= first_bad and rng.random() < rate
        tried[step.index] = after_a_run(tried[step.index], failed)
    return step.index == first_bad, sum(commit.runs for commit in tried), sum(commit.runs > 0 for commit in tried)


def after_a_run(commit: Tally, failed: bool) -> Tally:
    return Tally(commit.fails + failed, commit.passes + (not failed))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=400)
    parser.add_argument("--commits", type=int, default=64)
    parser.add_argument("--confidence", type=float, default=0.95)
    parser.add_argument("--calibrate", type=int, default=12)
    parser.add_argument("--build", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    print("| failure rate | right | mean runs | mean builds |\n| --- | --- | --- | --- |")
    for rate in RATES:
        rng = random.Random(f"{args.seed} {rate}")
        results = [bisect(args, rate, rng) for _ in range(args.repeat)]
        right, runs, builds = (mean(column) for column in zip(*results, strict=True))
        print(f"| {100 * rate:.0f} % | {100 * right:.1f} % | {runs:.0f} | {builds:.1f} |", flush=True)


if __name__ == "__main__":
    main()
