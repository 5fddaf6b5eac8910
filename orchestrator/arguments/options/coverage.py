"""Which of the changed lines were executed, and what the series costs."""

from __future__ import annotations

from orchestrator.arguments.command import Group, option, switch
from orchestrator.arguments.options.reports import COVERAGE_FILES

COVERAGE_MIN = option(
    "--coverage-min",
    type=float,
    metavar="PERCENT",
    help="fail if a kernel executed a smaller share of the changed statements that it contains",
)
NO_COVERAGE = switch(
    "--no-coverage",
    help="do not count which changed statements are executed (default: count where TCG runs the guests)",
)

NO_COST = switch(
    "--no-cost",
    help="do not compare the builds with and without the series (struct layouts, slabs, function sizes, stack frames, "
    "exported symbols)",
)

COVERAGE = Group("coverage", (COVERAGE_MIN, NO_COVERAGE, *COVERAGE_FILES))
PERF = switch(
    "--perf",
    help="instead of testing, measure what page faults, mappings, forks and execs cost in kernel instructions, with "
    "and without the series",
)
MARGIN = option(
    "--margin",
    type=float,
    default=1.0,
    metavar="PERCENT",
    help="with --perf: the smallest difference that matters (default: 1)",
)
COST = Group("cost", (NO_COST, PERF, MARGIN))
