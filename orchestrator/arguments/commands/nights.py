"""Commands for nightly runs."""

from __future__ import annotations

from pathlib import Path

from orchestrator.arguments.command import Command, Group, option, plus
from orchestrator.arguments.commands.tests import DRY_RUN
from orchestrator.arguments.exit_status import CONTINUES
from orchestrator.arguments.options import cluster
from orchestrator.arguments.options.messages import MESSAGES

NIGHTLY = Command(
    "nightly",
    "test what is new in trees and series, within a budget",
    "Looks for what is new in the trees and series of a plan, tests it with the plan's suites, kconfigs and machines "
    "within its budget, bisects what a tree's branch newly breaks, and says what is new. The history says what was "
    "tested already. The same command continues an interrupted night.",
    (
        ("orchestrate nightly night.yaml --dry-run", "what would be tested, how long that takes, and why"),
        ("orchestrate nightly night.yaml", "every night, from a timer"),
        ("orchestrate nightly night.yaml --executor dask://build-farm:8786", "on the workers of a cluster"),
    ),
    (option("plan", type=Path, metavar="PLAN.yaml", completes="file", help="the plan; docs/nightly.md describes it"),),
    (
        Group(
            "history",
            (
                option(
                    "--history",
                    metavar="FILE|URL",
                    completes="file",
                    help="the history (default: the plan's, else the setting history, else history.db in the state "
                    "directory)",
                ),
            ),
        ),
        cluster.WHERE,
        plus(MESSAGES, (DRY_RUN,)),
    ),
    (
        (0, "nothing is newly broken"),
        (1, "something is newly broken"),
        (2, "the plan is wrong; nothing ran"),
        (3, "something could not be judged and nothing is newly broken; or the cluster is gone"),
        CONTINUES,
    ),
)

COMMANDS = (NIGHTLY,)
