"""What a build missed and what it read, from what gcc 12, GNU make 4.3, coreutils and dash said."""

from __future__ import annotations

import pytest

from orchestrator.parse.build_inputs import missed, named, roots_of

VMA = "tools/testing/vma"
TREE = ("Makefile", "kernel/fork.c", "kernel/sched/sched.h", "mm/vma.c", "arch/x86/lib/insn.c")


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (
            "../../../mm/vma.h:10:10: fatal error: ../kernel/sched/sched.h: No such file or directory",
            "../kernel/sched/sched.h",
        ),
        ("cc1: warning: ../../../kernel: No such file or directory [-Wmissing-include-dirs]", "../../../kernel"),
        ("cc1: fatal error: ../../../kernel/fork.c: No such file or directory", "../../../kernel/fork.c"),
        ("Makefile:1: ../../../kernel/x.mk: No such file or directory", "../../../kernel/x.mk"),
        ("make: *** No rule to make target '../../../kernel/*.h', needed by 'x'.  Stop.", "../../../kernel/*.h"),
        ("/bin/sh: 1: cannot open ../../../kernel/fork.c: No such file", "../../../kernel/fork.c"),
        ("cp: cannot stat '../../../kernel/fork.c': No such file or directory", "../../../kernel/fork.c"),
    ],
)
def test_what_is_missed_is_found_below_the_trees_root(line: str, name: str) -> None:
    assert missed(f"make: Entering directory\n{line}\ncompilation terminated.\n") == (name,)
    assert roots_of([name], TREE) == ({"kernel/"} if not name.endswith(".mk") else set())


def test_what_the_tree_has_nowhere_or_the_host_lacks_adds_nothing() -> None:
    assert roots_of(["urcu.h", "../none.h", "..", "/etc/passwd", "../../../kern"], TREE) == set()
    assert roots_of(["../../../Makefile", "insn.c"], TREE) == {"Makefile"}


def test_what_was_read_is_spelled_as_the_tree_does() -> None:
    depends = "main.o: main.c /usr/include/stdio.h \\\n ../../../mm/vma.c ../shared/x.h\n"
    rules = "MAKEFILE_LIST := Makefile ../shared/shared.mk\nidr.c: ../../../lib/idr.c\n\tsed -e 's/a//' < $< > $@\n"
    files = {
        f"{VMA}/main.c": "",
        f"{VMA}/Makefile": "",
        "mm/vma.c": "",
        "mm/vma.h": "",
        "lib/idr.c": "",
        "tools/testing/shared/shared.mk": "",
    }
    assert named(depends + rules, VMA, files) == files.keys() - {"mm/vma.h"}
