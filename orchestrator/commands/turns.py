"""How the thread that watches a tree and the thread that tests it communicate."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from orchestrator.errors import OrchestrateError
from orchestrator.host.process import Cancel

State = tuple[str, str]
"""What is tested: the digest of the series, and the revision that it is on."""


class Turns:
    """A save that changes what is tested, and the user who wants to end, stop the run that is going on."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cancel: Cancel | None = None
        self._due = threading.Event()
        self._tested: State | None = None
        self.watches = threading.Event()  # nothing that is saved is missed any more
        self.over = threading.Event()
        self.trouble: OrchestrateError | None = None  # why the tree cannot be watched any longer

    def set(self) -> None:
        """The user wants to end, or nobody watches any more."""
        self.over.set()
        self.watches.set()
        self._stop_run()

    def changed(self, state: State | None) -> None:
        """The tree holds this now; None: something that cannot be tested, and whoever tests will say why."""
        with self._lock:
            is_new = state is None or state != self._tested
        if is_new:
            self._stop_run()

    def _stop_run(self) -> None:
        with self._lock:
            self._due.set()
            if self._cancel:
                self._cancel.set()

    def begin(self) -> None:
        """What the tree holds is read from now on: what is saved later is due."""
        self._due.clear()

    def is_tested(self, state: State) -> bool:
        with self._lock:
            return state == self._tested

    def forget(self) -> None:
        """Nothing of what the tree holds has been tested to the end."""
        with self._lock:
            self._tested = None

    @contextmanager
    def running(self, state: State, cancel: Cancel) -> Iterator[None]:
        """A run of this state is going on until it ends or is stopped; at once if something was saved since `begin`."""
        with self._lock:
            self._tested, self._cancel = state, cancel
            if self._due.is_set():
                cancel.set()
        try:
            yield
        finally:
            with self._lock:
                self._cancel = None

    @property
    def is_superseded(self) -> bool:
        """Whether something was saved since `begin`, and the user does not want to end."""
        return self._due.is_set() and not self.over.is_set()

    def wait(self) -> None:
        """Until something is due, or the end."""
        self._due.wait()
