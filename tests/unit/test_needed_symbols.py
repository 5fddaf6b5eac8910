"""Which symbols compile what a series changes."""

from __future__ import annotations

import pytest

from orchestrator.parse.code.c_conditions import symbols_to_set
from orchestrator.parse.code.changed_lines import ChangedLines
from orchestrator.parse.configuration.needed_symbols import ChangedText, is_compiled, needed_symbols

MAKEFILES = {
    "mm/Makefile": "obj-y += memory.o\nobj-$(CONFIG_ZSWAP) += zswap.o\nobj-$(CONFIG_ZPOOL) += zpool.o\n"
    "obj-$(CONFIG_A) += either.o\nobj-$(CONFIG_B) += either.o\nobj-$(CONFIG_DAMON) += damon/\n",
    "mm/damon/Makefile": "damon-$(CONFIG_DAMON_STAT) += stat.o\nobj-$(CONFIG_DAMON) += damon.o\n",
    "Kbuild": "obj-y += mm/\n",
}
KCONFIGS = {
    "mm/Kconfig": """\
config SWAP
	bool "swap"
	depends on MMU && !NOSWAP
menuconfig ZSWAP
	bool "zswap"
	depends on SWAP
	select CRYPTO
	select ZPOOL
config ZPOOL
	bool
config CRYPTO
	tristate "crypto"
if !NOMMU && (EXPERT || OTHER)
config DAMON
	bool "damon"
config DAMON_STAT
	bool "stat" if DAMON
	depends on SYSFS=y && DEBUG!=y && (MODULE_X=m || MMU)
endif
config EXPERT
	bool "expert"
config A
	bool "a"
config B
	bool "b"
config NUMA
	bool "numa"
config DERIVED
	def_bool y
	depends on NUMA
config FROM
	bool
	default y if A && NUMA
config HARD
	bool "hard"
	select ZPOOL
	depends on NOWHERE=y && SWAP
"""
}
BASE = frozenset({"CONFIG_MMU", "CONFIG_SYSFS"})


def changed(text: str, *lines: int) -> ChangedText:
    return ChangedText(ChangedLines(frozenset(lines or range(1, text.count("\n") + 1))), text)


F = "int f(void)\n{\n\treturn 1;\n}\n"


def needs(file: str, text: str = F, symbols: frozenset[str] = BASE) -> tuple[str, ...]:
    return needed_symbols({file: changed(text)}, MAKEFILES, KCONFIGS, symbols)


@pytest.mark.parametrize(
    ("file", "wanted"),
    [
        ("mm/memory.c", ()),
        ("mm/zswap.c", ("CONFIG_ZSWAP", "CONFIG_SWAP")),  # and what it depends on
        ("mm/zpool.c", ("CONFIG_ZSWAP", "CONFIG_SWAP")),  # nobody can set ZPOOL, and HARD cannot be set
        ("mm/either.c", ("CONFIG_A",)),  # one of two is enough
        ("mm/damon/stat.c", ("CONFIG_DAMON_STAT", "CONFIG_DAMON", "CONFIG_EXPERT")),  # of directory and of part
        ("mm/nowhere.c", ()),
        ("include/linux/mm.h", ()),
    ],
)
def test_the_symbols_of_a_file(file: str, wanted: tuple[str, ...]) -> None:
    assert needs(file) == wanted


def test_a_file_that_another_symbol_compiles_needs_none() -> None:
    assert needs("mm/either.c", symbols=BASE | {"CONFIG_B"}) == ()


@pytest.mark.parametrize(
    ("condition", "wanted"),
    [
        ("CONFIG_NUMA", ("CONFIG_NUMA",)),
        ("defined(CONFIG_NUMA) && defined(CONFIG_A)", ("CONFIG_NUMA", "CONFIG_A")),
        ("defined(CONFIG_DERIVED)", ("CONFIG_NUMA",)),  # set by itself, once NUMA is
        ("defined(CONFIG_FROM)", ("CONFIG_A", "CONFIG_NUMA")),
        ("!defined(CONFIG_MMU)", ()),  # what a kernel has is not taken from it
        ("defined(CONFIG_NO_SUCH)", ()),
    ],
)
def test_the_symbols_of_conditions(condition: str, wanted: tuple[str, ...]) -> None:
    assert (
        needs("mm/memory.c", f"#if {condition}\n{F}#endif\n".replace("#if CONFIG_NUMA", "#ifdef CONFIG_NUMA")) == wanted
    )


def test_only_what_changed_asks() -> None:
    text = f"#ifdef CONFIG_NUMA\n{F}#endif\n{F.replace('f(', 'g(')}"
    assert needed_symbols({"mm/memory.c": changed(text, 9)}, MAKEFILES, KCONFIGS, BASE) == ()
    assert needed_symbols({"mm/memory.c": changed(text, 4)}, MAKEFILES, KCONFIGS, BASE) == ("CONFIG_NUMA",)


@pytest.mark.parametrize(
    ("file", "text", "there"),
    [
        ("mm/memory.c", F, True),
        ("mm/memory.c", f"#ifdef CONFIG_NUMA\n{F}#endif\n", False),
        ("mm/memory.c", f"#if PAGE_SIZE > 4096\n{F}#endif\n", True),  # unknown
        ("mm/memory.c", "", True),  # something was removed
        ("mm/zswap.c", F, False),
        ("include/linux/zswap.h", "int f(void);\n", False),
        ("include/linux/zswap.h", f"static inline {F}", True),
    ],
)
def test_whether_something_of_a_change_is_compiled(file: str, text: str, there: bool) -> None:
    assert is_compiled(file, changed(text), MAKEFILES, BASE) is there


@pytest.mark.parametrize(
    ("condition", "wanted"),
    [
        ("defined(CONFIG_A) || defined(CONFIG_B)", ("CONFIG_A",)),
        ("(defined(CONFIG_A) || defined(CONFIG_B)) && defined(CONFIG_B)", ("CONFIG_B",)),
        ("defined(CONFIG_A) && !defined(CONFIG_A)", ()),
        ("defined(CONFIG_MMU)", ()),
    ],
)
def test_no_more_than_it_takes(condition: str, wanted: tuple[str, ...]) -> None:
    assert symbols_to_set(condition, BASE) == wanted


def test_symbols_that_need_each_other_end() -> None:
    files = {"K": 'config A\n\tbool "a"\n\tdepends on B\nconfig B\n\tbool "b"\n\tdepends on A\n'}
    assert needed_symbols({"mm/either.c": changed(F)}, MAKEFILES, files, BASE) == ("CONFIG_A", "CONFIG_B")
