"""What the guest boots into: busybox, dropbear, our init, the case programs; and per run, its keys."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import ToolMissing
from orchestrator.guest import cpio
from orchestrator.host.process import Command, Runner

FILES = Path(__file__).parent / "files"
LAYOUT = 4  # raise when the archive would differ for the same inputs
BUSYBOX = Path("/bin/busybox")
DROPBEAR = Path("/usr/sbin/dropbear")
LDD_LINE = re.compile(r"(?:=> )?(/\S+) \(0x[0-9a-f]+\)")
# Programs whose names busybox has too, but that we bring ourselves; a link of its own name would make it a loop
SCRIPTS = ("with-settings", "in-cgroup", "in-userland")
OURS = {"busybox", "dropbear", "supervisor", *SCRIPTS}


@dataclass(frozen=True)
class Keys:
    """Of one run: the guest's host key (dropbear's format) and the public key that may log in (OpenSSH's line)."""

    host_key: bytes
    authorized: str


@dataclass(frozen=True)
class Userland:
    """Other people's programs in the guest: busybox, static, with the names it answers to; dropbear, with its shared
    libraries and their loader by the paths where the loader looks for them."""

    busybox: bytes
    applets: tuple[str, ...]
    dropbear: bytes
    libraries: Mapping[str, bytes]

    @property
    def digest(self) -> str:
        """Of all of it."""
        parts = (
            self.busybox,
            self.dropbear,
            *(part for path, data in self.libraries.items() for part in (path.encode(), data)),
        )
        return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def own_userland(runner: Runner) -> Userland:
    """The host's own programs. Raises ToolMissing."""
    for tool, package in ((BUSYBOX, "busybox-static"), (DROPBEAR, "dropbear-bin")):
        if not tool.is_file():
            raise ToolMissing(f"{tool} is not installed: the guest is made of it", hint=f"apt-get install {package}")
    libraries = {os.fspath(path): path.read_bytes() for path in _libraries(DROPBEAR, runner)}
    return Userland(_busybox(runner), tuple(_applets(runner)), DROPBEAR.read_bytes(), libraries)


def shared_part(programs: Mapping[str, bytes], tools: Mapping[str, bytes], userland: Userland) -> bytes:
    """The archive that all runs with the same programs share. These are named by their paths."""
    entries = [
        cpio.device("dev/console", 5, 1),
        cpio.device("dev/null", 1, 3, 0o666),
        *(cpio.directory(name) for name in ("proc", "sys", "run", "cases")),
        cpio.directory("tmp", 0o1777),
        cpio.directory("root", 0o700),
        cpio.file("init", (FILES / "init").read_bytes(), 0o755),
        *(cpio.file(f"bin/{name}", (FILES / name).read_bytes(), 0o755) for name in SCRIPTS),
        *(cpio.file(f"bin/{name}", data, 0o755) for name, data in sorted(tools.items())),
        cpio.file("bin/busybox", userland.busybox, 0o755),
        cpio.file("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n"),
        cpio.file("etc/group", b"root:x:0:\n"),
        cpio.file("bin/dropbear", userland.dropbear, 0o755),
        *(cpio.file(path.lstrip("/"), data, 0o755) for path, data in userland.libraries.items()),
        *(cpio.symlink(f"bin/{name}", "busybox") for name in sorted(set(userland.applets) - OURS - {"init"})),
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
    return runner.check(Command((os.fspath(BUSYBOX), "--list"))).text.split()


def _libraries(program: Path, runner: Runner) -> list[Path]:
    """The shared libraries and the loader of a program, where the loader will look for them; none when static."""
    result = runner.run(Command(("ldd", os.fspath(program))))
    return [Path(match[1]) for match in LDD_LINE.finditer(result.text)] if result.status == 0 else []
