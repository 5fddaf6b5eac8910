"""What is done about a failure: whose fault is it, and how sure is the answer?"""

from __future__ import annotations

from orchestrator.arguments.command import Group, option, switch

BASELINE = option(
    "--baseline",
    choices=("auto", "always", "never"),
    metavar="WHEN",
    default="auto",
    help="test the unpatched kernel too: always, never, or (auto, the default) only if the patched kernel fails, to "
    "learn whether the failure is new",
)
EACH_PATCH = switch(
    "--each-patch",
    help="also build, boot and test the kernel with the first 1, 2, ... patches, name the first bad patch, and list "
    "the new messages of gcc W=1, sparse and checkpatch for each patch",
)
FREEZE = switch(
    "--freeze-on-failure", help="stop at the first kernel report, hang or panic, and leave that guest paused"
)
BUDGET = option(
    "--budget",
    type=float,
    metavar="S",
    help="how long to run failures again, with and without the series, in seconds (default: 900)",
)
ERROR = option(
    "--error",
    type=float,
    default=0.05,
    metavar="P",
    help="the accepted probability of a wrong answer about a failure (default: 0.05)",
)
FRESH_BASELINE = switch("--fresh-baseline", help="ignore the results of the base from earlier runs")
STRICT = switch("--strict", help="fail the run for any failure, even if the base has it too")
BISECT_EXIT = switch("--bisect-exit", help="exit status for `git bisect run`: 0 good, 1 bad, 125 cannot be tested")

FAILURES = Group("failures", (BASELINE, EACH_PATCH, BUDGET, ERROR, FRESH_BASELINE, STRICT, FREEZE, BISECT_EXIT))
