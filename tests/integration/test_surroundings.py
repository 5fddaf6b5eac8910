"""Real builds in surroundings that users have: a full environment, a ccache of their own."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.build.configure import configure
from orchestrator.build.toolchain import Toolchain, find_toolchain
from orchestrator.catalog import load
from orchestrator.context import Context, Places
from orchestrator.model.kernel import AppliedTree, Variant
from orchestrator.model.request import Suite
from orchestrator.process import Cancel, Command, Runner
from orchestrator.source.bases import Workplace, tree_base
from orchestrator.source.trees import base_tree
from tests.integration.conftest import git

# What Kbuild does in small: O=, tools of the host, and a .config that olddefconfig completes
MAKEFILE = """\
tinyconfig olddefconfig: $(O)/scripts/conf
	test "$@" = olddefconfig || echo CONFIG_64BIT=y >$(O)/.config
	test -z "$(EXTRA_FROM_THE_CALLER)" && test "$(AR)" = ar
$(O)/scripts/conf: scripts/conf.c
	mkdir -p $(@D)
	$(HOSTCC) -c -o $@.o $< && $(HOSTCC) -o $@ $@.o
"""


@pytest.fixture
def context(tmp_path: Path) -> Context:
    home = tmp_path / "home"
    return Context(Places(home / "cache", home / "state"), load(), Runner(Cancel()), lambda _: None)


@pytest.fixture
def kernel_tree(tree: Path) -> Path:
    (tree / "scripts").mkdir()
    (tree / "scripts/conf.c").write_text("int main(void) { return 0; }\n")
    (tree / "Makefile").write_text(MAKEFILE)
    git(tree, "add", "-A")
    git(tree, "commit", "-q", "-m", "scripts")
    return tree


Configure = Callable[[Path], str]


@pytest.fixture
def configured(context: Context, tmp_path: Path) -> Configure:
    """Configure a tree for real and return the .config."""

    def run(tree: Path) -> str:
        base, _ = tree_base(tree, "HEAD", Workplace(context.places.bases, context.runner, lambda _: None))
        applied = AppliedTree(base, base_tree(base, context.runner), ())
        suite = Suite(load().kconfig("base"), Variant.PATCHED)
        tools: Toolchain = find_toolchain(context).value
        made = configure(context, suite, applied, tools, tmp_path / "logs/configure.log")
        return made.value.path.read_text()

    return run


def test_the_users_own_ccache_and_home_stay_as_they_are(
    configured: Configure, kernel_tree: Path, context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = tmp_path / "user"
    (user / "ccache").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(user))
    monkeypatch.setenv("CCACHE_DIR", str(user / "ccache"))
    monkeypatch.setenv("PATH", f"/usr/lib/ccache:{os.environ['PATH']}")
    assert "CONFIG_64BIT=y" in configured(kernel_tree)
    context.runner.check(Command(("gcc", "-c", "-x", "c", "-o", os.fspath(tmp_path / "o"), "-"), cwd=tmp_path))
    assert [path for path in user.rglob("*") if path.is_file()] == []
    assert any(context.places.ccache.rglob("*"))  # ours was filled: ccache did run


def test_the_callers_environment_does_not_reach_make(
    configured: Configure, kernel_tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "evil.mk").write_text("$(error the caller's makefile was read)\n")
    monkeypatch.setenv("MAKEFILES", str(tmp_path / "evil.mk"))
    monkeypatch.setenv("GNUMAKEFLAGS", "--no-such-flag")
    monkeypatch.setenv("AR", "false")
    monkeypatch.setenv("EXTRA_FROM_THE_CALLER", "x")
    monkeypatch.setenv("CPATH", "/nonexistent")
    assert "CONFIG_64BIT=y" in configured(kernel_tree)
