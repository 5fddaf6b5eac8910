"""tools/testing/vma of a tree, built and run on the host: what it is made of is found out, not known.

A tree with a Makefile, shared rules and tests in several files stands in for the kernel's; make and gcc are real.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.build.product import Product
from orchestrator.build.toolchain import find_toolchain
from orchestrator.context import Context, Places
from orchestrator.declarations import catalog
from orchestrator.errors import CommandFailed
from orchestrator.host.process import Cancel, Runner
from orchestrator.jobs.host_test import ATTEMPT, HOW, userspace
from orchestrator.model.kernel import AppliedTree, Base
from orchestrator.model.outcome import Outcome
from orchestrator.model.userspace import RADIX_TREE, UserspaceTest
from orchestrator.model.userspace import VMA as VMA_TEST
from orchestrator.source.bases import Workplace, tree_base
from tests.integration.conftest import git

VMA = "tools/testing/vma"
FILES = {
    "Kconfig": "mainmenu\n",
    "mm/vma.h": "int vma_size(void);\n",
    "mm/vma.c": '#include "vma.h"\nint vma_size(void)\n{\n\treturn SIZE;\n}\n',
    "mm/mmap.c": "not read\n",
    "kernel/size.h": "#define KERNEL_SIZE 2\n",
    "tools/include/size.h": "#define SIZE 2\n",
    "tools/testing/shared/shared.mk": "CFLAGS += -I. -I../shared -I../../include $(MORE)\nOFILES = main.o shared.o\n",
    "tools/testing/shared/test.h": """\
