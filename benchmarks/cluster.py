"""What the workers of a cluster cost and bring, against this process: the time that a job takes more, and the jobs per
second of 1, 2 and 4 workers.

    python benchmarks/cluster.py [--jobs 16] [--seconds 5]

A job configures a kernel whose make sleeps, so that machines with few CPUs can play several hosts: a scheduler and
workers with caches of their own, over mutual TLS. Everything else is as in a run: worktrees, locks, stages, records,
and the product and the files of each job, which the client fetches. The sequence is local, 1, 2, 4 workers, local;
compare figures of one run with each other only. On a host that is busy with other work, seconds of CPU say more: those
of a job are without what the processes use all the time, which is measured before, while they have nothing to do.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1]))

from orchestrator.cluster import identity
from orchestrator.context import Context, Places
from orchestrator.declarations.catalog import load_catalog
from orchestrator.host import resources
from orchestrator.host.process import Cancel, Runner
from orchestrator.host.sandbox import Sandbox
from orchestrator.invocation.compose import find_finders, find_host
from orchestrator.invocation.executors import LOCAL, workforce
from orchestrator.jobs.products import Products
from orchestrator.model.job import Configure, Job
from orchestrator.model.kernel import Kernel, Role, Source
from orchestrator.model.outcome import Outcome
from orchestrator.model.request import Request
from orchestrator.model.subject import Subject
from orchestrator.plan import make_plan
from tests.integration.conftest import git
from tests.integration.farms import Farm

WORKERS = (1, 2, 4)
IDLE_S = 10.0
MAKEFILE = "tinyconfig:\n\t@sleep {seconds}\n\t@touch $(O)/.config\nolddefconfig:\n\t@true\n"


@dataclass(frozen=True)
class Measured:
    """Seconds: of all jobs together, of the one in the middle, and of CPUs, everywhere, for each job and for each
    second in which there is none."""

    all_s: float
    job_s: float
    cpu_s: float
    idle: float


def tree_of(root: Path, jobs: int, seconds: float) -> Path:
    """A git tree with a commit for each job."""
    tree = root / "linux"
    tree.mkdir()
    (tree / "Makefile").write_text(MAKEFILE.format(seconds=seconds))
    git(tree, "init", "-q", "-b", "main")
    for number in range(jobs):
        (tree / "Kconfig").write_text(f"mainmenu {number}\n")
        git(tree, "add", "-A")
        git(tree, "commit", "-q", "-m", f"{number}")
    return tree


def cpu_s(pids: Sequence[int]) -> float:
    """Of this process and others, with the children that they have waited for."""
    ticks = 0
    for pid in (os.getpid(), *pids):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += sum(map(int, fields[11:15]))  # utime, stime, cutime, cstime of proc(5)
    return ticks / os.sysconf("SC_CLK_TCK")


def measure(who: str, certificates: Path, tree: Path, home: Path, jobs: int, pids: Sequence[int] = ()) -> Measured:
    """Each call has a cache and a run directory of its own. `pids` are the processes of the cluster."""
    catalog, cancel = load_catalog(), Cancel()
    context = Context(Places(home / "cache", home / "state"), catalog, Runner(cancel), lambda event: None)
    sandbox = Sandbox(None, context.runner, context.warn)  # as in every run: workers have one, too
    sandbox.check()
    context = replace(context, runner=Runner(cancel, confine=sandbox))
    request = Request(tree=str(tree), base="HEAD", testcases=("split-merge",), jobs=1, accel="tcg")
    plan = make_plan(request, catalog, None, find_host(context))
    subjects = [
        Subject(Kernel(Source(str(tree), f"HEAD~{number}"), plan.kconfigs[0]), Role.BASELINE, f"kernel-{number}")
        for number in range(jobs)
    ]
    (home / "run").mkdir(parents=True)
    products = Products(context, plan, home / "run", find_finders(context, request))
    all_jobs: list[Job] = [Configure(one) for one in subjects]
    ends: list[float] = []

    def next_jobs(issued: Set[Job], ended: Set[Job]) -> Sequence[Job]:
        ends.extend([time.monotonic()] * (len(ended) - len(ends)))
        return all_jobs

    with workforce(who, certificates) as everybody, everybody.executor(products) as executor:
        begun_s, began_cpu_s = time.monotonic(), cpu_s(pids)
        time.sleep(IDLE_S)
        idle = (cpu_s(pids) - began_cpu_s) / (time.monotonic() - begun_s)
        begun_s, began_cpu_s = time.monotonic(), cpu_s(pids)
        executor.carry_out(next_jobs)
        used_s = cpu_s(pids) - began_cpu_s
    stages = [products.journal(one).record.stages[-1] for one in subjects]
    assert all((one.stage, one.outcome) == ("configure", Outcome.PASS) for one in stages), stages
    job_s = median(after - before for before, after in pairwise([begun_s, *ends]))
    all_s = ends[-1] - begun_s
    return Measured(all_s, job_s, (used_s - idle * all_s) / jobs, idle)


@contextmanager
def cluster(root: Path, workers: int) -> Iterator[Farm]:
    farm = Farm(root)
    identity.create(farm.identity)
    try:
        farm.scheduler()
        farm.workers(*(f"worker-{number}" for number in range(workers)))
        yield farm
    finally:
        farm.end()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=5.0)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="orchestrate-cluster-") as made:
        root = Path(made)
        tree = tree_of(root, args.jobs, args.seconds)
        here = [measure(LOCAL, root, tree, root / "here-0", args.jobs)]
        there: dict[int, Measured] = {}
        for workers in WORKERS:
            with cluster(root / f"farm-{workers}", workers) as farm:
                who = f"dask://{farm.address}"
                pids = [child.pid for child in farm.children.values()]
                there[workers] = measure(who, farm.identity, tree, root / f"client-{workers}", args.jobs, pids)
        here.append(measure(LOCAL, root, tree, root / "here-1", args.jobs))
    alone_s, spread_s = sum(one.job_s for one in here) / 2, abs(here[0].job_s - here[1].job_s)
    print(f"{args.jobs} jobs that sleep {args.seconds:g} s, on {resources.cpus()} CPUs")
    print(f"local: {alone_s:.3f} s for the median job; {1000 * spread_s:.0f} ms between before and after")
    more_s = there[1].job_s - alone_s
    print(f"1 worker: {there[1].job_s:.3f} s; {1000 * more_s:+.0f} ms, {more_s / alone_s:+.1%}")
    here_cpu_s = sum(one.cpu_s for one in here) / 2
    print(
        f"CPU of a job: {1000 * here_cpu_s:.0f} ms local, {1000 * (there[1].cpu_s - here_cpu_s):+.0f} ms with 1 worker"
    )
    print(f"CPU of a second without a job: {1000 * there[1].idle:.0f} ms for scheduler, worker and client together")
    all_s = sum(one.all_s for one in here) / 2
    for workers, found in there.items():
        faster = all_s / found.all_s
        print(f"{workers} workers: {faster:.2f} times as fast as local, {faster / workers:.0%} of ideal")


if __name__ == "__main__":
    main()
