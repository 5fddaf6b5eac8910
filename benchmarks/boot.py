"""From QEMU's start to the first SSH command answered, and its parts (boot_split.py says which, and how they are told).

    .venv/bin/python benchmarks/boot.py [--repeat N] [--kconfig NAME] [--vng]

With --vng, virtme-ng boots the same kernel on the same machine for `uname -r`, and the ratio is printed. That kernel
needs what virtme-ng mounts the host's root with: --kconfig vng, a fragment beside this file.

All that is compared takes turns in one run, so that a host that gets slower is slower for all.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import virtme_ng
from boot_split import Split, split

from orchestrator.context import Context, Places
from orchestrator.declarations.catalog import load_catalog
from orchestrator.declarations.kconfigs import read_fragment
from orchestrator.host.process import Cancel, Runner
from orchestrator.invocation.compose import Invocation, find_accel, find_base, find_host
from orchestrator.invocation.guests import guest_specs
from orchestrator.jobs.boot import GuestSpec, boot
from orchestrator.jobs.build import Finders
from orchestrator.model.request import Request
from orchestrator.plan import make_plan


def bench_for(kconfig: str) -> tuple[Context, GuestSpec]:
    places, runner = Places.of_user(), Runner(Cancel())
    catalog = load_catalog()
    fragments = Path(__file__).with_name(f"{kconfig}.config")
    if fragments.exists():
        catalog = replace(catalog, fragments={**catalog.fragments, kconfig: read_fragment(fragments, catalog.arches)})
    context = Context(places, catalog, runner, lambda event: None)
    request = Request(kconfigs=(kconfig,))
    plan = make_plan(request, catalog, None, find_host(context))
    find = Finders(lambda source: find_base(source, context), lambda machine: find_accel(request, machine, context))
    ((_, spec),) = guest_specs(Invocation(context, plan, find))
    return context, spec


def plain(context: Context, spec: GuestSpec, home: Path) -> float:
    guest, identity = boot(context, spec, home)
    guest.close()
    return identity.ready_s


def row(name: str, times_s: Sequence[float], more: str = "") -> str:
    spread = f"{min(times_s):.2f} .. {max(times_s):.2f}"
    return f"  {name:24}{statistics.median(times_s):7.2f} s   {spread:14}{more}"


def print_splits(splits: Sequence[Split]) -> None:
    """Medians do not add up, the parts of one boot do: the last column is the boot with the median total."""
    middle = sorted(splits, key=lambda one: one.total_s)[(len(splits) - 1) // 2]
    print(f"its parts, watched:{'median':>14}   min .. max     the median boot")
    for number, part in enumerate(middle.parts):
        print(row(part.name, [one.parts[number].time_s for one in splits], f"{part.time_s:7.2f} s"))
    print(row("total", [one.total_s for one in splits], f"{middle.total_s:7.2f} s"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--kconfig", default="base")
    parser.add_argument("--vng", action="store_true")
    args = parser.parse_args()
    context, spec = bench_for(args.kconfig)
    totals, splits, others = [], [], []
    with tempfile.TemporaryDirectory() as directory:
        where = Path(directory)
        try:
            vng = virtme_ng.install(where / "vng") if args.vng else None
            for number in range(args.repeat):
                totals.append(plain(context, spec, where / f"plain-{number}"))
                splits.append(split(context, spec, where / f"split-{number}"))
                if vng:
                    others.append(virtme_ng.uname(vng, spec))
        except (subprocess.CalledProcessError, RuntimeError, ValueError) as error:
            sys.exit(str(error))
    print(f"QEMU's start to the first answer: {spec.accel.name}, kconfig {args.kconfig}, {args.repeat} boots each")
    print(row("orchestrate", totals))
    if others:
        print(row(virtme_ng.VIRTME_NG, others))
        ratio = statistics.median(others) / statistics.median(totals)
        print(f"  virtme-ng takes {ratio:.2f} times as long as orchestrate")
    print_splits(splits)


if __name__ == "__main__":
    main()
