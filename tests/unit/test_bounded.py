"""Files of others: what is no file, or larger than any such file is, is refused; nothing is waited for."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

import pytest

from orchestrator.declarations.known_issues import read_known_issues
from orchestrator.declarations.patches import read_series
from orchestrator.errors import PatchUnreadable, UsageError
from orchestrator.host import bounded
from orchestrator.judge import logs
from orchestrator.judge.logs import classify_log


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    return path


def test_a_file_is_read_up_to_a_limit(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    assert bounded.read_bytes(tmp_path / "file", 5) == b"12345"
    with pytest.raises(OSError, match="larger than 4 bytes"):
        bounded.read_bytes(tmp_path / "file", 4)


def test_what_is_no_file_is_named(tmp_path: Path, pipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        for path, words in (
            (pipe, "a pipe, not a file"),
            (Path("/dev/zero"), "a device, not a file"),
            (Path("socket"), "a socket, not a file"),
            (tmp_path, "Is a directory"),
            (Path("nothing"), "No such file"),
            (Path("a\0b"), "null (byte|character)"),
            (Path("a" * 5000), "too long"),
        ):
            with pytest.raises(OSError, match=words):
                bounded.read_bytes(path, 10)


@pytest.mark.parametrize("path", ["pipe", "/dev/zero"])
def test_a_patch_or_declaration_is_a_file(pipe: Path, path: str) -> None:
    with pytest.raises(PatchUnreadable, match="not a file") as refused:
        read_series(pipe.parent / path)
    assert "save it to a file" in refused.value.hint
    with pytest.raises(UsageError, match="not a file"):
        read_known_issues(pipe.parent / path)


def test_a_log_may_come_through_a_pipe_that_somebody_writes(pipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = b"[    1.000000] BUG: KASAN: double-free in f+0x1/0x2\n" * 2
    writer = threading.Thread(target=pipe.write_bytes, args=(said,))
    writer.start()
    found = classify_log(pipe)
    writer.join()
    assert [report.kind for report in found.reports] == ["kasan"]
    monkeypatch.setattr(logs, "WRITER_MS", 10)
    assert classify_log(pipe).error == "nobody writes into this pipe"
    assert classify_log(Path("/dev/zero")).error == "neither a file nor a pipe"


def test_a_log_behind_gzip_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import gzip

    (tmp_path / "log.gz").write_bytes(gzip.compress(bytes(3 << 20)))
    monkeypatch.setattr(logs, "MOST_UNPACKED", 1 << 20)
    assert "unpacked larger than" in classify_log(tmp_path / "log.gz").error