#define TEST(name) \\
	do { \\
		(*run)++; \\
		if (!test_##name()) { \\
			(*failed)++; \\
			fprintf(stderr, "Test " #name " FAILED\\n"); \\
		} \\
	} while (0)
""",
    f"{VMA}/Makefile": "default: vma\ninclude ../shared/shared.mk\nvma: $(OFILES)\n\t$(CC) $(CFLAGS) -o $@ $(OFILES)\n",
    f"{VMA}/shared.c": "int unused;\n",
    f"{VMA}/main.c": """\
#include <stdio.h>
#include "test.h"
#include "size.h"
#include "../../../mm/vma.c"
#include "tests/first.c"
#include "tests/second.c"
int main(void)
{
	int run = 0, failed = 0;
	run_first(&run, &failed);
	run_second(&run, &failed);
	printf("%d tests run, %d passed, %d failed.\\n", run, run - failed, failed);
	return failed != 0;
}
""",
    f"{VMA}/tests/first.c": """\
static int test_size(void) { return vma_size() == 2; }
static int test_more(void) { return 1; }
static void run_first(int *run, int *failed)
{
	TEST(size);
#ifdef HAS_MORE
	TEST(more);
#endif
}
""",
    f"{VMA}/tests/second.c": """\
static int test_last(void) { return 1; }
static void run_second(int *run, int *failed)
{
	TEST(last);
}
""",
}


class Lab:
    """A user's tree and what the host test says of its commits."""

    def __init__(self, home: Path) -> None:
        self.tree = home / "linux"
        self.places = Places(home / "cache", home / "state")
        self.context = Context(self.places, catalog.load_catalog(), Runner(Cancel()), lambda event: None)
        self.log = home / "vma.log"
        self.tree.mkdir()
        git(self.tree, "init", "-q", "-b", "main")
        self.original = self.commit(FILES)
        self.base = tree_base(self.tree, "HEAD", Workplace(self.places.bases, self.context.runner, print))[0]

    def commit(self, changes: Mapping[str, str | None]) -> str:
        """The id of the tree with these changes to the last one."""
        for name, text in changes.items():
            path = self.tree / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink() if text is None else path.write_text(text)
        git(self.tree, "add", "-A", "-f")
        git(self.tree, "commit", "-q", "-m", "change")
        return git(self.tree, "rev-parse", "HEAD^{tree}").strip()

    def run(self, tree: str, base: str | None = None, test: UserspaceTest = VMA_TEST) -> Product[None]:
        def applied(name: str) -> AppliedTree:
            return AppliedTree(self.base, name, ())

        tools = find_toolchain(self.context).value
        return userspace(self.context, test, applied(tree), applied(base or self.original), tools, self.log)


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def names(product: Product[None]) -> list[str]:
    return [subtest.name for subtest in product.subtests]


def test_tests_are_found_in_whatever_file_registers_them(lab: Lab) -> None:
    product = lab.run(lab.original)
    assert (product.outcome, product.note, names(product)) == (Outcome.PASS, "2 tests", ["size", "last"])
    more = lab.run(lab.commit({"tools/include/size.h": "#define SIZE 2\n#define HAS_MORE\n"}))
    assert (more.outcome, more.note, names(more)) == (Outcome.PASS, "3 tests", ["size", "more", "last"])


@pytest.mark.parametrize(
    "changes",
    [
        {"mm/vma.h": '#include "../kernel/size.h"\nint vma_size(void);\n'},
        # silently passed over by gcc, so that another header of that name would be taken, or none
        {
            "mm/vma.h": "#include <size_of_kernel.h>\nint vma_size(void);\n",
            "kernel/include/size_of_kernel.h": "",
            "tools/testing/shared/shared.mk": FILES["tools/testing/shared/shared.mk"].replace(
                "$(MORE)", "-I../../../kernel/include"
            ),
        },
        {"tools/testing/shared/shared.mk": FILES["tools/testing/shared/shared.mk"] + "vma: ../../../kernel/size.h\n"},
        {
            f"{VMA}/Makefile": FILES[f"{VMA}/Makefile"] + "include ../../../scripts/more.mk\n",
            "scripts/more.mk": "main.o: ../../../ipc/version\n",
            "ipc/version": "1\n",
        },
    ],
    ids=["include", "include directory", "prerequisite", "makefile"],
)  # fmt: skip
def test_what_a_patch_makes_it_reach_for_is_there(lab: Lab, changes: Mapping[str, str]) -> None:
    product = lab.run(lab.commit(changes))
    assert (product.outcome, product.note) == (Outcome.PASS, "2 tests"), product.detail


def test_a_header_that_the_tree_does_not_have_is_the_patchs_fault(lab: Lab) -> None:
    product = lab.run(lab.commit({"mm/vma.h": '#include "../kernel/none.h"\n'}))
    assert (product.outcome, product.is_patch_fault) == (Outcome.FAIL, True)
    assert "(mm/vma.h:1:10: ../kernel/none.h: No such file or directory)" in product.note


def test_a_test_that_fails_is_the_patchs_fault_unless_the_base_fails_it_too(lab: Lab) -> None:
    broken = lab.commit({"tools/include/size.h": "#define SIZE 3\n"})
    product = lab.run(broken)
    assert (product.outcome, product.is_patch_fault, product.also_on_base) == (Outcome.FAIL, True, False)
    assert [s.name for s in product.subtests if s.outcome is Outcome.FAIL] == ["size"]
    assert lab.run(lab.commit({"mm/mmap.c": "changed\n", "mm/vma.h": "int vma_size(void); \n"}), broken).also_on_base


@pytest.mark.parametrize(
    ("changes", "cached"),
    [
        ({"mm/mmap.c": "changed, and not read\n"}, True),
        ({"kernel/size.h": "changed, and not looked at\n"}, True),
        ({"mm/vma.c": FILES["mm/vma.c"] + "/* a word */\n"}, False),
        ({"tools/include/size.h": "#define SIZE (1 + 1)\n"}, False),
        ({"tools/testing/shared/shared.mk": FILES["tools/testing/shared/shared.mk"] + "# a word\n"}, False),
        # hides the one that was read
        ({"tools/testing/shared/size.h": "#define SIZE 3\n"}, False),
    ],
    ids=["another file", "another directory", "source", "header", "makefile", "new header"],
)
def test_the_result_is_kept_by_what_was_read(lab: Lab, changes: Mapping[str, str], cached: bool) -> None:
    assert not lab.run(lab.original).cached
    assert lab.run(lab.original).cached
    product = lab.run(lab.commit(changes))
    assert product.cached == cached
    assert product.outcome is (Outcome.FAIL if "SIZE 3" in str(changes) else Outcome.PASS)


def test_a_result_of_another_version_is_not_believed(lab: Lab) -> None:
    lab.run(lab.original)
    (kept,) = lab.places.cache.glob(f"store/host-test/*/{ATTEMPT}")
    kept.write_text('{"compiler": "gcc"}')
    assert not lab.run(lab.original).cached


def test_a_tree_without_the_tests_skips_them(lab: Lab) -> None:
    product = lab.run(lab.commit({f"{VMA}/Makefile": None}))
    assert (product.outcome, product.note) == (Outcome.SKIP, f"the tree has no {VMA}")


@pytest.fixture
def noexec(tmp_path: Path) -> Iterator[Callable[[Base], None]]:
    """Mount where the base's worktrees lie, so that no program runs there."""
    mounted: list[Path] = []

    def mount(base: Base) -> None:
        objects = base.home / "git"
        elsewhere = tmp_path / "git"
        objects.rename(elsewhere)
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "noexec", "tmpfs", base.home], check=False, capture_output=True
        )
        if done.returncode != 0:
            pytest.skip("mounting needs root")
        mounted.append(base.home)
        (base.home / "git").symlink_to(elsewhere)

    yield mount
    for where in mounted:
        subprocess.run(["umount", "-l", where], check=True)


