"""What watching the writes of VMAs costs.

    .venv/bin/python benchmarks/vma_writes.py [--pairs 10] [--patch vm_refcnt] [--rounds 40] [--smp 2]

Two guests of one kernel, with the watch and without, do the work of benchmarks/coverage.py in turn, in random order: it
forks, maps and exits, and so writes VMAs. Printed are the ratios, with to without, as there, and the writes in a
second.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.coverage import row, work
from orchestrator.catalog import load_catalog
from orchestrator.commands.compose import Invocation, find_accel, find_base, find_host
from orchestrator.commands.guests import guest_specs, kernels
from orchestrator.context import Context, Places
from orchestrator.jobs.boot import boot
from orchestrator.jobs.build import Finders
from orchestrator.jobs.vma_writes import vma_writes
from orchestrator.model.request import Request
from orchestrator.plan import make_plan
from orchestrator.process import Cancel, Runner


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--patch", default="vm_refcnt")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--smp", type=int)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    catalog = load_catalog()
    context = Context(Places.of_user(), catalog, Runner(Cancel()), lambda event: None)
    request = Request(patch=args.patch, accel="tcg", smp=args.smp)
    plan = make_plan(request, catalog, catalog.series(args.patch), find_host(context))
    find = Finders(lambda source: find_base(source, context), lambda machine: find_accel(request, machine, context))
    chance = random.Random(args.seed)
    with tempfile.TemporaryDirectory(prefix="orchestrate-vma-writes-") as directory:
        where = Path(directory)
        invocation = Invocation(context, plan, find)
        ((_, built),) = kernels(invocation)
        ((_, spec),) = guest_specs(invocation)
        made = vma_writes(context, built, spec.machine, spec.accel, where)
        if made.value is None:
            sys.exit(made.note)
        print(f"{made.note}; {args.pairs} pairs, {spec.machine.smp} CPUs, {args.rounds} rounds each", flush=True)
        guests = {
            is_on: boot(context, replace(spec, vma_writes=made.value if is_on else None), where / f"guest-{is_on}")[0]
            for is_on in (True, False)
        }
        try:
            for guest in guests.values():
                work(guest, spec.machine.smp, 10)  # what is translated is translated now
            ratios, watched_s, before = [], 0.0, guests[True].vma_writes_seen or 0
            for _ in range(args.pairs):
                order = list(guests)
                chance.shuffle(order)
                costs = {is_on: work(guests[is_on], spec.machine.smp, args.rounds) for is_on in order}
                watched_s += costs[True].cpu_s
                ratios.append((costs[True].cpu_s / costs[False].cpu_s, costs[True].wall_s / costs[False].wall_s))
            writes = (guests[True].vma_writes_seen or 0) - before
        finally:
            for guest in guests.values():
                guest.close()
    print(row("CPU time", [cpu for cpu, _ in ratios]))
    print(row("time", [wall for _, wall in ratios]))
    print(f"{writes / watched_s:,.0f} writes in a second of CPU time")
    print(f"load of the host at the end: {os.getloadavg()[0]:.1f} on {os.cpu_count()} CPUs")


if __name__ == "__main__":
    main()
