"""Whole .config files: how one is told from a fragment, what it becomes, and what is said of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.declarations.catalog import Catalog, load_catalog
from orchestrator.declarations.kconfigs import kconfig_name, kconfig_parts
from orchestrator.errors import BadDeclaration, UsageError
from orchestrator.model.kernel import Fragment, Kconfig
from orchestrator.parse.configuration.kconfig import dropped
from orchestrator.parse.configuration.whole_config import Change, changes, head, is_whole, told, whole_symbols

HEAD = "#\n# Automatically generated file; DO NOT EDIT.\n# Linux/x86 6.12.57 Kernel Configuration\n#\n"
DEBIAN = f"""{HEAD}CONFIG_CC_VERSION_TEXT="gcc-12"
CONFIG_X86_64=y
CONFIG_NR_CPUS=8
CONFIG_SMP=y
CONFIG_VIRTIO_NET=m
CONFIG_MODULE_SIG_KEY="debian/key.pem"
CONFIG_RANDOMIZE_BASE=y
# CONFIG_SLUB_TINY is not set
"""


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


def written(path: Path, text: str = DEBIAN) -> str:
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (DEBIAN, True),
        (HEAD, True),
        ("# x86_64\n" + DEBIAN.removeprefix(HEAD), True),  # as in Fedora's package
        ("# mine: for Linux/x86\nCONFIG_A=y\n", False),
        ("# CONFIG_CC_IS_GCC=y\nCONFIG_A=y\n", False),
        ("", False),
    ],
)
def test_a_whole_config_says_what_make_says(text: str, expected: bool) -> None:
    assert is_whole(text) is expected
    assert head(DEBIAN) == "Linux/x86 6.12.57"


def test_of_a_whole_config_the_last_line_holds_and_no_line_is_an_error() -> None:
    text = "CONFIG_A=y\n<<<<<<<\nCONFIG_B=m\r\n# CONFIG_A is not set\nCONFIG_C=\nCONFIG_SMP=y\nCONFIG_NR_CPUS=64\n"
    assert dict(whole_symbols(text)) == {
        "CONFIG_A": "n",
        "CONFIG_B": "m",
        "CONFIG_C": "",
        "CONFIG_SMP": "y",
        "CONFIG_NR_CPUS": "64",
    }


def test_the_one_cpu_of_a_kernel_for_one_is_not_its_choice() -> None:
    assert whole_symbols("# CONFIG_SMP is not set\nCONFIG_NR_CPUS=1\n") == (("CONFIG_SMP", "n"),)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("mine.config", "mine"),
        ("linux/.config", "config"),
        (".config.old", "config"),
        ("/boot/config-6.12.57+deb12-amd64", "config-6-12-57-deb12-amd64"),
        ("my kernel.config", "my-kernel"),
        ("kernel-x86_64-fedora.config", "kernel-x86_64-fedora"),
        ("defconfig", "defconfig"),
    ],
)
def test_a_file_has_a_name_that_reports_and_directories_take(path: str, name: str, tmp_path: Path) -> None:
    assert kconfig_name(Path(path)) == name
    assert load_catalog().kconfig(written(tmp_path / Path(path).name)).name == name


def test_a_file_without_a_name_is_refused(tmp_path: Path, catalog: Catalog) -> None:
    with pytest.raises(BadDeclaration, match="cannot be the name of a kconfig"):
        catalog.kconfig(written(tmp_path / "+++.config"))


def test_a_plus_in_the_name_of_a_file_joins_nothing(tmp_path: Path) -> None:
    plain, plus = written(tmp_path / "config-6"), written(tmp_path / "config-6+deb12+1")
    assert kconfig_parts(f"kasan+{plus}+debug") == ("kasan", plus, "debug")
    assert kconfig_parts(f"{plain}+deb12") == (plain, "deb12")
    assert kconfig_parts(f"{tmp_path}/gone+kasan") == (f"{tmp_path}/gone", "kasan")
    assert kconfig_parts("debug+") == ("debug", "")
    assert kconfig_parts("./config-6+deb12+1+kasan", tmp_path.joinpath) == ("./config-6+deb12+1", "kasan")


def test_a_whole_config_comes_first_and_base_has_what_every_kernel_needs(tmp_path: Path, catalog: Catalog) -> None:
    found = catalog.kconfig(f"kasan+{written(tmp_path / 'debian.config')}")
    assert found.name == "kasan+debian"
    assert [one.name for one in found.fragments] == ["debian", "whole", "base", "kasan"]
    assert found.whole is found.fragments[0]
    whole, neutral, base, kasan = found.on("x86_64").fragments
    assert [one.is_demand for one in (whole, neutral, base, kasan)] == [False, False, True, True]
    assert (whole.whole_of, base.whole_of) == ("x86_64", "")
    needed, usual = dict(base.symbols), dict(catalog.kconfig("base").on("x86_64").fragments[0].symbols)
    assert needed.items() < usual.items()
    assert {"CONFIG_VIRTIO_NET", "CONFIG_SERIAL_8250_CONSOLE", "CONFIG_DEBUG_INFO_DWARF5"} < needed.keys()
    # the choices of whoever wrote the .config
    assert {"CONFIG_NR_CPUS", "CONFIG_SLUB_TINY", "CONFIG_ACPI", "CONFIG_TRANSPARENT_HUGEPAGE_MADVISE"} <= (
        usual.keys() - needed.keys()
    )


def test_its_symbols_are_part_of_the_kernels_identity(tmp_path: Path, catalog: Catalog) -> None:
    path = tmp_path / "mine.config"
    before = catalog.kconfig(written(path))
    after = catalog.kconfig(written(path, DEBIAN.replace("VIRTIO_NET=m", "VIRTIO_NET=y")))
    assert before.name == after.name
    assert [one.symbols for one in before.fragments] != [one.symbols for one in after.fragments]


def test_two_whole_configs_are_refused_by_name(tmp_path: Path, catalog: Catalog) -> None:
    one, two = written(tmp_path / "one.config"), written(tmp_path / "two.config")
    with pytest.raises(UsageError, match=r"one and two are whole \.config files"):
        catalog.kconfig(f"{one}+debug+{two}")


@pytest.mark.parametrize("text", ["", "\n", "# mine: nothing\n", HEAD])
def test_a_file_that_sets_nothing_is_refused(text: str, tmp_path: Path, catalog: Catalog) -> None:
    with pytest.raises(BadDeclaration, match=r"mine\.config: sets no symbol"):
        catalog.kconfig(written(tmp_path / "mine.config", text))


def test_one_of_an_architecture_that_is_not_known_is_refused(tmp_path: Path, catalog: Catalog) -> None:
    text = DEBIAN.replace("CONFIG_X86_64", "CONFIG_MIPS").replace("x86", "mips")
    with pytest.raises(BadDeclaration, match=r"of no architecture that is known here, but of Linux/mips 6.12.57"):
        catalog.kconfig(written(tmp_path / "mine.config", text))


def test_what_a_fragment_says_is_over_something_unknown_is_refused(tmp_path: Path, catalog: Catalog) -> None:
    with pytest.raises(BadDeclaration, match=r"# over: tinyconfg: unknown"):
        catalog.kconfig(written(tmp_path / "mine.config", "CONFIG_A=y\n\n# over: tinyconfg\nCONFIG_B=y\n"))


WHOLE = Fragment(
    "mine",
    Path(),
    (("CONFIG_A", "y"), ("CONFIG_B", "m"), ("CONFIG_C", "y"), ("CONFIG_D", "y"), ("CONFIG_E", "0x0F")),
    whole_of="x86_64",
    is_demand=False,
)
OURS = Fragment("base", Path(), (("CONFIG_B", "y"), ("CONFIG_C", "n"), ("CONFIG_F", "y")))
MINE = Kconfig("mine", (WHOLE, OURS))


def test_what_became_of_it_is_told_and_only_ours_are_demands() -> None:
    text = "CONFIG_A=y\nCONFIG_B=y\nCONFIG_E=0xf\nCONFIG_F=y\n"
    found = changes(MINE, text)
    assert found == (
        Change("CONFIG_B", "m", "y", "base"),
        Change("CONFIG_C", "y", "n", "base"),
        Change("CONFIG_D", "y", "n"),
    )
    assert told(MINE, found) == "mine: 1 module built in; set otherwise: C; 1 more symbol of 5 otherwise in this tree"
    assert [str(one) for one in found[1:]] == ["CONFIG_C: y -> n (base)", "CONFIG_D: y -> n"]
    assert dropped(MINE.fragments, text) == ()
    assert [one.symbol for one in dropped(MINE.fragments, "")] == ["CONFIG_B", "CONFIG_F"]


def test_nothing_is_told_of_a_kernel_over_tinyconfig() -> None:
    over_tinyconfig = Kconfig("base", (OURS,))
    assert told(over_tinyconfig, changes(over_tinyconfig, "")) == ""
    assert told(Kconfig("mine", (WHOLE,)), ()) == "mine: as it is"


def test_many_symbols_are_counted() -> None:
    many = tuple(Change(f"CONFIG_{letter}", "y", "n", "base") for letter in "ABCDEF")
    assert told(MINE, many) == "mine: set otherwise: A, B, C, D and 2 more"
