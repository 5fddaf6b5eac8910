"""How often the sequential rule is right, and how many pairs of runs it takes: by simulation, as in docs/statistics.md.

    .venv/bin/python benchmarks/sequential.py [--repeat N] [--alpha A] [--cases M] [--times T] [--seed S]

For each pair of failure rates (with the series / without) and each budget of pairs: the share of each answer in
percent, and how many pairs were run. The last two are what is said when the budget ends before anything is settled.

Then a host that drifts: both kernels fail in 5 % of the runs at first and in 60 % after 40 runs, so that no answer but
"no worse" is right, by several ways to order the same 40 runs.
"""

from __future__ import annotations

import argparse
import random
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from math import comb
from statistics import mean, median

from orchestrator.judge.sequential import Pair, Rule, decide
from orchestrator.model.report import Answer

RATES = (  # with the series, without
    (1, 0),
    (0.3, 0),
    (0.05, 0),
    (0.01, 0),
    (1, 1),
    (0.3, 0.3),
    (0.05, 0.05),
    (1, 0.3),
    (0.3, 0.1),
    (0.15, 0.05),
    (0.05, 0.01),
    (0.3, 0.2),
    (0, 0),
    (0, 1),
    (0, 0.3),
)
BUDGETS = (20, 50, 150, 400)
COLUMNS = (
    ("regression", (Answer.REGRESSION,), True),
    ("flaky and worse", (Answer.FLAKY_AND_WORSE,), True),
    ("pre-existing", (Answer.PRE_EXISTING,), True),
    ("flaky, no worse", (Answer.FLAKY_NO_WORSE,), True),
    ("fixed", (Answer.FIXED,), True),
    ("not shown to be worse", (Answer.PRE_EXISTING, Answer.FLAKY_NO_WORSE), False),
    ("inconclusive", (Answer.INCONCLUSIVE,), False),
)
WORSE = (Answer.REGRESSION, Answer.FLAKY_AND_WORSE)
DRIFT_RUNS = 40


def settled_after(pairs: Sequence[Pair], rule: Rule) -> int:
    """How many pairs settle it; one more than there are if they do not."""
    return bisect_left(range(len(pairs) + 1), True, key=lambda many: decide(pairs[:many], rule).is_settled)


def table(args: argparse.Namespace) -> None:
    heads = ["with / without", "budget", *(name for name, _, _ in COLUMNS), "median pairs", "mean"]
    print(f"| {' | '.join(heads)} |\n|{' --- |' * len(heads)}")
    for patched, base in RATES:
        rng = random.Random(f"{args.seed} {patched} {base}")
        only_base = base > 0 and not patched  # then that is where it was seen
        rule = Rule(args.alpha, args.cases, args.times, seen_with_series=not only_base, seen_on_base=only_base)
        answers: Counter[tuple[int, Answer, bool]] = Counter()
        spent: dict[int, list[int]] = {budget: [] for budget in BUDGETS}
        for _ in range(args.repeat):
            pairs = [Pair(rng.random() < patched, rng.random() < base) for _ in range(max(BUDGETS))]
            many = settled_after(pairs, rule)
            for budget in BUDGETS:
                spent[budget].append(min(many, budget))
                decision = decide(pairs[: spent[budget][-1]], rule)
                answers[budget, decision.answer, decision.is_settled] += 1
        for budget in BUDGETS:
            counts = [sum(answers.pop((budget, kind, settled), 0) for kind in kinds) for _, kinds, settled in COLUMNS]
            shares = (f"{100 * count / args.repeat:.1f}" if count else "" for count in counts)
            rates = f"{100 * patched:.0f} / {100 * base:.0f} %"
            cells = [rates, str(budget), *shares, f"{median(spent[budget]):.0f}", f"{mean(spent[budget]):.0f}"]
            print("|", " | ".join(f"{cell:>{len(head)}}" for cell, head in zip(cells, heads, strict=True)), "|")
        assert not answers, f"answers without a column: {answers}"


def fisher(patched_failed: int, base_failed: int, runs: int) -> float:
    """The one-sided p of "more frequent with the series", of a number of runs of each that was fixed before."""
    failed = patched_failed + base_failed
    tail = sum(comb(runs, k) * comb(runs, failed - k) for k in range(patched_failed, min(runs, failed) + 1))
    return tail / comb(2 * runs, failed)


def is_fisher_below(alpha: float) -> Callable[[Sequence[Pair]], bool]:
    return lambda pairs: (
        fisher(sum(pair.patched for pair in pairs), sum(pair.base for pair in pairs), len(pairs)) < alpha
    )


def drift(args: argparse.Namespace) -> None:
    half = DRIFT_RUNS // 2
    rng = random.Random(args.seed)
    rule = Rule(args.alpha, args.cases, args.times)

    def is_worse(pairs: Sequence[Pair]) -> bool:
        return decide(pairs, rule).answer in WORSE

    def looked_at_after_each(test: Callable[[Sequence[Pair]], bool]) -> Callable[[Sequence[Pair]], bool]:
        return lambda pairs: any(test(pairs[:many]) for many in range(1, len(pairs) + 1))

    def blocks(runs: Sequence[bool]) -> list[Pair]:
        return [Pair(patched, base) for base, patched in zip(runs[:half], runs[half:], strict=True)]

    def base_first(runs: Sequence[bool]) -> list[Pair]:
        return [Pair(patched, base) for base, patched in zip(runs[::2], runs[1::2], strict=True)]

    def random_order(runs: Sequence[bool]) -> list[Pair]:
        return [Pair(*rng.sample(two, 2)) for two in zip(runs[::2], runs[1::2], strict=True)]

    fixed = is_fisher_below(args.alpha)
    ways = (
        ("all without the series, then all with it; Fisher at the end", blocks, fixed),
        ("pairs, without the series first; this rule", base_first, is_worse),
        ("pairs in random order; Fisher at the end", random_order, fixed),
        ("pairs in random order; Fisher after each pair", random_order, looked_at_after_each(fixed)),
        ("pairs in random order; this rule", random_order, is_worse),
    )
    print(f"\n{DRIFT_RUNS} runs that fail in 5 % at first and in 60 % at last, no difference: called worse")
    wrong: Counter[str] = Counter()
    for _ in range(args.repeat):
        runs = [rng.random() < 0.05 + 0.55 * run / (DRIFT_RUNS - 1) for run in range(DRIFT_RUNS)]
        for name, order, test in ways:
            wrong[name] += test(order(runs))
    for name, _, _ in ways:
        print(f"  {name:62}{100 * wrong[name] / args.repeat:5.1f} %")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=2000)
    parser.add_argument("--alpha", type=float, default=Rule.alpha)
    parser.add_argument("--cases", type=int, default=Rule.cases)
    parser.add_argument("--times", type=int, default=Rule.times)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    table(args)
    drift(args)


if __name__ == "__main__":
    main()
