"""The test cases, and how they are run."""

from __future__ import annotations

from pathlib import Path

from orchestrator.arguments.command import Group, option, repeatable
from orchestrator.model.userspace import USERSPACE_TESTS

TESTCASE = repeatable(
    "--testcase",
    metavar="PATTERN",
    completes="testcases",
    help="run only the cases with this name, directory or tag, or that match a pattern such as 'fork-*'; '!PATTERN' "
    "excludes cases (repeatable)",
)
HOST_TEST = repeatable(
    "--host-test",
    metavar="NAME",
    choices=tuple(test.word for test in USERSPACE_TESTS if test.touches),
    help="run this test of the kernel tree on the host (radix-tree: maple tree, XArray, IDR), even if the patch "
    "touches nothing that it tests (repeatable)",
)
DURATION = option(
    "--duration", type=float, metavar="S", help="how long each case runs, in seconds (default: as the case declares)"
)
SEED = option("--seed", type=int, default=1, metavar="N", help="the seed of the cases' random choices (default: 1)")
KNOWN_ISSUES = option(
    "--known-issues",
    type=Path,
    metavar="FILE",
    completes="file",
    help="kernel reports that do not count as failures (default: known-issues.yaml beside the series or in the tree)",
)
JOBS = option(
    "--jobs",
    type=int,
    metavar="N",
    help="how many guests run at a time (default: as many as the host has CPUs and memory for)",
)

CASES = Group("test cases", (TESTCASE, DURATION, SEED, JOBS, KNOWN_ISSUES))
