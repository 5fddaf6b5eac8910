"""Items as command lines: what a person would type to run one alone. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from orchestrator.model.night import BISECT, Entry, Suite


def item_name(target: str, suite: str, kconfig: str, machine: str) -> str:
    """The same every night: the history hangs on it."""
    return f"{target} {suite} {kconfig} {machine}"


def combinations(entry: Entry) -> Iterator[tuple[Suite, str, str]]:
    """Every suite with every kconfig and machine of an entry. A suite's own kconfigs take the place of the entry's."""
    for suite in entry.suites:
        for kconfig in dict.fromkeys(suite.kconfigs or entry.kconfigs):
            for machine in entry.machines:
                yield suite, kconfig, machine


def command_words(target: Sequence[str], suite: Suite, kconfig: str, machine: str, seed: int) -> tuple[str, ...]:
    """`seed` is tonight's, for a suite that has none of its own."""
    words = [suite.command, *target, "--kconfig", kconfig, "--machine", machine]
    for testcase in suite.testcases:
        words.append(f"--testcase={testcase}")  # `!NAME` and `-NAME` are values, not options
    if suite.duration_s is not None:
        words += ["--duration", f"{suite.duration_s:g}"]
    words += ["--seed", str(seed if suite.seed is None else suite.seed)]
    if suite.each_patch:
        words.append("--each-patch")
    if suite.budget_s is not None:
        words += ["--budget", f"{suite.budget_s:g}"]
    return (*words, *suite.options)


def value_of(words: Sequence[str], option: str) -> str:
    """Of an option of our making; empty where it is not given."""
    return next((value for word, value in pairwise(words) if word == option), "")


def bisect_words(words: Sequence[str], good: str, case: str) -> tuple[str, ...]:
    """The bisection of what an item on a tree's branch found."""
    made = [BISECT, good, value_of(words, "--base"), "--testcase", case]
    for option in ("--tree", "--kconfig", "--machine", "--duration", "--seed"):
        if value := value_of(words, option):
            made += [option, value]
    return tuple(made)
