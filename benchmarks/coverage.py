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

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from two_guests import arguments, guests, kernel, orders, print_load, print_ratios, ratio, work

from orchestrator.build.plugin import JUMPS, NEVER_RUNS
from orchestrator.context import Context
from orchestrator.guest.accel import boot_sector_command
from orchestrator.guest.counters import Counters, Counting, write_addresses
from orchestrator.jobs.boot import GuestSpec
from orchestrator.jobs.coverage import code_map, counting

LOOP, ROUNDS = 0x7C83, 20_000_000  # of the boot sector
JUMP = next(jump for jump, (taken, _) in JUMPS.items() if taken)  # its loop's


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


def main() -> None:
    args = arguments(__doc__, pairs=100, rounds=5)
    with tempfile.TemporaryDirectory(prefix="orchestrate-coverage-") as directory:
        where = Path(directory)
        context, built, spec = kernel(args)
        began_s = time.process_time()
        code_map(context, built, built.tree.applied.base.commit)
        print(f"mapping the changed statements: {time.process_time() - began_s:.2f} s of CPU time", flush=True)
        made = counting(context, built, spec.machine, spec.accel, where)
        if made.value is None:
            sys.exit(made.note)
        print(f"{made.note}; {args.pairs} pairs, {spec.machine.smp} CPUs, {args.rounds} rounds each", flush=True)
        with guests(context, replace(spec, counting=made.value), spec, where) as running:
            ratios, counts, jumps, counting_s = [], 0, 0, 0.0
            for order in orders(args):
                costs, before = {}, running[True].counts()
                for is_on in order:
                    costs[is_on] = work(running[is_on], spec.machine.smp, args.rounds)
                if after := running[True].counts():
                    counts += sum(after.since(before).values())
                    jumps += sum(after.gone_since(before).values())
                    counting_s += costs[True].cpu_s
                ratios.append(ratio(costs))
        one_s, jump_s = count_s(context, made.value, spec, where, 5)
    print_ratios(ratios)
    share = counts / counting_s * one_s
    print(f"{counts / counting_s:,.0f} counts in a second of CPU time, {1e9 * one_s:.1f} ns each: {share:.2%}")
    share = jumps / counting_s * jump_s
    print(f"{jumps / counting_s:,.0f} jumps in a second of CPU time, {1e9 * jump_s:.1f} ns each: {share:.2%}")
    print_load()


if __name__ == "__main__":
    main()
