"""Tools, headers and libraries as this host has them, and a package manager that lacks one of several."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from orchestrator.errors import CommandFailed
from orchestrator.invocation.host_tools import Tool, check_tools, install
from orchestrator.parse.os_release import FAMILIES

DEBIAN = FAMILIES["debian"]


def test_headers_and_libraries_are_where_the_compiler_finds_them() -> None:
    found = {tool.name: tool.found for tool in check_tools(DEBIAN)}
    assert Path(found["libc.a"]).is_file()
    assert Path(found["libelf.h"]).is_file()


@pytest.fixture
def apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package manager that keeps what it was asked, and knows no package called gone."""
    program, said = tmp_path / "bin/apt-get", tmp_path / "said"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" >>{said}\ncase "$*" in *gone*) exit 100 ;; esac\n')
    program.chmod(0o755)
    for name in ("sudo", "env"):
        (tmp_path / "bin" / name).write_text('#!/bin/sh\n[ "${1#*=}" = "$1" ] || shift\nexec "$@"\n')
        (tmp_path / "bin" / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    return said


def tool(package: str, *, optional: bool) -> Tool:
    return Tool(package, package, "a test", optional, "")


def test_an_optional_package_that_there_is_not_stops_no_other(apt: Path, capfd: pytest.CaptureFixture[str]) -> None:
    install([tool("a", optional=False), tool("gone", optional=True), tool("b", optional=True)], DEBIAN)
    update, first, *others = apt.read_text().splitlines()
    assert update.endswith("update")
    assert first.endswith(" a")
    assert [line.split()[-1] for line in others] == ["b", "gone"]
    assert "gone cannot be installed (exit status 100)" in capfd.readouterr().err


def test_one_that_must_be_there_is_an_error_with_the_command(apt: Path) -> None:
    with pytest.raises(CommandFailed) as caught:
        install([tool("gone", optional=False)], DEBIAN)
    assert "apt-get install --no-install-recommends gone" in (caught.value.hint or "")
