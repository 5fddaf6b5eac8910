"""A series as commits, one for each patch, against one tree of all its patches in an index of the whole kernel.

    .venv/bin/python benchmarks/commits.py [SERIES]

Takes the imported linux-source-6.12 and patches/vm_refcnt; both ways in turn, five times. CPU time counts, which other
programs on the machine change little.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

from orchestrator.context import Places
from orchestrator.declarations.patches import read_series
from orchestrator.host.process import Cancel, Runner
from orchestrator.model.kernel import Base
from orchestrator.model.series import Series
from orchestrator.source.bases import DEFAULT_BASE, Workplace, packaged_base
from orchestrator.source.commits import commit_series, trees_of
from orchestrator.source.git import Git

ROUNDS = 5


def cpu_s() -> float:
    """Of this process and of the children that have ended."""
    now = os.times()
    return now.user + now.system + now.children_user + now.children_system


def took_s(work: Callable[[], str]) -> tuple[float, str]:
    before = cpu_s()
    tree = work()
    return cpu_s() - before, tree


def one_tree(base: Base, series: Series, runner: Runner) -> str:
    git = Git(base.home / "git", runner)
    with tempfile.TemporaryDirectory(dir=base.home) as scratch:
        index = Path(scratch) / "index"
        git.check("read-tree", base.commit, index=index)
        diffs = b"".join(patch.diff for patch in series.patches)
        git.check("apply", "--cached", "--whitespace=nowarn", "-", index=index, stdin=diffs)
        return git.check("write-tree", index=index).text.strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("series", nargs="?", type=Path, default=Path("patches/vm_refcnt"))
    series = read_series(parser.parse_args().series)
    runner = Runner(Cancel())
    base, _ = packaged_base(DEFAULT_BASE, Workplace(Places.of_user().bases, runner, print))
    ways = {
        "one tree": lambda: one_tree(base, series, runner),
        "commits": lambda: trees_of(base, commit_series(base, series, runner), runner)[-1],
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        results = {name: took_s(way) for name, way in ways.items()}
        assert len({tree for _, tree in results.values()}) == 1, "the same tree both ways"
        for name, (spent_s, _) in results.items():
            times[name].append(spent_s)
    medians = {name: statistics.median(spent) for name, spent in times.items()}
    for name, median in medians.items():
        print(f"{name:<10} {median:5.2f} s of CPU time")
    print(f"{len(series.patches)} commits cost {medians['commits'] / medians['one tree']:.1f} times one tree")


if __name__ == "__main__":
    main()
