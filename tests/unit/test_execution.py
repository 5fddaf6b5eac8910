"""Jobs carried out in threads: how many at once, in which order, and what an error does to the others."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence, Set

import pytest

from orchestrator.errors import Interrupted, UsageError
from orchestrator.execution.local import carry_out, slots_of
from orchestrator.host.process import Cancel
from orchestrator.model.job import Build, HostTest, Job, Session
from orchestrator.model.kernel import Kconfig, Kernel, Source
from orchestrator.model.subject import patched

SUBJECT = patched(Kernel(Source(), Kconfig("base", ())))
BUILD = Build(SUBJECT)


def session(number: int) -> Session:
    return Session(SUBJECT, (), number)


def at_once(*jobs: Job) -> Callable[[Set[Job], Set[Job]], Sequence[Job]]:
    """A question that names the same jobs whenever it is asked."""
    return lambda issued, ended: jobs


class Watch:
    """Does jobs slowly, and sees which are under way together."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.now: list[Job] = []
        self.together: list[tuple[Job, ...]] = []
        self.begun: list[Job] = []

    def perform(self, job: Job) -> None:
        with self._lock:
            self.now.append(job)
            self.begun.append(job)
            self.together.append(tuple(self.now))
        time.sleep(0.02)
        with self._lock:
            self.now.remove(job)


def test_all_are_done_once_and_never_more_at_once_than_there_are_slots() -> None:
    watch, jobs = Watch(), [session(number) for number in range(12)]
    carry_out(at_once(*jobs), watch.perform, 3, Cancel())
    assert sorted(watch.begun, key=jobs.index) == jobs
    assert max(map(len, watch.together)) == 3


def test_one_at_a_time_keeps_the_order() -> None:
    watch, jobs = Watch(), [session(number) for number in (3, 1, 2)]
    carry_out(at_once(*jobs), watch.perform, 1, Cancel())
    assert watch.begun == jobs


def test_a_build_has_the_machine_for_itself() -> None:
    watch = Watch()
    carry_out(at_once(session(1), BUILD, session(2), HostTest(SUBJECT, "t"), session(3)), watch.perform, 2, Cancel())
    assert (BUILD,) in watch.together
    assert all(len(jobs) == 1 for jobs in watch.together if BUILD in jobs)
    assert slots_of(BUILD, 7) == 7
    assert max(map(len, watch.together)) == 2


def test_it_is_asked_again_whenever_a_job_has_ended_and_ends_when_nothing_is_named() -> None:
    seen: list[tuple[set[Job], set[Job]]] = []

    def next_jobs(issued: Set[Job], ended: Set[Job]) -> list[Job]:
        seen.append((set(issued), set(ended)))
        if not issued:
            return [BUILD]
        return [session(1)] if BUILD in ended else []

    watch = Watch()
    carry_out(next_jobs, watch.perform, 1, Cancel())
    assert watch.begun == [BUILD, session(1)]
    assert seen == [(set(), set()), ({BUILD}, {BUILD}), ({BUILD, session(1)}, {BUILD, session(1)})]


def test_an_error_stops_the_others_and_is_what_is_raised() -> None:
    cancel, begun = Cancel(), []

    def perform(job: Job) -> None:
        begun.append(job)
        if job == session(1):
            raise UsageError("no")
        while True:
            cancel.sleep(0.01)

    with pytest.raises(UsageError, match="no"):
        carry_out(at_once(*(session(number) for number in range(5))), perform, 2, cancel)
    assert set(begun) == {session(0), session(1)}, "none takes the failed one's place"


def test_a_question_that_fails_lets_what_is_under_way_come_to_rest() -> None:
    cancel, rested = Cancel(), []

    def next_jobs(issued: Set[Job], ended: Set[Job]) -> list[Job]:
        if ended:
            raise ValueError("a mistake of ours")
        return [session(1), session(2)]

    def perform(job: Job) -> None:
        if job == session(2):
            try:
                while True:
                    cancel.sleep(0.01)
            finally:
                rested.append(job)

    with pytest.raises(ValueError, match="a mistake"):
        carry_out(next_jobs, perform, 2, cancel)
    assert rested == [session(2)]


def test_an_interruption_is_raised_when_nothing_else_went_wrong() -> None:
    cancel = Cancel()
    with pytest.raises(Interrupted):
        carry_out(at_once(session(1), session(2)), lambda job: cancel.set(), 1, cancel)
    cancelled, watch = Cancel(), Watch()
    cancelled.set()
    with pytest.raises(Interrupted):
        carry_out(at_once(session(1)), watch.perform, 1, cancelled)
    assert not watch.begun
