"""A built kernel -> the instructions to count in its guests, and what they are of."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from orchestrator.build.plugin import coverage_plugin, no_ways
from orchestrator.build.product import Product
from orchestrator.build.toolchain import find_toolchain
from orchestrator.context import Context
from orchestrator.errors import CommandFailed, ToolMissing, VmlinuxUnreadable
from orchestrator.evidence import x86_code
from orchestrator.evidence.coverage import conditions, functions, line_table, x86_jumps
from orchestrator.evidence.coverage.collect import CODE_MAP, CODE_MAP_SCHEMA, hits_of
from orchestrator.evidence.coverage.elf import read_code, read_sections
from orchestrator.evidence.coverage.executed import functions_by_case
from orchestrator.evidence.coverage.mapping import Kernel, changed_statements
from orchestrator.evidence.symbols import SourcePlaces
from orchestrator.guest.counters import Counting, write_addresses
from orchestrator.host.process import Command
from orchestrator.jobs.build import Built
from orchestrator.model.coverage import ChangedFile, CodeMap, Jump, LineState
from orchestrator.model.kernel import USUAL_ARCH
from orchestrator.model.machine import Accel, Machine
from orchestrator.model.outcome import Outcome
from orchestrator.parse.code.changed_lines import changed_lines, is_of_kernel
from orchestrator.parse.configuration.kbuild import makefile_names, why_not_built
from orchestrator.runs.record import KernelRecord
from orchestrator.source.git import Git
from orchestrator.storage import kept
from orchestrator.storage.store import key, write_atomically
from orchestrator.words import counted

ADDRESSES = "coverage.addresses"
EMULATOR = "tcg"  # the accelerator that runs our plugins
EVERY_BOOT = "start_kernel"


def counting(
    context: Context, built: Built, machine: Machine, accel: Accel, home: Path, *, is_whole: bool = False
) -> Product[Counting | None]:
    """What to count of the changed statements of a kernel, written into its directory in a run. `is_whole`: the entry
    of every function too. None, with the reason, if nothing is counted: a run without coverage is worth having."""
    (home / CODE_MAP).unlink(missing_ok=True)  # of an interrupted run, which may have been about another build
    if machine.arch != USUAL_ARCH:
        note = f"not measured on {machine.arch}: that the emulator counts right is proved on {USUAL_ARCH} alone"
        return Product(None, cached=False, outcome=Outcome.SKIP, note=note)
    if accel.name != EMULATOR:
        note = f"not measured under {accel.name.upper()}: the emulator counts (--accel tcg)"
        return Product(None, cached=False, outcome=Outcome.SKIP, note=note)
    try:
        found, cached = kept_code_map(context, built, built.tree.applied.base.commit)
        addresses = found.addresses
        entries = known_functions(built.kernel.vmlinux).entries if is_whole and addresses else ()
        plugin = coverage_plugin(context, find_toolchain(context).value, machine.qemu, accel) if addresses else None
    except (CommandFailed, ToolMissing, VmlinuxUnreadable) as error:
        note = f"not measured: {error.message}"
        return Product(None, cached=False, outcome=Outcome.SKIP, note=note, detail=error.detail)
    found = replace(found, no_ways=found.no_ways or (no_ways(plugin) if plugin else ""))
    write_atomically(home / CODE_MAP, kept.dumps(found, CODE_MAP_SCHEMA))
    statements = [statement for file in found.files for statement in file.statements]
    countable = sum(statement.state is LineState.NEVER_HIT for statement in statements)
    instructions = counted(len(addresses) - bool(found.control), "instruction")
    note = f"{counted(countable, 'changed statement')} at {instructions}"
    if plugin is None:
        return Product(None, cached=cached, note="no changed statement has instructions in this kernel")
    every = tuple(sorted({*addresses, *entries}))
    jumps = () if found.no_ways else found.jumps
    made = Counting(plugin, home / ADDRESSES, every, jumps=jumps, entries=found.entries)
    write_addresses(made)
    return Product(made, cached=cached, note=note)


def known_functions(vmlinux: Path) -> functions.Functions:
    """Raises VmlinuxUnreadable."""
    return functions.Functions(read_sections(vmlinux, functions.SECTIONS))


def executed(record: KernelRecord, home: Path, vmlinux: Path) -> Mapping[str, Mapping[str, int]]:
    """How often each case of a run executed each function, so far as that was counted. Raises VmlinuxUnreadable."""
    try:
        code = kept.load(CodeMap, home / CODE_MAP, CODE_MAP_SCHEMA)
    except ValueError:  # nothing was measured
        return {}
    return functions_by_case(code, known_functions(vmlinux), hits_of(record, home, code.control))


def kept_code_map(context: Context, built: Built, before: str) -> tuple[CodeMap, bool]:
    """The code_map, and whether an earlier run made it. Raises VmlinuxUnreadable, CommandFailed."""
    applied, kernel = built.tree.applied, built.kernel
    product_key = key(
        "coverage-map",
        schema=CODE_MAP_SCHEMA,
        reader=2,  # of line tables; the first knew no file of clang's
        kernel=kernel.image.parent.name,
        base=before,
        tree=applied.tree,
    )

    def read(product: Path) -> CodeMap:
        return kept.load(CodeMap, product / CODE_MAP, CODE_MAP_SCHEMA)

    if known := context.store.read("coverage-map", product_key, read):
        return known, True

    def fill(scratch: Path) -> None:
        write_atomically(scratch / CODE_MAP, kept.dumps(code_map(context, built, before), CODE_MAP_SCHEMA))

    return read(context.store.put("coverage-map", product_key, fill)), False


def code_map(context: Context, built: Built, before: str) -> CodeMap:
    """The statements of a kernel that differ from those of another commit or tree. Raises VmlinuxUnreadable,
    CommandFailed."""
    base, tree = built.tree.applied.base, built.tree.applied.tree
    git = Git(base.home / "git", context.runner)
    changed = {file: lines for file, lines in changed_lines(git.diff(before, tree)).items() if is_of_kernel(file)}
    sections = read_sections(built.kernel.vmlinux, (*line_table.SECTIONS, *functions.SECTIONS))
    try:
        table = line_table.read_line_table(sections, changed)
    except ValueError as error:
        raise VmlinuxUnreadable(f"{built.kernel.vmlinux}: {error}") from error
    rows: dict[str, list[line_table.Row]] = {file: [] for file in table.files}
    for row in table.rows:
        rows[row.file].append(row)
    others = {name for file in changed if file not in rows for name in makefile_names(file)}
    texts = {name: data.decode("utf-8", "replace") for name, data in git.blobs(tree, [*changed, *others]).items()}
    symbols, known = built.config.symbols, functions.Functions(sections)
    kernel = Kernel(rows, known.at, symbols, lambda file: why_not_built(file, texts, symbols))
    files = (
        ChangedFile(file, changed_statements(file, texts[file], lines, kernel))
        for file, lines in changed.items()
        if file in texts
    )
    found = tuple(file for file in files if file.statements)
    found, jumps, why_not = _with_parts(context, built.kernel.vmlinux, found, texts, known)
    return CodeMap(built.kernel.build_id, found, known.start(EVERY_BOOT), jumps, known.kernel_entries, why_not)


def _with_parts(
    context: Context,
    vmlinux: Path,
    files: tuple[ChangedFile, ...],
    texts: Mapping[str, str],
    known: functions.Functions,
) -> tuple[tuple[ChangedFile, ...], tuple[Jump, ...], str]:
    """The files with the parts of their conditions, and the jumps to watch; or the files as they are, and why. Raises
    VmlinuxUnreadable."""
    statements = [one for file in files for one in file.statements if one.is_condition]
    addresses = {address for one in statements for copy in one.copies for address in copy.addresses}
    spans = sorted({known.span(address) for address in addresses} - {(0, 0)})
    if not spans:
        return files, (), ""
    if not known.kernel_entries:
        return files, (), "not counted: this vmlinux does not say where interrupts enter the kernel"
    codes = read_code(vmlinux, spans)
    try:
        said = disassembled(context, codes)
    except (CommandFailed, ToolMissing) as error:
        return files, (), f"not counted: {error.message}"
    jumps = tuple(x86_jumps.conditional_jumps(said, [start for start, _ in spans], codes))
    places = SourcePlaces(vmlinux)

    @cache
    def stack_at(address: int) -> conditions.Stack:
        return tuple(conditions.Place(*place) for place in places.at(address))

    return (*conditions.with_parts(files, jumps, stack_at, known.at, texts), "")


def disassembled(context: Context, codes: Sequence[bytes]) -> str:
    """Pieces of code, joined, as x86_code reads it. Raises CommandFailed, ToolMissing."""
    with tempfile.NamedTemporaryFile(prefix="orchestrate-code-") as scratch:
        scratch.write(x86_code.joined(codes))
        scratch.flush()
        return context.runner.check(Command((*x86_code.DISASSEMBLE, scratch.name))).text
