"""A kernel with the series, and its base -> what the series costs, from the two builds alone.

The base kernel is often not built: only a failure asks for it. Where the store has none, the objects of the changed
files are compiled for it, in seconds, and compared with the same objects of the series.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.build.apply import apply
from orchestrator.build.changed_objects import link_objects, users_of_headers
from orchestrator.build.compile import find_kernel
from orchestrator.build.configure import configure
from orchestrator.build.product import Product
from orchestrator.context import Context
from orchestrator.errors import (
    BuildFailed,
    CommandFailed,
    KconfigBroken,
    KconfigDropped,
    ToolMissing,
    VmlinuxUnreadable,
)
from orchestrator.evidence.cost import compare, frames
from orchestrator.evidence.cost.collect import COST, COST_SCHEMA
from orchestrator.evidence.cost.elf import Code, Symbols, read_symbols
from orchestrator.evidence.cost.layouts import Types
from orchestrator.evidence.cost.told import details, sentence
from orchestrator.host.process import Command, Runner
from orchestrator.jobs.build import Built
from orchestrator.model.cost import Cost
from orchestrator.model.kernel import AppliedTree, KernelConfig
from orchestrator.model.machine import Machine
from orchestrator.model.outcome import Outcome
from orchestrator.model.subject import Subject, baseline
from orchestrator.parse.code.exports import defined_structs, exported
from orchestrator.parse.code.kmem_caches import SlabCache, slab_caches
from orchestrator.source.git import Git
from orchestrator.storage import kept
from orchestrator.storage.store import key, write_atomically
from orchestrator.words import counted

# Where a slab cache of a struct is looked for, besides the changed files and the architecture: everywhere takes ten
# times as long
PLACES = ("block", "fs", "init", "io_uring", "ipc", "kernel", "lib", "mm", "net/core", "security")
LARGE_PAGES = re.compile(r"CONFIG_(?:ARM64_(?:16|64)K_PAGES|PAGE_SIZE_(?!4KB)\d+KB)")
HOW = "for whole kernels: --baseline always"


@dataclass(frozen=True)
class _Pair:
    """The two files to compare. `compared`: what they are, in words."""

    before: Path
    after: Path
    compared: str
    is_whole: bool


def cost(context: Context, subject: Subject, built: Built, machine: Machine, home: Path) -> Product[None]:
    """The result of the stage; the costs themselves go to the kernel's directory in a run. A comparison that cannot be
    made is skipped, with the reason."""
    (home / COST).unlink(missing_ok=True)  # of an interrupted run, which may have been about another build
    try:
        found, cached = _kept_cost(context, subject, built, machine, home)
    except (BuildFailed, CommandFailed, KconfigBroken, KconfigDropped, ToolMissing, VmlinuxUnreadable) as error:
        note = f"not compared: {error.message}; {HOW}"
        return Product(None, cached=False, outcome=Outcome.SKIP, note=note, detail=error.detail)
    if found is None:
        note = f"not compared: this kernel has no object of a file that the series changes; {HOW}"
        return Product(None, cached=False, outcome=Outcome.SKIP, note=note)
    write_atomically(home / COST, kept.dumps(found, COST_SCHEMA))
    return Product(None, cached=cached, note=sentence(found), detail=details(found))


def _kept_cost(
    context: Context, subject: Subject, built: Built, machine: Machine, home: Path
) -> tuple[Cost | None, bool]:
    """The cost, and whether an earlier run had compared the same."""
    tools = built.tree.toolchain
    before, base = apply(context, built.tree.base, None).value, baseline(subject.kernel)
    log = home / "logs/cost.log"
    config = configure(context, base, before, tools, log).value
    kernel = find_kernel(context, before, config, machine, tools)
    product_key = key(
        "cost",
        schema=COST_SCHEMA,
        before=before.tree,
        base_config=config.digest,
        kernel=built.kernel.image.parent.name,
        whole=kernel is not None,
        cpus=machine.smp,
        compiler=tools.compiler,
    )
    if known := context.store.read("cost", product_key, lambda product: kept.load(Cost, product / COST, COST_SCHEMA)):
        return known, True
    with tempfile.TemporaryDirectory(prefix=".cost-", dir=built.tree.base.home) as scratch:
        pair = (
            _Pair(kernel.vmlinux, built.kernel.vmlinux, "whole kernels", is_whole=True)
            if kernel
            else _objects(context, subject, built, before, config, log, Path(scratch))
        )
        if pair is None:
            return None, False
        found = _compared(context, pair, before, built, machine.smp, Path(scratch))
    context.store.put(
        "cost", product_key, lambda product: write_atomically(product / COST, kept.dumps(found, COST_SCHEMA))
    )
    return found, False


def _objects(
    context: Context,
    subject: Subject,
    built: Built,
    before: AppliedTree,
    config: KernelConfig,
    log: Path,
    scratch: Path,
) -> _Pair | None:
    after, tools = built.tree.applied, built.tree.toolchain
    used = users_of_headers(context, subject, after, after.files)
    files = (*after.files, *used)
    ours = link_objects(context, subject, after, files, built.config, tools, log, scratch / "after")
    theirs = link_objects(context, baseline(subject.kernel), before, files, config, tools, log, scratch / "before")
    if not ours or not theirs:
        return None
    more = f" and {counted(len(used), 'user')} of changed headers" if used else ""
    changed = counted(len({*ours, *theirs}.difference(used)), "changed source")
    return _Pair(scratch / "before", scratch / "after", f"{changed}{more} compared ({HOW})", is_whole=False)


def _compared(context: Context, pair: _Pair, before: AppliedTree, built: Built, cpus: int, scratch: Path) -> Cost:
    after = built.tree.applied
    git = Git(before.base.home / "git", context.runner)
    names = [name for name in after.files if name.endswith((".c", ".h", ".S"))]
    old, new = (_decoded(git.blobs(tree, names)) for tree in (before.tree, after.tree))
    types = Types(pair.before), Types(pair.after)
    symbols = read_symbols(pair.before), read_symbols(pair.after)
    exports = _exports(old, new, *types)
    framed, unknown = _frames(context.runner, *symbols, scratch)
    layouts = types[0].layouts(), types[1].layouts()
    sides = [
        compare.Side(of, layout, symbol, _defined(texts), export, frame)
        for of, layout, symbol, texts, export, frame in zip(
            types, layouts, symbols, (old, new), exports, framed, strict=True
        )
    ]
    structs = compare.struct_changes(*sides)
    names_of_structs = [one.name.removeprefix("struct ") for one in structs]
    if any(map(LARGE_PAGES.fullmatch, built.config.symbols)):
        unknown = (*unknown, "slab caches: they are laid out for pages of 4 KiB alone")
        return compare.cost(pair.compared, sides[0], sides[1], structs, cpus, unknown, is_whole=pair.is_whole)
    arch = built.tree.toolchain.source
    elsewhere = _elsewhere(context, git, after.tree, arch, names_of_structs, set(after.files))
    cached = [
        replace(side, caches=_caches([*texts.values(), *elsewhere]))
        for side, texts in zip(sides, (old, new), strict=True)
    ]
    return compare.cost(pair.compared, cached[0], cached[1], structs, cpus, unknown, is_whole=pair.is_whole)


def _defined(texts: Mapping[str, str]) -> dict[str, str]:
    return {
        name: file
        for file, text in texts.items()
        if not file.startswith(("tools/", "Documentation/", "samples/"))
        for name in sorted(defined_structs(text))
    }


def _exports(
    old: Mapping[str, str], new: Mapping[str, str], types_before: Types, types_after: Types
) -> tuple[dict[str, str], dict[str, str]]:
    """What the changed files export, with the types that both sides know: a file may be compiled on one side alone."""
    before, after = (
        {name: how for text in texts.values() for name, how in exported(text).items()} for texts in (old, new)
    )
    for name in before.keys() & after.keys():
        one, other = types_before.signature(name), types_after.signature(name)
        if one and other and one != other:
            before[name], after[name] = f"{before[name]} {one}", f"{after[name]} {other}"
    return before, after


def _elsewhere(
    context: Context, git: Git, tree: str, arch: str, structs: Sequence[str], changed: set[str]
) -> tuple[str, ...]:
    """Texts of unchanged files that make slab caches of some structs. `arch` is a directory of the kernel's arch/."""
    if not structs:
        return ()
    pattern = rf"(KMEM_CACHE\w*\(|sizeof\(struct )({'|'.join(map(re.escape, structs))})\>"
    said = git.ask("grep", "-l", "-z", "-E", pattern, tree, "--", f"arch/{arch}", *PLACES).stdout.decode(
        "utf-8", "surrogateescape"
    )
    names = [name.removeprefix(f"{tree}:") for name in said.split("\0") if name]
    return tuple(_decoded(git.blobs(tree, [name for name in names if name not in changed])).values())


