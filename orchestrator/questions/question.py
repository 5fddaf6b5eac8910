"""A question is a policy that names jobs until it has its answer. It does not know who does them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass
from typing import Protocol

from orchestrator.model.job import Job, Session
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

    def has_made_nothing(self, subject: Subject, sessions: Iterable[Job]) -> bool:
        """Whether one of these sessions of a subject has ended without any of its attempts: no guest can be made of
        the kernel, and the next session would end in the same way."""
        report = self.report(subject)
        made = {(found.case, found.seed, found.pair) for found in report.attempts} if report else set()
        return any(
            made.isdisjoint((planned.case, planned.seed, planned.pair) for planned in job.attempts)
            for job in sessions
            if isinstance(job, Session) and job.attempts and self.is_over(job)
        )


class Question(Protocol):
    """One policy."""

    def next(self, known: Known) -> Sequence[Job]:
        """The jobs that can begin now, the most urgent first; jobs that were issued before may be among them. No jobs,
        and none under way: the question has its answer."""
        ...
