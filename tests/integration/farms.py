"""A scheduler and workers on this machine, each a process with a home of its own, and trees whose Makefile does what a
test wants: real make, git, TLS and signals, and no guest."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from orchestrator.cluster import identity
from tests.integration.conftest import git

CLIENT = Path(__file__).with_name("cluster_client.py")
SILENCE_S = 4.0
MAKEFILE = """\
tinyconfig:
	@sh {action} $(O)
	@touch $(O)/.config
olddefconfig:
	@true
"""


@dataclass
class Farm:
    """The processes of a cluster. `names` are those of the workers."""

    root: Path
    children: dict[str, subprocess.Popen[str]] = field(default_factory=dict)
    address: str = ""
    silence_s: float = SILENCE_S
    host: str = "127.0.0.1"  # of the scheduler
    hosts: dict[str, tuple[str, ...]] = field(default_factory=dict)  # what begins the commands of members elsewhere

    @property
    def identity(self) -> Path:
        return self.root / "identity"

    def environment(self, name: str) -> dict[str, str]:
        home = self.root / name
        (home / "tmp").mkdir(parents=True, exist_ok=True)
        places = {"XDG_CACHE_HOME": "cache", "XDG_STATE_HOME": "state", "XDG_CONFIG_HOME": "config"}
        return {**os.environ, "HOME": str(home), **{key: str(home / value) for key, value in places.items()}}

    def begin(self, name: str, *args: str) -> None:
        argv = [
            *self.hosts.get(name, ()),
            sys.executable,
            "-m",
            "orchestrator",
            *args,
            "--identity",
            str(self.identity),
        ]
        child = subprocess.Popen(
            argv, env=self.environment(name), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.add(name, child)

    def add(self, name: str, child: subprocess.Popen[str]) -> None:
        if before := self.children.get(name):  # which has ended
            before.communicate(timeout=20)
        self.children[name] = child

    def heard(self, name: str) -> str:
        """The line in which a member says where it is."""
        out = self.children[name].stdout
        assert out
        return out.readline()

    def scheduler(self, port: int = 0) -> None:
        self.begin("scheduler", "scheduler", "--host", self.host, "--port", str(port), "--silence", f"{self.silence_s}")
        said = self.heard("scheduler")
        self.address = said.removeprefix("scheduler: ").strip()

    def workers(self, *names: str) -> None:
        for name in names:
            self.begin(name, "worker", "--scheduler", self.address, "--name", name)
        for name in names:
            assert self.heard(name).startswith(f"worker {name}: ")

    def client(
        self, tree: Path, *revisions: str, who: str = "", name: str = "client", host: tuple[str, ...] = ()
    ) -> subprocess.Popen[str]:
        argv = [*host, sys.executable, str(CLIENT), who or f"dask://{self.address}", str(self.identity), str(tree)]
        argv += [str(self.root / f"{name}-run"), *revisions]
        environment = self.environment(name) | {"PYTHONPATH": str(Path(__file__).parents[2])}
        self.add(
            name, subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        )
        return self.children[name]

    def end(self) -> None:
        for child in self.children.values():
            child.send_signal(signal.SIGCONT)
            child.kill()
            child.communicate()


@contextmanager
def of_two(made: Farm) -> Iterator[Farm]:
    """A farm with its scheduler and two workers; they end with the block."""
    identity.create(made.identity)
    try:
        made.scheduler()
        made.workers("a", "b")
        yield made
    finally:
        made.end()


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Farm]:
    with of_two(Farm(tmp_path)) as made:
        yield made


@pytest.fixture
def fake(tmp_path: Path) -> Callable[[str], Path]:
    """A tree whose configuration runs a script."""

    def make(script: str) -> Path:
        root = tmp_path / "linux"
        root.mkdir()
        (root / "Kconfig").write_text("mainmenu\n")
        (root / "Makefile").write_text(MAKEFILE.format(action=tmp_path / "action"))
        (tmp_path / "action").write_text(script)
        git(root, "init", "-q", "-b", "main")
        for number in range(3):
            (root / "Kconfig").write_text(f"mainmenu {number}\n")
            git(root, "add", "-A")
            git(root, "commit", "-q", "-m", f"{number}")
        return root

    return make


def answer(child: subprocess.Popen[str], timeout_s: float = 60) -> tuple[int, dict[str, dict], str]:
    out, err = child.communicate(timeout=timeout_s)
    return child.returncode, json.loads(out or "{}"), err


def stages(record: dict) -> dict[str, tuple[str, str]]:
    return {one["stage"]: (one["outcome"], one["message"]) for one in record["stages"]}


def wait_for(condition: Callable[[], bool], timeout_s: float = 20) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s, "it did not come so far"
        time.sleep(0.05)


def running(marker: Path) -> list[int]:
    """The processes whose ids a script wrote into a file and that exist."""
    pids = [int(word) for word in marker.read_text().split()] if marker.exists() else []
    return [pid for pid in pids if lives(pid)]


def lives(pid: int) -> bool:
    """A zombie, which nobody waits for, does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def worker_of(farm: Farm, marker: Path) -> str:
    """Which worker runs the script."""
    make = int(marker.read_text().split()[1])
    parent = int(Path(f"/proc/{make}/stat").read_text().rpartition(")")[2].split()[1])
    return next(name for name, child in farm.children.items() if child.pid == parent)
