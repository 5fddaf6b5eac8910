"""virtme-ng, from PyPI in a virtual environment of its own, boots a kernel of ours for `uname -r`.

The guest's root is the host's, by 9p: the virtiofsd that it prefers is the one written in Rust, which Debian 12 does
not have; the one that comes with Debian's QEMU does not know its options, and virtme-ng would wait 3 s for it in vain.
"""

from __future__ import annotations

import os
import subprocess
import time
import venv
from dataclasses import dataclass
from pathlib import Path

from orchestrator.stages.boot import Bench

VIRTME_NG = "virtme-ng==1.42"
LIMIT_S = 300.0
LOOK_EVERY_S = 0.01


@dataclass(frozen=True)
class Answer:
    """`time_s` is from its QEMU's start to the answer, `whole_s` from the command's start to its end."""

    time_s: float
    whole_s: float


def install(home: Path) -> Path:
    """The path of `vng`. Raises CalledProcessError."""
    venv.create(home, with_pip=True)
    subprocess.run([home / "bin/pip", "install", "-q", "--disable-pip-version-check", VIRTME_NG], check=True)
    return home / "bin/vng"


def uname(vng: Path, bench: Bench) -> Answer:
    """Raises RuntimeError, with what it said, when the answer is not our kernel's release."""
    command = [
        vng, "--run", bench.kernel.image, "--disable-kvm", "--force-9p", "--cpus", str(bench.machine.smp),
        "--memory", f"{bench.machine.memory_mib}M", "--exec", "uname -r",
    ]  # fmt: skip
    started_s = time.monotonic()
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
        env={**os.environ, "PATH": f"{vng.parent}:{os.environ['PATH']}"},  # it looks for its other half there
    ) as process:  # fmt: skip
        assert process.stdout
        assert process.stderr
        qemu_s = None
        while qemu_s is None and process.poll() is None:
            time.sleep(LOOK_EVERY_S)
            qemu_s = time.monotonic() if _runs_qemu(process.pid) else None
        line = process.stdout.readline()
        answered_s = time.monotonic()
        said = line + process.stdout.read() + process.stderr.read()
    if line.strip() != bench.kernel.release or qemu_s is None:
        raise RuntimeError(f"virtme-ng did not answer `uname -r` with {bench.kernel.release} but:\n{said[-2000:]}")
    return Answer(answered_s - qemu_s, time.monotonic() - started_s)


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
