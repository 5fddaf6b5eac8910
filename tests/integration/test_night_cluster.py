"""Nights on the workers of a cluster: a scheduler and two workers on this machine, and kernels that take as long as a
test wants, and cannot be built."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.conftest import git
from tests.integration.farms import Farm, fake, farm, running, wait_for

pytest.importorskip("distributed")
pytestmark = pytest.mark.long
__all__ = ["fake", "farm"]  # the fixtures

PLAN = """\
trees:
  mm: {{path: {tree}, branches: [main, two, three], suites: [quick]}}
suites:
  quick: {{testcases: [split-merge], duration: 1s, options: [--accel, tcg, --no-sandbox]}}
executor: dask://{address}
results: {{json: {root}/night.json, directory: {root}/nights}}
"""


def plan(farm: Farm, tree: Path, more: str = "") -> Path:
    for number, branch in enumerate(("two", "three")):
        git(tree, "branch", "-f", branch, f"HEAD~{number + 1}")
    path = farm.root / "night.yaml"
    path.write_text(PLAN.format(tree=tree, address=farm.address, root=farm.root) + more)
    return path


def begin(farm: Farm, plan: Path, *more: str) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "orchestrator", "nightly", str(plan), "--identity", str(farm.identity), *more]
    process = subprocess.Popen(
        words, env=farm.environment("client"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    farm.add("client", process)
    return process


def states(farm: Farm) -> dict[str, str]:
    [night] = (farm.root / "nights").glob("2*/night.json")
    return {item["name"].split()[0]: item["state"] for item in json.loads(night.read_text())["items"]}


def test_as_many_items_run_at_once_as_there_are_workers(farm: Farm, fake: Callable[[str], Path]) -> None:
    """Each of the first two waits for the other one."""
    root = farm.root
    tree = fake(f"touch {root}/met.$$; while test $(ls {root} | grep -c met) -lt 2; do sleep 0.1; done")
    _, said = begin(farm, plan(farm, tree)).communicate(timeout=120)
    assert set(states(farm).values()) == {"DONE"}, said
    builds = [line for line in said.splitlines() if re.match(r"\[\d/3\] info: \S+ build: [ab]$", line)]
    assert {line[-1] for line in builds} == {"a", "b"}, said
    assert {line[:5] for line in builds} == {"[1/3]", "[2/3]", "[3/3]"}, "each line says of which item it is"


def test_a_plan_says_how_many_run_at_once(farm: Farm, fake: Callable[[str], Path]) -> None:
    """One item may have several jobs at work at once, on one branch."""
    root = farm.root
    script = f"""cd {root}
    item=$(tr -d -c 0-9 <$OLDPWD/Kconfig)
    touch busy.$item.$$
    echo $item >>seen
    ls busy.* | cut -d. -f2 | sort -u | wc -l >>crowd
    sleep 1
    rm busy.$item.$$"""
    _, said = begin(farm, plan(farm, fake(script), "at_once: 1\n")).communicate(timeout=120)
    assert set(states(farm).values()) == {"DONE"}, said
    assert set((root / "seen").read_text().split()) == {"0", "1", "2"}
    assert set((root / "crowd").read_text().split()) == {"1"}, said


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGKILL])
def test_a_night_that_was_ended_goes_on_with_all_that_was_at_work(
    farm: Farm, fake: Callable[[str], Path], signum: int
) -> None:
    marker = farm.root / "pids"
    path = plan(farm, fake(f"echo $$ >>{marker}; test -e {farm.root}/go || exec sleep 300"))
    night = begin(farm, path)
    wait_for(lambda: len(running(marker)) == 2, timeout_s=150)
    night.send_signal(signum)
    _, said = night.communicate(timeout=30)
    assert night.returncode == (130 if signum == signal.SIGINT else -signal.SIGKILL), said
    assert sorted(states(farm).values()) == ["PLANNED", "RUNNING", "RUNNING"]
    wait_for(lambda: not running(marker))
    (farm.root / "go").touch()
    _, said = begin(farm, path).communicate(timeout=120)
    assert "3 items to run, continued" in said
    assert set(states(farm).values()) == {"DONE"}, said


def test_a_cluster_that_is_gone_ends_the_night_and_the_same_command_goes_on(
    farm: Farm, fake: Callable[[str], Path]
) -> None:
    marker = farm.root / "pids"
    path = plan(farm, fake(f"echo $$ >>{marker}; test -e {farm.root}/go || exec sleep 300"))
    night = begin(farm, path)
    wait_for(lambda: len(running(marker)) == 2, timeout_s=150)
    farm.children["scheduler"].kill()
    _, said = night.communicate(timeout=60)
    assert night.returncode == 3, said
    assert "is gone" in said
    assert "run the same command again" in said
    assert sorted(states(farm).values()) == ["PLANNED", "RUNNING", "RUNNING"]
    again = begin(farm, path)
    _, said = again.communicate(timeout=60)
    assert again.returncode == 3, said
    assert "no scheduler of our cluster answers" in said
    (farm.root / "go").touch()
    for name in "ab":
        farm.children[name].wait(timeout=40)
    farm.scheduler()
    farm.workers("a")
    _, said = begin(farm, path, "--executor", f"dask://{farm.address}").communicate(timeout=120)
    assert "3 items to run, continued" in said
    assert set(states(farm).values()) == {"DONE"}, said


def test_the_time_of_a_night_counts_once(farm: Farm, fake: Callable[[str], Path]) -> None:
    """And ends what is at work when it is over."""
    marker = farm.root / "pids"
    path = plan(farm, fake(f"echo $$ >>{marker}; exec sleep 300"), "budget: 20s\nexpected: 20s\n")
    begun_s = time.monotonic()
    _, said = begin(farm, path).communicate(timeout=120)
    assert time.monotonic() - begun_s < 60
    assert sorted(states(farm).values()) == ["LEFT_OUT", "STOPPED", "STOPPED"], said
    assert not running(marker)
    record = json.loads((farm.root / "night.json").read_text())
    assert 20 <= record["spent_s"] < 35
    assert all(item["spent_s"] >= 19 for item in record["items"] if item["state"] == "STOPPED")
