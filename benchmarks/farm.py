"""A night of 10,000 sessions on 500 machines, on paper: what is busy for how long, and what saturates first.

    python benchmarks/farm.py [--measure] [--sessions 10000] [--machines 500] [--at-once 256] ...

farm_simulation.py is the night. What each operation costs is what farm_costs.py printed here; `--measure` measures
again. How long guests run, and what a kernel and a result hold, are a run's with vm_refcnt.
"""

from __future__ import annotations

import argparse
from dataclasses import fields, replace

from farm_costs import lines_of, measured
from farm_simulation import Costs, Night, simulated


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--measure", action="store_true", help="what operations cost on this machine")
    for one in fields(Night):
        parser.add_argument(f"--{one.name.replace('_', '-')}", type=type(one.default), default=one.default)
    args = parser.parse_args()
    costs = Costs()
    if args.measure:
        costs = measured()
        print(lines_of(costs))
    night = Night(**{one.name: getattr(args, one.name) for one in fields(Night)})
    for changed in (
        {}, {"at_once": 32}, {"clients": 4}, {"sessions": 4 * night.sessions, "machines": 4 * night.machines},
        {"sessions": 4 * night.sessions, "machines": 4 * night.machines, "clients": 8, "at_once": 1024},
    ):  # fmt: skip
        print(simulated(replace(night, **changed), costs))


if __name__ == "__main__":
    main()
