"""A cluster whose hosts have what real hosts have: a network of their own, which is cut, and disks that are full. The
hosts are network namespaces on a bridge, the disks are small file systems in memory; only root can make either."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from orchestrator.cluster import identity
from tests.integration.farms import Farm, answer, fake, farm, of_two, running, stages, wait_for, worker_of

pytest.importorskip("distributed")
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can make network namespaces and file systems"),
]
__all__ = ["fake", "farm"]  # the fixtures

NET = "10.231.77"  # of a bridge that nothing else uses
MIB = 1 << 20
NUMBERS = count()


def call(*words: str, check: bool = True) -> None:
    subprocess.run(words, check=check, capture_output=True, text=True)


class Network:
    """A bridge to which hosts are connected. This host is .1 on it."""

    def __init__(self) -> None:
        # another name each time: what is deleted lives on until the last process in it has ended
        self.bridge = f"orch{os.getpid() % 100_000}n{next(NUMBERS)}"
        call("ip", "link", "add", self.bridge, "type", "bridge")
        call("ip", "address", "add", f"{NET}.1/24", "dev", self.bridge)
        call("ip", "link", "set", self.bridge, "up")
        self.names: list[str] = []

    def host(self, name: str) -> tuple[str, ...]:
        """A new host; what begins a command that is to run there."""
        space, cable = f"{self.bridge}-{name}", self.cable(name)
        call("ip", "netns", "add", space)
        self.names.append(name)
        call("ip", "link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", space)
        call("ip", "link", "set", cable, "master", self.bridge, "up")
        inside = ("ip", "-netns", space)
        call(*inside, "address", "add", f"{NET}.{len(self.names) + 1}/24", "dev", "eth0")
        for device in ("lo", "eth0"):
            call(*inside, "link", "set", device, "up")
        return ("ip", "netns", "exec", space)

    def cable(self, name: str) -> str:
        return f"{self.bridge}{name}"

    def cut(self, name: str) -> None:
        """From now on nothing arrives in either direction, and nobody is told so."""
        call("ip", "link", "set", self.cable(name), "nomaster")

    def mend(self, name: str) -> None:
        call("ip", "link", "set", self.cable(name), "master", self.bridge)

    def end(self) -> None:
        for name in self.names:
            call("ip", "netns", "delete", f"{self.bridge}-{name}", check=False)
        call("ip", "link", "delete", self.bridge, check=False)


@pytest.fixture
def network() -> Iterator[Network]:
    made = Network()
    try:
        yield made
    finally:
        made.end()


@pytest.fixture
def apart(tmp_path: Path, network: Network) -> Iterator[Farm]:
    """A farm whose two workers are hosts of their own; the scheduler and the clients are here."""
    with of_two(Farm(tmp_path, host=f"{NET}.1", hosts={name: network.host(name) for name in "ab"})) as made:
        yield made


def cut_off(apart: Farm, network: Network, tree: Path, marker: Path) -> str:
    """Have a job run on one of the workers, cut that one off, and see the job done by the other. Its name."""
    client = apart.client(tree, "HEAD")
    wait_for(lambda: len(running(marker)) == 2, timeout_s=60)
    victim = worker_of(apart, marker)
    network.cut(victim)
    status, records, said = answer(client, timeout_s=120)
    assert status == 0, said
    assert stages(records["kernel-0"])["configure"][0] == "PASS"
    assert victim in said
    return victim


def once(apart: Farm) -> str:
    """A script that the first who runs it does not come to the end of."""
    return f"if mkdir {apart.root}/first 2>/dev/null; then echo $$ $PPID >>{apart.root}/pids; exec sleep 300; fi"


def test_a_worker_that_is_cut_off_loses_nothing_and_ends_what_it_does(
    apart: Farm, network: Network, fake: Callable[[str], Path]
) -> None:
    victim = cut_off(apart, network, fake(once(apart)), apart.root / "pids")
    assert apart.children[victim].wait(timeout=90) == 3, "it notices though nobody can tell it"
    wait_for(lambda: not running(apart.root / "pids"))


def test_a_worker_that_is_back_is_not_taken_for_what_it_was(
    apart: Farm, network: Network, fake: Callable[[str], Path]
) -> None:
    victim = cut_off(apart, network, fake(once(apart)), apart.root / "pids")
    network.mend(victim)
    assert apart.children[victim].wait(timeout=60) == 3
    wait_for(lambda: not running(apart.root / "pids"))


def test_a_client_that_is_cut_off_leaves_nothing_at_work(
    tmp_path: Path, network: Network, fake: Callable[[str], Path]
) -> None:
    """The client is on a host of its own; workers and scheduler are here."""
    farm = Farm(tmp_path, host=f"{NET}.1")
    client_host = network.host("c")
    identity.create(farm.identity)
    try:
        farm.scheduler()
        farm.workers("a")
        marker = tmp_path / "pids"
        tree = fake(f"echo $$ >>{marker}; exec sleep 300")
        client = farm.client(tree, "HEAD", host=client_host)
        wait_for(lambda: len(running(marker)) == 1, timeout_s=60)
        network.cut("c")
        status, _, said = answer(client, timeout_s=120)
        assert status == 3, said
        assert "run the same command again" in said
        wait_for(lambda: not running(marker), timeout_s=60)
        assert farm.children["a"].poll() is None, "it waits for the next client"
    finally:
        farm.end()


@pytest.fixture
def disk() -> Iterator[Callable[[Path, int], None]]:
    """Mounts a file system of so many bytes."""
    mounted: list[Path] = []

    def mount(path: Path, size: int) -> None:
        path.mkdir(parents=True, exist_ok=True)
        call("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(path))
        mounted.append(path)

    yield mount
    for path in mounted:
        call("umount", "--lazy", str(path))


@pytest.mark.parametrize("place", ["cache", "state"])
def test_a_job_that_finds_a_disk_full_is_done_elsewhere(
    tmp_path: Path, disk: Callable[[Path, int], None], fake: Callable[[str], Path], place: str
) -> None:
    """Of two workers one has nothing left: of its cache, where git and make write, or of where its records are."""
    farm = Farm(tmp_path)
    identity.create(farm.identity)
    tree = fake("dd if=/dev/zero of=$1/large bs=1M count=4 status=none; exit $?")
    try:
        farm.scheduler()
        farm.workers("a", "b")
        home = Path(farm.environment("a")[f"XDG_{place.upper()}_HOME"]) / "orchestrate"
        if place == "state":
            [home] = (home / "workers").glob("worker-*")
            home = home / "jobs"
        disk(home, 2 * MIB if place == "cache" else 4096)
        status, records, said = answer(farm.client(tree, "HEAD", "HEAD^", "HEAD^^"), timeout_s=120)
        assert status == 0, said
        assert [stages(record)["configure"][0] for record in records.values()] == ["PASS"] * 3
        assert "No space left on device" in said or "no space left" in said, said
    finally:
        farm.end()


def test_a_client_whose_disk_is_full_says_so(
    farm: Farm, disk: Callable[[Path, int], None], fake: Callable[[str], Path]
) -> None:
    disk(farm.root / "client-run", 64 << 10)
    (farm.root / "client-run/filler").write_bytes(b"x" * (52 << 10))  # three records fit, and not what replaces one
    status, records, said = answer(farm.client(fake("true"), *["HEAD", "HEAD^", "HEAD^^"]), timeout_s=120)
    assert status == 3, (records, said)
    assert "no space left" in said.lower()
    assert all(child.poll() is None for name, child in farm.children.items() if name in "ab")
