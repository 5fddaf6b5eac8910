"""A source archive -> one commit, streamed through git fast-import: no file of it touches the disk on the way."""

from __future__ import annotations

import os
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from orchestrator.errors import BaseUnavailable, OrchestrateError
from orchestrator.host.os_errors import refusal
from orchestrator.host.process import Cancel, Command, end, start
from orchestrator.source.git import WHO, quoted

Say = Callable[[str], None]
COMMIT = "refs/heads/base"


def import_tar(path: Path, fast_import: Command, label: str, cancel: Cancel) -> None:
    """Feed the archive to git fast-import as COMMIT. Raises BaseUnavailable, HostRefused, Interrupted."""
    unpack = Command(("xz", "--decompress", "--stdout", "--threads=0", str(path)))
    with (
        _child(start(unpack, stdout=subprocess.PIPE)) as xz,
        _child(start(fast_import, stdin=subprocess.PIPE, stderr=subprocess.PIPE)) as git,
    ):
        assert xz.stdout
        assert git.stdin
        assert git.stderr
        why, count = "", 0
        try:
            count = _feed(xz.stdout, git.stdin, label, cancel)
        except (BrokenPipeError, tarfile.TarError, EOFError) as error:
            why = f": {error}"
        with suppress(BrokenPipeError):
            git.stdin.close()  # else it would wait for more, and we for its last words
        words = git.stderr.read().decode(errors="replace")
        if why or git.wait() != 0 or xz.wait() != 0 or count == 0:
            raise _failed(path, why, words, fast_import)


@contextmanager
def _child(child: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """End a child and close its pipes, whatever happens."""
    try:
        yield child
    finally:
        end(child)
        for stream in (child.stdin, child.stdout, child.stderr):
            with suppress(BrokenPipeError):
                if stream:
                    stream.close()


def _failed(path: Path, why: str, words: str, fast_import: Command) -> OrchestrateError:
    """The error of git fast-import: the host refused something, or the archive is bad."""
    if refused := refusal(words, os.fspath(fast_import.cwd or "git")):
        refused.detail = words
        return refused
    hint = f"is the package damaged? dpkg --verify {path.name.removesuffix('.tar.xz')}"
    return BaseUnavailable(f"{path}: cannot be imported{why}", detail=words, hint=hint)


def _feed(source: IO[bytes], sink: IO[bytes], label: str, cancel: Cancel) -> int:
    message = label.encode()
    sink.write(f"commit {COMMIT}\ncommitter {WHO}\ndata {len(message)}\n".encode() + message + b"\n")
    count = 0
    with tarfile.open(fileobj=source, mode="r|") as tar:
        for member in tar:
            cancel.check()
            name = member.name.removeprefix("./").partition("/")[2]
            if not name or member.isdir():
                continue
            if member.issym():
                mode, data = "120000", member.linkname.encode()
            elif member.isfile():
                handle = tar.extractfile(member)
                data = handle.read() if handle else b""
                mode = "100755" if member.mode & 0o100 else "100644"
            else:
                continue
            sink.write(
                b"M %b inline %b\ndata %d\n"
                % (mode.encode(), quoted(name.encode("utf-8", "surrogateescape")), len(data))
            )
            sink.write(data)
            sink.write(b"\n")
            count += 1
    sink.write(b"done\n")
    sink.flush()
    return count
