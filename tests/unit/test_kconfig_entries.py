"""Entries of Kconfig files, and why a symbol was dropped."""

from __future__ import annotations

import pytest

from orchestrator.parse.configuration.kconfig_entries import Entry, entries, index, unmet

KCONFIG = """\
menu "Memory Debugging"
{tab}depends on DEBUG_KERNEL

if MMU

config KASAN
{tab}bool "KASAN"
{tab}depends on (HAVE_ARCH_KASAN && CC_HAS_KASAN) || \\
{tab}{tab}   HAVE_ARCH_KASAN_SW_TAGS   # either
{tab}depends on !SLUB_TINY && SYSFS
{tab}select STACKDEPOT
{tab}help
{tab}  Enables KASAN. It depends on RAM.

{tab}  config FAKE
{tab}  depends on NOTHING

endif

config OTHER
{tab}depends on THAT

endmenu

config LATER
{tab}bool
""".replace("{tab}", "\t")


def test_why_a_symbol_was_dropped_names_its_dependencies_and_those_not_set() -> None:
    found = unmet("CONFIG_KASAN", {"lib/Kconfig.kasan": KCONFIG}, "CONFIG_MMU=y\nCONFIG_HAVE_ARCH_KASAN=y\n")
    assert found.places == ("lib/Kconfig.kasan:6",)
    assert found.depends[:2] == ("DEBUG_KERNEL", "MMU")
    assert found.depends[3:] == ("!SLUB_TINY && SYSFS",)
    assert "NOTHING" not in " ".join(found.depends)
    assert found.missing == (
        "CONFIG_DEBUG_KERNEL",
        "CONFIG_CC_HAS_KASAN",
        "CONFIG_HAVE_ARCH_KASAN_SW_TAGS",
        "CONFIG_SYSFS",
    )
    assert "lib/Kconfig.kasan:6" in found.hint
    assert "not set: CONFIG_DEBUG_KERNEL" in found.hint


def test_blocks_end_where_they_end() -> None:
    assert unmet("OTHER", {"K": KCONFIG}).depends == ("DEBUG_KERNEL", "THAT")
    assert unmet("LATER", {"K": KCONFIG}).depends == ()


def test_a_symbol_that_no_kconfig_file_defines_is_told() -> None:
    assert "no Kconfig file defines CONFIG_FAKE2" in unmet("CONFIG_FAKE2", {"K": KCONFIG}).hint
    assert unmet("CONFIG_FAKE2", None).places == ()


ENTRIES = """\
config A
\tbool "a" if EXPERT
\tdefault y if B && \\
\t\tC
\tselect D if E
\tselect F
config D
\tdef_bool A # words
\tdepends on X if Y
menuconfig\tG
\ttristate 'g'
\tprompt "again"
config A
\tbool
"""


def test_what_an_entry_says() -> None:
    first, hidden, menu, again = entries(ENTRIES)
    assert first == Entry("A", 1, [], ["EXPERT"], [("y", "B && C")], ["D", "F"])
    assert hidden == Entry("D", 7, ["X if Y"], [], [("A", "y")], [])
    assert (menu.name, menu.prompts) == ("G", ["y", "y"])
    assert again == Entry("A", 13)


def test_the_entries_of_a_symbol_and_of_who_selects_it() -> None:
    found = index(["config A\n\tbool\n", ENTRIES, "config AA\n\tselect DD\n\tselect DD\n"])
    assert [entry.line for entry in found.defining["A"]] == [1, 1, 13]
    assert [entry.name for entry in found.selecting["D"]] == ["A"]
    assert [entry.name for entry in found.selecting["DD"]] == ["AA"]
    assert "AA" not in found.selecting


@pytest.mark.parametrize(
    "text", ["", "config", "config \n\tdepends on", "\tselect X\n", "endif\nendmenu\n", "help\n\tx"]
)
def test_half_an_entry_is_no_error(text: str) -> None:
    assert all(not entry.selects for entry in entries(text))
