"""A scheduler and two workers on this machine, each a process with a cache of its own, and clients that have a tree
configured whose Makefile does what a test wants: real make, git, TLS and signals, and no guest."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from orchestrator.cluster import identity
from tests.integration.conftest import git

pytest.importorskip("distributed")
pytestmark = pytest.mark.long  # each test starts a cluster of its own: six minutes for all
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

    @property
    def identity(self) -> Path:
        return self.root / "identity"

    def environment(self, name: str) -> dict[str, str]:
        home = self.root / name
        (home / "tmp").mkdir(parents=True, exist_ok=True)
        places = {"XDG_CACHE_HOME": "cache", "XDG_STATE_HOME": "state", "XDG_CONFIG_HOME": "config"}
        return {**os.environ, "HOME": str(home), **{key: str(home / value) for key, value in places.items()}}

    def begin(self, name: str, *args: str) -> None:
        argv = [sys.executable, "-m", "orchestrator", *args, "--identity", str(self.identity)]
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
        self.begin("scheduler", "scheduler", "--host", "127.0.0.1", "--port", str(port), "--silence", f"{SILENCE_S}")
        said = self.heard("scheduler")
        self.address = said.removeprefix("scheduler: ").strip()

    def workers(self, *names: str) -> None:
        for name in names:
            self.begin(name, "worker", "--scheduler", self.address, "--name", name)
        for name in names:
            assert f"worker {name}: 127.0.0.1:" in self.heard(name)

    def client(self, tree: Path, *revisions: str, who: str = "", name: str = "client") -> subprocess.Popen[str]:
        argv = [sys.executable, str(CLIENT), who or f"dask://{self.address}", str(self.identity), str(tree)]
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


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Farm]:
    made = Farm(tmp_path)
    identity.create(made.identity)
    try:
        made.scheduler()
        made.workers("a", "b")
        yield made
    finally:
        made.end()


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


REVISIONS = ("HEAD", "HEAD^", "HEAD^^")


def test_the_cluster_finds_what_one_machine_finds(farm: Farm, fake: Callable[[str], Path]) -> None:
    tree = fake("true")
    status, elsewhere, said = answer(farm.client(tree, *REVISIONS))
    assert status == 0, said
    status, here, _ = answer(farm.client(tree, *REVISIONS, who="local", name="local"))
    assert status == 0
    for name, record in here.items():
        assert stages(elsewhere[name]).keys() == stages(record).keys()
        for stage in ("toolchain", "base", "apply", "configure"):
            assert stages(elsewhere[name])[stage] == stages(record)[stage]
        mine, theirs = record["facts"], elsewhere[name]["facts"]
        assert theirs == mine
    assert {line[-1] for line in said.splitlines() if line.startswith("kernel-")} == {"a", "b"}
    assert not list((farm.root / "client-run").glob(".from-worker-*"))
    assert len(list(farm.root.glob("[ab]/state/orchestrate/workers/*/jobs"))) == 2
    wait_for(lambda: not list(farm.root.glob("[ab]/state/orchestrate/workers/*/jobs/*")))  # nothing is kept there


def test_the_products_of_a_worker_move_to_the_client_once(farm: Farm, fake: Callable[[str], Path]) -> None:
    assert answer(farm.client(fake("true"), "HEAD"))[0] == 0
    product = next((farm.root / "client/cache/orchestrate/store/configure").glob("[0-9a-f]*"))
    assert "CONFIG_MMU=y" in (product / "config").read_text() or (product / "config").stat().st_size


def test_a_killed_worker_loses_nothing_and_leaves_nothing(farm: Farm, fake: Callable[[str], Path]) -> None:
    marker = farm.root / "pids"
    tree = fake(f"if mkdir {farm.root}/first 2>/dev/null; then echo $$ $PPID >>{marker}; sleep 300; fi")
    client = farm.client(tree, "HEAD")
    wait_for(lambda: len(running(marker)) == 2)
    victim = _worker_of(farm, marker)
    os.kill(farm.children[victim].pid, signal.SIGKILL)
    status, records, said = answer(client)
    assert status == 0, said
    assert stages(records["kernel-0"])["configure"][0] == "PASS"
    assert f"{victim}" in said
    make = int(marker.read_text().split()[1])
    wait_for(lambda: not lives(make))  # the shell below it is what make leaves when it is killed


def test_a_frozen_worker_is_given_up(farm: Farm, fake: Callable[[str], Path]) -> None:
    marker = farm.root / "pids"
    tree = fake(f"if mkdir {farm.root}/first 2>/dev/null; then echo $$ $PPID >>{marker}; sleep 300; fi")
    client = farm.client(tree, "HEAD")
    wait_for(lambda: len(running(marker)) == 2)
    victim = _worker_of(farm, marker)
    farm.children[victim].send_signal(signal.SIGSTOP)
    status, records, said = answer(client)
    assert status == 0, said
    assert stages(records["kernel-0"])["configure"][0] == "PASS"
    farm.children[victim].send_signal(signal.SIGCONT)  # it learns that it was given up, and ends what it started
    farm.children[victim].wait(timeout=40)
    assert farm.children[victim].returncode == 3
    wait_for(lambda: not running(marker))


def test_a_job_that_kills_its_machine_is_an_error_after_two(farm: Farm, fake: Callable[[str], Path]) -> None:
    farm.workers("c")
    tree = fake("kill -9 $(ps -o ppid= -p $PPID)")
    status, records, said = answer(farm.client(tree, "HEAD"))
    assert status == 0, said
    outcome, why = stages(records["kernel-0"])["configure"]
    assert outcome == "ERROR"
    assert "no machine could do it" in why
    time.sleep(0.5)
    assert sum(farm.children[name].poll() is not None for name in "abc") == 2


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGKILL])
def test_what_runs_ends_with_the_client(farm: Farm, fake: Callable[[str], Path], signum: int) -> None:
    marker = farm.root / "pids"
    client = farm.client(fake(f"echo $$ >>{marker}; exec sleep 300"), "HEAD", "HEAD^")
    wait_for(lambda: len(running(marker)) == 2)
    begun_s = time.monotonic()
    client.send_signal(signum)
    wait_for(lambda: not running(marker), timeout_s=5)  # a task that nobody answers for is dropped after 8 s
    status, records, _ = answer(client, timeout_s=15)
    assert time.monotonic() - begun_s < 15
    if signum == signal.SIGINT:
        assert status == 130
        assert "configure" not in stages(records["kernel-0"])  # of what was begun there is no result
    assert all(farm.children[name].poll() is None for name in "ab")  # the workers wait for the next client


def test_the_death_of_the_scheduler_is_survived_by_the_same_command(farm: Farm, fake: Callable[[str], Path]) -> None:
    marker = farm.root / "pids"
    tree = fake(f"echo $$ >>{marker}; test -e {farm.root}/go || exec sleep 300")
    client = farm.client(tree, "HEAD")
    wait_for(lambda: len(running(marker)) == 1)
    farm.children["scheduler"].kill()
    status, _, said = answer(client)
    assert status == 3
    assert "run the same command again" in said
    wait_for(lambda: not running(marker))
    for name in ("a", "b"):
        assert farm.children[name].wait(timeout=40) == 3
    (farm.root / "go").touch()
    farm.scheduler()
    farm.workers("a")
    status, records, said = answer(farm.client(tree, "HEAD"))
    assert status == 0, said
    assert stages(records["kernel-0"])["configure"][0] == "PASS"


def test_who_has_another_certificate_is_refused(farm: Farm, fake: Callable[[str], Path]) -> None:
    identity.create(farm.root / "others")
    (farm.root / "identity").rename(farm.root / "ours")
    (farm.root / "others").rename(farm.root / "identity")
    status, _, said = answer(farm.client(fake("true"), "HEAD"))
    assert status == 3
    assert "no scheduler of our cluster answers" in said


def test_a_worker_of_another_version_is_named_and_left_out(farm: Farm, fake: Callable[[str], Path]) -> None:
    for name in ("a", "b"):
        farm.children[name].kill()
    code = "import orchestrator; orchestrator.__version__ = '0.0.1'; from orchestrator.cli import main; main()"
    argv = [sys.executable, "-c", code, "worker", "--scheduler", farm.address, "--name", "old", "--identity"]
    farm.children["old"] = old = subprocess.Popen(
        [*argv, str(farm.identity)], env=farm.environment("old"), stdout=subprocess.PIPE, text=True
    )
    assert old.stdout
    assert "worker old" in old.stdout.readline()
    status, _, said = answer(farm.client(fake("true"), "HEAD"))
    assert status == 3
    assert "old is orchestrate 0.0.1" in said


def test_a_worker_with_a_full_disk_is_not_the_last_word(farm: Farm, fake: Callable[[str], Path]) -> None:
    """The first that tries is told so by its make."""
    tree = fake(f'mkdir {farm.root}/first 2>/dev/null || exit 0; echo "ld: No space left on device" >&2; exit 1')
    status, records, said = answer(farm.client(tree, "HEAD"))
    assert status == 0, said
    assert stages(records["kernel-0"])["configure"][0] == "PASS"
    assert "No space left on device" in said


def _worker_of(farm: Farm, marker: Path) -> str:
    """Which worker runs the script."""
    make = int(marker.read_text().split()[1])
    parent = int(Path(f"/proc/{make}/stat").read_text().rpartition(")")[2].split()[1])
    return next(name for name, child in farm.children.items() if child.pid == parent)
