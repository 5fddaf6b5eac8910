"""Does the series compile as well as its base, in kernels that are not booted? Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.model.job import CompileChanged, Job
from orchestrator.model.kernel import Role, Variant
from orchestrator.model.request import Plan
from orchestrator.model.subject import Subject
from orchestrator.questions.question import Known


@dataclass(frozen=True)
class Builds:
    """Asks what compilers newly say of the series in each kernel of a plan; nobody boots them."""

    plan: Plan

    def next(self, known: Known) -> Sequence[Job]:
        """All of them, whatever the others say."""
        return [CompileChanged(compiled(self.plan, variant)) for variant in self.plan.variants]


def compiled(plan: Plan, variant: Variant) -> Subject:
    """A kernel that is compiled as far as the series goes."""
    return Subject(plan.kernel(variant), Role.COMPILED, f"{variant.name}.{Role.COMPILED.value}")
