"""Jobs in this process: threads, and slots for what they take of the machine.

A slot is a guest at a time. What compiles takes all of them: make uses every CPU by itself, and guests beside it would
have their limits scaled by chance.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from orchestrator.errors import Interrupted
from orchestrator.host.process import Cancel
from orchestrator.model.job import TAKES_ALL_CPUS, Job

LOOK_EVERY_S = 0.2

NextJobs = Callable[[Set[Job], Set[Job]], Sequence[Job]]  # of those that were begun and those that have ended


def carry_out(next_jobs: NextJobs, perform: Callable[[Job], None], slots: int, cancel: Cancel) -> None:
    """Do jobs as `next_jobs` names them, in its order, as many at a time as there are slots, until it names none and
    all have ended. It is asked again whenever one has ended.

    The first that raises cancels the others; when all have come to rest, raises what it raised.
    """
    _carry_out(next_jobs, perform, slots, cancel, slots_of)


def spread(next_jobs: NextJobs, perform: Callable[[Job], None], slots: int, cancel: Cancel) -> None:
    """As carry_out, for jobs that are done on other machines: here each is a thread that waits, and takes one slot."""
    _carry_out(next_jobs, perform, slots, cancel, lambda job, slots: 1)


def _carry_out(
    next_jobs: NextJobs,
    perform: Callable[[Job], None],
    slots: int,
    cancel: Cancel,
    slots_of: Callable[[Job, int], int],
) -> None:
    issued: set[Job] = set()
    ended: set[Job] = set()
    pending: list[Job] = []
    running: dict[Future[None], Job] = {}
    errors: list[BaseException] = []
    with ThreadPoolExecutor(slots, thread_name_prefix="job") as pool:
        while True:
            if not errors:
                try:
                    cancel.check()
                    new = [job for job in next_jobs(issued, ended) if job not in issued]
                except BaseException as error:  # noqa: BLE001, raised below, when the others have come to rest
                    errors.append(error)
                    cancel.set()
                    new = []
                issued.update(new)
                pending.extend(new)
            if errors:
                pending.clear()
            free = slots - sum(slots_of(job, slots) for job in running.values())
            while pending and slots_of(pending[0], slots) <= free:
                job = pending.pop(0)
                free -= slots_of(job, slots)
                running[pool.submit(perform, job)] = job
            if not running:
                break
            # with a timeout: a wait without end in the main thread can keep a signal from being handled
            done: set[Future[None]] = set()
            while not done:
                done, _ = wait(running, timeout=LOOK_EVERY_S, return_when=FIRST_COMPLETED)
            for future in done:
                ended.add(running.pop(future))
                if failure := future.exception():
                    errors.append(failure)
                    cancel.set()
    if errors:
        raise next((error for error in errors if not isinstance(error, Interrupted)), errors[0])


def slots_of(job: Job, slots: int) -> int:
    """How many of the slots a job takes."""
    return slots if isinstance(job, TAKES_ALL_CPUS) else 1
