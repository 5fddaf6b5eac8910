"""Asks a question: an executor does its jobs until it names no more."""

from __future__ import annotations

from collections.abc import Callable, Set

from orchestrator.execution.local import NextJobs
from orchestrator.jobs.products import Products
from orchestrator.judge.run import COMPARED, with_comparisons
from orchestrator.model.job import Job
from orchestrator.model.kernel import Role
from orchestrator.model.report import SuiteReport
from orchestrator.model.subject import Subject
from orchestrator.questions.question import Known, Question
from orchestrator.runs.record import KERNEL


def ask(question: Question, products: Products, carry_out: Callable[[NextJobs], None]) -> None:
    """Raises Interrupted, and whatever ended a job that is no error of ours."""

    def next_jobs(issued: Set[Job], ended: Set[Job]) -> list[Job]:
        return list(question.next(Known(issued, ended, report_of(products, issued))))

    carry_out(next_jobs)


def report_of(products: Products, issued: Set[Job] = frozenset()) -> Callable[[Subject], SuiteReport | None]:
    """The reports of subjects, compared with the other kernels that jobs were issued for. Each is judged once, when it
    is first needed, however often it is used: a mutation run has a hundred."""
    judged: dict[str, SuiteReport] = {}

    def recorded(subject: Subject) -> SuiteReport | None:
        if subject.name not in judged and (products.run_dir / subject.name / KERNEL).is_file():
            judged[subject.name] = products.journal(subject).report()
        return judged.get(subject.name)

    def report(subject: Subject) -> SuiteReport | None:
        found = recorded(subject)
        if found is None or found.role not in COMPARED:
            return found
        bases = (recorded(other) for other in {job.subject for job in issued} if other.role is Role.BASELINE)
        compared_with_all = with_comparisons([found, *filter(None, bases)], products.plan.request.error)
        return next(one for one in compared_with_all if one.name == subject.name)

    return report
