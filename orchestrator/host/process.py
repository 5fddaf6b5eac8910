"""The only importer of subprocess: runs programs so that they end when we end, and logs lines ready to paste.

Every child leads its own session (a group that can be killed as a whole) and is started through setpriv(1), which
has the kernel send it a signal when we die, also by SIGKILL. The death signal is tied to the *thread* that starts
the child: a child must be started by a thread that outlives it.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

from orchestrator.errors import CommandFailed, Interrupted, OrchestrateError, ToolMissing
from orchestrator.host.environment import for_children
from orchestrator.host.os_errors import refusal

POLL_S = 0.05
TERM_GRACE_S = 2.0
SIGNALLED = 128  # a shell's exit status, less the signal's number


class Cancel:
    """Set once when the user wants to stop; every wait of ours looks at it."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        self._event.set()

    @property
    def is_set(self) -> bool:
        return self._event.is_set()

    def check(self) -> None:
        """Raises Interrupted when the user asked to stop."""
        if self._event.is_set():
            raise Interrupted("interrupted", hint="run the same command again: it continues where it stopped")

    def sleep(self, seconds: float) -> None:
        """Sleep that ends with Interrupted at once when the user asks to stop."""
        if self._event.wait(seconds):
            self.check()


@dataclass(frozen=True)
class Confined:
    """What a program may do whose author is not trusted: where it may write, and what it reads besides if that lies in
    one of the directories that a sandbox hides."""

    writes: tuple[Path, ...] = ()
    reads: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Command:
    """A program to run. `env` is added to what children get of our own environment (environment.py). `confined` is set
    where a patch may have written the program, or what it obeys, as a Makefile: it runs in a sandbox if one is there.
    """

    argv: tuple[str, ...]
    cwd: Path | None = None
    env: tuple[tuple[str, str], ...] = ()
    confined: Confined | None = None

    def line(self) -> str:
        """The command as a line to paste into a shell."""
        words = [f"{name}={shlex.quote(value)}" for name, value in self.env]
        words.append(shlex.join(self.argv))
        text = " ".join(words)
        return f"cd {shlex.quote(os.fspath(self.cwd))} && {text}" if self.cwd else text


@dataclass(frozen=True)
class CommandResult:
    """How a command ended. `status` is negative when a signal ended it (-9: SIGKILL). `is_confined`: a sandbox was
    around it."""

    command: Command
    status: int
    stdout: bytes = field(repr=False)
    stderr: bytes = field(repr=False)
    time_s: float
    timed_out: bool = False
    is_confined: bool = False

    @property
    def text(self) -> str:
        return self.stdout.decode(errors="replace")

    def tail(self, lines: int = 20) -> str:
        """The last lines of what it said, stderr when there is any."""
        said = (self.stderr or self.stdout).decode(errors="replace").rstrip().splitlines()
        return "\n".join(said[-lines:])


class Runner:
    """Runs commands. `announce` is told every finished command (for the log and reproduce.sh). `confine` says which
    words a command is started with (sandbox.py); without any it is not confined."""

    def __init__(
        self,
        cancel: Cancel,
        announce: Callable[[CommandResult], None] = lambda result: None,
        confine: Callable[[Command], tuple[str, ...]] = lambda command: (),
    ) -> None:
        self.cancel = cancel
        self._announce = announce
        self._confine = confine

    def run(
        self,
        command: Command,
        *,
        stdin: bytes = b"",
        timeout_s: float | None = None,
        log: Path | None = None,
        holding: int | None = None,
    ) -> CommandResult:
        """Run to the end, and return a failure as well. With `log`, output goes there (stdout and stderr in order).
        `holding` is the descriptor of a lock that the command and its descendants hold with us: the death signal
        reaches only the command itself, and a killed make leaves others running.

        Raises ToolMissing if there is no such program, Interrupted if the user requested a stop.
        """
        self.cancel.check()
        before = self._confine(command)
        started = time.monotonic()
        with _opened(log) as sink, _as_file(stdin) as source:
            child = start(
                replace(command, argv=(*before, _resolve(command), *command.argv[1:])) if before else command,
                stdin=source,
                stdout=sink or subprocess.PIPE,
                stderr=subprocess.STDOUT if sink else subprocess.PIPE,
                pass_fds=() if holding is None else (holding,),
            )
            try:
                out, err, timed_out = self._communicate(child, timeout_s)
            finally:
                end(child)
                for stream in (child.stdout, child.stderr):
                    if stream:
                        stream.close()
        if log:
            out = log.read_bytes()
        status = child.returncode
        if before and status > SIGNALLED:  # of what ended by a signal inside, only this is told outside
            status = SIGNALLED - status
        time_s = time.monotonic() - started
        result = CommandResult(command, status, out or b"", err or b"", time_s, timed_out, is_confined=bool(before))
        self._announce(result)
        return result

    def check(self, command: Command, *, stdin: bytes = b"", timeout_s: float | None = None) -> CommandResult:
        """Like run, but raises CommandFailed or HostRefused unless the command exits with 0."""
        result = self.run(command, stdin=stdin, timeout_s=timeout_s)
        if result.status != 0:
            raise failed(result)
        return result

    def _communicate(
        self, child: subprocess.Popen[bytes], timeout_s: float | None
    ) -> tuple[bytes | None, bytes | None, bool]:
        until = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            try:
                out, err = child.communicate(timeout=POLL_S)
            except subprocess.TimeoutExpired:
                self.cancel.check()
                if until is not None and time.monotonic() > until:
                    end(child)
                    out, err = child.communicate()
                    return out, err, True
            else:
                return out, err, False


