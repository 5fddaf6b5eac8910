"""From QEMU's start to the first SSH command answered, split into its parts.

    .venv/bin/python benchmarks/boot.py [--repeat N] [--kconfig NAME] [--vng]

With --vng, virtme-ng (from PyPI, in a virtual environment of its own) boots the same kernel for `uname -r`; that kernel
needs what virtme-ng mounts the host's root with: --kconfig vng, a fragment beside this file.
"""

from __future__ import annotations

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from dataclasses import replace
from pathlib import Path

from orchestrator.catalog import load, read_fragment
from orchestrator.chain import Sources, make_bench, make_kernel
from orchestrator.commands.compose import announced
from orchestrator.context import Context, Places
from orchestrator.guest.accel import choose
from orchestrator.model import Request
from orchestrator.plan import make_plan
from orchestrator.process import Cancel, Runner
from orchestrator.source.bases import DEFAULT_BASE, Workplace, packaged_base
from orchestrator.stages.boot import Bench, boot

MARKS = (
    # the kernel's first line; earlyprintk sends it at once. Firmware and decompression are silent and not told apart
    ("firmware+unpack", rb"Linux version"),
    ("kernel", rb"Run /init as init process"),
    ("init", rb"orchestrate: init runs"),
    ("sshd", rb"orchestrate: sshd listens"),
)
VIRTME_NG = "virtme-ng==1.42"


def bench_for(kconfig: str) -> tuple[Context, Bench]:
    places, runner = Places.of_user(), Runner(Cancel())
    catalog = load()
    fragments = Path(__file__).with_name(f"{kconfig}.config")
    if fragments.exists():
        catalog = replace(catalog, fragments={**catalog.fragments, kconfig: read_fragment(fragments)})
    context = Context(places, catalog, runner, lambda event: None)
    plan = make_plan(Request(kconfigs=(kconfig,)), catalog, None)
    sources = Sources(
        lambda: packaged_base(DEFAULT_BASE, Workplace(places.bases, runner, context.say)),
        lambda: choose("auto", catalog.accel("kvm"), catalog.accel("tcg"), runner, places.cache / "probes"),
    )
    stage = announced(context, plan.suites[0])
    built = make_kernel(context, stage, plan, plan.suites[0], sources, places.logs / "benchmark")
    return context, make_bench(context, stage, plan, plan.suites[0], built, sources)


def split(context: Context, bench: Bench) -> dict[str, float]:
    """Seconds of each part of one boot. earlyprintk is on here, to see when the kernel begins."""
    early = replace(bench.machine, cmdline=(*bench.machine.cmdline, "earlyprintk=serial,ttyS0,115200"))
    with tempfile.TemporaryDirectory() as where:
        guest, identity = boot(context, replace(bench, machine=early), Path(where))
        guest.close()
        log = (Path(where) / "console.log").read_bytes()
        times = [line.split() for line in (Path(where) / "console.log.times").read_text().splitlines()]
        started = guest.qemu.started_s
    parts, last = {}, started
    for name, pattern in MARKS:
        match = re.search(pattern, log)
        assert match, name
        at = next((float(t) for offset, t in reversed(times) if int(offset) <= match.start()), started)
        parts[name] = at - last
        last = at
    parts["ssh"] = identity.ready_s - (last - started)
    parts["total"] = identity.ready_s
    return parts


def plain(context: Context, bench: Bench) -> float:
    with tempfile.TemporaryDirectory() as where:
        guest, identity = boot(context, bench, Path(where))
        guest.close()
        return identity.ready_s


def vng(bench: Bench, home: Path) -> float:
    command = [home / "bin/vng", "--run", bench.kernel.image, "--disable-kvm", "--cpus", str(bench.machine.smp),
               "--memory", f"{bench.machine.memory_mib}M", "--exec", "uname -r"]  # fmt: skip
    started = time.monotonic()
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    time_s = time.monotonic() - started
    if bench.kernel.release not in result.stdout:
        sys.exit(f"virtme-ng did not answer:\n{result.stdout[-2000:]}\n{result.stderr[-2000:]}")
    return time_s


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--kconfig", default="base")
    parser.add_argument("--vng", action="store_true")
    args = parser.parse_args()
    context, bench = bench_for(args.kconfig)
    totals = [plain(context, bench) for _ in range(args.repeat)]
    rounds = [split(context, bench) for _ in range(args.repeat)]
    print(f"QEMU start to first answer, {bench.accel.name}, {args.kconfig}: median of {args.repeat}")
    print(f"  as the tool boots   {statistics.median(totals):5.2f} s ({', '.join(f'{t:.2f}' for t in totals)})")
    for name in rounds[0]:
        print(
            f"  {name:18} {statistics.median(r[name] for r in rounds):6.2f} s"
            + (" (with earlyprintk)" if name == "total" else "")
        )
    if args.vng:
        with tempfile.TemporaryDirectory() as where:
            venv.create(where, with_pip=True)
            subprocess.run([f"{where}/bin/pip", "install", "-q", VIRTME_NG], check=True)
            others = [vng(bench, Path(where)) for _ in range(args.repeat)]
        ours = statistics.median(totals)
        print(f"  {VIRTME_NG:18} {statistics.median(others):6.2f} s, {statistics.median(others) / ours:.2f} times ours")


if __name__ == "__main__":
    main()
