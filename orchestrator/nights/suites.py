"""The suites of a plan: those that every plan has, and its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from orchestrator.declarations.catalog import PACKAGE
from orchestrator.declarations.files import read_toml
from orchestrator.model.kernel import USUAL_TOOLCHAIN
from orchestrator.model.night import Suite
from orchestrator.nights.forms import PlanForm, SuiteForm
from orchestrator.nights.names import Names
from orchestrator.nights.words import Combination, command_words

SUITES = PACKAGE / "data/suites.toml"
# What the night itself gives to the command of an item
OURS = frozenset({
    "--patch", "--tree", "--base", "--kconfig", "--toolchain", "--machine", "--testcase", "--duration", "--seed",
    "--each-patch", "--host-test", "--budget", "--output", "--dry-run", "--version", "--executor", "--identity",
})  # fmt: skip
# What a run of an item has in its directory, and an exit status that nobody asks for: here they would do nothing
UNHEARD = frozenset({
    "--junit", "--json", "--markdown", "--annotations", "--sarif", "--lcov", "--cobertura", "--kcidb", "--squad",
    "--reply", "--bisect-exit",
})  # fmt: skip
Check = Callable[[Sequence[str]], None]


@dataclass(frozen=True)
class Suites:
    """`check` raises UsageError for a command line of `test` or `mutants` that cannot be."""

    plan: PlanForm
    names: Names
    check: Check

    def suites(self) -> dict[str, Suite]:
        """Those that every plan has, and the plan's own."""
        usual = read_toml(dict[str, SuiteForm], SUITES)
        made = {name: self._suite(name, one, is_ours=True) for name, one in usual.items()}
        return made | {name: self._suite(name, one) for name, one in self.plan.suites.items()}

    def _suite(self, name: str, one: SuiteForm, *, is_ours: bool = False) -> Suite:
        at, right_before = ("suites", name), len(self.names.checker.found)
        if not is_ours:
            self.names.name(name, *at)
        kconfigs = self.names.kconfigs([(at, one.kconfigs) if one.kconfigs else ((), self.plan.kconfigs)])
        with self.names.checker.at(*at, "testcases"):
            self.names.catalog.chosen_cases(one.testcases, kconfigs)
        for key in ("each_patch", "host_tests"):
            if one.run == "mutants" and getattr(one, key):
                self.names.checker.wrong((*at, key), "is for `run: test`")
        for number, test in enumerate(one.host_tests):
            with self.names.checker.at(*at, "host_tests", number):
                self.check(("test", "--host-test", test))
        seed = None
        if one.seed != "night":
            with self.names.checker.at(*at, "seed"):
                seed = seed_of(one.seed)
        for number, option in enumerate(one.options):
            flag = option.partition("=")[0]
            if _is_one(flag, OURS):
                self.names.checker.wrong((*at, "options", number), f"{option}: the night itself gives it")
            elif _is_one(flag, UNHEARD):
                self.names.checker.wrong(
                    (*at, "options", number), f"{option}: says nothing in a night, whose runs have all their files"
                )
        with self.names.checker.at(*at, "options"):
            self.check((one.run, *one.options))
        suite = Suite(
            name=name,
            command=one.run,
            testcases=one.testcases,
            kconfigs=tuple(map(self.names.spec, one.kconfigs)),
            duration_s=self.names.checker.seconds(one.duration, *at, "duration"),
            seed=seed,
            each_patch=one.each_patch,
            host_tests=tuple(dict.fromkeys(one.host_tests)),
            budget_s=self.names.checker.seconds(one.budget, *at, "budget"),
            every_s=self.names.checker.seconds(one.every, *at, "every") or 0.0,
            again_s=self.names.checker.seconds(one.again, *at, "again"),
            options=one.options,
        )
        if len(self.names.checker.found) == right_before:  # each by itself is right: are they so together?
            with self.names.checker.at(*at):
                self.check(command_words((), Combination(suite, "base", USUAL_TOOLCHAIN, "any"), seed=1))
        return suite


def seed_of(text: str) -> int:
    """A seed as a plan has it. Raises ValueError, with what was expected."""
    if not re.fullmatch(r"[0-9]{1,20}", text):
        raise ValueError(f"expected a number, or night for another one each night; got {text[:40]!r}")
    return int(text)


def _is_one(option: str, of: frozenset[str]) -> bool:
    """Whether it is one of some options, or what one of them may be short for."""
    return option in of or (len(option) > 2 and any(one.startswith(option) for one in of))
