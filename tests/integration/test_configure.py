"""A tree that cannot be configured, and whose fault that is. Make is real; kconfig's words are recorded ones."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator import catalog
from orchestrator.build.configure import configure
from orchestrator.build.toolchain import Toolchain
from orchestrator.context import Context, Places
from orchestrator.errors import CommandFailed, Fault, KconfigBroken, ToolMissing
from orchestrator.model.kernel import AppliedTree, Kconfig, Kernel, Source
from orchestrator.model.subject import patched
from orchestrator.process import Cancel, Runner
from orchestrator.source.bases import Workplace, tree_base
from tests.integration.conftest import git

DATA = Path(__file__).parents[1] / "data/kconfig"


@pytest.fixture
def configured(tree: Path, tmp_path: Path) -> Callable[[str], None]:
    """Configure a tree with this Makefile."""

    def run(makefile: str) -> None:
        (tree / "Makefile").write_text(makefile)
        git(tree, "add", "-A")
        git(tree, "commit", "-q", "-m", "makefile")
        places = Places(tmp_path / "cache", tmp_path / "state")
        context = Context(places, catalog.load_catalog(), Runner(Cancel()), lambda event: None)
        base, _ = tree_base(tree, "HEAD", Workplace(places.bases, context.runner, print))
        applied = AppliedTree(base, git(tree, "rev-parse", "HEAD^{tree}").strip(), ())
        subject = patched(Kernel(Source(), Kconfig("base", ())))
        configure(context, subject, applied, Toolchain("gcc", "gcc"), tmp_path / "configure.log")

    return run


def saying(path: Path) -> str:
    return f"tinyconfig:\n\t@cat {shlex.quote(str(path))}; exit 1\n"


def test_kconfigs_own_message_is_the_error(configured: Callable[[str], None]) -> None:
    with pytest.raises(KconfigBroken) as caught:
        configured(saying(DATA / "recursive-dependency.txt"))
    assert caught.value.fault is Fault.PATCH
    assert caught.value.message == (
        "the tree cannot be configured: "
        "Kconfig: recursive dependency: symbol AAA depends on BBB, symbol BBB depends on AAA"
    )
    assert "\tsymbol AAA depends on BBB\n" in caught.value.detail
    assert "configure.log" in caught.value.hint


def test_so_is_makes_about_a_makefile(configured: Callable[[str], None]) -> None:
    with pytest.raises(KconfigBroken, match=r"configured: Makefile:2: missing separator"):
        configured("tinyconfig:\nnot a rule\n")


def test_so_is_the_compilers_about_kconfigs_source(configured: Callable[[str], None]) -> None:
    with pytest.raises(KconfigBroken, match=r"configured: scripts/kconfig/conf.c:40:1: expected identifier"):
        configured("tinyconfig:\n\t@echo '../scripts/kconfig/conf.c:40:1: error: expected identifier'; exit 1\n")


def test_what_kconfig_does_not_explain_is_still_the_trees(configured: Callable[[str], None]) -> None:
    with pytest.raises(KconfigBroken, match="make tinyconfig exited with 2"):
        configured("tinyconfig:\n\t@exit 1\n")


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("/bin/sh: 1: flex: not found", ToolMissing),
        ("cc1: error: writing to x.s: No space left on device", CommandFailed),
    ],
)
def test_what_the_host_did_is_not_the_trees(
    configured: Callable[[str], None], words: str, kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        configured(f"tinyconfig:\n\t@echo '{words}'; exit 1\n")
