"""What compilers newly say of a series in a kernel that nobody boots, on a tree whose Makefiles answer as Kbuild does.

make, gcc and git are real.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from orchestrator.build.compile_changed import Side, compile_changed
from orchestrator.build.toolchain import Toolchain
from orchestrator.jobs.compile_changed import told
from orchestrator.model.compilation import Compilation, NewFinding, Uncompiled
from orchestrator.model.kernel import AppliedTree, Kconfig, Kernel, KernelConfig, Role, Source
from orchestrator.model.outcome import Outcome
from orchestrator.model.series import Patch, Series
from orchestrator.model.static_finding import Severity, StaticFinding
from orchestrator.model.subject import Subject
from tests.integration.conftest import git
from tests.integration.user_trees import UserTree

FILES = {
    "Makefile": """\
ifneq ($(O),)
$(or $(filter-out --%,$(MAKECMDGOALS)),all):
	@$(MAKE) --no-print-directory -C $(O) -f ../Makefile O= $@
.PHONY: $(MAKECMDGOALS)
else
MAKEFLAGS += -rR
olddefconfig: ; @grep -q CONFIG_MM .config
prepare: ; @test ! -e ../broken
VPATH := ..
%.o: %.c FORCE
	@mkdir -p $(@D)
	@$(if $(wildcard $@),,$(CC) -Wall -I../include -MD -MF $(@D)/d -c $< -o $@)
	@$(if $(wildcard $@),,(echo "source_$@ := $<"; cat $(@D)/d; echo) >$(@D)/.$(@F).cmd)
FORCE:
endif
""",
    "scripts/Makefile.build": """\
include $(srctree)/$(obj)/Makefile
subdir-ym := $(addprefix $(obj)/,$(patsubst %/,%,$(filter %/,$(obj-y))))
real-obj-y := $(addprefix $(obj)/,$(filter-out %/,$(obj-y)))
""",
    "Kconfig": "mainmenu\n",
    "include/mm.h": "struct vma {\n\tint vm_lock;\n};\n",
    "mm/Makefile": "obj-y := vma.o fault.o other.o\nobj-$(CONFIG_NUMA) += numa.o\nobj-$(CONFIG_HUGE) += huge/\n",
    "mm/vma.c": "#include <mm.h>\nint size(int);\nint size(int n)\n{\n\tint old;\n\treturn n;\n}\n",
    "mm/fault.c": "#include <mm.h>\nint fault(struct vma *v)\n{\n\treturn v->vm_lock;\n}\n",
    "mm/other.c": "int other;\n",
    "mm/numa.c": "int numa;\n",
    # a directory that this kernel does not enter, and whose Makefile leaves the question to the one above
    "mm/huge/Makefile": "obj-y := page.o\n",
    "mm/huge/page.c": "#include <mm.h>\nint page(struct vma *v)\n{\n\treturn v->vm_lock;\n}\n",
}


class Lab(UserTree):
    """A user's tree, and what the commits on top of its first one are found to bring."""

    def __init__(self, home: Path) -> None:
        super().__init__(home, FILES)
        self.patches: list[Patch] = []

    def patch(self, changes: Mapping[str, str]) -> None:
        self.commit(changes)
        diff = git(self.tree, "diff", "HEAD~1", "HEAD").encode()
        self.patches.append(Patch(f"{len(self.patches)}.patch", "mm: change", diff, "", tuple(changes)))

    def find(self, *, each_patch: bool = False) -> Compilation:
        def side(revision: str, commits: tuple[str, ...] = ()) -> Side:
            tree = git(self.tree, "rev-parse", f"{revision}^{{tree}}").strip()
            files = tuple(git(self.tree, "diff", "--name-only", self.base.commit, "HEAD").split())
            symbols = frozenset({"CONFIG_MM"})
            return Side(AppliedTree(self.base, tree, files, commits), KernelConfig(self.config, "0" * 32, symbols))

        commits = git(self.tree, "rev-list", "--reverse", f"{self.base.commit}..HEAD").split()
        kernel = Kernel(Source(), Kconfig("small", ()))
        return compile_changed(
            self.context,
            Subject(kernel, Role.COMPILED, "small.compiled"),
            self.series,
            side(self.base.commit),
            side("HEAD", tuple(commits)),
            Toolchain("gcc 1", "gcc"),
            self.home / "compile.log",
            each_patch=each_patch,
        )

    @property
    def series(self) -> Series:
        return Series("series", tuple(self.patches), "")


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


UNUSED = StaticFinding("gcc", "mm/vma.c", 6, Severity.WARNING, "unused variable 'more' [-Wunused-variable]")
WITH_MORE = FILES["mm/vma.c"].replace("\tint old;\n", "\tint old;\n\tint more;\n")


def test_what_is_new_is_told_of_the_patch_that_brought_it_and_what_is_old_is_not(lab: Lab) -> None:
    lab.patch({"mm/other.c": "int other = 1;\n"})
    lab.patch({"mm/vma.c": WITH_MORE})
    lab.patch({"mm/other.c": "int other = 2;\n"})
    found = lab.find()
    assert found.new == (NewFinding(2, UNUSED),)
    assert set(found.sources) == {"mm/vma.c", "mm/other.c"}
    said = told(found, lab.series)
    assert said.outcome is Outcome.FAIL
    assert said.is_patch_fault
    assert [one.outcome for one in said.subtests] == [Outcome.PASS, Outcome.FAIL, Outcome.PASS]
    assert "unused variable 'old'" in (lab.home / "compile.log").read_text()


def test_a_user_of_what_a_header_loses_is_compiled_too(lab: Lab) -> None:
    lab.patch({"include/mm.h": "struct vma {\n\tint vm_refcnt;\n};\n"})
    found = lab.find()
    assert {(one.patch, one.finding.file) for one in found.new} == {(1, "mm/fault.c")}
    assert found.new[0].finding.severity is Severity.ERROR
    assert "mm/huge/page.c" not in found.sources, "its Makefile would have it, but nobody comes there"
    assert "no member named" in found.new[0].finding.message
    assert found.uncompiled == ()  # what mm/fault.c includes is compiled


def test_what_is_broken_and_mended_within_the_series_is_found_on_request(lab: Lab) -> None:
    lab.patch({"mm/vma.c": WITH_MORE})
    lab.patch({"mm/vma.c": FILES["mm/vma.c"].replace("return n", "return n + 1")})
    assert lab.find().new == ()
    assert lab.find(each_patch=True).new == (NewFinding(1, UNUSED),)


def test_nothing_new_is_a_pass_and_nothing_compiled_is_none(lab: Lab) -> None:
    lab.patch({"mm/other.c": "int other = 1;\n"})
    assert told(lab.find(), lab.series).outcome is Outcome.PASS
    lab.patches.clear()
    git(lab.tree, "reset", "-q", "--hard", lab.base.commit)
    lab.patch({"mm/numa.c": "int numa = 1;\n"})
    found = lab.find()
    assert told(found, lab.series).outcome is Outcome.SKIP
    assert found.uncompiled == (
        Uncompiled("mm/numa.c", 1, 1, "CONFIG_NUMA is not set: mm/Makefile: obj-$(CONFIG_NUMA) += numa.o"),
    )


def test_lines_behind_a_condition_that_does_not_hold_are_named(lab: Lab) -> None:
    text = "int other;\n#ifdef CONFIG_NUMA\nint nodes;\n#else\nint node;\n#endif\n"
    lab.patch({"mm/other.c": text})
    assert lab.find().uncompiled == (Uncompiled("mm/other.c", 3, 3, "CONFIG_NUMA is not set"),)
