"""Costs from files that the host's gcc and ld made: structs, sizes, stack frames, of two versions of small sources."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.build.changed_objects import LINK
from orchestrator.errors import VmlinuxUnreadable
from orchestrator.evidence.cost import compare
from orchestrator.evidence.cost.elf import BSS, CODE, CONSTANT, DATA, read_symbols
from orchestrator.evidence.cost.layouts import Types
from orchestrator.host.process import Cancel, Runner
from orchestrator.jobs.cost import _frames, _measured
from orchestrator.model.cost import Cost, StructChange
from orchestrator.parse.code.exports import defined_structs

HEADER = """\
typedef struct { int counter; } count_t;
struct pid { char kind; long nr; };
struct inner { char c; %(inner)s };
struct outer { char first; struct inner inner; union { int number; void *pointer; }; unsigned low : 3, high : 5; };
struct tail { int n; char data[]; };
struct retail { struct tail *tail; int il; };
struct il { char c[3]; };
%(more)s
"""
ONE = """\
#include "h.h"
struct local { long a; };
struct outer one;
static struct local mine;
const int table[%(table)d] = { 1 };
int filled[4] = { 1, 2, 3, 4 };
void use(void *);
long frame(struct outer *x) { char text[%(text)d]; use(text); return x->inner.c + x->low + mine.a; }
static __attribute__((noinline)) long helper(long a) { use(&a); return a; }
long calls(void) { %(calls)s }
struct tail *give(struct pid *p, count_t *c, struct il *i, struct retail *r)
{ use(p); use(c); return (void *)(i->c + r->il); }
struct vma_lock *lock(%(parameter)s a) { return (struct vma_lock *)a; }
long holds(void) { %(holds)s }
"""
TWO = """\
struct local { char b[%(local)d]; };
static struct local other;
long two(void) { return other.b[0]; }
long holds_two(void) { return sizeof(struct local); }
"""
BEFORE: dict[str, object] = {
    "inner": "int a;", "more": "struct gone { long x; };", "table": 4, "text": 64, "calls": "return helper(1);",
    "parameter": "int *", "holds": "struct gone g; use(&g); return g.x;", "local": 8,
}  # fmt: skip
AFTER: dict[str, object] = {
    "inner": "long a, b;", "more": "struct fresh { int x; };", "table": 8, "text": 200,
    "calls": "return helper(1) + helper(2) * 3 + helper(4);", "parameter": "long *",
    "holds": "struct fresh g; use(&g); return g.x;", "local": 8,
}  # fmt: skip


def link(home: Path, values: Mapping[str, object], *flags: str) -> Path:
    """As the objects of a series are linked."""
    home.mkdir()
    (home / "h.h").write_text(HEADER % values)
    for name, text in (("one", ONE), ("two", TWO)):
        (home / f"{name}.c").write_text(text % values)
        gcc = ("gcc", "-g", "-O2", "-fno-stack-protector", "-fcf-protection=none", *flags, "-c")
        subprocess.run((*gcc, f"{name}.c", "-o", f"{name}.o"), cwd=home, check=True)
    subprocess.run(("ld", *LINK, "-o", "linked", "one.o", "two.o"), cwd=home, check=True, capture_output=True)
    return home / "linked"


def side(path: Path) -> compare.Side:
    types = Types(path)
    defined = {
        struct: file
        for file in ("h.h", "one.c", "two.c")
        for struct in defined_structs((path.parent / file).read_text())
    }
    return compare.Side(types, types.layouts(), read_symbols(path), defined)


@pytest.fixture
def runner() -> Runner:
    return Runner(Cancel())


@pytest.fixture
def found(tmp_path: Path, runner: Runner) -> Cost:
    before, after = side(link(tmp_path / "before", BEFORE)), side(link(tmp_path / "after", AFTER))
    (old, new), unknown = _frames(runner, before.symbols, after.symbols, tmp_path)
    sides = (replace(before, frames=old), replace(after, frames=new))
    return compare.cost("two small files", *sides, compare.struct_changes(*sides), 4, unknown, is_whole=False)


def change(found: Cost, name: str) -> StructChange:
    return next(one for one in found.structs if one.name == name)


def test_a_struct_and_those_that_hold_it(found: Cost) -> None:
    assert [one.name for one in found.structs] == ["struct inner", "struct outer", "struct fresh", "struct gone"]
    inner = change(found, "struct inner")
    assert inner.before
    assert inner.after
    assert (inner.file, inner.before.size, inner.after.size) == ("h.h", 8, 24)
    assert (inner.before.holes, inner.after.holes) == (((1, 3),), ((1, 7),))
    outer = change(found, "struct outer")
    assert outer.before
    assert outer.after
    assert (outer.before.size, outer.after.size) == (32, 48)
    places = {name: (at.offset, at.size, at.bit, at.bits) for name, at in outer.after.members}
    assert places["number"] == (32, 4, 0, 0), "a member of an anonymous union"
    assert places["pointer"] == (32, 8, 0, 0)
    assert places["high"] == (40, 4, 3, 5) or places["high"] == (40, 1, 3, 5)
    assert outer.after.padding == 7


def test_new_and_gone_structs_are_those_that_changed_files_define(found: Cost) -> None:
    fresh, gone = change(found, "struct fresh"), change(found, "struct gone")
    assert (fresh.before, gone.after) == (None, None)
    assert fresh.after
    assert (fresh.after.size, fresh.file) == (4, "h.h")


def test_a_struct_that_one_side_happens_not_to_use_is_not_gone(tmp_path: Path) -> None:
    before = side(link(tmp_path / "before", BEFORE))
    after = side(link(tmp_path / "after", BEFORE | {"holds": "return 0;"}))
    assert "struct gone" in before.layouts
    assert "struct gone" not in after.layouts
    assert compare.struct_changes(before, after) == ()


def test_structs_of_one_name_in_two_files_are_compared_with_their_like(tmp_path: Path) -> None:
    before = side(link(tmp_path / "before", BEFORE))
    same, larger = side(link(tmp_path / "same", BEFORE)), side(link(tmp_path / "larger", BEFORE | {"local": 40}))
    assert before.types.files("struct local") == ("one.c", "two.c")
    mixed = {**before.layouts, "struct local": before.types.layout("struct local", "one.c")}
    other = {**same.layouts, "struct local": same.types.layout("struct local", "two.c")}
    taken = replace(before, layouts=mixed), replace(same, layouts=other)
    assert compare.changed_layouts(mixed, other) == ("struct local",), "what a look-up by name may find"
    assert compare.struct_changes(*taken) == ()
    for found_by_name in ("one.c", "two.c"):
        layout = larger.types.layout("struct local", found_by_name)
        (found,) = compare.struct_changes(before, replace(larger, layouts={**larger.layouts, "struct local": layout}))
        assert (found.file, found.before and found.before.size, found.after and found.after.size) == ("two.c", 8, 40)


def test_names_of_all_lengths_are_found(tmp_path: Path) -> None:
    """Also of those whose name is the end of another's: the linker keeps the longer one alone."""
    path = link(tmp_path / "a", BEFORE)
    layouts = side(path).layouts
    assert b"\0tail\0" not in path.read_bytes()
    assert {
        "struct pid",
        "struct inner",
        "struct outer",
        "struct tail",
        "struct gone",
        "struct local",
        "struct retail",
        "struct il",
    } <= layouts.keys()
    assert layouts["struct pid"].size == 16
    assert layouts["struct tail"].members[-1][1].size == 0


