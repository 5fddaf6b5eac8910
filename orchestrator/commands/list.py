"""orchestrate list: what there is to choose from, one line each."""

from __future__ import annotations

import argparse
import platform
import re
from itertools import takewhile

from orchestrator import codec
from orchestrator.build.toolchains import compiler_of, installed_toolchains
from orchestrator.declarations.catalog import Catalog, load_catalog
from orchestrator.declarations.names import NEEDED
from orchestrator.declarations.patches import read_series
from orchestrator.errors import CommandFailed, PatchUnreadable, ToolMissing
from orchestrator.host.process import Cancel, Command, Runner
from orchestrator.model.kernel import Fragment
from orchestrator.model.series import Series
from orchestrator.parse.configuration.whole_config import head
from orchestrator.reporters import stream
from orchestrator.reporters.columns import columns
from orchestrator.reporters.text import printable
from orchestrator.source.bases import DEFAULT_BASE, installed
from orchestrator.words import counted

_PROSE = re.compile(r"# (?!CONFIG_|(?:slowdown|arch|since|over): )")


def run(args: argparse.Namespace) -> int:
    rows = ROWS[args.kind](load_catalog())
    if args.json:
        stream.data(codec.dumps([dict(row) for row in rows]).encode() + b"\n")
        return 0
    shown = [_shown([printable(value) for value in row.values()]) for row in rows]
    stream.out("".join(f"{line}\n" for line in columns(shown, stream.width())))
    return 0


def _shown(values: list[str]) -> tuple[str, str]:
    """The name, and all else that is known."""
    name, summary, *others = values
    return name, f"{summary} ({', '.join(others)})" if any(others) else summary


Row = dict[str, str]


def _testcases(catalog: Catalog) -> list[Row]:
    return [{"name": c.name, "summary": c.summary, "tags": ",".join(c.tags)} for c in catalog.testcases.values()]


def _kconfigs(catalog: Catalog) -> list[Row]:
    return [{"name": f.name, "summary": _purpose(f), "symbols": _symbols(f)} for f in catalog.fragments.values()]


def _patches(catalog: Catalog) -> list[Row]:
    rows = []
    for name, path in catalog.patches.items():
        try:
            series = read_series(path)
        except PatchUnreadable as error:
            rows.append({"name": name, "summary": f"(unreadable: {error.message})"})
            continue
        rows.append({"name": name, "summary": _series_summary(series)})
    return rows


def _series_summary(series: Series) -> str:
    count = len(series.patches)
    return series.patches[0].subject if count == 1 else f"{count} patches, the first: {series.patches[0].subject}"


def _machines(catalog: Catalog) -> list[Row]:
    return [
        {
            "name": m.name,
            "summary": f"{m.arch}, {counted(m.smp, 'CPU')}, {m.memory_mib} MiB: {m.qemu} {' '.join(m.args)}",
        }
        for m in catalog.machines.values()
    ]


def _bases(_: Catalog) -> list[Row]:
    return [
        {"name": name, "summary": "Debian's source package" + (" (the default)" if name == DEFAULT_BASE else "")}
        for name in installed()
    ]


def _purpose(fragment: Fragment) -> str:
    text = fragment.path.read_text(encoding="utf-8", errors="replace")
    if fragment.whole_of:
        return f"a whole .config of {head(text) or 'a kernel'}, for {fragment.whole_of}"
    return _summary(text)


def _summary(text: str) -> str:
    """The first sentence of a fragment's comment: it goes on in the next line unless that begins with a capital."""
    first, *others = [line.removeprefix("# ") for line in takewhile(_PROSE.match, text.splitlines())] or [""]
    more = takewhile(lambda line: not line[:1].isupper(), others)
    sentence = " ".join((first, *more))
    return sentence.partition(": ")[2] or sentence


def _symbols(fragment: Fragment) -> str:
    """How many symbols a fragment sets: on every architecture, or on the only ones that it is for."""
    if fragment.name == NEEDED:
        return "those of the patch"
    if fragment.symbols or not fragment.on_arch:
        return counted(len(fragment.symbols), "symbol")
    return ", ".join(f"{counted(len(symbols), 'symbol')} for {arch}" for arch, symbols in fragment.on_arch)


def _toolchains(_: Catalog) -> list[Row]:
    """Those on PATH; what cannot be used says why."""
    runner, rows = Runner(Cancel()), []
    for name in installed_toolchains():
        try:
            program = compiler_of(name).program
            summary = runner.check(Command((program, "--version"))).text.partition("\n")[0]
        except (ToolMissing, CommandFailed) as error:
            summary = f"(cannot be used: {error.message})"
        rows.append({"name": name, "summary": summary})
    return rows


def _architectures(catalog: Catalog) -> list[Row]:
    """What it takes to build kernels for each, and where they boot."""
    rows = []
    for arch in catalog.arches.values():
        compiler = "" if arch.is_of(platform.machine()) else f" with {arch.cross}gcc or clang"
        where = f"boots on {arch.machine}" if arch.machine else "for builds alone"
        rows.append({"name": arch.name, "summary": f"make ARCH={arch.make}{compiler}, {where}"})
    return rows


ROWS = {
    "testcases": _testcases,
    "kconfigs": _kconfigs,
    "patches": _patches,
    "machines": _machines,
    "bases": _bases,
    "toolchains": _toolchains,
    "architectures": _architectures,
}
