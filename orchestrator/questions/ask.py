"""A question is asked: its jobs are carried out here until it has no more."""

from __future__ import annotations

from collections.abc import Set
from functools import partial
from pathlib import Path

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
    run_dir = products.run_dir

    def next_jobs(issued: Set[Job], ended: Set[Job]) -> list[Job]:
        return list(question.next(Known(issued, ended, partial(_report, products, run_dir, issued))))

    context = products.context
    carry_out(next_jobs, partial(perform, products=products), products.plan.slots, context.runner.cancel)


def _report(products: Products, run_dir: Path, issued: Set[Job], subject: Subject) -> SuiteReport | None:
    """A subject as it stands, compared with the other kernels of the run."""
    subjects = list(dict.fromkeys([subject, *(job.subject for job in issued)]))
    known = [one for one in subjects if (run_dir / one.name / KERNEL).is_file()]
    reports = [products.journal(one).report() for one in known]
    return next((found for found in compared(reports, products.plan.request.error) if found.name == subject.name), None)
