"""Small series, each with a changed line of one kind, through git and gcc: is the line's state the right one?"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from orchestrator.build.toolchain import find_toolchain
from orchestrator.context import Context, Places
from orchestrator.declarations import catalog
from orchestrator.host.process import Cancel, Runner
from orchestrator.jobs.build import Built, Tree
from orchestrator.jobs.coverage import code_map
from orchestrator.model.coverage import CodeMap, LineState
from orchestrator.model.kernel import AppliedTree, Base, KernelConfig, KernelImage
from tests.integration.conftest import git

HEADER = """\
#define PUT(x) do { value = (x); } while (0)

static inline int often(int a)
{
	return value + a;
}

static inline int drop(volatile int *at)
{
	if (*at > 3)
		return 1;
	return *at == 2;
}
"""
CODE = """\
extern volatile int value;
#include "mm.h"
extern int fails(void);

int caller_1(void) { return often(1) * 3; }
int caller_2(void) { return often(2) * 4; }
int caller_3(void) { return often(3) * 5; }
int caller_4(void) { return often(4) * 6; }
int caller_5(void) { return often(5) * 7; }

int change(int a)
{
	value = a;
	if (fails())
		return -1;
	value += 2;
	PUT(a);
	return 0;
}
"""
FILES = {
    "mm/mm.h": HEADER,
    "mm/vma.c": CODE,
    "mm/Makefile": "obj-y += vma.o\nobj-$(CONFIG_NUMA) += mempolicy.o\n",
    "mm/mempolicy.c": "int policy(void)\n{\n\treturn 1;\n}\n",
}
# where interrupts are said to enter this "kernel"
ENTRY = 'asm(".text; .globl __entry_text_start, __entry_text_end; __entry_text_start: nop; __entry_text_end:");\n'
REST = "volatile int value;\nint fails(void) { return value; }\nint main(void) { return 0; }\n"


@dataclass(frozen=True)
class Small:
    """A series: it replaces a text in a file. What is expected of the changed statements: the beginning of the text,
    the state, words of the reason, and how many copies there are."""

    name: str
    file: str
    old: str
    new: str
    expected: tuple[tuple[str, LineState, str, int], ...]


ALL = (
    Small(
        "dead", "mm/vma.c", "\treturn 0;\n", "\treturn 0;\n\tvalue = 99;\n",
        (("value = 99;", LineState.OPTIMISED, "", 0),),
    ),
    Small(
        "error-path", "mm/vma.c", "\t\treturn -1;\n", "\t\treturn often(value);\n",
        (("return often(value);", LineState.NEVER_HIT, "", 1),),
    ),
    Small(
        "unset-symbol", "mm/vma.c", "\tvalue += 2;\n", "\tvalue += 2;\n#ifdef CONFIG_NUMA\n\tvalue += 3;\n#endif\n",
        (("value += 3;", LineState.NOT_COMPILED, "CONFIG_NUMA is not set", 0),),
    ),
    Small(
        "file-not-built", "mm/mempolicy.c", "\treturn 1;\n", "\treturn 2;\n",
        (("return 2;", LineState.NOT_COMPILED, "obj-$(CONFIG_NUMA) += mempolicy.o", 0),),
    ),
    Small("macro", "mm/mm.h", "value = (x);", "value = (x) + 1;", ()),
    Small("use-of-a-macro", "mm/vma.c", "PUT(a);", "PUT(a + 1);", (("PUT(a + 1);", LineState.NEVER_HIT, "", 1),)),
    Small(
        "inline-in-five-callers", "mm/mm.h", "return value + a;", "return value - a;",
        (("return value - a;", LineState.NEVER_HIT, "", 5),),
    ),
    Small("moved-by-lines-above", "mm/vma.c", "int change(int a)\n{\n", "/* a\n */\nint change(int a)\n{\n", ()),
    Small(
        "moved-elsewhere", "mm/vma.c", "\tvalue += 2;\n\tPUT(a);\n", "\tPUT(a);\n\tvalue += 2;\n",
        (("value += 2;", LineState.NEVER_HIT, "", 1),),
    ),
)  # fmt: skip


@pytest.mark.parametrize("small", ALL, ids=[small.name for small in ALL])
def test_the_state_of_the_changed_line(small: Small, tmp_path: Path) -> None:
    found = [
        (one.text, one.state, one.why, len(one.copies))
        for file in mapped(*built(small, tmp_path)).files
        for one in file.statements
        if one.state is not LineState.NO_CODE
    ]
    assert len(found) == len(small.expected), found
    for (text, state, why, copies), wanted in zip(found, small.expected, strict=True):
        assert text.startswith(wanted[0])
        assert (state, copies) == (wanted[1], wanted[3])
        assert wanted[2] in why


CONDITIONS = Small(
    "conditions", "mm/vma.c", "\tvalue += 2;\n",
    """\
	if (a > 5)
		value += 2;
	if (value && a > 7)
		value += 3;
	value = fails() > 4 ? a : 9;
	if (drop(&value))
		fails();
