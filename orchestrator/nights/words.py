"""Items as command lines: what a person would type to run one alone. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from pathlib import PurePath

from orchestrator.declarations.kconfigs import kconfig_name
from orchestrator.model.kernel import USUAL_TOOLCHAIN, variant_name
from orchestrator.model.night import BISECT, Entry, Suite

KERNEL = ("--tree", "--kconfig", "--toolchain", "--arch")
GUEST = ("--machine", "--accel", "--smp", "--memory")


@dataclass(frozen=True)
class Combination:
    """A suite on a kernel and a machine."""

    suite: Suite
    kconfig: str
    toolchain: str
    machine: str

    def item(self, target: str) -> str:
        """The name of the item, the same every night: the history hangs on it."""
        kconfig = "+".join(kconfig_name(PurePath(part)) if "/" in part else part for part in self.kconfig.split("+"))
        return f"{target} {self.suite.name} {variant_name(kconfig, self.toolchain)} {self.machine}"


def combinations(entry: Entry) -> Iterator[Combination]:
    """Every suite with every kconfig, toolchain and machine of an entry. A suite's own kconfigs take the place of the
    entry's."""
    for suite in entry.suites:
        for kconfig in dict.fromkeys(suite.kconfigs or entry.kconfigs):
            for toolchain in entry.toolchains:
                for machine in entry.machines:
                    yield Combination(suite, kconfig, toolchain, machine)


def command_words(target: Sequence[str], one: Combination, seed: int) -> tuple[str, ...]:
    """`seed` is tonight's, for a suite that has none of its own."""
    suite = one.suite
    has_guests = "--build-only" not in suite.options
    words = [suite.command, *target, "--kconfig", one.kconfig, *(("--machine", one.machine) if has_guests else ())]
    if one.toolchain != USUAL_TOOLCHAIN:
        words += ["--toolchain", one.toolchain]
    for testcase in suite.testcases:
        words.append(f"--testcase={testcase}")  # `!NAME` and `-NAME` are values, not options
    if suite.duration_s is not None:
        words += ["--duration", f"{suite.duration_s:g}"]
    words += ["--seed", str(seed if suite.seed is None else suite.seed)] if has_guests else []
    if suite.each_patch:
        words.append("--each-patch")
    for test in suite.host_tests:
        words += ["--host-test", test]
    if suite.budget_s is not None:
        words += ["--budget", f"{suite.budget_s:g}"]
    return (*words, *suite.options)


def value_of(words: Sequence[str], option: str) -> str:
    """Of an option, as we write it or a plan does (`--arch=arm64`); empty where it is not given."""
    apart = (value for word, value in pairwise(words) if word == option)
    joined = (word.partition("=")[2] for word in words if word.startswith(f"{option}="))
    return next(chain(apart, joined), "")


def bisect_words(words: Sequence[str], good: str, case: str) -> tuple[str, ...]:
    """The bisection of what an item on a tree's branch found, on the same kernel and guest."""
    made = [BISECT, good, value_of(words, "--base"), "--testcase", case]
    for option in (*KERNEL, *GUEST, "--duration", "--seed"):
        if value := value_of(words, option):
            made += [option, value]
    return tuple(made)
