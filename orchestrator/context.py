"""What every stage is given besides its input: where things are, how to run programs, whom to tell."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from orchestrator.catalog import Catalog
from orchestrator.events import Level, Listener, Note
from orchestrator.process import Runner
from orchestrator.store import Store


@dataclass(frozen=True)
class Places:
    """Directories of this user. Nothing of ours is ever written elsewhere, except the run directory."""

    cache: Path
    state: Path

    @classmethod
    def of_user(cls) -> Places:
        """The XDG base directories."""
        home = Path.home()
        cache = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
        state = Path(os.environ.get("XDG_STATE_HOME") or home / ".local/state")
        return cls(cache / "orchestrate", state / "orchestrate")

    @property
    def store(self) -> Store:
        """For whoever only reads; `Context.store` says what it drops."""
        return Store(self.cache / "store")

    @property
    def bases(self) -> Path:
        return self.cache / "bases"

    @property
    def ccache(self) -> Path:
        return self.cache / "ccache"

    @property
    def logs(self) -> Path:
        """Of commands that have no run directory."""
        return self.state / "logs"

    @property
    def runs(self) -> Path:
        return self.state / "runs"


@dataclass(frozen=True)
class Context:
    """The effects that stages may have."""

    places: Places
    catalog: Catalog
    runner: Runner
    emit: Listener

    @property
    def store(self) -> Store:
        return Store(self.places.store.root, self.warn)

    def say(self, text: str) -> None:
        self.emit(Note(Level.INFO, text))

    def warn(self, text: str) -> None:
        self.emit(Note(Level.WARNING, text))
