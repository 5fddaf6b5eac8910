"""What counting the changed statements costs.

    .venv/bin/python benchmarks/coverage.py [--pairs 100] [--patch vm_refcnt] [--rounds 5] [--smp 2]

Two guests of one kernel, with counting and without, do the same small piece of work in turn, in random order. In each,
as many shells at a time as it has CPUs start programs (fork, exec, page faults, mmap, munmap, exit) ROUNDS times.
Printed are the ratios, with to without, of the CPU time that QEMU took for the work and of the time that passed: the
median and its 95 % interval (sign test). On a host that is busy with other things only the CPU time means something.

A second way does not depend on the host's other work: counts in a second of QEMU's CPU time, and what one count costs
in the boot sector's loop, where one CPU does nothing else. The same for the ways of jumps.

What it takes to map a kernel's changed statements is printed first.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.build.plugin import JUMPS, NEVER_RUNS
from orchestrator.catalog import load_catalog
from orchestrator.commands.compose import Invocation, find_accel, find_base, find_host
from orchestrator.commands.guests import guest_specs, kernels
from orchestrator.context import Context, Places
from orchestrator.guest.accel import boot_sector_command
from orchestrator.guest.counters import Counters, Counting, write_addresses
from orchestrator.guest.guest import Guest
from orchestrator.jobs.boot import GuestSpec, boot
from orchestrator.jobs.build import Finders
from orchestrator.jobs.coverage import code_map, counting
from orchestrator.model.request import Request
from orchestrator.plan import make_plan
from orchestrator.process import Cancel, Runner

WORK = "for i in $(seq {rounds}); do /bin/busybox true; /bin/busybox ls /proc/self >/dev/null; done"
LIMIT_S = 600.0
LOOP, ROUNDS = 0x7C83, 20_000_000  # of the boot sector
JUMP = next(jump for jump, (taken, _) in JUMPS.items() if taken)  # its loop's


@dataclass(frozen=True)
class Cost:
    """Of the work in one guest, in seconds."""

    cpu_s: float
    wall_s: float


def cpu_s(pid: int) -> float:
    """What a process has used: fields 14 and 15 of its stat, behind the name in brackets."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def work(guest: Guest, cpus: int, rounds: int) -> Cost:
    assert guest.link
    one = f"( {WORK.format(rounds=rounds)} ) & "
    began_s, before_s = time.monotonic(), cpu_s(guest.qemu.pid)
    answer = guest.link.ask(one * cpus + "wait; echo done", LIMIT_S)
    if answer.stdout.strip() != "done":
        sys.exit(f"the guest did not do its work: {answer.stdout}{answer.stderr}")
    return Cost(cpu_s(guest.qemu.pid) - before_s, time.monotonic() - began_s)


def count_s(context: Context, made: Counting, spec: GuestSpec, where: Path, repeats: int) -> tuple[float, float]:
    """Seconds of CPU time that one count takes, and one jump whose ways are counted: the loop of the boot sector, with
    its first instruction counted, with its jump watched, and without."""
    nothing = replace(made, addresses=(NEVER_RUNS,), jumps=(), entries=())
    arms = {
        "nothing": (nothing, (0,)),
        "instruction": (replace(nothing, addresses=(LOOP,)), (ROUNDS,)),
        "jump": (replace(nothing, jumps=(JUMP,), entries=(NEVER_RUNS,)), (0, ROUNDS - 1, 1)),
    }
    found: dict[str, list[float]] = {name: [] for name in arms}
    for number in range(repeats):
        for name, (counting_it, expected) in arms.items():
            directory = where / f"loop-{number}-{name}"
            directory.mkdir()
            counting_it = replace(counting_it, file=directory / "addresses")
            write_addresses(counting_it)
            counters = Counters(directory, counting_it)
            command = boot_sector_command(directory, context.runner, spec.machine.qemu, spec.accel, *counting_it.argv())
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run(command.argv, cwd=directory, check=False)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            assert counters.read(lambda: False).counts == expected
            found[name].append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    medians = {name: statistics.median(times) for name, times in found.items()}
    return tuple((medians[name] - medians["nothing"]) / ROUNDS for name in ("instruction", "jump"))


