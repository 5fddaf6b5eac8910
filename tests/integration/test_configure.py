"""A tree that cannot be configured, and whose fault that is. Make is real; kconfig's words are recorded ones."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import pytest

from orchestrator.build.configure import configure
from orchestrator.build.product import Product
from orchestrator.build.toolchain import Toolchain
from orchestrator.context import Context, Places
from orchestrator.declarations import catalog
from orchestrator.errors import CommandFailed, Fault, KconfigBroken, KconfigDropped, ToolMissing
from orchestrator.host.process import Cancel, Runner
from orchestrator.model.kernel import AppliedTree, Fragment, Kconfig, Kernel, KernelConfig, Source
from orchestrator.model.subject import patched
from orchestrator.source.bases import Workplace, tree_base
from tests.integration.conftest import git

DATA = Path(__file__).parents[1] / "data/kconfig"


NOTHING = Kconfig("base", ())


class Configure(Protocol):
    def __call__(self, makefile: str, kconfig: Kconfig = ...) -> Product[KernelConfig]: ...


@pytest.fixture
def configured(tree: Path, tmp_path: Path) -> Configure:
    """Configure a tree with this Makefile."""

    def run(makefile: str, kconfig: Kconfig = NOTHING) -> Product[KernelConfig]:
        (tree / "Makefile").write_text(makefile)
        git(tree, "add", "-A")
        git(tree, "commit", "-q", "-m", "makefile")
        places = Places(tmp_path / "cache", tmp_path / "state")
        context = Context(places, catalog.load_catalog(), Runner(Cancel()), lambda event: None)
        base, _ = tree_base(tree, "HEAD", Workplace(places.bases, context.runner, print))
        applied = AppliedTree(base, git(tree, "rev-parse", "HEAD^{tree}").strip(), ())
        subject = patched(Kernel(Source(), kconfig))
        return configure(context, subject, applied, Toolchain("gcc", "gcc"), tmp_path / "configure.log")

    return run


def saying(path: Path) -> str:
    return f"tinyconfig:\n\t@cat {shlex.quote(str(path))}; exit 1\n"


def test_kconfigs_own_message_is_the_error(configured: Configure) -> None:
    with pytest.raises(KconfigBroken) as caught:
        configured(saying(DATA / "recursive-dependency.txt"))
    assert caught.value.fault is Fault.PATCH
    assert caught.value.message == (
        "the tree cannot be configured: "
        "Kconfig: recursive dependency: symbol AAA depends on BBB, symbol BBB depends on AAA"
    )
    assert "\tsymbol AAA depends on BBB\n" in caught.value.detail
    assert "configure.log" in caught.value.hint


def test_so_is_makes_about_a_makefile(configured: Configure) -> None:
    with pytest.raises(KconfigBroken, match=r"configured: Makefile:2: missing separator"):
        configured("tinyconfig:\nnot a rule\n")


def test_so_is_the_compilers_about_kconfigs_source(configured: Configure) -> None:
    with pytest.raises(KconfigBroken, match=r"configured: scripts/kconfig/conf.c:40:1: expected identifier"):
        configured("tinyconfig:\n\t@echo '../scripts/kconfig/conf.c:40:1: error: expected identifier'; exit 1\n")


def test_what_kconfig_does_not_explain_is_still_the_trees(configured: Configure) -> None:
    with pytest.raises(KconfigBroken, match="make tinyconfig exited with 2"):
        configured("tinyconfig:\n\t@exit 1\n")


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("/bin/sh: 1: flex: not found", ToolMissing),
        ("cc1: error: writing to x.s: No space left on device", CommandFailed),
    ],
)
def test_what_the_host_did_is_not_the_trees(configured: Configure, words: str, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        configured(f"tinyconfig:\n\t@echo '{words}'; exit 1\n")


# olddefconfig lets the last line of a symbol win, and knows no CONFIG_GONE
KEEPS_LAST = """olddefconfig:
\t@tac $(O)/.config | grep -v GONE | awk -F '[= ]' '!seen[$$1 == "#" ? $$2 : $$1]++' | tac >$(O)/new
\t@mv $(O)/new $(O)/.config
tinyconfig:
\t@exit 1
"""
WHOLE = Fragment(
    "mine",
    Path("mine.config"),
    (("CONFIG_A", "m"), ("CONFIG_B", "y"), ("CONFIG_C", "n"), ("CONFIG_GONE", "y")),
    whole_of="x86_64",
    is_demand=False,
)


def over_whole(*symbols: tuple[str, str], whole: Fragment = WHOLE) -> Kconfig:
    return Kconfig("mine", (whole, Fragment("base", Path("base.config"), symbols)))


def test_a_whole_config_takes_the_place_of_tinyconfig(configured: Configure) -> None:
    mine = over_whole(("CONFIG_A", "y"), ("CONFIG_C", "y"))
    made = configured(KEEPS_LAST, mine)
    assert made.value.path.read_text() == "CONFIG_B=y\nCONFIG_A=y\nCONFIG_C=y\n"
    assert made.value.symbols == {"CONFIG_A", "CONFIG_B", "CONFIG_C"}
    said = "mine: 1 module built in; set otherwise: C; 1 more symbol of 4 otherwise in this tree"
    assert made.note == said
    assert made.detail == "CONFIG_A: m -> y (base)\nCONFIG_C: n -> y (base)\nCONFIG_GONE: y -> n"


def test_what_became_of_it_is_said_again_and_another_content_is_another_config(
    configured: Configure, tree: Path
) -> None:
    made = configured(KEEPS_LAST, over_whole(("CONFIG_A", "y")))
    (tree / "other.c").write_text("int x;")  # there is something to commit
    again = configured(KEEPS_LAST, over_whole(("CONFIG_A", "y")))
    assert (made.cached, again.cached) == (False, True)
    assert (again.note, again.detail) == (made.note, made.detail) != ("", "")
    (tree / "other.c").write_text("int y;")
    otherwise = replace(WHOLE, symbols=(*WHOLE.symbols, ("CONFIG_D", "y")))
    other = configured(KEEPS_LAST, over_whole(("CONFIG_A", "y"), whole=otherwise))
    assert not other.cached
    assert "CONFIG_D" in other.value.symbols


def test_what_our_own_fragments_ask_for_is_still_demanded(configured: Configure) -> None:
    with pytest.raises(KconfigDropped, match="dropped CONFIG_GONE=m of kconfig fragment base"):
        configured(KEEPS_LAST, over_whole(("CONFIG_GONE", "m")))
