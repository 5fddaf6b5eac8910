"""orchestrate doctor: is this machine ready? What is missing, and the command that installs it."""

from __future__ import annotations

import argparse
import json
import shutil
from dataclasses import asdict
from pathlib import Path

from orchestrator.context import Places
from orchestrator.declarations.catalog import load_catalog
from orchestrator.errors import OrchestrateError
from orchestrator.guest.accel import Probe, probe
from orchestrator.host import resources
from orchestrator.host.process import Cancel, Command, Runner, find_program
from orchestrator.host.sandbox import try_it
from orchestrator.invocation.host_tools import Tool, check_tools, host_family, install, install_command
from orchestrator.invocation.inventory import inventory
from orchestrator.reporters import stream
from orchestrator.reporters.columns import columns, wrapped
from orchestrator.reporters.text import printable
from orchestrator.storage.retention import by_kind, show_size
from orchestrator.storage.store import Store
from orchestrator.words import counted

WANTED_GIB = 8  # an imported base, two worktrees with two build directories each, ccache
COMPLAINT = 3


def run(args: argparse.Namespace) -> int:
    places, runner = Places.of_user(args.settings.cache), Runner(Cancel())
    if args.verify:
        _verify(places.store)
    family, catalog = host_family(), load_catalog()
    arches = [catalog.arch(name) for name in dict.fromkeys(args.arch)]
    tools = check_tools(family, runner, arches)
    if args.install and any(not tool.found for tool in tools):
        install([tool for tool in tools if not tool.found], family)
        tools = check_tools(family, runner, arches)
    missing = [tool for tool in tools if not tool.found]
    probes = [] if any(t.name in ("gcc", "qemu-system-x86_64") for t in missing) else _probes(runner)
    free_gib = _free_gib(places.cache)
    ccache, sandbox = _ccache(runner, places), _sandbox(runner)
    used = by_kind(inventory(places, runner))
    problems = [f"{tool.name} is missing" for tool in missing if not tool.optional]
    if free_gib < WANTED_GIB:
        problems.append(f"only {free_gib:.0f} GiB free in {places.cache}, {WANTED_GIB} wanted")
    if probes and not any(found.works for found in probes):
        problems.append("no accelerator runs guests")
    command = install_command(missing, family)
    if args.json:
        report = {
            "ready": not problems,
            "problems": problems,
            "install": command,
            "tools": [asdict(tool) for tool in tools],
            "accelerators": [asdict(found) for found in probes],
            "accelerator": next((found.accel for found in probes if found.works), None),
            "cache": str(places.cache),
            "free_gib": round(free_gib, 1),
            "cpus": resources.cpus(),
            "available_memory_mib": resources.available_memory_mib(),
            "ccache": ccache,
            "sandbox": sandbox,
            "disk": {kind.value: {"count": count, "bytes": size} for kind, (count, size) in used.items()},
        }
        stream.data(json.dumps(report, indent=1).encode() + b"\n")
        return COMPLAINT if problems else 0
    rows = [_tool_row(tool, verbose=args.verbose) for tool in tools]
    for probe_ in probes:
        said = probe_.evidence if args.verbose else probe_.in_short
        rows.append(("ok" if probe_.works else "no", f"accelerator {probe_.accel}", said))
    rows += [("", "CPUs, memory", f"{resources.cpus()}, {resources.available_memory_mib()} MiB available")]
    rows += [("", "free disk", f"{free_gib:.0f} GiB in {places.cache}")]
    rows += [("", f"disk: {kind.value}", f"{count}, {show_size(size)}") for kind, (count, size) in used.items()]
    rows += [("", "ccache", ccache), ("", "sandbox", sandbox)]
    lines = columns([tuple(map(printable, row)) for row in rows], stream.width())
    lines += ["", "to install what is missing:", f"  {command}"] if command else []
    lines += ["", *wrapped(f"not ready: {'; '.join(problems)}" if problems else "ready", stream.width())]
    stream.out("".join(f"{line}\n" for line in lines))
    return COMPLAINT if problems else 0


def _tool_row(tool: Tool, *, verbose: bool) -> tuple[str, str, str]:
    """Whether it is there, its name, what for; and where or in which package."""
    if tool.found:
        return "ok", Path(tool.name).name, f"{tool.why} ({tool.found})" if verbose else tool.why
    state = "optional" if tool.optional else "MISSING"
    return (
        state,
        Path(tool.name).name,
        f"{tool.why} ({f'package {tool.package}' if tool.package else 'no package here'})",
    )


def _verify(store: Store) -> None:
    """Hash every product, and say which were damaged."""
    products = store.products()
    gone = store.drop_damaged(products)
    for product in gone:
        stream.tell(f"dropped, it was damaged: {product}\n")
    stream.tell(f"{counted(len(products), 'product')} checked, {len(gone)} damaged\n")


def _probes(runner: Runner) -> list[Probe]:
    accels, found = load_catalog().accels, []
    for name in ("kvm", "tcg"):
        try:
            found.append(probe(accels[name], runner))
        except OrchestrateError as error:
            found.append(Probe(name, False, error.message))
    return found


def _free_gib(path: Path) -> float:
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free / (1 << 30)


def _sandbox(runner: Runner) -> str:
    try:
        try_it(runner)
    except OrchestrateError as error:
        return f"none: a patch's Makefiles run as you ({error.message})"
    return "a patch's Makefiles and host programs run confined"


def _ccache(runner: Runner, places: Places) -> str:
    if find_program("ccache") is None:
        return "not installed: every build compiles everything"
    if not places.ccache.is_dir():
        return "empty: the first build is a cold one"
    result = runner.run(Command(("ccache", "--print-stats"), env=(("CCACHE_DIR", str(places.ccache)),)))
    stats = dict(line.split("\t", 1) for line in result.text.splitlines() if "\t" in line)
    size_mib = int(stats.get("cache_size_kibibyte", "0")) // 1024
    return f"{counted(int(stats.get('files_in_cache', '0')), 'file')}, {size_mib} MiB in {places.ccache}"