def test_a_cache_that_runs_no_programs_is_named(lab: Lab, noexec: Callable[[Base], None]) -> None:
    noexec(lab.base)
    with pytest.raises(CommandFailed, match=r"programs cannot be started in .*bases") as caught:
        lab.run(lab.original)
    assert "noexec" in caught.value.hint


def test_a_temporary_directory_that_runs_no_programs_does_not_matter(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    where = tmp_path / "tmp"
    where.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "noexec", "tmpfs", where], check=True)
    try:
        monkeypatch.setattr("tempfile.tempdir", str(where))
        assert lab.run(lab.original).outcome is Outcome.PASS
    finally:
        subprocess.run(["umount", "-l", where], check=True)


def test_products_of_an_earlier_build_are_not_taken_for_new(lab: Lab) -> None:
    """The Makefile names no headers: make by itself would not compile again."""
    lab.run(lab.original)
    broken = lab.run(lab.commit({"tools/include/size.h": "#define SIZE 3\n"}))
    assert broken.outcome is Outcome.FAIL
    left = subprocess.run(
        ["ls", lab.base.home / VMA_TEST.stage / VMA], capture_output=True, text=True, check=True
    ).stdout
    assert "main.d" in left


RADIX = "tools/testing/radix-tree"
TREES = {
    f"{RADIX}/Makefile": """\
TARGETS = main maple
CFLAGS += -I. -I../../include
targets: $(TARGETS)
main: main.o
maple: maple.o
$(TARGETS):
\t$(CC) $(CFLAGS) -o $@ $<
""",
    f"{RADIX}/main.c": "int main(void)\n{\n\treturn 0;\n}\n",
    f"{RADIX}/maple.c": """\
#include <stdio.h>
#include "../../../lib/maple_tree.c"
int main(void)
{
\tif (!mas_walk())
\t\tprintf("BUG at check_walk:7 (1)\\n");
\tprintf("maple_tree: %d of 1 tests passed\\n", mas_walk());
\treturn 0;
}
""",
    "lib/maple_tree.c": "static int mas_walk(void)\n{\n\treturn 1;\n}\n",
}
BROKEN = {"lib/maple_tree.c": TREES["lib/maple_tree.c"].replace("return 1", "return 0")}


def test_each_program_of_radix_tree_is_run_whatever_its_exit_status(lab: Lab) -> None:
    good = lab.commit(TREES)
    product = lab.run(good, good, RADIX_TREE)
    assert (product.outcome, product.note, names(product)) == (Outcome.PASS, "2 programs", ["main", "maple"])
    assert lab.run(lab.commit({"mm/mmap.c": "changed\n"}), good, RADIX_TREE).cached
    product = lab.run(lab.commit(BROKEN), good, RADIX_TREE)
    assert (product.outcome, product.is_patch_fault, product.also_on_base) == (Outcome.FAIL, True, False)
    assert product.note == "maple: 1 check of maple_tree failed, first at check_walk:7"
    assert [s.outcome for s in product.subtests] == [Outcome.PASS, Outcome.FAIL]


def test_a_program_that_the_base_does_not_build_is_no_fault_of_a_patch(lab: Lab) -> None:
    base = lab.commit({**TREES, f"{RADIX}/main.c": "int main(void)\n{\n\treturn nothing;\n}\n"})
    changed = TREES["lib/maple_tree.c"] + "/* a word */\n"
    product = lab.run(lab.commit({"lib/maple_tree.c": changed}), base, RADIX_TREE)
    assert product.outcome is Outcome.SKIP
    assert "does not build, nor does the base's: main.c:3:" in product.note
    assert lab.run(base, base, RADIX_TREE).outcome is Outcome.SKIP


def test_a_tree_whose_makefile_names_no_program_is_skipped_with_that_reason(lab: Lab) -> None:
    base = lab.commit({**TREES, f"{RADIX}/Makefile": "all:\n"})
    assert "no program" in lab.run(base, base, RADIX_TREE).note


def test_a_host_that_is_too_slow_for_the_base_as_well_is_no_fault_of_a_patch(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    sleeps = "#include <unistd.h>\nint main(void)\n{\n\tsleep(2);\n\treturn 0;\n}\n"
    base = lab.commit({**TREES, f"{RADIX}/main.c": sleeps})
    assert lab.run(base, base, RADIX_TREE).outcome is Outcome.PASS
    monkeypatch.setitem(HOW, RADIX_TREE.stage, replace(HOW[RADIX_TREE.stage], limit_s=0.5))
    changed = lab.commit({"lib/maple_tree.c": TREES["lib/maple_tree.c"] + "/* a word */\n"})
    product = lab.run(changed, base, RADIX_TREE)
    assert (product.outcome, product.also_on_base) == (Outcome.TIMEOUT, True), (
        "the kept result of the base is from before"
    )
