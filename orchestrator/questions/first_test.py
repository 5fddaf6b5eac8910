"""The first test of a kernel: tests on the host, its programs, its build, then all cases. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from orchestrator.model.attempt import Planned
from orchestrator.model.case import Case
from orchestrator.model.job import Build, HostTest, Job, MakePrograms, Session
from orchestrator.model.outcome import Outcome
from orchestrator.model.report import BUILD, CaseResult, SuiteReport
from orchestrator.model.request import Plan
from orchestrator.model.subject import Subject
from orchestrator.model.userspace import USERSPACE_TESTS, UserspaceTest
from orchestrator.questions.question import Known

REPEATS = 2  # of an attempt that said nothing: the host was at fault, or it did not exercise what it is there for


def first_test(plan: Plan, subject: Subject, known: Known) -> list[Job]:
    """The next jobs of a subject by itself. What takes seconds (tests on the host, programs) comes before minutes of
    building, tests on the host that take minutes beside the first guests."""
    build = Build(subject)
    quick, others = (
        [HostTest(subject, test.stage) for test in host_tests(plan) if bool(test.touches) is is_long]
        for is_long in (False, True)
    )
    jobs: list[Job] = [*quick, MakePrograms(subject), build, *others]
    report = known.report(subject)
    if not known.is_over(build) or report is None or not is_built(report):
        return jobs
    sessions = [job for job in known.of(subject) if isinstance(job, Session) and not compares(job)]
    remaining = [case for case in plan.cases if not is_finished(report, [case.name])]
    if remaining and not sessions:
        return [*jobs, *_sessions(plan, subject, remaining)]
    if not all(map(known.is_over, sessions)) or plan.request.freeze or known.has_made_nothing(subject, sessions):
        return jobs
    again = [case for case in report.cases if _said_nothing(case, report)]
    planned = tuple(Planned(case.case, plan.request.seed + _tries(case, report)) for case in again)
    return [*jobs, Session(subject, planned, number=len(sessions) + 1)] if planned else jobs


def host_tests(plan: Plan) -> tuple[UserspaceTest, ...]:
    """The tests on the host: those that the patch is a reason for, and those that are asked for."""
    changed = {file for patch in plan.series.patches for file in patch.files} if plan.series else set()
    return tuple(test for test in USERSPACE_TESTS if test.is_about(changed) or test.word in plan.request.host_tests)


def is_built(report: SuiteReport) -> bool:
    return any(stage.stage == BUILD and not stage.outcome.is_bad for stage in report.stages)


def is_finished(report: SuiteReport, cases: Iterable[str]) -> bool:
    """Whether a run that is resumed need not run these cases: each has said something."""
    finished = {case.case for case in report.cases if case.outcome is not Outcome.ERROR}
    return finished.issuperset(cases)


def is_done(subject: Subject, known: Known) -> bool:
    """Whether the first test of a subject is complete and nothing of it is under way."""
    return Build(subject) in known.issued and known.is_at_rest(subject)


def compares(session: Session) -> bool:
    """Whether its attempts are halves of pairs."""
    return any(planned.pair for planned in session.attempts)


def _sessions(plan: Plan, subject: Subject, cases: Sequence[Case]) -> list[Session]:
    """The cases spread over as many guests as there are slots: the longest first, each to the guest with the least
    work. Cases that have not run keep the order in which they were named."""
    count = 1 if plan.request.freeze else min(plan.slots, len(cases))
    loads = [0.0] * count
    chosen: dict[str, int] = {}
    for case in sorted(cases, key=lambda case: case.duration_s, reverse=True):
        at = loads.index(min(loads))
        loads[at] += plan.request.duration_s or case.duration_s
        chosen[case.name] = at
    return [
        Session(
            subject, tuple(Planned(case.name, plan.request.seed) for case in cases if chosen[case.name] == at), at + 1
        )
        for at in range(count)
    ]


def _said_nothing(case: CaseResult, report: SuiteReport) -> bool:
    is_silent = case.is_host_fault or case.outcome is Outcome.NOT_EXERCISED
    return is_silent and _tries(case, report) <= REPEATS


def _tries(case: CaseResult, report: SuiteReport) -> int:
    return sum(found.case == case.case and not found.pair for found in report.attempts)
