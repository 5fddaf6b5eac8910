"""A source archive -> one commit, streamed through git fast-import: no file of it touches the disk on the way."""

from __future__ import annotations

import subprocess
import tarfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

from orchestrator.errors import BaseUnavailable
from orchestrator.process import Cancel, Command, end, start
from orchestrator.source.git import WHO, quoted

Say = Callable[[str], None]
COMMIT = "refs/heads/base"


def import_tar(path: Path, fast_import: Command, label: str, cancel: Cancel) -> None:
    """Feed the archive to git fast-import as COMMIT. Raises BaseUnavailable, Interrupted."""
    xz = start(Command(("xz", "--decompress", "--stdout", "--threads=0", str(path))), stdout=subprocess.PIPE)
    git = start(fast_import, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    assert xz.stdout
    assert git.stdin
    assert git.stderr
    try:
        try:
            count = _feed(xz.stdout, git.stdin, label, cancel)
        except (BrokenPipeError, tarfile.TarError, EOFError) as error:
            raise BaseUnavailable(f"{path}: cannot be imported: {error}", detail=_last(git.stderr)) from error
        git.stdin.close()
        words = git.stderr.read().decode(errors="replace")
        if git.wait() != 0 or xz.wait() != 0 or count == 0:
            raise BaseUnavailable(
                f"{path}: cannot be imported", detail=words, hint="is the package damaged? debsums it"
            )
    finally:
        end(xz)
        end(git)
        for stream in (xz.stdout, git.stdin, git.stderr):
            with suppress(BrokenPipeError):  # of what was left to write
                stream.close()


def _last(stream: IO[bytes]) -> str:
    return stream.read().decode(errors="replace") if not stream.closed else ""


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
