"""A scheduler and two workers on this machine, each a process with a cache of its own, and clients that have a tree
configured whose Makefile does what a test wants: real make, git, TLS and signals, and no guest."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.cluster import identity
from orchestrator.cluster.connection import Connection
from orchestrator.cluster.task import Task
from orchestrator.errors import WorkerLost
from orchestrator.host.process import Cancel
from orchestrator.model.job import Build
from orchestrator.model.subject import patched
from tests.integration.farms import Farm, answer, fake, farm, lives, running, stages, wait_for, worker_of
from tests.unit.simulated import plan as made_plan

pytest.importorskip("distributed")
pytestmark = pytest.mark.long  # each test starts a cluster of its own: six minutes for all
__all__ = ["fake", "farm"]  # the fixtures


REVISIONS = ("HEAD", "HEAD^", "HEAD^^")


def kept(farm: Farm) -> list[Path]:
    """The directories of jobs that workers have."""
    return list(farm.root.glob("[ab]/state/orchestrate/workers/*/jobs/*"))


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
    wait_for(lambda: not kept(farm))


def test_the_products_of_a_worker_move_to_the_client_once(farm: Farm, fake: Callable[[str], Path]) -> None:
    assert answer(farm.client(fake("true"), "HEAD"))[0] == 0
    product = next((farm.root / "client/cache/orchestrate/store/configure").glob("[0-9a-f]*"))
    assert "CONFIG_MMU=y" in (product / "config").read_text() or (product / "config").stat().st_size


def test_a_killed_worker_loses_nothing_and_leaves_nothing(farm: Farm, fake: Callable[[str], Path]) -> None:
    marker = farm.root / "pids"
    tree = fake(f"if mkdir {farm.root}/first 2>/dev/null; then echo $$ $PPID >>{marker}; sleep 300; fi")
    client = farm.client(tree, "HEAD")
    wait_for(lambda: len(running(marker)) == 2)
    victim = worker_of(farm, marker)
    os.kill(farm.children[victim].pid, signal.SIGKILL)
    status, records, said = answer(client)
    assert status == 0, said
    assert stages(records["kernel-0"])["configure"][0] == "PASS"
    assert f"{victim}" in said
    make = int(marker.read_text().split()[1])
    wait_for(lambda: not lives(make))  # the shell below it is what make leaves when it is killed


def test_nobody_waits_for_a_worker_that_was_gone_before_its_task_came(farm: Farm) -> None:
    """Who is there is known a second late, and Dask keeps a task until its worker comes back."""
    connection = Connection(farm.address, farm.identity)
    addresses = set(connection.announced())
    farm.children["b"].kill()
    wait_for(lambda: len(connection.announced()) == 1)
    [gone] = addresses - set(connection.announced())
    plan = made_plan()
    task = Task("some-token", Build(patched(plan.kernel(plan.variants[0]))), plan)
    begun_s = time.monotonic()
    with pytest.raises(WorkerLost, match="is gone"):
        connection.do(task, gone, 1, 0.5, Cancel())
    assert time.monotonic() < begun_s + 10
    connection.close()


def test_a_frozen_worker_is_given_up(farm: Farm, fake: Callable[[str], Path]) -> None:
    marker = farm.root / "pids"
    tree = fake(f"if mkdir {farm.root}/first 2>/dev/null; then echo $$ $PPID >>{marker}; sleep 300; fi")
    client = farm.client(tree, "HEAD")
    wait_for(lambda: len(running(marker)) == 2)
    victim = worker_of(farm, marker)
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
    wait_for(lambda: not kept(farm))


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
