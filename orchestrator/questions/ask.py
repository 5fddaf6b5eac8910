"""A question is asked: its jobs are carried out here until it has no more."""

from __future__ import annotations

from collections.abc import Callable, Set
from functools import partial

from orchestrator.execution.local import carry_out
from orchestrator.jobs.perform import perform
from orchestrator.jobs.products import Products
from orchestrator.judge.run import compared
from orchestrator.model.job import Job
from orchestrator.model.report import SuiteReport
from orchestrator.model.subject import Subject
from orchestrator.questions.question import Known, Question
from orchestrator.record import KERNEL


def ask(question: Question, products: Products) -> None:
    """Raises Interrupted, and whatever ended a job that is nobody's situation."""

    def next_jobs(issued: Set[Job], ended: Set[Job]) -> list[Job]:
        return list(question.next(Known(issued, ended, report_of(products, issued))))

    context = products.context
    carry_out(next_jobs, partial(perform, products=products), products.plan.slots, context.runner.cancel)


def report_of(products: Products, issued: Set[Job] = frozenset()) -> Callable[[Subject], SuiteReport | None]:
    """Subjects as they stand, compared with the other kernels that jobs were issued for."""

    def report(subject: Subject) -> SuiteReport | None:
        subjects = list(dict.fromkeys([subject, *(job.subject for job in issued)]))
        known = [one for one in subjects if (products.run_dir / one.name / KERNEL).is_file()]
        reports = compared([products.journal(one).report() for one in known], products.plan.request.error)
        return next((found for found in reports if found.name == subject.name), None)

    return report
