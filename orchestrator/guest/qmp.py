"""QMP, QEMU's control protocol: one JSON object per line over a Unix socket.

A blocking client of a page, because all we send are single commands from one thread; the official qemu.qmp package
is asyncio only.
"""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

from orchestrator.errors import GuestUnreachable
from orchestrator.host.deadline import Deadline


class Qmp:
    """A connection to one QEMU. Every failure is GuestUnreachable."""

    def __init__(self, path: Path, deadline: Deadline) -> None:
        self._socket = _connect(path)
        self._socket.settimeout(max(0.1, deadline.remaining_s))
        self._lines = self._socket.makefile("rb")
        try:
            self._read()  # the greeting
            self.execute("qmp_capabilities")
        except GuestUnreachable:
            self.close()
            raise

    def execute(self, command: str, **arguments: Any) -> Any:
        """Send a command and return its value."""
        request = {"execute": command, **({"arguments": arguments} if arguments else {})}
        try:
            self._socket.sendall(json.dumps(request).encode() + b"\n")
        except OSError as error:
            raise GuestUnreachable(f"QEMU does not take commands: {error}") from error
        while True:
            answer = self._read()
            if "error" in answer:
                raise GuestUnreachable(f"QEMU refused {command}: {answer['error'].get('desc', answer['error'])}")
            if "return" in answer:
                return answer["return"]

    def monitor(self, line: str) -> str:
        """The output of a command of the human monitor, for what QMP has no command for."""
        return str(self.execute("human-monitor-command", **{"command-line": line}))

    def monitor_of_cpu(self, number: int, line: str) -> str:
        """The same, asked about one CPU."""
        return str(self.execute("human-monitor-command", **{"command-line": line, "cpu-index": number}))

    def close(self) -> None:
        self._lines.close()
        self._socket.close()

    def _read(self) -> dict[str, Any]:
        try:
            line = self._lines.readline()
        except OSError as error:
            raise GuestUnreachable(f"QEMU's control socket does not answer: {error}") from error
        if not line.endswith(b"\n"):  # nothing, or the half of it that a QEMU which was killed wrote
            raise GuestUnreachable("QEMU closed its control socket")
        value = json.loads(line)
        return value if isinstance(value, dict) else {}


def _connect(path: Path) -> socket.socket:
    # A Unix socket's path is limited to 107 bytes, a run directory's is not: go through a descriptor of the directory
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.connect(f"/proc/self/fd/{directory}/{path.name}")
        except OSError as error:
            connection.close()
            raise GuestUnreachable(f"QEMU's control socket {path}: {error.strerror}") from error
        return connection
    finally:
        os.close(directory)
