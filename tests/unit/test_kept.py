"""What another version wrote, or nobody, is unreadable and not a traceback of some other kind."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from orchestrator.storage import kept


@dataclass(frozen=True)
class Value:
    name: str
    sizes: tuple[int, ...]
    note: str = ""


VALUE = Value("a", (1, 2))


def test_what_was_kept_comes_back(tmp_path: Path) -> None:
    (tmp_path / "value.json").write_bytes(kept.dumps(VALUE, 3))
    assert kept.load(Value, tmp_path / "value.json", 3) == VALUE


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\0\0\0\0",
        b"\xff\xfe",
        b"{",
        b"null",
        b"[]",
        b"7",
        b"[" * 100_000,
        b'{"name": "a", "sizes": [1]}',
        b'{"schema": true, "name": "a", "sizes": [1]}',
        b'{"schema": 2, "name": "a", "sizes": [1]}',
        b'{"schema": 1, "name": "a"}',
        b'{"schema": 1, "name": null, "sizes": [1]}',
        b'{"schema": 1, "name": "a", "sizes": ["1"]}',
        kept.dumps(VALUE, 1)[:-5],
    ],
)
def test_what_cannot_be_read_is_said_with_its_path(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "value.json"
    path.write_bytes(text)
    with pytest.raises(ValueError, match=f"^{path}: "):
        kept.load(Value, path, 1)


def test_a_key_that_a_newer_version_added_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "value.json").write_bytes(b'{"schema": 1, "name": "a", "sizes": [1, 2], "later": 1}')
    assert kept.load(Value, tmp_path / "value.json", 1) == VALUE


def test_what_is_not_there_cannot_be_read_either(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="No such file"):
        kept.load(Value, tmp_path / "none", 1)
    with pytest.raises(ValueError, match="Is a directory"):
        kept.load(Value, tmp_path, 1)


def test_only_dataclasses_are_kept() -> None:
    with pytest.raises(TypeError):
        kept.dumps([1], 1)
