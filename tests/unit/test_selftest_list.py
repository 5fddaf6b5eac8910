"""The selftests that a tree lists by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.declarations.catalog import Catalog, load_catalog
from orchestrator.errors import BadDeclaration
from orchestrator.parse.results.selftest_list import Selftest, selftests

SCRIPT = r"""
run_test() {
	if test_selected ${CATEGORY}; then
		("$@" 2>&1) | tap_prefix
	fi
}
CATEGORY="mmap" run_test ./map_populate
# CATEGORY="mmap" run_test ./commented_out
CATEGORY="gup_test" run_test ./gup_test -ct -F 0x1 0 19 0x1000
	CATEGORY="thp" run_test ./khugepaged
CATEGORY="thp" run_test ./khugepaged -s 2
CATEGORY="thp" run_test ./khugepaged all:file ${XFS_PATH}
CATEGORY="thp" run_test ./split_huge_page_test ${XFS_PATH}
CATEGORY="userfaultfd" run_test ${uffd_stress_bin} anon 20 16
CATEGORY="mlock" run_test sudo -u nobody sh -c ./on-fault-limit
CATEGORY="vmalloc" run_test bash ./test_vmalloc.sh smoke
CATEGORY="hugetlb" run_test ./charge_reserved_hugetlb.sh -cgroup-v2
CATEGORY="ksm" run_test ./ksm_tests \
	-M -p 10
CATEGORY="mmap" run_test ./map_populate
run_test ./soft-dirty
run_test ./said 'two words' # why
run_test ./open 'quote
"""


def test_calls_that_can_be_read_are_taken_with_their_arguments() -> None:
    assert selftests("", SCRIPT) == (
        Selftest("map_populate", (), "mmap"),
        Selftest("gup_test", ("-ct", "-F", "0x1", "0", "19", "0x1000"), "gup_test"),
        Selftest("khugepaged", (), "thp"),
        Selftest("khugepaged", ("-s", "2"), "thp"),
        Selftest("split_huge_page_test", (), "thp", computed=True),
        Selftest("ksm_tests", ("-M", "-p", "10"), "ksm"),
        Selftest("soft-dirty"),
        Selftest("said", ("two words",)),
        Selftest("open", computed=True),
    )


def test_a_collection_without_the_script_has_the_programs_of_its_makefile() -> None:
    makefile = """
TEST_GEN_PROGS := seccomp_bpf seccomp_benchmark \\
	another
TEST_GEN_PROGS += one_more # why
TEST_GEN_FILES += helper
TEST_GEN_PROGS += $(BINARIES_64)
"""
    assert [test.program for test in selftests(makefile, None)] == [
        "seccomp_bpf", "seccomp_benchmark", "another", "one_more",
    ]  # fmt: skip


def test_nothing_is_read_from_nothing() -> None:
    assert selftests("", "") == selftests("", None) == ()


def test_a_script_without_end_is_bounded() -> None:
    assert len(selftests("", "".join(f"run_test ./t{n}\n" for n in range(5000)))) == 1000


COLLECTION = """summary: theirs
kselftest: mm
tags: [theirs, on-request]
needs: {kconfig: [SHMEM]}
categories:
  hugetlb: {needs: {kconfig: [HUGETLBFS]}, sysctls: {vm.nr_hugepages: 32}}
  numa: {unfit: needs two nodes}
cases:
  one: {args: [-x]}
"""


@pytest.fixture
def known(tmp_path: Path) -> Catalog:
    directory = tmp_path / "testcases/theirs-mm"
    directory.mkdir(parents=True)
    (directory / "testcase.yaml").write_text(COLLECTION)
    (tmp_path / "kconfigs").mkdir()
    return load_catalog(tmp_path)


def test_what_a_tree_lists_becomes_a_case_unless_it_is_declared(known: Catalog) -> None:
    listed = [
        Selftest("one", ("-y",)),
        Selftest("two", ("-s", "1:2"), "hugetlb"),
        Selftest("three", (), "numa"),
        Selftest("four", computed=True),
    ]
    cases = known.with_listed(known.collections[0], listed).testcases
    assert list(cases) == ["theirs-mm.one", "theirs-mm.two-s-1-2", "theirs-mm.three", "theirs-mm.four"]
    two = cases["theirs-mm.two-s-1-2"]
    assert (two.kselftest, two.args, two.tags) == ("mm/two", ("-s", "1:2"), ("theirs", "on-request"))
    assert (two.needs.kconfig, two.sysctls) == (("SHMEM", "HUGETLBFS"), (("vm.nr_hugepages", "32"),))
    assert two.summary == "two -s 1:2"
    assert cases["theirs-mm.three"].unfit == "needs two nodes"
    assert "computes" in cases["theirs-mm.four"].unfit


@pytest.mark.parametrize(
    ("pattern", "may"),
    [("theirs-mm", True), ("theirs-mm.new", True), ("theirs-*", True), ("*", True), ("theirs", True),
     ("theirs-mm.n*", True), ("gup", False), ("fork-*", False), ("!theirs-mm", False)],
)  # fmt: skip
def test_a_tree_is_read_only_if_a_pattern_may_mean_what_it_lists(known: Catalog, pattern: str, may: bool) -> None:
    assert known.may_mean([pattern], known.collections[0]) is may


def test_a_category_of_no_collection_and_a_wrong_key_are_errors(tmp_path: Path) -> None:
    directory = tmp_path / "testcases/theirs-mm"
    directory.mkdir(parents=True)
    for text, words in (
        (
            COLLECTION.replace("nr_hugepages: 32}}", "nr_hugepages: 32}, unift: x}"),
            r"categories\.hugetlb: unknown key unift",
        ),
        ("summary: x\nsources: [main.c]\ncategories: {a: {}}\n", "categories are those of a tree's selftests"),
    ):
        (directory / "testcase.yaml").write_text(text)
        with pytest.raises(BadDeclaration, match=words):
            load_catalog(tmp_path)
