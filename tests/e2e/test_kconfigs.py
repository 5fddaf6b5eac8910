"""Every kconfig of ours, and every kernel of --build-only, can be had on 6.12 as it is written: no symbol is dropped.
And over a whole .config our guest has what it needs.

Kconfig itself says so; nothing is compiled but kconfig. ORCHESTRATE_TEST_TREES names more trees, separated by colons.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from orchestrator.build.apply import apply
from orchestrator.build.configure import configure
from orchestrator.build.toolchain import find_toolchain, make
from orchestrator.build.toolchains import installed_toolchains
from orchestrator.build.worktree import build_directory, worktree_lock
from orchestrator.context import Context, Places
from orchestrator.declarations import catalog
from orchestrator.declarations.names import NEEDED
from orchestrator.errors import ToolMissing
from orchestrator.host.process import Cancel, Runner
from orchestrator.invocation.compose import find_base
from orchestrator.model.kernel import USUAL_TOOLCHAIN, Kernel, Source, Variant
from orchestrator.model.subject import baseline
from orchestrator.source.trees import move_worktree

CATALOG = catalog.load_catalog(Path(__file__).parents[2])
NEEDS_CLANG = ("kmsan",)
CLANG = next((name for name in reversed(installed_toolchains()) if name.startswith("clang")), "clang")
OURS = tuple(
    Variant(
        CATALOG.kconfig(name).on(arch := "x86_64" if fragment.symbols else fragment.on_arch[0][0]),
        CLANG if name in NEEDS_CLANG else USUAL_TOOLCHAIN,
        arch,
    )
    for name, fragment in CATALOG.fragments.items()
    if name != NEEDED  # whose symbols are those of a series
)


TREES = ["", *filter(None, os.environ.get("ORCHESTRATE_TEST_TREES", "").split(":"))]


@pytest.mark.long  # a quarter of a minute each
@pytest.mark.parametrize("tree", TREES, ids=lambda tree: Path(tree).name)
@pytest.mark.parametrize("variant", [*OURS, *CATALOG.builds], ids=lambda variant: variant.name)
def test_no_symbol_is_dropped(variant: Variant, tree: str, tmp_path: Path) -> None:
    context = own_context()
    try:
        toolchain = find_toolchain(context, variant.toolchain, variant.arch).value
    except ToolMissing as error:
        pytest.skip(error.message)
    source = Source(tree, "HEAD" if tree else "")
    base, _ = find_base(source, context)
    kernel = Kernel(source, variant.kconfig, arch=variant.arch, toolchain=variant.toolchain)
    made = configure(context, baseline(kernel), apply(context, base, None).value, toolchain, tmp_path / "configure.log")
    assert made.value.symbols


def own_context() -> Context:
    return Context(Places.of_user(), CATALOG, Runner(Cancel()), lambda event: None)


@pytest.mark.parametrize(
    ("target", "theirs", "ours"),
    [
        # what most developers start from: without the choices of a small kernel, and with what cases call
        pytest.param(
            "defconfig",
            {"ACPI", "EFI", "RD_ZSTD", "CPU_MITIGATIONS", "UNWINDER_ORC"},
            {"KSM", "VIRTIO_NET", "ZRAM"},
            marks=pytest.mark.long,  # more than a minute
        ),
        # nothing: no SMP, no PCI, no ELF
        ("allnoconfig", set(), {"SMP", "VIRTIO_NET", "SERIAL_8250_CONSOLE", "BINFMT_ELF", "HUGETLBFS"}),
    ],
)
def test_over_a_whole_config_our_guest_has_what_it_needs(
    target: str, theirs: set[str], ours: set[str], tmp_path: Path
) -> None:
    context = own_context()
    toolchain = find_toolchain(context).value
    base, _ = find_base(Source(), context)
    applied = apply(context, base, None).value
    over_tinyconfig = baseline(Kernel(Source(), CATALOG.kconfig("base").on("x86_64")))
    (tmp_path / "64").write_text("CONFIG_64BIT=y\n")
    with worktree_lock(context, base, over_tinyconfig.worktree):
        source = move_worktree(base, over_tinyconfig.worktree, applied.tree, context.runner)
        build = build_directory(source, f"whole-{target}")
        shutil.rmtree(build, ignore_errors=True)
        build.mkdir()
        words = (target, f"KCONFIG_ALLCONFIG={tmp_path}/64")
        context.runner.check(make(source, build, *words, toolchain=toolchain, places=context.places))
        shutil.copyfile(build / ".config", tmp_path / ".config")
        shutil.rmtree(build)
    subject = baseline(Kernel(Source(), CATALOG.kconfig(str(tmp_path / ".config")).on("x86_64")))
    made = configure(context, subject, applied, toolchain, tmp_path / "configure.log")
    symbols = {symbol.removeprefix("CONFIG_") for symbol in made.value.symbols}
    assert theirs | ours <= symbols
    assert "RANDOMIZE_BASE" not in symbols
    assert made.note.startswith("config: ")
    assert "otherwise in this tree" in made.note
