"""How often the rule for change points (orchestrator/history/changes.py) is wrong, and how soon it sees a change: by
simulation.

    .venv/bin/python benchmarks/changes.py [--repeat N] [--seed S]

First the share of series without a change of which one is told: of normal noise, of noise with wild values, of a
counter that is nearly always 0, and of noise that remembers (each value has 0.3 of the deviation of the one before: the
rule assumes that values are independent, so this is where it errs). Then the share of changes that are told, by the
number of values, how many of them lie behind the change, and its size in standard deviations of the noise.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable

from orchestrator.history.changes import changes

LENGTHS = (20, 30, 60, 100)
BEHIND = (5, 6, 8, 10, 15)
SIZES = (1, 2, 3)


def normal(chance: random.Random, count: int) -> list[float]:
    return [chance.gauss(1000, 20) for _ in range(count)]


def wild(chance: random.Random, count: int) -> list[float]:
    return [one * (2 if chance.random() < 0.05 else 1) for one in normal(chance, count)]


def rare(chance: random.Random, count: int) -> list[float]:
    return [float(chance.random() < 0.02) for _ in range(count)]


def remembering(chance: random.Random, count: int) -> list[float]:
    made, last = [], 0.0
    for _ in range(count):
        last = 0.3 * last + chance.gauss(0, 20)
        made.append(1000 + last)
    return made


KINDS: tuple[tuple[str, Callable[[random.Random, int], list[float]]], ...] = (
    ("normal", normal),
    ("wild values", wild),
    ("nearly always 0", rare),
    ("remembering", remembering),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=2000, metavar="N")
    parser.add_argument("--seed", type=int, default=1, metavar="S")
    args = parser.parse_args()
    chance = random.Random(args.seed)
    print("told though nothing changed, %      " + "".join(f"{count:>8}" for count in LENGTHS))
    for name, made in KINDS:
        shares = [sum(bool(changes(made(chance, count))) for _ in range(args.repeat)) for count in LENGTHS]
        print(f"  {name:<34}" + "".join(f"{100 * share / args.repeat:>8.2f}" for share in shares))
    for size in SIZES:
        print(f"told, %: a change of {size} standard deviations, values in all")
        for behind in BEHIND:
            shares = []
            for count in LENGTHS:
                told = 0
                for _ in range(args.repeat // 10):
                    values = normal(chance, count)
                    told += bool(changes(values[:-behind] + [one + 20 * size for one in values[-behind:]]))
                shares.append(told * 10 / args.repeat)
            print(f"  {behind:>2} of them behind it" + " " * 16 + "".join(f"{100 * share:>8.0f}" for share in shares))


if __name__ == "__main__":
    main()
