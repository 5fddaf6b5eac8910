"""Every kconfig of ours, and every kernel of --build-only, can be had on 6.12 as it is written: no symbol is dropped.

Kconfig itself says so; nothing is compiled but kconfig.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator import catalog
from orchestrator.build.apply import apply
from orchestrator.build.configure import configure
from orchestrator.build.toolchain import find_toolchain
from orchestrator.build.toolchains import installed_toolchains
from orchestrator.commands.compose import find_base
from orchestrator.context import Context, Places
from orchestrator.errors import ToolMissing
from orchestrator.model.kernel import USUAL_TOOLCHAIN, Kernel, Source, Variant
from orchestrator.model.subject import baseline
from orchestrator.process import Cancel, Runner

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
)


@pytest.mark.long  # a quarter of a minute each
@pytest.mark.parametrize("variant", [*OURS, *CATALOG.builds], ids=lambda variant: variant.name)
def test_no_symbol_is_dropped(variant: Variant, tmp_path: Path) -> None:
    context = Context(Places.of_user(), CATALOG, Runner(Cancel()), lambda event: None)
    try:
        toolchain = find_toolchain(context, variant.toolchain, variant.arch).value
    except ToolMissing as error:
        pytest.skip(error.message)
    base, _ = find_base(Source(), context)
    kernel = Kernel(Source(), variant.kconfig, arch=variant.arch, toolchain=variant.toolchain)
    made = configure(context, baseline(kernel), apply(context, base, None).value, toolchain, tmp_path / "configure.log")
    assert made.value.symbols