""", (),
)  # fmt: skip


def test_the_parts_of_conditions_and_where_they_lead(tmp_path: Path) -> None:
    code = mapped(*built(CONDITIONS, tmp_path))
    assert code.no_ways == ""
    (file,) = code.files
    line = {one.text: one.line for one in file.statements}
    found = {
        one.text: [
            {way.to.removeprefix("mm/vma.c:") for way in part.ways}
            for copy in one.copies
            for parts in copy.parts
            for part in parts
        ]
        for file in code.files
        for one in file.statements
        if one.is_condition
    }
    first, both, dropped = line["if (a > 5)"], line["if (value && a > 7)"], line["if (drop(&value))"]
    behind = f"{both + 2}"
    assert found["if (a > 5)"] == [{f"{first + 1}", behind}], "gcc knows that a is not above 7 either"
    assert found["if (value && a > 7)"] == [{behind, f"{both}"}, {behind, f"{both + 1}"}]
    assert found["value = fails() > 4 ? a : 9;"] == [], "a conditional move"
    assert len(found["if (drop(&value))"]) == 1
    assert f"{dropped + 1}" in found["if (drop(&value))"][0]
    jumps = [jump.address for jump in code.jumps]
    assert jumps == sorted(jumps)
    assert len(jumps) == 4


def test_without_the_place_where_interrupts_enter_no_ways_are_counted(tmp_path: Path) -> None:
    code = mapped(*built(CONDITIONS, tmp_path, rest=""))
    assert code.no_ways == "not counted: this vmlinux does not say where interrupts enter the kernel"
    assert code.jumps == ()
    assert code.addresses


def mapped(context: Context, built: Built) -> CodeMap:
    return code_map(context, built, built.tree.applied.base.commit)


def built(small: Small, home: Path, rest: str = ENTRY) -> tuple[Context, Built]:
    """A repository with the base and the series, and a "kernel" of what the Makefile compiles."""
    source, bare = home / "source", home / "home"
    (source / "mm").mkdir(parents=True)
    bare.mkdir()
    git(home, "init", "-q", str(source))

    def commit(files: dict[str, str]) -> str:
        for name, text in files.items():
            (source / name).write_text(text)
        git(source, "add", "-A")
        git(source, "commit", "-q", "-m", "x")
        return git(source, "rev-parse", "HEAD").strip()

    base = commit(FILES)
    assert small.old in FILES[small.file]
    commit({small.file: FILES[small.file].replace(small.old, small.new)})
    tree = git(source, "rev-parse", "HEAD^{tree}").strip()
    git(home, "clone", "-q", "--bare", str(source), str(bare / "git"))
    (source / ".build").mkdir()
    words = ["gcc", "-O2", "-g", "-no-pie", "-o", home / "vmlinux", "../mm/vma.c", "-x", "c", "-"]
    subprocess.run(words, cwd=source / ".build", check=True, input=(rest + REST).encode())
    context = Context(
        Places(home / "cache", home / "state"), catalog.load_catalog(), Runner(Cancel()), lambda event: None
    )
    applied = AppliedTree(Base("b", base, "b", bare), tree, (small.file,))
    config = KernelConfig(home, "", frozenset({"CONFIG_MMU"}))
    kernel = KernelImage(home / "product/image", home / "vmlinux", home, "6.12", "b1d", "gcc")
    return context, Built(Tree(applied.base, applied, find_toolchain(context).value), config, kernel)
