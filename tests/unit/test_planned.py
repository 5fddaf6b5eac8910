"""What was not run is in every report, and is said to be not run."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.judge.planned import with_planned
from orchestrator.model.kernel import Role
from orchestrator.model.outcome import Outcome
from orchestrator.model.planned import PlannedKernel
from orchestrator.model.report import Finding, StageResult, SuiteReport

UNBUILT = Finding("a", Outcome.FAIL, Outcome.FAIL, "a.c:3: error", 0.0, pair=1, is_not_built=True)
PROGRAMS, BUILT = StageResult("programs", Outcome.PASS, 1.0), StageResult("build", Outcome.PASS, 90.0)
ASKED = SuiteReport(
    "base.baseline", "base", Role.BASELINE, (PROGRAMS,), (), "", attempts=(UNBUILT,), without_guest=("a",)
)


def stages_of(suite: SuiteReport) -> dict[str, Outcome]:
    (found,) = with_planned([suite], (), "")
    return {stage.stage: stage.outcome for stage in found.stages}


def test_a_base_that_answered_without_a_guest_was_not_built_and_did_not_boot() -> None:
    assert stages_of(ASKED) == {"programs": Outcome.PASS, "build": Outcome.SKIP, "boot": Outcome.SKIP}
    (found,) = with_planned([ASKED], (), "")
    assert all(stage.message.startswith("not run: ") for stage in found.stages[1:])


def test_a_kernel_that_nothing_came_of_is_one_of_the_same_kconfig() -> None:
    planned = PlannedKernel("n", "mine", Role.PATCHED, ("gup",), "gcc", "arm64", ("/home/me/mine.config",))
    (found,) = with_planned([], [planned], "")
    assert (found.facts.arch, found.facts.kconfig_files) == ("arm64", planned.kconfig_files)


@pytest.mark.parametrize(
    "other",
    [
        replace(ASKED, attempts=()),  # it may yet be built
        replace(ASKED, without_guest=()),  # an earlier version recorded it
        replace(ASKED, stages=(PROGRAMS, BUILT)),
        replace(ASKED, stages=(replace(PROGRAMS, outcome=Outcome.ERROR),)),
    ],
)
def test_others_are_shown_as_they_are(other: SuiteReport) -> None:
    (found,) = with_planned([other], (), "")
    assert found.stages == other.stages
