"""virtme-ng, from PyPI in a virtual environment of its own, boots a kernel of ours for `uname -r`.

The guest's root is the host's, by 9p: the virtiofsd that it prefers is the one written in Rust, which Debian 12 does
not have; the one that comes with Debian's QEMU does not know its options, and virtme-ng would wait 3 s for it in vain.
Where the host has no udev its guest finds no serial ports by name and answers on the console, which --verbose shows
(with the kernel's lines, which orchestrate's guests print too). A kernel without ACPI halts then and QEMU stays: it is
ended here, and what its own end would take is not measured.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
import venv
from contextlib import suppress
from pathlib import Path

from orchestrator.jobs.boot import GuestSpec

VIRTME_NG = "virtme-ng==1.42"
LIMIT_S = 300.0
LOOK_EVERY_S = 0.01


def install(home: Path) -> Path:
    """The path of `vng`. Raises CalledProcessError."""
    venv.create(home, with_pip=True)
    subprocess.run([home / "bin/pip", "install", "-q", "--disable-pip-version-check", VIRTME_NG], check=True)
    return home / "bin/vng"


def uname(vng: Path, spec: GuestSpec) -> float:
    """Seconds from its QEMU's start to the answer. Raises RuntimeError, with what it said, when none comes."""
    command = [
        vng, "--run", spec.kernel.image, "--disable-kvm", "--force-9p", "--verbose", "--cpus", str(spec.machine.smp),
        "--memory", f"{spec.machine.memory_mib}M", "--exec", "uname -r",
    ]  # fmt: skip
    said: list[str] = []
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        errors="replace", start_new_session=True,
        env={**os.environ, "PATH": f"{vng.parent}:{os.environ['PATH']}"},  # it looks for its other half there
    ) as process:  # fmt: skip
        assert process.stdout
        limit = threading.Timer(LIMIT_S, _end, (process.pid,))
        limit.start()
        try:
            while not (found := _runs_qemu(process.pid)) and process.poll() is None:
                time.sleep(LOOK_EVERY_S)
            started_s = time.monotonic()
            for line in process.stdout:
                if found and line.strip() == spec.kernel.release:
                    return time.monotonic() - started_s
                said.append(line)
        finally:
            limit.cancel()
            _end(process.pid)
    raise RuntimeError(f"virtme-ng did not answer `uname -r` with {spec.kernel.release} but:\n{''.join(said)[-2000:]}")


def _end(session: int) -> None:
    """All of a session: virtme-ng, and QEMU."""
    with suppress(ProcessLookupError):
        os.killpg(session, signal.SIGKILL)


def _runs_qemu(session: int) -> bool:
    """Whether a process of a session is QEMU by now: virtme-ng becomes it by exec."""
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            try:
                if "qemu-system" in os.fspath((path / "exe").readlink()) and os.getsid(int(path.name)) == session:
                    return True
            except OSError:
                continue
    return False
