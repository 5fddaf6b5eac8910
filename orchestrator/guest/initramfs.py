"""What the guest boots into: busybox, dropbear, our init, the case programs; and per run, its keys."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import ToolMissing
from orchestrator.guest import cpio
from orchestrator.process import Command, Runner

FILES = Path(__file__).parent / "files"
LAYOUT = 4  # raise when the archive would differ for the same inputs
BUSYBOX = Path("/bin/busybox")
DROPBEAR = Path("/usr/sbin/dropbear")
LDD_LINE = re.compile(r"(?:=> )?(/\S+) \(0x[0-9a-f]+\)")
# Programs whose names busybox has too, but that we bring ourselves
SCRIPTS = ("with-settings", "in-cgroup", "in-userland")
OURS = {"busybox", "dropbear", "supervisor", *SCRIPTS}


@dataclass(frozen=True)
class Keys:
    """Of one run: the guest's host key (dropbear's format) and the public key that may log in (OpenSSH's line)."""

    host_key: bytes
    authorized: str


def shared_part(programs: Mapping[str, bytes], tools: Mapping[str, bytes], runner: Runner) -> bytes:
    """The archive that all runs with the same programs share. These are named by their paths. Raises ToolMissing."""
    for tool, package in ((BUSYBOX, "busybox-static"), (DROPBEAR, "dropbear-bin")):
        if not tool.is_file():
            raise ToolMissing(f"{tool} is not installed: the guest is made of it", hint=f"apt-get install {package}")
    entries = [
        cpio.device("dev/console", 5, 1),
        cpio.device("dev/null", 1, 3, 0o666),
        *(cpio.directory(name) for name in ("proc", "sys", "run", "cases")),
        cpio.directory("tmp", 0o1777),
        cpio.directory("root", 0o700),
        cpio.file("init", (FILES / "init").read_bytes(), 0o755),
        *(cpio.file(f"bin/{name}", (FILES / name).read_bytes(), 0o755) for name in SCRIPTS),
        *(cpio.file(f"bin/{name}", data, 0o755) for name, data in sorted(tools.items())),
        cpio.file("bin/busybox", _busybox(runner), 0o755),
        cpio.file("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n"),
        cpio.file("etc/group", b"root:x:0:\n"),
        cpio.file("bin/dropbear", DROPBEAR.read_bytes(), 0o755),
        *(cpio.file(os.fspath(path).lstrip("/"), path.read_bytes(), 0o755) for path in _libraries(DROPBEAR, runner)),
        *(cpio.symlink(f"bin/{name}", "busybox") for name in _applets(runner)),
        *(cpio.file(path.lstrip("/"), data, 0o755) for path, data in sorted(programs.items())),
    ]
    return cpio.archive(entries)


def run_part(keys: Keys) -> bytes:
    """The small archive that follows the shared one: this run's keys."""
    return cpio.archive(
        [
            cpio.file("etc/dropbear/host_key", keys.host_key, 0o600),
            cpio.directory("root/.ssh", 0o700),
            cpio.file("root/.ssh/authorized_keys", keys.authorized.encode() + b"\n", 0o600),
        ]
    )


def _busybox(runner: Runner) -> bytes:
    if _libraries(BUSYBOX, runner):
        raise ToolMissing(f"{BUSYBOX} is not static", hint="apt-get install busybox-static")
    return BUSYBOX.read_bytes()


def _applets(runner: Runner) -> list[str]:
    # `busybox --list` lists "busybox" itself: a link of that name would replace the program by a loop
    names = runner.check(Command((os.fspath(BUSYBOX), "--list"))).text.split()
    return sorted(set(names) - OURS - {"init"})


def _libraries(program: Path, runner: Runner) -> list[Path]:
    """The shared libraries and the loader of a program, where the loader will look for them; none when static."""
    result = runner.run(Command(("ldd", os.fspath(program))))
    return [Path(match[1]) for match in LDD_LINE.finditer(result.text)] if result.status == 0 else []
