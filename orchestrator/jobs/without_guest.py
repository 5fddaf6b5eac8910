"""What cases say before there is a guest: those that a kernel cannot run, and those without a program. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator.model.attempt import Ending
from orchestrator.model.case import Case, Programs
from orchestrator.model.kernel import KernelConfig
from orchestrator.model.machine import Machine
from orchestrator.plan import unmet_need

Answers = dict[str, tuple[Ending, str]]  # by case: how its attempts end, and why


def without_guest(cases: Iterable[Case], config: KernelConfig, programs: Programs, machine: Machine) -> Answers:
    """The cases of which no attempt needs a guest. What a kernel lacks comes before what its programs lack: a case that
    it cannot run may be one that it does not build either."""
    found: Answers = {}
    lacking, unbuilt = dict(programs.lacking), dict(programs.unbuilt)
    for case in cases:
        unmet = unmet_need(case, config.symbols, machine.memory_mib, machine.arch) or lacking.get(case.name, "")
        if unmet:
            found[case.name] = (Ending.UNMET, unmet)
        elif case.name in unbuilt:
            found[case.name] = (Ending.NOT_BUILT, unbuilt[case.name])
    return found
