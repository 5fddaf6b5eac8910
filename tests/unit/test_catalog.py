"""The declarations of this checkout, and what is wrong with bad ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator import catalog
from orchestrator.errors import BadDeclaration, UnknownName
from orchestrator.model.case import Dialect
from orchestrator.plan import unmet_need

WANTED = {"fault-vs-munmap", "split-merge", "fork-fault", "mremap-integrity"}
WANTED |= {"vma-reuse", "mprotect-oracle", "uffd", "stack-brk", "gup", "discard", "thp", "proc-maps", "scale"}


@pytest.fixture(scope="module")
def known() -> catalog.Catalog:
    return catalog.load()


def test_what_the_readme_names_is_there(known: catalog.Catalog) -> None:
    assert set(known.testcases) >= WANTED
    assert {"base", "debug", "kasan"} <= set(known.fragments)
    assert {"kvm", "tcg"} == set(known.accels)
    assert "vm_refcnt" in known.patches
    assert "broken/panics-at-boot" in known.patches
    assert not any(name.startswith("vm_refcnt/") for name in known.patches)


def test_every_declared_patch_can_be_read(known: catalog.Catalog) -> None:
    for name in known.patches:
        assert known.series(name).patches, name


def test_every_case_says_what_it_needs_and_how_long_it_takes(known: catalog.Catalog) -> None:
    declared = {name for fragment in known.fragments.values() for name in fragment.enabled}
    for case in known.testcases.values():
        assert case.summary
        assert case.tags
        assert case.timeout_s > 0
        assert case.needs.memory_mib <= known.machine("q35").memory_mib
        for symbol in case.needs.kconfig:
            assert f"CONFIG_{symbol}" in declared, f"{case.name} needs {symbol}, which no kconfig here sets"


def test_base_comes_first_and_names_its_additions(known: catalog.Catalog) -> None:
    assert known.kconfig("base").name == "base"
    combined = known.kconfig("debug+kasan")
    assert combined.name == "debug+kasan"
    assert [fragment.name for fragment in combined.fragments] == ["base", "debug", "kasan"]
    assert known.kconfig("base+debug") == known.kconfig("debug")
    assert combined.slowdown == known.kconfig("debug").slowdown * known.kconfig("kasan").slowdown > 1


@pytest.mark.parametrize(
    ("kind", "name", "meant"), [("case", "slit-merge", "split-merge"), ("kconfig", "kazan", "kasan")]
)
def test_near_names_are_suggested(known: catalog.Catalog, kind: str, name: str, meant: str) -> None:
    with pytest.raises(UnknownName, match=name) as caught:
        getattr(known, kind)(name)
    assert meant in caught.value.hint


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("summary: x\n", "one of sources, kselftest, userland; none is there"),
        ("summary: x\nsources: [main.c]\nkselftest: mm\n", "not both sources and kselftest"),
        ("summary: x\nkselftest: mm\nprogram: ../x\n", "no such names"),
        ("summary: x\nkselftest: mm\noutput: prose\n", "there is no prose"),
        ("summary: x\nkselftest: mm\ncases: {a: {arg: [1]}}\n", r"unknown key cases\.a\.arg"),
        ("summary: x\nsources: [none.c]\n", r"there is no none\.c"),
        ("summary: x\nsources: main.c\n", "sources must be list"),
        ("summary: x\nsources: [main.c]\nduration_s: fast\n", "duration_s must be a number"),
        ("summary: x\nsources: [main.c]\nneeds: {ram: 1}\n", r"unknown key needs\.ram"),
        ("[", "not YAML"),
        ("- a\n", "must be a mapping"),
    ],
)
def test_a_bad_declaration_names_file_and_key(tmp_path: Path, text: str, words: str) -> None:
    case = tmp_path / "testcases/bad"
    case.mkdir(parents=True)
    (case / "main.c").write_text("int main(void) { return 0; }\n")
    (case / "testcase.yaml").write_text(text)
    with pytest.raises(BadDeclaration, match=words) as caught:
        catalog.load(tmp_path)
    assert "bad/testcase.yaml" in caught.value.message


GROUP = """summary: theirs
kselftest: mm
args: [-a]
timeout_s: 9
tags: [theirs, on-request]
needs: {kconfig: [SHMEM]}
cases:
  one: {}
  two: {program: one, args: [-b], timeout_s: 3, tags: [slow], sysctls: {vm.nr_hugepages: 16}, cgroup: {memory.max: 16M}}
  three: {unfit: needs a printer}
"""


def test_a_declaration_that_is_no_text_is_named(tmp_path: Path) -> None:
    case = tmp_path / "testcases/bad"
    case.mkdir(parents=True)
    (case / "testcase.yaml").write_bytes(b"summary: \xff\n")
    with pytest.raises(BadDeclaration, match=r"bad/testcase\.yaml: not text"):
        catalog.load(tmp_path)


def test_a_directory_can_declare_several_cases(tmp_path: Path) -> None:
    for name, text in (("theirs-mm", GROUP), ("ours", "summary: x\nsources: [main.c]\ntags: [fault]\n")):
        directory = tmp_path / "testcases" / name
        directory.mkdir(parents=True)
        (directory / "main.c").write_text("")
        (directory / "testcase.yaml").write_text(text)
    (tmp_path / "kconfigs").mkdir()
    known = catalog.load(tmp_path)
    one, two, three = known.cases("theirs-mm")
    assert (one.name, one.kselftest, one.args, one.timeout_s) == ("theirs-mm.one", "mm/one", ("-a",), 9)
    assert (two.kselftest, two.args, two.timeout_s) == ("mm/one", ("-a", "-b"), 3)
    assert two.sysctls == (("vm.nr_hugepages", "16"),)
    assert (one.cgroup, two.cgroup) == ((), (("memory.max", "16M"),))
    assert one.dialect is two.dialect is Dialect.KSELFTEST
    assert unmet_need(three, frozenset({"CONFIG_SHMEM"}), 1024) == "needs a printer"
    assert known.cases("slow") == (two,)
    assert known.cases("theirs-mm.one") == (one,)
    # on request only
    assert known.default_cases(()) == known.cases("ours")
    with pytest.raises(UnknownName, match="theirs") as caught:
        known.cases("theirs-m")
    assert "theirs-mm" in caught.value.hint
