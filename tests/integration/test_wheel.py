"""A wheel by itself: installed elsewhere it has cases, kconfigs and patches, and knows its commit."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.conftest import git

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of an installation, without dependencies: those of the tests do."""
    home = tmp_path_factory.mktemp("wheel")
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", home, ROOT], check=True, capture_output=True)
    (wheel,) = home.glob("*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--target", home / "site", wheel], check=True, capture_output=True)
    return home / "site"


def said(installed: Path, cwd: Path, *words: str) -> str:
    argv = [sys.executable, "-m", "orchestrator", *words]
    env = {**os.environ, "PYTHONPATH": os.fspath(installed)}
    return subprocess.run(argv, cwd=cwd, env=env, capture_output=True, text=True, check=True).stdout


def test_it_has_what_lies_beside_the_package_in_a_checkout(installed: Path, tmp_path: Path) -> None:
    for kind in ("testcases", "kconfigs", "patches"):
        here = subprocess.run(
            [sys.executable, "-m", "orchestrator", "list", kind], cwd=ROOT, capture_output=True, text=True, check=True
        )
        assert said(installed, tmp_path, "list", kind) == here.stdout
    assert os.access(installed / "orchestrator/root/testcases/lib/selftest/run.sh", os.X_OK)


def test_it_is_the_same_version_with_the_commit_that_it_was_made_from(installed: Path, tmp_path: Path) -> None:
    version = said(installed, tmp_path, "--version")
    assert version == said(ROOT, ROOT, "--version"), "the data are the same, too"
    assert f"commit {git(ROOT, 'rev-parse', '--short=12', 'HEAD').strip()}" in version
    config = installed / "orchestrator/root/kconfigs/base.config"
    config.write_text(config.read_text() + "# changed\n")
    assert said(installed, tmp_path, "--version").rpartition("data ")[2] not in version
