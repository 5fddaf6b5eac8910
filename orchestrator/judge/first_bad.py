"""Which patch of a series broke it: judged kernels behind each patch -> the first bad one. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.judge.verdict import is_patch_failure
from orchestrator.model.kernel import Role
from orchestrator.model.report import SuiteReport


def first_bad_patch(suites: Sequence[SuiteReport]) -> str:
    """The first patch behind which something is wrong, as "4/9 SUBJECT (base.patch-4: CASE)"; empty where nothing is or
    no kernel of single patches was tested.

    Behind an earlier patch all was well, as far as one test of each case can tell.
    """
    behind = [suite for suite in suites if suite.role is Role.PER_PATCH]
    if not behind:
        return ""
    whole = [suite for suite in suites if suite.role is Role.PATCHED]
    for suite in sorted([*behind, *whole], key=lambda suite: suite.facts.patches or len(behind) + 1):
        if bad := _first_bad(suite):
            return f"{suite.facts.patch or suite.name} ({suite.name}: {bad})"
    return ""


def _first_bad(suite: SuiteReport) -> str:
    stage = next((stage.stage for stage in suite.stages if is_patch_failure(stage)), "")
    return stage or next((case.case for case in suite.cases if is_patch_failure(case)), "")