def start(
    command: Command,
    *,
    stdin: int | IO[bytes] = subprocess.DEVNULL,
    stdout: int | IO[bytes] = subprocess.DEVNULL,
    stderr: int | IO[bytes] = subprocess.DEVNULL,
    pass_fds: Sequence[int] = (),
    outlives_us: bool = False,
) -> subprocess.Popen[bytes]:
    """Start a program that dies with us (unless it `outlives_us`), in a process group of its own."""
    program = _resolve(command)
    with_us = () if outlives_us else ("setpriv", "--pdeathsig", "KILL", "--")
    argv = [*with_us, program, *command.argv[1:]]
    try:
        return subprocess.Popen(
            argv,
            cwd=command.cwd,
            env=for_children(os.environ, dict(command.env)),
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
            pass_fds=pass_fds,
        )
    except FileNotFoundError as error:
        if command.cwd and not command.cwd.is_dir():
            raise  # that names the directory
        raise ToolMissing(
            f"setpriv is not installed (needed to start {command.argv[0]})", hint="apt-get install util-linux"
        ) from error


def attach(argv: Sequence[str], *, quiet: bool = False) -> int:
    """Run a program in the user's own terminal, with the user's own environment, and return its exit status. `quiet`
    hides its stdout."""
    return subprocess.run(argv, check=False, stdout=subprocess.DEVNULL if quiet else None).returncode


def find_program(name: str, path: str | None = None) -> Path | None:
    """The path of a program on PATH or in sbin, which users' PATHs leave out."""
    search = f"{path or os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
    found = shutil.which(name, path=search)
    return Path(found) if found else None


def end(child: subprocess.Popen[bytes], grace_s: float = TERM_GRACE_S) -> None:
    """End a child and its whole group: terminate, wait, kill. Harmless when it has ended already."""
    for signum, wait_s in ((signal.SIGTERM, grace_s), (signal.SIGKILL, 10.0)):
        if child.poll() is not None:
            break
        _kill_group(child.pid, signum)
        try:
            child.wait(wait_s)
        except subprocess.TimeoutExpired:
            continue
    _kill_group(child.pid, signal.SIGKILL)  # members that outlived their leader


def failed(result: CommandResult) -> OrchestrateError:
    """The error for a command that should have worked: how it died, its last words, and the line to paste; or the
    refusal of the host, if it names one."""
    name = result.command.argv[0]
    about = f"{name} in {result.command.cwd}" if result.command.cwd else name
    if refused := refusal(result.tail(), about):
        refused.detail = result.tail()
        return refused
    if result.timed_out:
        how = f"did not finish within {result.time_s:.0f} s"
    elif result.status < 0:
        how = f"was ended by {signal.Signals(-result.status).name}"
    else:
        how = f"exited with {result.status}"
    return CommandFailed(f"{name} {how}", detail=result.tail(), hint=f"run it by hand: {result.command.line()}")


def _resolve(command: Command) -> str:
    # looked up here: setpriv would report a missing program as a failure of its own
    found = find_program(command.argv[0], dict(command.env).get("PATH"))
    if found is None:
        raise ToolMissing(
            f"{command.argv[0]} is not installed", hint="`orchestrate doctor` names the package of every missing tool"
        )
    return os.fspath(found)


def _kill_group(pid: int, signum: int) -> None:
    try:
        os.killpg(pid, signum)
    except ProcessLookupError:
        return


@contextmanager
def _as_file(data: bytes) -> Iterator[IO[bytes]]:
    """Input as a file: communicate() that is interrupted by its timeout does not go on feeding a pipe."""
    with tempfile.TemporaryFile() as handle:
        handle.write(data)
        handle.seek(0)
        yield handle


@contextmanager
def _opened(path: Path | None) -> Iterator[IO[bytes] | None]:
    if path is None:
        yield None
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as sink:
        yield sink
