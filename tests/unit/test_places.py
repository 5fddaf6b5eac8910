"""Where things are kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.context import Places
from orchestrator.errors import UsageError


def test_the_xdg_directories_where_they_are_absolute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/u")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    assert Places.of_user() == Places(Path("/home/u/.cache/orchestrate"), Path("/state/orchestrate"))


def test_a_user_without_a_home_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_such_user() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", no_such_user)
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    with pytest.raises(UsageError, match="HOME is not set"):
        Places.of_user()
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    assert Places.of_user().cache == Path("/cache/orchestrate")
