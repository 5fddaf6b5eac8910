from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.declarations.catalog import load_catalog
from orchestrator.declarations.kconfigs import read_fragment
from orchestrator.errors import BadDeclaration
from orchestrator.model.kernel import Fragment
from orchestrator.parse.configuration.kconfig import (
    Conflict,
    Dropped,
    arches_in,
    dropped,
    merge,
    optional_symbols,
    parse_config,
    parse_fragment,
    set_symbols,
    symbols_for_tinyconfig,
    text_on,
)

KCONFIGS = Path(__file__).parent.parent.parent / "kconfigs"


def fragment(name: str, *symbols: tuple[str, str]) -> Fragment:
    return Fragment(name=name, path=Path(f"{name}.config"), symbols=symbols)


def test_a_fragment_is_read_in_order() -> None:
    text = '# about\n\nCONFIG_A=y\n  CONFIG_B=m\n# CONFIG_C is not set\nCONFIG_D="a # b"\n'
    text += "CONFIG_E=0x1F\nCONFIG_F=-1\nCONFIG_G=n\n"
    assert parse_fragment(text, "f.config") == (
        ("CONFIG_A", "y"),
        ("CONFIG_B", "m"),
        ("CONFIG_C", "n"),
        ("CONFIG_D", '"a # b"'),
        ("CONFIG_E", "0x1F"),
        ("CONFIG_F", "-1"),
        ("CONFIG_G", "n"),
    )


@pytest.mark.parametrize("path", sorted(KCONFIGS.glob("*.config")), ids=lambda path: path.stem)
def test_shipped_fragments_are_readable(path: Path) -> None:
    assert parse_fragment(path.read_text(), path.name)


@pytest.mark.parametrize(
    "line",
    [
        "A=y",
        "CONFIG_A",
        "CONFIG_A = y",
        "CONFIG_A=y # why",
        "CONFIG_A=yes",
        "CONFIG_A=",
        'CONFIG_A="open',
        "#CONFIG_A is not set",
    ],
)
def test_junk_is_an_error_with_file_and_line(line: str) -> None:
    with pytest.raises(BadDeclaration) as caught:
        parse_fragment(f"CONFIG_X=y\n\n{line}\n", "f.config")
    assert caught.value.message.startswith("f.config:3:")
    assert caught.value.hint


def test_a_symbol_with_two_values_in_one_fragment_is_an_error_but_not_a_repetition() -> None:
    assert parse_fragment("CONFIG_A=y\nCONFIG_A=y\n", "f") == (("CONFIG_A", "y"),)
    with pytest.raises(BadDeclaration, match="CONFIG_A is n here and y above"):
        parse_fragment("CONFIG_A=y\n# CONFIG_A is not set\n", "f")


def test_the_later_fragment_wins_and_the_conflict_is_told() -> None:
    symbols, conflicts = merge(
        [fragment("base", ("CONFIG_A", "y"), ("CONFIG_B", "y")), fragment("kasan", ("CONFIG_A", "n"))]
    )
    assert dict(symbols) == {"CONFIG_A": "n", "CONFIG_B": "y"}
    assert conflicts == (Conflict("CONFIG_A", ("base", "y"), ("kasan", "n")),)


def test_dropped_symbols_are_named_with_the_fragment_that_wanted_them() -> None:
    config = 'CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_D=m\nCONFIG_H=0x00ff\nCONFIG_S="x"\n'
    base = fragment(
        "base", ("CONFIG_A", "y"), ("CONFIG_B", "y"), ("CONFIG_C", "n"), ("CONFIG_D", "n"), ("CONFIG_H", "0xFF")
    )
    late = fragment("late", ("CONFIG_B", "y"), ("CONFIG_E", "20"), ("CONFIG_S", '"x"'))
    assert dropped([base, late], config) == (
        Dropped("CONFIG_B", "y", "n", "late"),
        Dropped("CONFIG_D", "n", "m", "base"),
        Dropped("CONFIG_E", "20", "n", "late"),
    )


def test_a_value_that_a_later_fragment_replaced_is_not_missed() -> None:
    assert dropped([fragment("a", ("CONFIG_A", "y")), fragment("b", ("CONFIG_A", "n"))], "") == ()


SYMBOLS = st.dictionaries(st.sampled_from([f"CONFIG_{c}" for c in "ABCDEF"]), st.sampled_from(["y", "n", "m", "7"]))


@given(st.lists(SYMBOLS, max_size=5))
def test_merging_keeps_the_last_value_and_nothing_of_it_is_dropped(maps: list[dict[str, str]]) -> None:
    fragments = [fragment(str(number), *symbols.items()) for number, symbols in enumerate(maps)]
    symbols, _ = merge(fragments)
    last: dict[str, str] = {}
    for symbols_of_one in maps:
        last |= symbols_of_one
    assert dict(symbols) == last
    text = "".join(f"# {name} is not set\n" if value == "n" else f"{name}={value}\n" for name, value in symbols)
    assert dropped(fragments, text) == ()
    assert parse_config(text) == {name: value for name, value in last.items() if value != "n"}
    assert dict(parse_fragment(text, "f")) == last


