"""What cases were seen to execute: from counted instructions to what a later run is told."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.context import Context, Places
from orchestrator.declarations.catalog import load_catalog
from orchestrator.evidence.coverage.elf import Sections
from orchestrator.evidence.coverage.executed import functions_by_case
from orchestrator.evidence.coverage.functions import Functions
from orchestrator.host.process import Cancel, Runner
from orchestrator.invocation.selecting import lines, order_words
from orchestrator.jobs import learned
from orchestrator.model.coverage import ChangedFile, ChangedStatement, CodeMap, Copy, LineState
from orchestrator.model.kernel import Fragment, Kconfig
from orchestrator.model.selection import Choice, Learned, Selection

CATALOG = load_catalog()
GUP, SCALE = CATALOG.case("gup"), CATALOG.case("scale")
BASE = Kconfig("base", ())


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(Places(tmp_path / "cache", tmp_path / "state"), CATALOG, Runner(Cancel()), lambda event: None)


def known(context: Context, kconfig: Kconfig = BASE) -> dict[str, Learned]:
    return dict(learned.known(context.places, CATALOG, kconfig, (GUP, SCALE)))


def test_runs_add_up_for_each_case_and_kconfig(context: Context) -> None:
    learned.learn(context, BASE, GUP, Learned("gup", "c1", (("a", 2.0),), is_whole=True))
    learned.learn(context, BASE, GUP, Learned("gup", "c1", (("a", 9.0), ("b", 1.0))))
    assert known(context) == {"gup": Learned("gup", "c1", (("a", 2.0), ("b", 1.0)), is_whole=True)}
    other = Kconfig("debug", (Fragment("debug", Path(), (("CONFIG_X", "y"),)),))
    assert known(context, other) == {}


def test_all_is_counted_once_for_a_base_and_set_of_cases(context: Context) -> None:
    learned.learn(context, BASE, GUP, Learned("gup", "c1", (("a", 2.0),), is_whole=True))
    assert learned.is_whole(context, BASE, (GUP,), "c1")
    assert not learned.is_whole(context, BASE, (GUP,), "c2")
    assert not learned.is_whole(context, BASE, (GUP, SCALE), "c1")


def test_the_base_that_was_learned_last_counts_and_old_ones_go(context: Context, tmp_path: Path) -> None:
    for number in range(learned.MOST + 2):
        learned.learn(context, BASE, GUP, Learned("gup", f"c{number}", ((f"f{number}", 1.0),)))
        (file,) = (tmp_path / "cache").rglob(f"c{number}.json")
        os.utime(file, ns=(number, number))
    assert known(context)["gup"].functions == {f"f{learned.MOST + 1}"}
    assert len(list((tmp_path / "cache").rglob("c*.json"))) <= learned.MOST + 1


def test_a_file_of_another_version_counts_as_none(context: Context, tmp_path: Path) -> None:
    learned.learn(context, BASE, GUP, Learned("gup", "c1", (("a", 2.0),)))
    (file,) = (tmp_path / "cache").rglob("c1.json")
    file.write_text('{"schema": 0}')
    assert known(context) == {}


def symbols(*found: tuple[str, int, int]) -> Functions:
    """Functions at addresses, each with its size, as a symbol table of 64 bits has them."""
    names, table = b"\0", b""
    for name, at, size in found:
        table += len(names).to_bytes(4, "little") + b"\2\0\0\0" + at.to_bytes(8, "little") + size.to_bytes(8, "little")
        names += name.encode() + b"\0"
    return Functions(Sections({".symtab": table, ".strtab": names}, is_little_endian=True))


def test_an_instruction_stands_for_its_function_and_for_the_one_that_was_inlined_there() -> None:
    functions = symbols(("caller", 0x100, 0x40), ("split.part.0", 0x200, 0x10))
    statement = ChangedStatement(
        7, 7, (7,), "x();", "inlined", LineState.NEVER_HIT, copies=(Copy("caller", (0x110, 0x118)),)
    )
    code = CodeMap("id", (ChangedFile("mm/x.c", (statement,)),))
    hits = [("boot", {0x200: 9}), ("gup", {0x110: 1, 0x500: 1}), ("scale", {0x200: 1}), ("gup", {0x100: 4})]
    assert functions_by_case(code, functions, hits) == {
        "gup": {"caller": 5, "inlined": 1},
        "scale": {"split": 1},
    }
    assert functions.entries == (0x100, 0x200)


def test_the_order_is_said_with_its_reason() -> None:
    gup, scale = Choice("gup", ("a", "b"), 1.5, True, 0.0), Choice("scale", (), 0.0, True, 2.0)
    found = Selection(("a", "b", "c"), (gup, scale), missed=("c",))
    assert "gup (1.5 of 3)" in order_words(found)
    assert [row[0] for row in lines(found)] == ["propose", ""]
    assert "a(), b()" in next(iter(lines(found)))[2]
    guessed = replace(found, choices=(Choice("gup", (), 0.0, False, 1.0),))
    assert "has not been learned" in order_words(guessed)
    assert order_words(replace(found, choices=(scale,))) == ""
