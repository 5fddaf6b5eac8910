"""Generated mutants, applied by git and compiled by gcc: which of them are worth a guest?

The tree's Makefile answers as Kbuild does, and keeps how it called the compiler.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from orchestrator.build.apply import apply
from orchestrator.build.generated import generated_mutants
from orchestrator.build.screen import screen
from orchestrator.build.toolchain import Toolchain
from orchestrator.declarations.patches import read_series
from orchestrator.errors import BuildFailed, Fault, UsageError
from orchestrator.model.kernel import AppliedTree, Kconfig, Kernel, KernelConfig, Role, Source
from orchestrator.model.subject import Subject
from orchestrator.source.bases import Workplace, tree_base
from orchestrator.source.objects import Trees
from tests.integration.conftest import git
from tests.integration.user_trees import UserTree

FILES = {
    "Makefile": """\
ifneq ($(O),)
$(MAKECMDGOALS):
	@$(MAKE) --no-print-directory -C $(O) -f ../Makefile O= $@
.PHONY: $(MAKECMDGOALS)
else
MAKEFLAGS += -rR
prepare: ; @test -e .config
VPATH := ..
fatal = -Werror=implicit-function-declaration
flags = -Wp,-MMD,$(@D)/.$(@F).d -g -O2 -Werror $(fatal) -fmacro-prefix-map=../= -I../include -DNOTE='"a b"'
command = $(CC) $(flags) -c -o $@ ../$*.c
%.o: %.c FORCE
	@mkdir -p $(@D)
	@echo '  CC      $@'; $(command)
	@echo 'savedcmd_$@ := $(subst ','\\'',$(command)) ; ./tools/objtool/objtool $@' > $(@D)/.$(@F).cmd
	@cat $(@D)/.$(@F).d >> $(@D)/.$(@F).cmd
FORCE:
endif
""",
    "scripts/Makefile.build": "include $(srctree)/$(obj)/Makefile\nreal-obj-y := $(addprefix $(obj)/,$(obj-y))\n",
    "Kconfig": "mainmenu\n",
    "mm/Makefile": "obj-y := vma.o\n",
    "include/x.h": "#define nothing(x) do { } while (0)\nvoid put(int *x);\nint take(int *x);\n",
    "mm/internal.h": "static inline int twice(int x)\n{\n\treturn x;\n}\n",
    "mm/vma.c": """\
#include <x.h>
#include "internal.h"
int size(int *p);
int size(int *p)
{
	return twice(*p);
}
""",
    "mm/other.c": "int other(int *p);\nint other(int *p)\n{\n\treturn *p;\n}\n",
}
AFTER = {
    "mm/vma.c": """\