def interval(values: Sequence[float]) -> tuple[float, float]:
    """The narrowest pair of order statistics that holds the median with 95 %; all values if there are too few."""
    ordered, n = sorted(values), len(values)
    outside = 0.0
    for low in range(n // 2):
        outside += 2 * math.comb(n, low) / 2**n
        if outside > 0.05:
            return (ordered[low - 1], ordered[-low]) if low else (ordered[0], ordered[-1])
    return ordered[0], ordered[-1]


def row(name: str, ratios: Sequence[float]) -> str:
    low, high = interval(ratios)
    return f"{name:10} median {statistics.median(ratios):.3f}  95 % interval {low:.3f} .. {high:.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--patch", default="vm_refcnt")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--smp", type=int)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    places, runner, catalog = Places.of_user(), Runner(Cancel()), load_catalog()
    context = Context(places, catalog, runner, lambda event: None)
    request = Request(patch=args.patch, accel="tcg", smp=args.smp)
    plan = make_plan(request, catalog, catalog.series(args.patch), find_host(context))
    find = Finders(lambda source: find_base(source, context), lambda machine: find_accel(request, machine, context))
    chance = random.Random(args.seed)
    with tempfile.TemporaryDirectory(prefix="orchestrate-coverage-") as directory:
        where = Path(directory)
        invocation = Invocation(context, plan, find)
        ((_, built),) = kernels(invocation)
        ((_, spec),) = guest_specs(invocation)
        began_s = time.process_time()
        code_map(context, built, built.tree.applied.base.commit)
        print(f"mapping the changed statements: {time.process_time() - began_s:.2f} s of CPU time", flush=True)
        made = counting(context, built, spec.machine, spec.accel, where)
        if made.value is None:
            sys.exit(made.note)
        print(f"{made.note}; {args.pairs} pairs, {spec.machine.smp} CPUs, {args.rounds} rounds each", flush=True)
        guests = {
            arm: boot(context, replace(spec, counting=arm), where / f"guest-{arm is None}")[0]
            for arm in (made.value, None)
        }
        try:
            for guest in guests.values():
                work(guest, spec.machine.smp, 10)  # what is translated is translated now
            ratios, counts, jumps, counting_s = [], 0, 0, 0.0
            for _ in range(args.pairs):
                order = list(guests)
                chance.shuffle(order)
                costs = {}
                for arm in order:
                    before = guests[arm].counts()
                    costs[arm] = work(guests[arm], spec.machine.smp, args.rounds)
                    if after := guests[arm].counts():
                        counts += sum(after.since(before).values())
                        jumps += sum(after.gone_since(before).values())
                        counting_s += costs[arm].cpu_s
                on, off = costs[made.value], costs[None]
                ratios.append((on.cpu_s / off.cpu_s, on.wall_s / off.wall_s))
        finally:
            for guest in guests.values():
                guest.close()
        one_s, jump_s = count_s(context, made.value, spec, where, 5)
    print(row("CPU time", [cpu for cpu, _ in ratios]))
    print(row("time", [wall for _, wall in ratios]))
    share = counts / counting_s * one_s
    print(f"{counts / counting_s:,.0f} counts in a second of CPU time, {1e9 * one_s:.1f} ns each: {share:.2%}")
    share = jumps / counting_s * jump_s
    print(f"{jumps / counting_s:,.0f} jumps in a second of CPU time, {1e9 * jump_s:.1f} ns each: {share:.2%}")
    print(f"load of the host at the end: {os.getloadavg()[0]:.1f} on {os.cpu_count()} CPUs")


if __name__ == "__main__":
    main()
