"""Real builds in surroundings that users have: a full environment, a ccache of their own."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.build.configure import configure
from orchestrator.build.toolchain import Toolchain, find_toolchain
from orchestrator.context import Context, Places
from orchestrator.declarations.catalog import load_catalog
from orchestrator.errors import HostRefused
from orchestrator.host.process import Cancel, Command, Runner
from orchestrator.model.kernel import AppliedTree, Kernel, Source
from orchestrator.model.subject import patched
from orchestrator.source.bases import Workplace, tree_base
from orchestrator.source.trees import base_tree
from tests.integration.conftest import git

# What Kbuild does in small: O=, tools of the host, a .config that olddefconfig completes, and paths that it cannot take
MAKEFILE = """\
this-makefile := $(lastword $(MAKEFILE_LIST))
abs_srctree := $(realpath $(dir $(this-makefile)))
ifneq ($(words $(subst :, ,$(abs_srctree))), 1)
$(error source directory cannot contain spaces or colons)
endif
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
    return Context(Places(home / "cache", home / "state"), load_catalog(), Runner(Cancel()), lambda _: None)


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

    return lambda tree: configure_in(context, tree, tmp_path)


def configure_in(context: Context, tree: Path, tmp_path: Path) -> str:
    base, _ = tree_base(tree, "HEAD", Workplace(context.places.bases, context.runner, context.say))
    applied = AppliedTree(base, base_tree(base, context.runner), ())
    subject = patched(Kernel(Source(), context.catalog.kconfig("base")))
    tools: Toolchain = find_toolchain(context).value
    made = configure(context, subject, applied, tools, tmp_path / "logs/configure.log")
    return made.value.path.read_text()


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


@pytest.mark.parametrize("name", ["my linux", "linux:next", "linux#2", "$HOME", "-n", "a'b", "l\u00efnux", "%", "..."])
def test_a_tree_of_any_name_can_be_configured(configured: Configure, kernel_tree: Path, name: str) -> None:
    kernel_tree = kernel_tree.rename(kernel_tree.with_name(name))
    assert "CONFIG_64BIT=y" in configured(kernel_tree)


@pytest.mark.parametrize("name", ["my cache", "c:ache", "a=b"])
def test_a_cache_of_any_name_will_do(
    kernel_tree: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.context.ELSEWHERE", tmp_path / "var")
    monkeypatch.setattr("orchestrator.source.bases.ELSEWHERE", tmp_path / "var")
    (tmp_path / "var").mkdir()
    said: list[str] = []
    places = Places(tmp_path / name / "orchestrate", tmp_path / name / "state")
    context = Context(places, load_catalog(), Runner(Cancel()), lambda event: said.append(str(event)))
    text = configure_in(context, kernel_tree, tmp_path)
    assert "CONFIG_64BIT=y" in text
    (home,) = places.bases.glob("linux-*/git")
    assert home.is_relative_to(tmp_path / "var")
    assert any("make cannot work in the path of the cache" in line for line in said)


def test_a_symbolic_link_to_a_good_path_is_followed(kernel_tree: Path, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "my link").symlink_to(tmp_path / "real")
    assert Places(tmp_path / "my link", tmp_path).bases == tmp_path / "real/bases"


def test_a_place_elsewhere_that_others_can_write_to_is_refused(
    kernel_tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.context.ELSEWHERE", tmp_path)
    monkeypatch.setattr("orchestrator.source.bases.ELSEWHERE", tmp_path)
    places = Places(tmp_path / "my cache", tmp_path)
    (tmp_path / "trap").mkdir()
    places.bases.symlink_to(tmp_path / "trap")
    with pytest.raises(HostRefused, match="not a directory of this user alone"):
        tree_base(kernel_tree, "HEAD", Workplace(places.bases, Runner(Cancel()), lambda _: None))
    places.bases.unlink()
    places.bases.mkdir()
    places.bases.chmod(0o777)
    with pytest.raises(HostRefused, match="not a directory of this user alone"):
        tree_base(kernel_tree, "HEAD", Workplace(places.bases, Runner(Cancel()), lambda _: None))
