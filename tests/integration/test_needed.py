"""The kconfig `needed`, found in a tree: git and make are real, kconfig's part is played by a Makefile."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from orchestrator.context import Context, Places
from orchestrator.declarations import catalog
from orchestrator.declarations.patches import read_series
from orchestrator.errors import UsageError
from orchestrator.host.process import Cancel, Runner
from orchestrator.invocation.needed import with_needed
from orchestrator.model.kernel import Source
from orchestrator.model.request import Request
from orchestrator.source.bases import Workplace, tree_base
from tests.integration.conftest import git

# olddefconfig lets the last line of a symbol win, knows no CONFIG_REFUSED, and with CONFIG_REALTIME no CONFIG_SHMEM
MAKEFILE = """olddefconfig:
\t@tac $(O)/.config | grep -v REFUSED | awk -F '[= ]' '!seen[$$1 == "#" ? $$2 : $$1]++' | tac >$(O)/new
\t@if grep -q REALTIME=y $(O)/new; then grep -v SHMEM $(O)/new >$(O)/.config; else mv $(O)/new $(O)/.config; fi
tinyconfig:
\t@echo CONFIG_MMU=y >$(O)/.config
"""
F = "int {}(void)\n{{\n\treturn {};\n}}\n"
TREE = {
    "Makefile": MAKEFILE,
    "Kbuild": "obj-y += mm/\n",
    "mm/Makefile": "obj-y += there.o\nobj-$(CONFIG_ZSWAP) += zswap.o\nobj-$(CONFIG_REFUSED) += refused.o\n",
    "mm/Kconfig": 'config ZSWAP\n\tbool "zswap"\n\tdepends on ZSTD\nconfig ZSTD\n\tbool "zstd"\n'
    'config REALTIME\n\tbool "rt"\nconfig REFUSED\n\tbool "refused"\n',
    "arch/arm64/Kconfig": 'config ZSWAP\n\tbool "another architecture\'s"\n',
    "mm/there.c": F.format("f", 1),
    "mm/zswap.c": F.format("z", 1) + "#ifdef CONFIG_REALTIME\n" + F.format("rt", 1) + "#endif\n",
    "mm/refused.c": F.format("r", 1),
    "Documentation/zswap.rst": "words\n",
}


@pytest.fixture
def kernel(tree: Path) -> Path:
    for name, text in TREE.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    git(tree, "add", "-A")
    git(tree, "commit", "-q", "-m", "kernel")
    return tree


class Found:
    """What becomes of a request about a patch that makes `return 1` of some files a 2, for a tree in which `later` is
    committed."""

    def __init__(self, tree: Path, tmp_path: Path, *files: str, kconfig: str = "", later: str = "") -> None:
        for name in files:
            text = (tree / name).read_text()
            (tree / name).write_text(text.replace("return 1", "return 2").replace("words", "more words"))
        diff = subprocess.run(["git", "-C", str(tree), "diff"], check=True, capture_output=True).stdout
        git(tree, "checkout", "-q", ".")
        (tmp_path / "fix.patch").write_bytes(diff)
        if later:
            (tree / files[0]).write_text(later)
            git(tree, "commit", "-q", "-a", "-m", "later")
        places = Places(tmp_path / "cache", tmp_path / "state")
        context = Context(places, catalog.load_catalog(), Runner(Cancel()), lambda event: None)
        self.request, self.catalog, self.notes = with_needed(
            context,
            Request(tree=str(tree), kconfigs=(kconfig or "base",)),
            Source(str(tree), "HEAD"),
            read_series(tmp_path / "fix.patch"),
            lambda source: tree_base(tree, "HEAD", Workplace(places.bases, context.runner, print))[0],
            is_free=not kconfig,
        )

    @property
    def symbols(self) -> tuple[tuple[str, str], ...]:
        return self.catalog.fragments["needed"].symbols


def test_where_base_compiles_nothing_of_a_patch_what_it_needs_is_set(kernel: Path, tmp_path: Path) -> None:
    found = Found(kernel, tmp_path, "mm/refused.c")
    assert found.request.kconfigs == ("needed",)
    assert found.symbols == (("CONFIG_REFUSED", "y"),)
    assert found.notes == (
        "kconfig needed sets nothing, as base compiles nothing of mm/refused.c; this tree did not take REFUSED",
    )


def test_with_what_that_depends_on(kernel: Path, tmp_path: Path) -> None:
    (kernel / "mm/zswap.c").write_text(F.format("z", 1))
    git(kernel, "commit", "-q", "-a", "-m", "no realtime")
    found = Found(kernel, tmp_path, "mm/zswap.c")
    assert found.symbols == (("CONFIG_ZSWAP", "y"), ("CONFIG_ZSTD", "y"))
    assert found.notes == ("kconfig needed sets ZSWAP, ZSTD, as base compiles nothing of mm/zswap.c",)


def test_a_symbol_that_excludes_what_guests_need_is_left_out(kernel: Path, tmp_path: Path) -> None:
    found = Found(kernel, tmp_path, "mm/zswap.c")
    assert ("CONFIG_REALTIME", "y") not in found.symbols
    assert ("CONFIG_ZSWAP", "y") in found.symbols


@pytest.mark.parametrize("files", [("mm/there.c",), ("mm/there.c", "mm/zswap.c"), ("Documentation/zswap.rst",)])
def test_else_base_stays(kernel: Path, tmp_path: Path, files: tuple[str, ...]) -> None:
    found = Found(kernel, tmp_path, *files)
    assert (found.request.kconfigs, found.symbols, found.notes) == (("base",), (), ())


def test_who_asks_gets_it_for_the_rest_too(kernel: Path, tmp_path: Path) -> None:
    found = Found(kernel, tmp_path, "mm/there.c", "mm/zswap.c", kconfig="debug+needed")
    assert found.request.kconfigs == ("debug+needed",)
    assert ("CONFIG_ZSWAP", "y") in found.symbols
    assert found.notes[0].startswith("kconfig needed sets ZSWAP")
    assert found.catalog.kconfig("debug+needed").name == "debug+needed"


def test_a_kconfig_that_was_chosen_is_not_changed(kernel: Path, tmp_path: Path) -> None:
    assert Found(kernel, tmp_path, "mm/zswap.c", kconfig="debug").request.kconfigs == ("debug",)


def test_nothing_to_set_is_said(kernel: Path, tmp_path: Path) -> None:
    found = Found(kernel, tmp_path, "mm/there.c", kconfig="needed")
    assert found.notes == ("kconfig needed sets nothing: no symbol would compile more of what the series changes",)


def test_a_patch_that_does_not_apply_is_left_to_its_stage(kernel: Path, tmp_path: Path) -> None:
    found = Found(kernel, tmp_path, "mm/zswap.c", later=F.format("nothing", 7))
    assert (found.request.kconfigs, found.symbols, found.notes) == (("base",), (), ())


def test_without_a_patch_it_is_refused(kernel: Path, tmp_path: Path) -> None:
    context = Context(Places(tmp_path, tmp_path), catalog.load_catalog(), Runner(Cancel()), lambda event: None)
    with pytest.raises(UsageError, match="--kconfig needed is about the lines that a patch changes"):
        with_needed(
            context, Request(kconfigs=("needed",)), Source(), None, lambda source: pytest.fail("asked"), is_free=False
        )
