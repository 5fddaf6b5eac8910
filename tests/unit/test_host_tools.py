"""What the host must have, and how each family of distributions installs it. Unit: nothing is installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.declarations.catalog import PACKAGE, load_catalog
from orchestrator.declarations.files import read_toml
from orchestrator.invocation.host_tools import Tool, Tools, install_command
from orchestrator.parse.os_release import FAMILIES, family_of


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\n', "debian"),
        ('NAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian\n', "debian"),
        ('ID="linuxmint"\nID_LIKE="ubuntu debian"\n', "debian"),
        ("ID=fedora\n", "fedora"),
        ('ID="rocky"\nID_LIKE="rhel centos fedora"\n', "fedora"),
        ("ID=arch\n", "arch"),
        ("ID=manjaro\nID_LIKE=arch\n", "arch"),
        ('ID="opensuse-tumbleweed"\nID_LIKE="opensuse suse"\n', "suse"),
        ('ID="sles"\nID_LIKE="suse"\n', "suse"),
        ("ID=nixos\n", None),
        ('ID="open\n', None),
        ("", None),
    ],
)
def test_the_family_is_found_by_id_and_by_what_it_is_like(text: str, name: str | None) -> None:
    found = family_of(text)
    assert (found.name if found else None) == name


def missing(family: str) -> list[Tool]:
    wanted = read_toml(Tools, PACKAGE / "data/tools.toml").tool
    return [Tool(one.name, one.package_of(family), one.why, one.optional, "") for one in wanted]


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_each_family_has_a_package_for_whatever_must_be_there(family: str) -> None:
    for tool in missing(family):
        assert tool.package or tool.optional, tool
    command = install_command(missing(family), FAMILIES[family])
    assert "linux-source" not in command or family == "debian"
    assert "  " not in command


def test_families_call_packages_by_their_own_names() -> None:
    assert "libelf-dev" in install_command(missing("debian"), FAMILIES["debian"])
    fedora = install_command(missing("fedora"), FAMILIES["fedora"])
    assert "dnf install" in fedora
    assert "elfutils-libelf-devel" in fedora
    assert install_command([], FAMILIES["arch"]) == ""


def test_the_names_of_families_in_the_table_are_those_that_there_are() -> None:
    of_arches = [tool for arch in load_catalog().arches.values() for tool in arch.tool]
    for one in (*read_toml(Tools, PACKAGE / "data/tools.toml").tool, *of_arches):
        assert set(dict(one.elsewhere)) <= set(FAMILIES) - {"debian"}
        assert sum(map(bool, (one.program, one.file, one.header, one.static))) == 1
        assert not Path(one.header).is_absolute()