#include <x.h>
#include "internal.h"
int size(int *p);
int size(int *p)
{
	if (!take(p))
		return -1;
	nothing(p);
	put(p);
	if (sizeof(NOTE) == 4 && sizeof(__FILE__) == 9)
		put(p);
	return twice(*p);
}
""",
    "mm/internal.h": "static inline int twice(int x)\n{\n\tif (x > 3)\n\t\treturn 2 * x;\n\treturn x;\n}\n",
    "mm/other.c": "void put(int *p);\nint other(int *p);\nint other(int *p)\n{\n\tput(p);\n\treturn *p;\n}\n",
}


class Lab(UserTree):
    """A user's tree, a series on top of it, and what is left of its mutants."""

    def __init__(self, home: Path) -> None:
        super().__init__(home, FILES)

    def run(self, after: Mapping[str, str], most: int = 100) -> tuple[dict[str, str], set[str], str]:
        """The mutants that are left out, with reasons; the names of the others; what the stage says."""
        self.write(after)
        patch = self.home / "a.patch"
        patch.write_text(f"Subject: [PATCH] mm: change\n\n---\n{git(self.tree, 'diff', 'HEAD')}")
        series = read_series(patch)
        made = generated_mutants(self.context, self.base, series).mutants
        applied: AppliedTree = apply(self.context, self.base, series).value
        trees = Trees(self.base, self.context.runner)
        for mutant in made:
            tree, why = trees.with_diff(applied.tree, mutant.diff)
            assert tree, f"{mutant.name}: {why}"
        kernel = Kernel(Source(), Kconfig("base", ()), series, made)
        subject = Subject(kernel, Role.MUTATED, "base.mutated")
        config, tools = KernelConfig(self.config, "0" * 32, frozenset()), Toolchain("gcc 1", "gcc")
        found = screen(self.context, subject, applied, made, most, config, tools, self.home / "screen.log")
        left_out = dict(found.value.left_out)
        return left_out, {mutant.name for mutant in made} - set(left_out), found.note


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def test_what_is_not_worth_a_guest_is_left_out_with_the_reason(lab: Lab) -> None:
    left_out, kept, note = lab.run(AFTER)
    assert left_out["vma-8-drop-call"] == "without effect in this kconfig: it compiles to the same code"
    assert {name for name in left_out if name.startswith("other-")}, "a file that is not compiled"
    assert all("mm/other.c is not compiled" in why for name, why in left_out.items() if name.startswith("other-"))
    assert {"vma-9-drop-call", "vma-6-skip-check"} <= kept
    assert {name for name in kept if name.startswith("internal-h-3")}, "a header, as part of what includes it"
    assert note == f"{len(kept)} mutants of {len(kept) + len(left_out)} worth a guest"
    again = lab.run(AFTER)
    assert again[:2] == (left_out, kept)


def test_a_header_alone_is_compiled_in_sources_that_use_its_functions(lab: Lab) -> None:
    left_out, kept, _ = lab.run({"mm/internal.h": AFTER["mm/internal.h"]})
    assert "internal-h-3-negate-condition" in kept
    unused = AFTER["mm/internal.h"].replace("twice", "thrice")
    left_out, kept, _ = lab.run({"mm/internal.h": FILES["mm/internal.h"] + unused})
    assert not kept
    assert set(left_out.values()) == {"no source was found that is compiled and includes mm/internal.h"}


def test_two_mutants_with_the_same_code_are_one(lab: Lab) -> None:
    left_out, kept, _ = lab.run(AFTER)
    twins = {name: why.removeprefix("compiles to the same code as ") for name, why in left_out.items() if " as " in why}
    assert twins["vma-11-drop-call"] == "vma-9-drop-call", "the quoted flag and __FILE__ are those of the kernel"
    assert set(twins.values()) <= kept


def test_only_the_most_informative_stay(lab: Lab) -> None:
    left_out, kept, _ = lab.run(AFTER, most=2)
    assert len(kept) == 2
    assert "not among the 2 most informative" in left_out.values()


def test_what_does_not_compile_is_no_mutant(lab: Lab) -> None:
    text = AFTER["mm/vma.c"].replace("\tnothing(p);\n", "\tint late = take(p);\n\tput(&late);\n")
    before = FILES["mm/vma.c"].replace("\treturn twice(*p);", "\treturn gone_function(*p);")
    lab.write({"mm/vma.c": before})
    git(lab.tree, "commit", "-qam", "a base that had another function")
    lab.base = tree_base(lab.tree, "HEAD", Workplace(lab.context.places.bases, lab.context.runner, print))[0]
    left_out, _, _ = lab.run({"mm/vma.c": text})
    assert "does not compile: implicit declaration of function 'gone_function'" in " ".join(left_out.values())


def test_a_series_that_does_not_compile_is_its_own_fault_and_the_compiler_says_where(lab: Lab) -> None:
    with pytest.raises(BuildFailed, match=r"does not compile: mm/vma\.c:6.*'broken' undeclared") as raised:
        lab.run({"mm/vma.c": FILES["mm/vma.c"].replace("\treturn", "\treturn broken +")})
    assert raised.value.fault is Fault.PATCH
    assert "return broken" in raised.value.detail


def test_a_series_without_code_has_no_mutants(lab: Lab) -> None:
    with pytest.raises(UsageError, match="no operator can make a mutant of what"):
        lab.run({"include/x.h": FILES["include/x.h"] + "int more(void);\n"})
