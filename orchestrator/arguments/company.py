"""Which options require another one, and which exclude each other: one table for all commands.

Refused is what somebody asks for and would not get. A limit, or a --no-X, is kept also where there is nothing that it
could keep from happening. What depends on settings, or on what a patch is, is checked where that is known.
"""

from __future__ import annotations

import argparse
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from orchestrator.errors import UsageError

GUESTS = (
    "--testcase", "--duration", "--seed", "--jobs", "--host-test", "--machine", "--accel", "--smp", "--memory",
    "--boot-timeout", "--freeze-on-failure", "--with-mutants", "--perf", "--coverage-min", "--lcov", "--cobertura",
    "--baseline", "--error", "--strict",
)  # fmt: skip
FILTERS = ("--test", "--kernel", "--series", "--tree", "--metric", "--title", "--since", "--last", "--format")


@dataclass(frozen=True)
class Rule:
    """Each of `options` is refused without `needs`, and beside each of `without`; `why` completes the sentence. They
    are named as `words_of` names them."""

    options: tuple[str, ...]
    why: str
    needs: str = ""
    without: tuple[str, ...] = ()


RULES = (
    Rule(("--margin",), "it is the difference of costs that matters", needs="--perf"),
    Rule(
        ("--testcase", "--host-test", "--each-patch", "--freeze-on-failure", "--with-mutants"),
        "costs are measured, and nothing is tested",
        without=("--perf",),
    ),
    Rule(("--coverage-min", "--lcov", "--cobertura"), "nothing is counted while costs are measured",
         without=("--perf",)),
    Rule(("--baseline",), "both kernels are measured, always", without=("--perf",)),
    Rule(("--jobs",), "what is measured has the host for itself", without=("--perf",)),
    Rule(GUESTS, "kernels are compiled with the patch and without it, and none is booted", without=("--build-only",)),
    Rule(("--coverage-min", "--lcov", "--cobertura"), "they show what it leaves out", without=("--no-coverage",)),
    Rule(("--error",), "failures are not run again", without=("--baseline never", "--freeze-on-failure")),
    Rule(
        ("--each-patch", "--with-mutants"),
        "git asks for one kernel, that of the commit, and this is about others",
        without=("--bisect-exit",),
    ),
    Rule(("--dry-run",), "git would take each commit for good", without=("--bisect-exit",)),
    Rule(("--freeze-on-failure",), "each bad commit would leave a guest behind", without=("--bisect-exit",)),
    Rule(("--generate",), "mutants are either written anew or read from a directory", without=("--mutants",)),
    Rule(("--verbose",), "one asks for more, the other for less", without=("--quiet",)),
    Rule(FILTERS, "only a question has an answer to restrict", without=("import", "prune")),
    Rule(("--location",), "a run has its location since it was imported", without=("query", "prune")),
    Rule(("--keep-days", "--yes"), "only prune removes something", without=("import", "query")),
    Rule(("--host", "--port", "--token-file"), "files are written, and nothing is served", without=("--export",)),
    *(
        Rule(options, f"nothing is sent there without --{kind}", needs=f"--{kind}")
        for kind, options in (
            ("kcidb", ("--kcidb-server",)),
            ("patchwork", ("--patchwork-server", "--patchwork-project")),
            ("squad", ("--squad-server", "--squad-project")),
        )
    ),
)  # fmt: skip


def words_of(action: argparse.Action, value: Any) -> tuple[str, ...]:
    """How rules name what was given: `--baseline`, and also `--baseline never` where there is a choice; of an argument
    the choice alone."""
    option = action.option_strings[-1] if action.option_strings else ""
    choices = (f"{option} {value}".strip(),) if action.choices and isinstance(value, str) else ()
    return (*filter(None, (option,)), *choices)


def check_company(given: Collection[str]) -> None:
    """Raises UsageError for the first of what was given that says nothing in this company."""
    for rule in RULES:
        for option in rule.options:
            if option not in given:
                continue
            if rule.needs and rule.needs not in given:
                raise UsageError(f"{option} says nothing without {rule.needs}: {rule.why}", hint="leave it out")
            if beside := next((other for other in rule.without if other in given), ""):
                raise UsageError(f"{option} says nothing beside {beside}: {rule.why}", hint="leave one of them out")
