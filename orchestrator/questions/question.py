"""A question is a policy that names jobs until it has its answer. It does not know who does them."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from typing import Protocol

from orchestrator.model.job import Job
from orchestrator.model.report import SuiteReport
from orchestrator.model.subject import Subject


@dataclass(frozen=True)
class Known:
    """What has been done and found out so far. `report` judges a subject as it stands; None without a record."""

    issued: Set[Job]
    ended: Set[Job]
    report: Callable[[Subject], SuiteReport | None]

    def is_over(self, job: Job) -> bool:
        return job in self.ended

    def of(self, subject: Subject) -> list[Job]:
        """The jobs that were issued for a subject."""
        return [job for job in self.issued if job.subject == subject]

    def is_at_rest(self, subject: Subject) -> bool:
        """Whether all jobs that were issued for a subject have ended."""
        return all(job in self.ended for job in self.of(subject))


class Question(Protocol):
    """One policy."""

    def next(self, known: Known) -> Sequence[Job]:
        """The jobs that can begin now, the most urgent first; jobs that were issued before may be among them. No jobs,
        and none under way: the question has its answer."""
        ...
