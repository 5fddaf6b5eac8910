"""A patch read by gcc, sparse and checkpatch: what is new with it, on a tree whose Makefiles answer as Kbuild does.

make, gcc and perl are real, and so is sparse where it is installed.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from orchestrator.build.toolchain import Toolchain
from orchestrator.errors import CommandFailed
from orchestrator.jobs.static_checks import static_findings
from orchestrator.model.kernel import AppliedTree, KernelConfig
from orchestrator.model.series import Patch
from orchestrator.model.static_finding import Severity, StaticFinding
from tests.integration.conftest import git
from tests.integration.user_trees import UserTree

FILES = {
    # in the source tree it goes to the build directory, there it makes what is asked for
    "Makefile": """\
ifneq ($(O),)
$(MAKECMDGOALS):
	@$(MAKE) --no-print-directory -C $(O) -f ../Makefile O= $@
.PHONY: $(MAKECMDGOALS)
else
MAKEFLAGS += -rR
CFLAGS := $(if $(W),-Wall -Wextra)
olddefconfig: ; @grep -q CONFIG_MM .config
prepare: ; @test -e .config
VPATH := ..
%.o: %.c FORCE
	@mkdir -p $(@D)
	@$(if $(wildcard $@),,echo '  CC      $@'; $(CC) $(CFLAGS) -I../include -c $< -o $@)
	@$(if $(C),sparse -Wdecl -I../include $<)
FORCE:
endif
""",
    "scripts/Makefile.build": """\
include $(srctree)/$(obj)/Makefile
real-obj-y := $(addprefix $(obj)/,$(obj-y))
lib-y := $(addprefix $(obj)/,$(lib-y))
""",
    "scripts/checkpatch.pl": """\
my $line = 0;
my $file = "";
while (<STDIN>) {
	$file = $1 if m{^\\+\\+\\+ b/(.*)};
	$line = $1 - 1 if /^@@ -\\d+(?:,\\d+)? \\+(\\d+)/;
	$line++ if /^[ +]/ && !/^\\+\\+\\+/;
	print "$file:$line: ERROR:CODE_INDENT: code indent should use tabs where possible\\n" if /^\\+        /;
}
""",
    "Kconfig": "mainmenu\n",
    "mm/Makefile": "obj-y := vma.o\nlib-y := sort.o\n",
    "mm/vma.c": "int size(int unused);\nint size(int unused)\n{\n\treturn 1;\n}\n",
    "mm/sort.c": "int sort(void);\nint sort(void)\n{\n\treturn 1;\n}\n",
    "mm/hugetlb.c": '#error "not for this configuration"\n',
    "Documentation/mm.rst": "words\n",
}
MORE = "int leak(void);\nint leak(void)\n{\n\tint set, more = 1;\n\n        return more;\n}\n"


class Lab(UserTree):
    """A user's tree, and what is found in the last change to it."""

    def __init__(self, home: Path) -> None:
        super().__init__(home, FILES)

    def find(self, *tools: str, cc: str = "gcc") -> tuple[StaticFinding, ...]:
        """What the tools find in the last commit; all tools when none is named."""

        def applied(revision: str) -> AppliedTree:
            return AppliedTree(self.base, git(self.tree, "rev-parse", f"{revision}^{{tree}}").strip(), ())

        diff = git(self.tree, "diff", "HEAD~1", "HEAD").encode()
        files = tuple(git(self.tree, "diff", "--name-only", "HEAD~1", "HEAD").split())
        patch = Patch("a.patch", "mm: change", diff, "", files)
        config = KernelConfig(self.config, "0" * 32, frozenset())
        found = static_findings(
            self.context,
            applied("HEAD~1"),
            applied("HEAD"),
            patch,
            config,
            Toolchain(f"{cc} 1", cc),
            self.home / "static.log",
        )
        return tuple(finding for finding in found if not tools or finding.tool in tools)


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def test_a_warning_that_the_patch_brings_is_found_and_the_old_one_beside_it_is_not(lab: Lab) -> None:
    lab.commit({"mm/vma.c": f"{MORE}{FILES['mm/vma.c']}"})
    assert lab.find("gcc", "checkpatch") == (
        StaticFinding("gcc", "mm/vma.c", 4, Severity.WARNING, "unused variable 'set' [-Wunused-variable]"),
        StaticFinding(
            "checkpatch",
            "mm/vma.c",
            6,
            Severity.ERROR,
            "CODE_INDENT: code indent should use tabs where possible",
        ),
    )
    assert "unused parameter" in (lab.home / "static.log").read_text(), "the old one was not seen at all"


def test_what_a_second_patch_does_not_touch_is_old_though_nothing_was_compiled_for_it(lab: Lab) -> None:
    lab.commit({"mm/vma.c": f"{MORE}{FILES['mm/vma.c']}"})
    lab.find()
    lab.commit({"mm/vma.c": f"/* moved */\n{MORE}{FILES['mm/vma.c']}", "mm/sort.c": FILES["mm/sort.c"] + "\n"})
    assert lab.find("gcc", "checkpatch") == ()


