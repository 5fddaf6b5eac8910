"""Several things at once, as many as asked for: suites of a run, mutants of a mutation run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

from orchestrator.errors import Interrupted
from orchestrator.process import Cancel

LOOK_EVERY_S = 0.2


def side_by_side(works: Iterable[Callable[[], object]], jobs: int, cancel: Cancel, name: str) -> None:
    """Do them all, `jobs` at a time, begun in their order. The first that raises cancels the others; when all have come
    to rest, raises what it raised. `name` is that of the threads."""
    with ThreadPoolExecutor(jobs, thread_name_prefix=name) as pool:
        waiting = {pool.submit(work) for work in works}
        errors: list[BaseException] = []
        while waiting:
            # with a timeout: a wait without end in the main thread can keep a signal from being handled
            done, waiting = wait(waiting, timeout=LOOK_EVERY_S, return_when=FIRST_COMPLETED)
            for error in filter(None, (future.exception() for future in done)):
                errors.append(error)
                cancel.set()
                for future in waiting:
                    future.cancel()
            waiting = {future for future in waiting if not future.cancelled()}
    if errors:
        raise next((error for error in errors if not isinstance(error, Interrupted)), errors[0])
