"""What every stage is given besides its input: directories, a runner of programs, a listener for events."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from orchestrator.declarations.catalog import Catalog
from orchestrator.errors import UsageError
from orchestrator.events import Level, Listener, Note
from orchestrator.host.process import Runner
from orchestrator.host.real_path import real_path
from orchestrator.storage.store import Store

# What splits or expands where make, Kbuild and the shell handle a path. They take the real path: no symbolic link helps
NOT_FOR_MAKE = re.compile(r"[\s:#$%=*?\[\]'\"\\;|&<>(){}!`~,^]")
ELSEWHERE = Path("/var/tmp")


@dataclass(frozen=True)
class Places:
    """Directories of this user. Nothing of ours is ever written elsewhere, except the run directory."""

    cache: Path
    state: Path

    @classmethod
    def of_user(cls, cache: str | None = None) -> Places:
        """The XDG base directories, or another cache. As XDG demands, a relative path is ignored. Raises UsageError."""
        state = _xdg("XDG_STATE_HOME", ".local/state") / "orchestrate"
        return cls(Path(cache) if cache else _xdg("XDG_CACHE_HOME", ".cache") / "orchestrate", state)

    @property
    def store(self) -> Store:
        """A store for readers; use `Context.store` where dropped products should be announced."""
        return Store(self.cache / "store")

    @property
    def bases(self) -> Path:
        """Where kernels are built: in the cache, or below /var/tmp if make cannot work in the cache's path."""
        real = real_path(self.cache)
        if not NOT_FOR_MAKE.search(str(real)):
            return real / "bases"
        digest = hashlib.sha256(os.fsencode(real)).hexdigest()[:8]
        return ELSEWHERE / f"orchestrate-{os.geteuid()}-{digest}"

    @property
    def ccache(self) -> Path:
        return self.cache / "ccache"

    @property
    def learned(self) -> Path:
        """Which functions cases execute (jobs/learned.py)."""
        return self.cache / "learned"

    @property
    def base_results(self) -> Path:
        """How cases fail without a series (jobs/base_results.py)."""
        return self.cache / "base-results"

    @property
    def logs(self) -> Path:
        """Of commands that have no run directory."""
        return self.state / "logs"

    @property
    def runs(self) -> Path:
        return self.state / "runs"

    @property
    def nights(self) -> Path:
        """Where nights are, unless their plan names another place."""
        return self.state / "nights"

    @property
    def history(self) -> Path:
        """The history of runs, unless another is named."""
        return self.state / "history.db"


def _xdg(variable: str, default: str) -> Path:
    named = Path(os.environ.get(variable, ""))
    if named.is_absolute():
        return named
    try:
        return Path.home() / default
    except RuntimeError as error:  # no HOME, and no such user
        raise UsageError("HOME is not set", hint="set it, or XDG_CACHE_HOME and XDG_STATE_HOME") from error


@dataclass(frozen=True)
class Context:
    """The effects that stages may have."""

    places: Places
    catalog: Catalog
    runner: Runner
    emit: Listener
    used: Callable[[Path], None] = lambda product: None  # is told which products of the store are used

    @property
    def store(self) -> Store:
        return Store(self.places.store.root, self.warn, self.used)

    def say(self, text: str) -> None:
        self.emit(Note(Level.INFO, text))

    def warn(self, text: str, detail: str = "") -> None:
        self.emit(Note(Level.WARNING, text, detail))
