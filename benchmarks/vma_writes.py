"""What watching the writes of VMAs costs.

    .venv/bin/python benchmarks/vma_writes.py [--pairs 10] [--patch vm_refcnt] [--rounds 40] [--smp 2]

Two guests of one kernel, with the watch and without, do the work of benchmarks/coverage.py in turn, in random order: it
forks, maps and exits, and so writes VMAs. Printed are the ratios, with to without, as there, and the writes in a
second.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from two_guests import arguments, guests, kernel, orders, print_load, print_ratios, ratio, work

from orchestrator.jobs.vma_writes import vma_writes


def main() -> None:
    args = arguments(__doc__, pairs=10, rounds=40)
    with tempfile.TemporaryDirectory(prefix="orchestrate-vma-writes-") as directory:
        where = Path(directory)
        context, built, spec = kernel(args)
        made = vma_writes(context, built, spec.machine, spec.accel, where)
        if made.value is None:
            sys.exit(made.note)
        print(f"{made.note}; {args.pairs} pairs, {spec.machine.smp} CPUs, {args.rounds} rounds each", flush=True)
        with guests(context, replace(spec, vma_writes=made.value), spec, where) as running:
            ratios, watched_s, before = [], 0.0, running[True].vma_writes_seen or 0
            for order in orders(args):
                costs = {is_on: work(running[is_on], spec.machine.smp, args.rounds) for is_on in order}
                watched_s += costs[True].cpu_s
                ratios.append(ratio(costs))
            writes = (running[True].vma_writes_seen or 0) - before
    print_ratios(ratios)
    print(f"{writes / watched_s:,.0f} writes in a second of CPU time")
    print_load()


if __name__ == "__main__":
    main()
