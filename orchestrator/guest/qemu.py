"""A running QEMU: its process, its console, its forwarded port."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from pathlib import Path

from orchestrator.errors import GuestUnreachable
from orchestrator.guest.condition import PANICKED
from orchestrator.guest.console import Console
from orchestrator.guest.qemu_argv import QMP_SOCKET
from orchestrator.guest.qmp import Qmp
from orchestrator.host.deadline import Deadline
from orchestrator.host.process import Command, end, start

FORWARD = re.compile(r"^\s*TCP\[HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(?P<port>\d+)\s", re.MULTILINE)
TOLD_TO_END = re.compile(r"terminating on signal (?P<number>\d+)[^\n]*")  # it obeys, and its exit status is 0
GDB = re.compile(r"tcp:127\.0\.0\.1:(?P<port>\d+)")
PID = "qemu.pid"
CRASHES = (signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGABRT)
START_S = 20.0
POLL_S = 0.05


class Qemu:
    """`directory` gets console.log, console.log.times, qemu.stderr, qemu.argv and, while it runs, the QMP socket."""

    def __init__(self, argv: tuple[str, ...], directory: Path, *, outlives_us: bool = False) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self._is_left = self._is_closed = False
        self.command = Command(argv, cwd=directory)
        self.started_s = time.monotonic()
        (directory / "qemu.argv").write_text(self.command.line() + "\n")
        (directory / QMP_SOCKET).unlink(missing_ok=True)
        self.console = Console(directory / "console.log")
        self._stderr = (directory / "qemu.stderr").open("wb")
        self._process = start(
            self.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            outlives_us=outlives_us,
        )
        assert self._process.stdout
        self.console.follow(self._process.stdout)

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        return self._process.pid

    def control(self, deadline: Deadline | None = None) -> Qmp:
        """A new connection to the control socket; QEMU serves one at a time. Raises GuestUnreachable."""
        deadline = deadline or Deadline.after(START_S)
        while True:
            self.check_alive()
            try:
                return Qmp(self.directory / QMP_SOCKET, deadline)
            except GuestUnreachable:
                if deadline.expired:
                    raise
                time.sleep(0.01)

    def forwarded_port(self) -> int:
        """The port on 127.0.0.1 that QEMU forwards to the guest's SSH. Raises GuestUnreachable."""
        control = self.control()
        try:
            answer = control.monitor("info usernet")
        finally:
            control.close()
        match = FORWARD.search(answer)
        if match is None:
            raise GuestUnreachable("QEMU forwards no port", detail=answer)
        return int(match["port"])

    def check_alive(self) -> None:
        """Raises GuestUnreachable when QEMU has ended, with what it said."""
        if not self.is_alive:
            raise GuestUnreachable(f"QEMU ended: {self.last_words() or 'without a word'}")

    @property
    def has_crashed(self) -> bool:
        """Whether QEMU ended by a fault of its own: by a signal that nobody sends to it."""
        return -(self._process.poll() or 0) in CRASHES

    def end_reason(self) -> tuple[bool, str]:
        """How QEMU ended: whether the guest ended it (by a reset, which -no-reboot turns into an end), and a sentence.
        Any status but 0 is the host's fault: killed, out of memory, an accelerator that failed; so is a signal that
        QEMU obeys."""
        status = self._process.returncode
        if told := TOLD_TO_END.search(self.last_words()):
            return False, f"the host ended QEMU by {signal.Signals(int(told['number'])).name}: {told[0]}"
        if status == 0:
            return True, "the machine was reset (a triple fault or a reboot; no panic was seen)"
        how = f"QEMU ended with {status}"
        if status < 0:
            name = signal.Signals(-status).name
            how = f"QEMU crashed ({name})" if self.has_crashed else f"the host ended QEMU by {name}"
        return False, f"{how}: {self.last_words()}".rstrip(": ")

    def state(self) -> str:
        """QEMU's word for what the machine does: running, paused, guest-panicked, ...; empty without an answer."""
        try:
            control = Qmp(self.directory / QMP_SOCKET, Deadline.after(0.5))
            try:
                return str(control.execute("query-status").get("status"))
            finally:
                control.close()
        except GuestUnreachable:
            return ""

    def host_trouble(self) -> str:
        """Why a guest cannot run: QEMU stopped it for an error of the accelerator or a disk. Empty if it did not."""
        state = self.state()
        return f"QEMU stopped the guest: {state}" if state in ("internal-error", "io-error") else ""

    def type(self, text: bytes) -> None:
        """Send bytes to the guest's serial port. Raises GuestUnreachable."""
        assert self._process.stdin
        try:
            self._process.stdin.write(text)
            self._process.stdin.flush()
        except OSError as error:
            raise GuestUnreachable(f"QEMU does not take input: {error}") from error

    def last_words(self) -> str:
        """The end of QEMU's own stderr."""
        return (self.directory / "qemu.stderr").read_text(errors="replace").strip()[-2000:]

    def wait_end(self, timeout_s: float) -> bool:
        """True when QEMU ends by itself within that time."""
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    def wait_fall(self, timeout_s: float) -> None:
        """Wait until a panicking guest is down: paused if it has pvpanic, else ended by its reset."""
        deadline = Deadline.after(timeout_s)
        while not self.wait_end(POLL_S) and self.state() != PANICKED and not deadline.expired:
            pass

    def serve_gdb(self) -> int:
        """Open a gdb server on 127.0.0.1, and return its port, which the kernel picks. Raises GuestUnreachable."""
        control = self.control()
        try:
            said = control.monitor("gdbserver tcp:127.0.0.1:0")
            devices = [device["filename"] for device in control.execute("query-chardev") if device["label"] == "gdb"]
        finally:
            control.close()
        match = GDB.search(" ".join(devices))
        if match is None:
            raise GuestUnreachable("QEMU serves no gdb", detail=said)
        return int(match["port"])

    def stop(self) -> None:
        """Let the guest stand still, if it does not already. Raises GuestUnreachable."""
        control = self.control()
        try:
            if control.execute("query-status").get("running"):
                control.execute("stop")
        finally:
            control.close()

    def leave(self) -> None:
        """Leave a QEMU that outlives us. Its pid goes to qemu.pid; its console output still goes to console.log."""
        (self.directory / PID).write_text(f"{self.pid}\n")
        self.console.mark()
        assert self._process.stdout
        with (self.directory / "console.log").open("ab") as log:
            start(Command(("cat",)), stdin=self._process.stdout, stdout=log, outlives_us=True)
        self._is_left = True

    def close(self) -> None:
        """End QEMU and finish the console log, unless that was done before or the guest was left. A guest has nothing
        to save, so it gets no grace period."""
        if self._is_left or self._is_closed:
            return
        self._is_closed = True  # the pid is somebody else's, sooner or later
        end(self._process, grace_s=0.0)
        self.console.drain(5.0)
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                stream.close()
        self._stderr.close()
        (self.directory / QMP_SOCKET).unlink(missing_ok=True)