VERSIONED = """CONFIG_A=y

# optional
CONFIG_B=y
# CONFIG_C is not set

# since: 6.15
CONFIG_D=y
CONFIG_E=y

CONFIG_F=y
"""


def made(version: str, *symbols: str) -> str:
    head = f"#\n# Automatically generated file; DO NOT EDIT.\n# Linux/x86 {version} Kernel Configuration\n#\n"
    return head + "".join(f"CONFIG_{name}=y\n" for name in symbols)


def versioned() -> Fragment:
    return replace(fragment("f", *parse_fragment(VERSIONED, "f")), may_lack=optional_symbols(VERSIONED))


def test_symbols_up_to_the_blank_line_are_optional_or_of_a_version() -> None:
    assert optional_symbols(VERSIONED) == (
        ("CONFIG_B", ""),
        ("CONFIG_C", ""),
        ("CONFIG_D", "6.15"),
        ("CONFIG_E", "6.15"),
    )


@pytest.mark.parametrize(
    ("version", "may_lack"),
    [("6.12.117", "BDE"), ("6.9.0", "BDE"), ("6.15.0-rc1", "B"), ("7.2.13", "B"), ("", "BDE")],
)
def test_what_a_kernel_of_that_version_may_lack_is_marked(version: str, may_lack: str) -> None:
    found = dropped([versioned()], made(version) if version else "")
    assert [one.symbol[-1] for one in found] == list("ABDEF")
    assert "".join(one.symbol[-1] for one in found if one.may_lack) == may_lack
    # of the others one that the tree knows was dropped for a reason; these it may know in an older form
    assert "".join(one.symbol[-1] for one in found if one.is_later) == may_lack.removeprefix("B")
    assert not dropped([versioned()], made(version, *"ABDEF"))


OF_ARCHES = """\
CONFIG_A=y

# arch: x86_64
# about it
CONFIG_B=y

# arch: arm64 riscv64
CONFIG_B=m
# optional
CONFIG_C=y

CONFIG_D=y
# arch: m68k
CONFIG_E=y
"""


@pytest.mark.parametrize(
    ("arch", "symbols"),
    [
        ("", {"A": "y", "D": "y"}),
        ("x86_64", {"A": "y", "B": "y", "D": "y"}),
        ("arm64", {"A": "y", "B": "m", "C": "y", "D": "y"}),
        ("m68k", {"A": "y", "D": "y", "E": "y"}),
    ],
)
def test_what_stands_below_an_architecture_up_to_the_blank_line_is_for_it_alone(
    arch: str, symbols: dict[str, str]
) -> None:
    assert arches_in(OF_ARCHES) == ("x86_64", "arm64", "riscv64", "m68k")
    found = parse_fragment(text_on(arch, OF_ARCHES), "f.config")
    assert dict(found) == {f"CONFIG_{name}": value for name, value in symbols.items()}


def test_lines_keep_their_numbers_on_each_architecture() -> None:
    with pytest.raises(BadDeclaration, match=r"f\.config:6"):
        parse_fragment(text_on("arm64", "\n\n# arch: x86_64\nCONFIG_A=y\n\nCONFIG_B\n"), "f.config")


def test_a_fragment_for_an_architecture_that_there_is_not_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.config"
    path.write_text("# arch: arm46\nCONFIG_A=y\n")
    with pytest.raises(BadDeclaration, match=r"mine\.config: # arch: arm46: unknown") as error:
        load_catalog().kconfig(str(path))
    assert "arm64" in error.value.hint


def test_a_kconfig_keeps_what_is_for_all_on_an_architecture_without_symbols_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.config"
    path.write_text("CONFIG_A=y\n\n# arch: arm64\nCONFIG_B=y\n")
    mine = read_fragment(path, load_catalog().arches)
    assert mine.on("arm64").symbols == (("CONFIG_A", "y"), ("CONFIG_B", "y"))
    assert mine.on("riscv64").symbols == (("CONFIG_A", "y"),)


def test_a_module_is_not_in_the_image() -> None:
    text = 'CONFIG_A=y\nCONFIG_B=m\n# CONFIG_C is not set\nCONFIG_D=n\nCONFIG_E="x"\nCONFIG_F=7\n'
    assert set_symbols(text) == {"CONFIG_A", "CONFIG_B_MODULE", "CONFIG_E", "CONFIG_F"}


def test_symbols_for_tinyconfig_alone_are_told_also_those_of_an_architecture() -> None:
    ours = "# why\n# over: tinyconfig\nCONFIG_B=y\n\n# arch: m68k\n# over: tinyconfig\n# CONFIG_C is not set\n"
    assert symbols_for_tinyconfig(f"CONFIG_A=y\n\n{ours}\nCONFIG_D=y\n") == ("CONFIG_B", "CONFIG_C")


def test_over_a_whole_config_a_fragment_lacks_what_suits_tinyconfig() -> None:
    some = (("CONFIG_A", "y"), ("CONFIG_B", "y"))
    one = Fragment("f", Path(), some, on_arch=(("m68k", some),), for_tinyconfig=("CONFIG_B",)).over_whole
    assert one.symbols == one.on("m68k").symbols == (("CONFIG_A", "y"),)