def test_results_are_kept(lab: Lab) -> None:
    lab.commit({"mm/vma.c": f"{MORE}{FILES['mm/vma.c']}"})
    first = lab.find()
    (lab.home / "static.log").unlink()
    assert lab.find() == first
    assert not (lab.home / "static.log").exists(), "it was compiled again"


def test_what_does_not_compile_is_a_finding(lab: Lab) -> None:
    lab.commit({"mm/vma.c": "int size(void) { return none; }\n", "mm/sort.c": FILES["mm/sort.c"] + MORE})
    found = lab.find("gcc")
    assert [(finding.severity, finding.file) for finding in found] == [
        (Severity.ERROR, "mm/vma.c"),
        (Severity.WARNING, "mm/sort.c"),
        (Severity.WARNING, "mm/vma.c"),  # of the line with the error
    ]


def test_what_this_kernel_does_not_have_is_said_and_not_compiled(lab: Lab) -> None:
    lab.commit({"mm/hugetlb.c": '#error "nor for this one"\n'})
    assert lab.find("gcc") == (
        StaticFinding("gcc", "mm/hugetlb.c", 0, Severity.NOT_RUN, "is not compiled for this kernel"),
    )


def test_what_make_does_not_come_to_compile_is_said(lab: Lab) -> None:
    broken = FILES["Makefile"].replace("%.o: %.c FORCE", "%.o: %.none FORCE")
    lab.commit({"Makefile": broken, "mm/vma.c": MORE})
    assert lab.find("gcc") == (
        StaticFinding("gcc", "mm/vma.c", 0, Severity.NOT_RUN, "was not compiled: No rule to make target 'mm/vma.o'"),
    )


def test_a_patch_without_sources_is_read_by_checkpatch_alone(lab: Lab) -> None:
    lab.commit({"Documentation/mm.rst": "        words\n"})
    (finding,) = lab.find()
    assert (finding.tool, finding.file, finding.line) == ("checkpatch", "Documentation/mm.rst", 1)
    assert not list((lab.base.home / "static").glob(".build-*"))


def test_a_patch_of_headers_alone_says_that_nothing_was_compiled(lab: Lab) -> None:
    lab.commit({"mm/vma.h": "int size(int unused);\n"})
    (finding,) = lab.find()
    assert (finding.tool, finding.severity) == ("gcc", Severity.NOT_RUN)
    assert "headers have no object" in finding.message


def test_a_source_that_the_patch_adds_or_removes_is_compiled_where_it_is(lab: Lab) -> None:
    lab.commit({"mm/new.c": MORE, "mm/Makefile": "obj-y := vma.o new.o\nlib-y := sort.o\n"})
    (finding,) = lab.find("gcc")
    assert (finding.file, finding.severity) == ("mm/new.c", Severity.WARNING)
    (lab.tree / "mm/new.c").unlink()
    lab.commit({"mm/Makefile": FILES["mm/Makefile"]})
    assert lab.find("gcc") == ()


def test_tools_that_are_missing_are_said(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("git", "make", "gcc", "as", "sh", "mkdir", "grep", "test", "setpriv"):
        (programs / name).symlink_to(shutil.which(name) or name)
    monkeypatch.setenv("PATH", str(programs))
    lab.commit({"mm/vma.c": f"{MORE}{FILES['mm/vma.c']}"})
    found = lab.find()
    assert [(finding.tool, finding.message) for finding in found if finding.severity is Severity.NOT_RUN] == [
        ("sparse", "sparse is not installed"),
        ("checkpatch", "perl is not installed"),
    ]
    assert found[0].tool == "gcc"


def test_a_tree_without_checkpatch_and_one_that_fails_are_said(lab: Lab) -> None:
    lab.commit({"scripts/checkpatch.pl": "use Not::There;\n"})
    (finding,) = lab.find("checkpatch")
    assert finding.severity is Severity.NOT_RUN
    assert "Not/There.pm" in finding.message or "compilation aborted" in finding.message
    (lab.tree / "scripts/checkpatch.pl").unlink()
    lab.commit({})
    assert "has no scripts/checkpatch.pl" in lab.find("checkpatch")[0].message


def test_what_the_host_did_is_no_finding(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = tmp_path / "bin/full-gcc"
    full.parent.mkdir()
    full.write_text("#!/bin/sh\necho 'cc1: fatal error: /tmp/x.s: No space left on device' >&2; exit 1\n")
    full.chmod(0o755)
    monkeypatch.setenv("PATH", f"{full.parent}:{os.environ['PATH']}")
    lab.commit({"mm/vma.c": f"{MORE}{FILES['mm/vma.c']}"})
    with pytest.raises(CommandFailed, match="No space left on device"):
        lab.find(cc="full-gcc")


@pytest.mark.skipif(shutil.which("sparse") is None, reason="sparse is not installed")
def test_sparse_reads_the_same_objects(lab: Lab) -> None:
    lab.commit({"mm/vma.c": "int undeclared(void)\n{\n\treturn 1;\n}\n" + FILES["mm/vma.c"]})
    (finding,) = lab.find("sparse")
    assert finding.message == "symbol 'undeclared' was not declared. Should it be static?"
