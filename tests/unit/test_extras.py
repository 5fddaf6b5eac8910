"""What installs an extra does so where orchestrate is, and is what a user of Debian can type."""

from __future__ import annotations

import re
import shlex
import sys
import tomllib
from pathlib import Path

import pytest

from orchestrator.errors import ToolMissing
from orchestrator.host.extras import install_command
from orchestrator.invocation.executors import extra

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_a_missing_package_is_installed_by_the_python_that_misses_it() -> None:
    with pytest.raises(ToolMissing) as raised, extra():
        raise ModuleNotFoundError(name="distributed")
    assert shlex.split(raised.value.hint) == [sys.executable, "-m", "pip", "install", "orchestrate[cluster]"]


def test_each_extra_that_is_named_exists() -> None:
    there = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"])
    sources = "".join(path.read_text() for path in (ROOT / "orchestrator").rglob("*.py"))
    named = set(re.findall(r'install_command\("(\w+)"\)', sources))
    assert named == {"watch", "cluster", "history", "dashboard"}
    assert named <= there
    assert "[history]" in install_command("history")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_tells_to_type_a_pip_that_debian_lacks_or_refuses(page: Path) -> None:
    commands = [line.strip() for line in page.read_text().splitlines() if line.startswith("    ")]
    assert [command for command in commands if command.startswith("pip ")] == []
