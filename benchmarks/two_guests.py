"""The same work in two guests of one kernel in turn, in random order: what those benchmarks share that measure what it
costs to switch something on.

In each guest, as many shells at a time as it has CPUs start programs (fork, exec, page faults, mmap, munmap, exit).
"""

from __future__ import annotations

import argparse
import math
import os
import random
import statistics
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from orchestrator.context import Context, Places
from orchestrator.declarations.catalog import load_catalog
from orchestrator.guest.guest import Guest
from orchestrator.host.process import Cancel, Runner
from orchestrator.invocation.compose import Invocation, find_finders, find_host
from orchestrator.invocation.guests import guest_specs, kernels
from orchestrator.jobs.boot import GuestSpec, boot
from orchestrator.jobs.build import Built
from orchestrator.model.request import Request
from orchestrator.plan import make_plan

WORK = "for i in $(seq {rounds}); do /bin/busybox true; /bin/busybox ls /proc/self >/dev/null; done"
LIMIT_S = 600.0


@dataclass(frozen=True)
class Cost:
    """Of the work in one guest, in seconds."""

    cpu_s: float
    wall_s: float


def arguments(about: str | None, pairs: int, rounds: int) -> argparse.Namespace:
    """Of a benchmark's command line; the numbers are defaults."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=pairs)
    parser.add_argument("--patch", default="vm_refcnt")
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--smp", type=int)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def kernel(args: argparse.Namespace) -> tuple[Context, Built, GuestSpec]:
    """The kernel with the patch, and its guests under TCG."""
    catalog = load_catalog()
    context = Context(Places.of_user(), catalog, Runner(Cancel()), lambda event: None)
    request = Request(patch=args.patch, accel="tcg", smp=args.smp)
    plan = make_plan(request, catalog, catalog.series(args.patch), find_host(context))
    invocation = Invocation(context, plan, find_finders(context, request))
    ((_, built),) = kernels(invocation)
    ((_, spec),) = guest_specs(invocation)
    return context, built, spec


@contextmanager
def guests(context: Context, on: GuestSpec, off: GuestSpec, where: Path) -> Iterator[Mapping[bool, Guest]]:
    """Two guests that have done the work before: what is translated is translated then."""
    made = dict[bool, Guest]()
    try:
        for is_on, spec in ((True, on), (False, off)):
            made[is_on] = boot(context, spec, where / f"guest-{is_on}")[0]
            work(made[is_on], spec.machine.smp, 10)
        yield made
    finally:
        for guest in made.values():
            guest.close()


def orders(args: argparse.Namespace) -> Iterator[tuple[bool, ...]]:
    """Which guest is first, for each pair."""
    chance = random.Random(args.seed)
    for _ in range(args.pairs):
        yield tuple(chance.sample((True, False), 2))


def work(guest: Guest, cpus: int, rounds: int) -> Cost:
    assert guest.link
    one = f"( {WORK.format(rounds=rounds)} ) & "
    began_s, before_s = time.monotonic(), cpu_s(guest.qemu.pid)
    answer = guest.link.ask(one * cpus + "wait; echo done", LIMIT_S)
    if answer.stdout.strip() != "done":
        sys.exit(f"the guest did not do its work: {answer.stdout}{answer.stderr}")
    return Cost(cpu_s(guest.qemu.pid) - before_s, time.monotonic() - began_s)


def cpu_s(pid: int) -> float:
    """What a process has used: fields 14 and 15 of its stat, behind the name in brackets."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def ratio(costs: Mapping[bool, Cost]) -> tuple[float, float]:
    """Of CPU time and of time: with what is switched on, to without."""
    on, off = costs[True], costs[False]
    return on.cpu_s / off.cpu_s, on.wall_s / off.wall_s


def print_ratios(ratios: Sequence[tuple[float, float]]) -> None:
    for name, values in zip(("CPU time", "time"), zip(*ratios, strict=True), strict=True):
        low, high = interval(values)
        print(f"{name:10} median {statistics.median(values):.3f}  95 % interval {low:.3f} .. {high:.3f}")


def interval(values: Sequence[float]) -> tuple[float, float]:
    """The narrowest pair of order statistics that holds the median with 95 %; all values if there are too few."""
    ordered, n = sorted(values), len(values)
    outside = 0.0
    for low in range(n // 2):
        outside += 2 * math.comb(n, low) / 2**n
        if outside > 0.05:
            return (ordered[low - 1], ordered[-low]) if low else (ordered[0], ordered[-1])
    return ordered[0], ordered[-1]


def print_load() -> None:
    print(f"load of the host at the end: {os.getloadavg()[0]:.1f} on {os.cpu_count()} CPUs")