def _caches(texts: Sequence[str]) -> dict[str, SlabCache]:
    return {cache.struct: cache for text in texts for cache in slab_caches(text)}


def _decoded(blobs: Mapping[str, bytes]) -> dict[str, str]:
    return {name: data.decode("utf-8", "replace") for name, data in blobs.items()}


def _frames(
    runner: Runner, before: Symbols, after: Symbols, scratch: Path
) -> tuple[tuple[dict[str, int], dict[str, int]], tuple[str, ...]]:
    """The stack frames of functions on both sides that may differ in them."""
    if not (before.is_x86 and after.is_x86):
        return ({}, {}), ("stack frames: they are read from code of x86-64 alone",)
    codes = [_by_name(symbols) for symbols in (before, after)]
    names = [name for name in codes[0].keys() & codes[1].keys() if _looks(codes[0][name]) != _looks(codes[1][name])]
    made = [_measured(runner, {name: code[name] for name in sorted(names)}, scratch / "code") for code in codes]
    return (made[0], made[1]), ()


def _by_name(symbols: Symbols) -> dict[str, list[Code]]:
    found: dict[str, list[Code]] = {}
    for code in symbols.code:
        found.setdefault(code.name, []).append(code)
    return found


def _looks(codes: Sequence[Code]) -> list[tuple[int, list[bytes]]]:
    """Functions that agree in this have the same frame, as far as can be told without disassembling them."""
    return sorted((len(code.code), frames.TAKES.findall(code.code)) for code in codes)


def _measured(runner: Runner, codes: Mapping[str, Sequence[Code]], scratch: Path) -> dict[str, int]:
    """The largest frame of each function's clones."""
    starts: list[tuple[int, str]] = []
    data = bytearray()
    for name, of_name in codes.items():
        for code in of_name:
            starts.append((len(data), name))
            data += code.code + frames.BETWEEN
    if not starts:
        return {}
    scratch.write_bytes(data)
    command = ("objdump", "-D", "-b", "binary", "-m", "i386:x86-64", "--no-show-raw-insn", str(scratch))
    return frames.frames(runner.check(Command(command)).text, starts)
