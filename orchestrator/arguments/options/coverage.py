"""Which of the changed lines were executed."""

from __future__ import annotations

from orchestrator.arguments.command import Group, option, switch
from orchestrator.arguments.options.reports import COVERAGE_FILES

COVERAGE_MIN = option(
    "--coverage-min",
    type=float,
    metavar="PERCENT",
    help="fail if a kernel executed fewer of the changed statements that are compiled",
)
NO_COVERAGE = switch(
    "--no-coverage",
    help="do not count which changed statements are executed (default: count where TCG runs the guests)",
)

COVERAGE = Group("coverage", (COVERAGE_MIN, NO_COVERAGE, *COVERAGE_FILES))
