"""A guest that a run left paused, found by the files in its directory."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import GuestUnreachable
from orchestrator.guest.guest import KEY_FILE, KNOWN_HOSTS, Access
from orchestrator.guest.qemu import PID
from orchestrator.guest.qemu_argv import QMP_SOCKET
from orchestrator.guest.qmp import Qmp
from orchestrator.host.deadline import Deadline
from orchestrator.host.real_path import real_path

QMP_S = 10.0
PORT = re.compile(r"^\[127\.0\.0\.1\]:(?P<port>\d+) ")


@dataclass(frozen=True)
class Left:
    """A guest that was left. Its QEMU is process `pid`, which is not our child."""

    directory: Path
    pid: int
    access: Access

    def resume(self) -> str:
        """Resume it. Returns QEMU's word for its state. Raises GuestUnreachable."""
        control = self._control()
        try:
            if control.execute("query-status").get("status") == "paused":
                control.execute("cont")
            return str(control.execute("query-status").get("status"))
        finally:
            control.close()

    def stop(self) -> None:
        """Raises GuestUnreachable."""
        control = self._control()
        try:
            control.execute("stop")
        finally:
            control.close()

    def _control(self) -> Qmp:
        return Qmp(self.directory / QMP_SOCKET, Deadline.after(QMP_S))


def find_left(run_dir: Path) -> Left | None:
    """The guest whose QEMU still answers; None when there is none."""
    for note in sorted(real_path(run_dir).glob(f"*/guest-*/{PID}")):
        where = note.parent
        try:
            pid, match = int(note.read_text()), PORT.match((where / KNOWN_HOSTS).read_text())
            Qmp(where / QMP_SOCKET, Deadline.after(QMP_S)).close()
        except (GuestUnreachable, OSError, ValueError):
            continue
        if match:
            return Left(where, pid, Access(int(match["port"]), where / KEY_FILE, where / KNOWN_HOSTS))
    return None
