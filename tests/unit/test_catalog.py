"""The declarations of this checkout, and what is wrong with bad ones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from orchestrator.declarations import catalog
from orchestrator.declarations.files import read_toml
from orchestrator.declarations.kconfigs import read_fragment
from orchestrator.errors import BadDeclaration, UnknownName, UsageError
from orchestrator.model.case import Dialect
from orchestrator.plan import unmet_need

WANTED = {"fault-vs-munmap", "split-merge", "fork-fault", "mremap-integrity"}
WANTED |= {"vma-reuse", "mprotect-oracle", "uffd", "stack-brk", "gup", "discard", "thp", "proc-maps", "scale"}


@pytest.fixture(scope="module")
def known() -> catalog.Catalog:
    return catalog.load_catalog()


def test_an_architecture_that_boots_has_a_machine_of_its_own_kind_and_a_userland() -> None:
    known = catalog.load_catalog()
    for arch in known.arches.values():
        assert arch.cross.endswith("-")
        if arch.machine:
            machine = known.machine(arch.machine)
            assert machine.arch == arch.name
            assert machine.image.startswith(f"arch/{arch.source}/boot/")
            assert arch.debian
    for machine in known.machines.values():
        assert machine.arch in known.arches


def test_what_the_readme_names_is_there(known: catalog.Catalog) -> None:
    assert set(known.testcases) >= WANTED
    assert {"base", "debug", "kasan"} <= set(known.fragments)
    assert {"kvm", "tcg", "tcg-icount"} == set(known.accels)
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
        ("summary: x\n", "one of sources, kselftest, userland, boot; none is there"),
        ("summary: x\nsources: [main.c]\nkselftest: mm\n", "not both sources and kselftest"),
        ("summary: x\nkselftest: mm\nprogram: ../x\n", "no such names"),
        (
            "summary: x\nkselftest: mm\noutput: prose\n",
            "output: expected one of ktap, kselftest, ltp, kunit, stress-ng, got",
        ),
        ("summary: x\nkselftest: mm\ncases: {a: {arg: [1]}}\n", r"cases\.a: unknown key arg"),
        ("summary: x\nboot: [a=1]\n", "boot and output: kunit belong together"),
        ("summary: x\nsources: [main.c]\noutput: kunit\n", "boot and output: kunit belong together"),
        ("summary: x\nboot: ['a b']\noutput: kunit\n", "boot: no parameter of a kernel: 'a b'"),
        ("summary: x\nsources: [none.c]\n", r"there is no none\.c"),
        ("summary: x\nsources: main.c\n", "sources: expected a list, got 'main.c'"),
        ("summary: x\nsources: [main.c]\nduration_s: fast\n", "duration_s: expected a number, got 'fast'"),
        ("summary: x\nsources: [main.c]\nneeds: {ram: 1}\n", r"unknown key needs\.ram"),
        ("summary: x\nsources: [\n", r"testcase\.yaml:3: not YAML"),
        ("", "says nothing"),
        ("# to be written\n", "says nothing"),
        ("summary:\nsources: [main.c]\n", "summary: expected a string, got nothing"),
        ("sources: [main.c]\n", "summary is missing"),
        ("summary: x\nsumary: y\n", "unknown key sumary"),
        ("summary: x\nname: y\n", "unknown key name"),
        ("summary: x\ncases: [a]\n", r"testcase\.yaml: cases: expected a mapping, got"),
        ("summary: x\ncases: {a: b}\n", r"testcase\.yaml: cases: a: expected a mapping, got 'b'"),
        ("summary: x\ncases: {a: {cases: {}}}\n", r"cases\.a: unknown key cases"),
        ("tags: x\nkselftest: mm\ncases: {a: {summary: y, tags: [z]}}\n", "summary is missing; tags: expected a list"),
        ("summary: x\nsources: [main.c]\nsummary: y\n", r"testcase\.yaml:3: not YAML: the key summary is there twice"),
        ("summary: x\nneeds: {kconfig: [A], kconfig: [B]}\n", r"testcase\.yaml:2: .*kconfig is there twice"),
        (
            "summary: x\nneeds:\n\tmemory_mib: 1\n",
            r"testcase\.yaml:3: not YAML: found character that cannot start",
        ),
        ("summary: x\n? [a]\n: b\n", r"testcase\.yaml:2: not YAML: a key that is no text"),
        ("summary: x\nsources: [main.c]\nduration_s: '5'\n", "duration_s: expected a number, got '5'"),
        ("summary: x\nsources: [main.c]\nduration_s: -5\n", "duration_s: expected a finite number that is not"),
        ("summary: x\nsources: [main.c]\nduration_s: .inf\n", "duration_s: expected a number, got '.inf'"),
        (
            "summary: x\nsources: [main.c]\nneeds: {memory_mib: 1.5}\n",
            r"needs\.memory_mib: expected an integer, got '1.5'",
        ),
        ("summary: x\nsources: [main.c]\nargs: [{a: b}]\n", r"args\[0\]: expected a string, got \{'a': 'b'\}"),
        ("summary: x\nsources: [main.c]\nunfit: yes\ntag: [a]\nduration_s: x\n", "duration_s: .*; unknown key tag"),
        ("- a\n", "expected a mapping"),
    ],
)
def test_a_bad_declaration_names_file_and_key(tmp_path: Path, text: str, words: str) -> None:
    case = tmp_path / "testcases/bad"
    case.mkdir(parents=True)
    (case / "main.c").write_text("int main(void) { return 0; }\n")
    (case / "testcase.yaml").write_text(text)
    with pytest.raises(BadDeclaration, match=words) as caught:
        catalog.load_catalog(tmp_path)
    assert "bad/testcase.yaml" in caught.value.message


def declared(tmp_path: Path, text: str) -> catalog.Catalog:
    case = tmp_path / "testcases/case"
    case.mkdir(parents=True)
    (case / "main.c").write_text("")
    (case / "testcase.yaml").write_text(text)
    return catalog.load_catalog(tmp_path)


def test_text_stays_what_is_written(tmp_path: Path) -> None:
    """YAML 1.1 makes True, False, 8, 6.1, 61 and a day of these."""
    known = declared(
        tmp_path,
        "summary: yes\nsources: [main.c]\nargs: [on, no, 010, 6.10, 1:01, 2026-01-01, 0x10, '', 1_0]\n"
        "sysctls: {vm.x: on, on: 00}\nduration_s: 1e1\nneeds: {memory_mib: 010}\ncases: {on: {tags: [1.10]}, off: }\n",
    )
    on, off = known.cases("case.on")[0], known.cases("case.off")[0]
    assert on.args == ("on", "no", "010", "6.10", "1:01", "2026-01-01", "0x10", "", "1_0")
    assert on.sysctls == (("vm.x", "on"), ("on", "00"))
    assert (on.duration_s, on.needs.memory_mib, on.tags, off.tags) == (10.0, 10, ("1.10",), ())


def test_near_keys_are_suggested(tmp_path: Path) -> None:
    with pytest.raises(BadDeclaration) as caught:
        declared(tmp_path, "summary: x\nsources: [main.c]\nneeds: {memory: 1}\n")
    assert caught.value.hint == "did you mean memory_mib? known keys: memory_mib, kconfig"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("# slow: it is\n# slowdwn: 3\nCONFIG_X=y\n", "unknown key slowdwn"),
        ("# slow: it is\n# slowdown: thrice\nCONFIG_X=y\n", "slowdown: expected a number, got 'thrice'"),
        ("# slowdown: -1\n", "slowdown: expected a finite number that is not negative"),
    ],
)
def test_a_bad_fragment_names_file_and_key(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "slow.config"
    path.write_text(text)
    with pytest.raises(BadDeclaration, match=words) as caught:
        read_fragment(path, {})
    assert str(path) in caught.value.message


def test_only_the_comment_at_the_top_of_a_fragment_has_keys(tmp_path: Path) -> None:
    path = tmp_path / "slow.config"
    path.write_text("# slow: it is\n# Much: slower\n# slowdown: 2.5\nCONFIG_X=y\n# note: nothing\n")
    assert read_fragment(path, {}).slowdown == 2.5


@dataclass(frozen=True)
class Thing:
    name: str
    size: int
    fast: bool = False


def test_a_shipped_declaration_is_read_as_suspiciously(tmp_path: Path) -> None:
    path = tmp_path / "box.toml"
    path.write_text("size = 2\nfast = true\n")
    assert read_toml(Thing, path, name="box") == Thing("box", 2, True)
    for text, words in (
        ('name = "other"\nsize = 1', r"box\.toml:1: unknown key name"),
        ("size = '2'", r"box\.toml:1: size: expected an integer, got '2'"),
        ("size = 1\nfast = 1", r"box\.toml:2: fast: expected true or false, got 1"),
        ("size = 1\nsize = 1", r"box\.toml: not TOML: Cannot overwrite"),
        ("fast = 1", r"box\.toml: size is missing; line 1: fast: expected true or false, got 1"),
        ("size = -1", r"box\.toml:1: size: expected a finite number that is not negative, got -1"),
    ):
        path.write_text(text)
        with pytest.raises(BadDeclaration, match=words) as caught:
            read_toml(Thing, path, name="box")
        assert "name" not in caught.value.hint.replace("did you mean", "")


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
    with pytest.raises(BadDeclaration, match=r"bad/testcase\.yaml:1: not UTF-8: .* at byte 9"):
        catalog.load_catalog(tmp_path)


def test_a_directory_can_declare_several_cases(tmp_path: Path) -> None:
    for name, text in (("theirs-mm", GROUP), ("ours", "summary: x\nsources: [main.c]\ntags: [fault]\n")):
        directory = tmp_path / "testcases" / name
        directory.mkdir(parents=True)
        (directory / "main.c").write_text("")
        (directory / "testcase.yaml").write_text(text)
    (tmp_path / "kconfigs").mkdir()
    known = catalog.load_catalog(tmp_path)
    one, two, three = known.cases("theirs-mm")
    assert (one.name, one.kselftest, one.args, one.timeout_s) == ("theirs-mm.one", "mm/one", ("-a",), 9)
    assert (two.kselftest, two.args, two.timeout_s) == ("mm/one", ("-a", "-b"), 3)
    assert two.sysctls == (("vm.nr_hugepages", "16"),)
    assert (one.cgroup, two.cgroup) == ((), (("memory.max", "16M"),))
    assert one.output is two.output is Dialect.KSELFTEST
    assert unmet_need(three, frozenset({"CONFIG_SHMEM"}), 1024) == "needs a printer"
    assert known.cases("slow") == (two,)
    assert known.cases("theirs-mm.one") == (one,)
    # on request only
    assert known.default_cases(()) == known.cases("ours")
    with pytest.raises(UnknownName, match="theirs") as caught:
        known.cases("theirs-m")
    assert "theirs-mm" in caught.value.hint


def test_a_kconfig_can_be_a_file(tmp_path: Path) -> None:
    mine = tmp_path / "mine.config"
    mine.write_text("CONFIG_KSM=y\n")
    known = catalog.load_catalog()
    found = known.kconfig(f"{mine}+kasan")
    assert found.name == "mine+kasan"
    assert [fragment.name for fragment in found.fragments] == ["base", "mine", "kasan"]
    assert found.files == (str(mine),)
    with pytest.raises(UnknownName, match="no such file"):
        known.kconfig(str(tmp_path / "gone.config"))
    (tmp_path / "debug.config").write_text("CONFIG_KSM=y\n")
    with pytest.raises(UsageError, match="there is a kconfig debug already"):
        known.kconfig(str(tmp_path / "debug.config"))
