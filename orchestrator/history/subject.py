"""What a run is about, under a name that stays the same from night to night. Pure.

The history compares a run with the one before it of the same topic on the same tree: a failure of one series is no news
about another, and one of next week's tip is news about this week's.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from orchestrator.model.report import SuiteReport

# v3-fix, v3_20260105_dev_fix (as b4 names files), fix-v3, fix.v3
_FRONT = re.compile(r"v(\d{1,4})(?:[-_. ]+\d{8})?[-_. ]+(?=\S)", re.IGNORECASE)
_BACK = re.compile(r"[-_. ]+v(\d{1,4})$", re.IGNORECASE)


def topic(series: str) -> tuple[str, int]:
    """The name of a series without its version, and the version; 0: the name has none."""
    for form in (_FRONT.match, _BACK.search):
        if found := form(series):
            return series[: found.start()] + series[found.end() :], int(found[1])
    return series, 0


def tree(suites: Sequence[SuiteReport]) -> str:
    """The tree that a run's kernels come from, without the revision: the URL where it is known, else the name of a
    package or a directory; and the branch where it is known. Empty where no kernel came so far."""
    return next((name for suite in suites if (name := tree_of(suite))), "")


def tree_of(suite: SuiteReport) -> str:
    """The same for one kernel; empty where it did not come so far."""
    facts = suite.facts
    return " ".join(part for part in (facts.base_url or base_name(facts.base), facts.base_branch) if part)


def base_name(base: str) -> str:
    """`linux-source-6.12` of `linux-source-6.12 6.12.117-1~deb12u1`, `/linux` of `/linux v6.12`."""
    return base.partition(" ")[0]
