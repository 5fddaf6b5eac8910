"""Kbuild itself where users' trees and caches lie: Linux from a tree and a cache whose paths it refuses."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from orchestrator.build.configure import configure
from orchestrator.build.toolchain import find_toolchain
from orchestrator.context import Context, Places
from orchestrator.declarations.catalog import load_catalog
from orchestrator.host.process import Cancel, Runner
from orchestrator.model.kernel import AppliedTree, Kernel, Source
from orchestrator.model.subject import patched
from orchestrator.source.bases import DEFAULT_BASE, Workplace, packaged_base, tree_base
from orchestrator.source.trees import base_tree


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A clone of the default base, without a checkout, whose name make cannot take."""
    runner = Runner(Cancel())
    base, _ = packaged_base(DEFAULT_BASE, Workplace(Places.of_user().bases, runner, lambda _: None))
    where = tmp_path / "my linux:next"
    subprocess.run(("git", "init", "-q", str(where)), check=True)
    (where / ".git/objects/info/alternates").write_text(f"{base.home}/git/objects\n")
    subprocess.run(("git", "-C", str(where), "update-ref", "refs/heads/main", base.commit), check=True)
    return where


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Instead of /var/tmp, which the test would leave a kernel's tree in."""
    where = tmp_path / "var"
    where.mkdir()
    for module in ("context", "source.bases"):
        monkeypatch.setattr(f"orchestrator.{module}.ELSEWHERE", where)
    return where


@pytest.mark.long
def test_a_kernel_is_configured_from_a_tree_and_in_a_cache_of_any_name(
    tree: Path, elsewhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "a home"))
    places = Places(tmp_path / "my cache:s/orchestrate", tmp_path / "my state")
    assert places.bases.parent == elsewhere
    context = Context(places, load_catalog(), Runner(Cancel()), lambda _: None)
    base, _ = tree_base(tree, "main", Workplace(places.bases, context.runner, context.say))
    applied = AppliedTree(base, base_tree(base, context.runner), ())
    subject = patched(Kernel(Source(), context.catalog.kconfig("base")))
    made = configure(context, subject, applied, find_toolchain(context).value, tmp_path / "logs/configure.log")
    assert "CONFIG_PER_VMA_LOCK" in made.value.symbols