def test_sizes_of_functions_and_variables(found: Cost) -> None:
    grown = {one.name: one.growth for one in found.functions}
    assert grown["calls"] > 0
    assert "two" not in grown, "it did not change"
    assert {(one.name, one.before, one.after) for one in found.data} == {("table", 16, 32), ("one", 32, 48)}
    totals = {one.name: one.growth for one in found.totals}
    assert totals[CONSTANT] == 16
    assert totals[BSS] == 16
    assert totals[CODE] == sum(grown.values())
    assert DATA not in totals


def test_a_clone_counts_as_its_function(tmp_path: Path) -> None:
    symbols = read_symbols(link(tmp_path / "a", AFTER, "-fipa-cp-clone"))
    assert "helper" in symbols.sizes[CODE]
    assert not any("." in name for name in symbols.sizes[CODE])


def test_stack_frames_are_what_the_compiler_says(tmp_path: Path, runner: Runner) -> None:
    """-fstack-usage counts the return address too."""
    for flags in (("-fomit-frame-pointer",), ("-fno-omit-frame-pointer",), ("-Os",), ("-mpreferred-stack-boundary=4",)):
        home = tmp_path / flags[0]
        path = link(home, AFTER, "-fstack-usage", *flags)
        said = {
            match[1]: int(match[2])
            for name in ("one", "two")
            for match in re.finditer(r":(\w+)(?:\.\S+)?\t(\d+)\t", (home / f"{name}.su").read_text())
        }
        codes = {code.name: [code] for code in read_symbols(path).code}
        assert _measured(runner, codes, tmp_path / "code") == {name: size - 8 for name, size in said.items()}


def test_a_larger_frame_is_a_cost(found: Cost) -> None:
    frames = {one.name: one.growth for one in found.stacks}
    assert frames["frame"] == 144, "136 more, in steps of 16"


def test_the_type_of_a_function(tmp_path: Path) -> None:
    before, after = Types(link(tmp_path / "before", BEFORE)), Types(link(tmp_path / "after", AFTER))
    assert before.signature("lock") == "struct vma_lock *(int *a)"
    assert after.signature("lock") == "struct vma_lock *(long *a)"
    assert before.signature("filled") == "int [4]"
    assert before.signature("nothing") == ""


def test_the_same_twice_costs_nothing(tmp_path: Path, runner: Runner) -> None:
    before, after = side(link(tmp_path / "before", BEFORE)), side(link(tmp_path / "after", BEFORE))
    frames, unknown = _frames(runner, before.symbols, after.symbols, tmp_path)
    assert frames == ({}, {})
    assert compare.cost(
        "the same", before, after, compare.struct_changes(before, after), 4, unknown, is_whole=True
    ) == Cost("the same", is_whole=True)


def test_what_is_no_elf_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_text("no ELF file")
    for read in (read_symbols, Types):
        with pytest.raises(VmlinuxUnreadable, match="text"):
            read(path)
