"""From a tree, a series and a vmlinux made of it to the map of changed statements: git, gcc and the store for real."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.build import plugin
from orchestrator.build.toolchain import find_toolchain
from orchestrator.context import Context, Places
from orchestrator.declarations import catalog
from orchestrator.evidence.coverage.collect import CODE_MAP, CODE_MAP_SCHEMA
from orchestrator.host.process import Cancel, Runner
from orchestrator.jobs.build import Built, Tree
from orchestrator.jobs.coverage import ADDRESSES, counting
from orchestrator.model.coverage import ChangedStatement, CodeMap, LineState
from orchestrator.model.kernel import AppliedTree, Base, KernelConfig, KernelImage
from orchestrator.model.outcome import Outcome
from orchestrator.storage import kept
from tests.integration.conftest import git

PC = catalog.load_catalog().machine("q35")
OLD = """\
extern volatile int value;

int kept(int a)
{
	value = a;
	return value;
}

int start_kernel(void)
{
	return kept(3);
}

int main(void)
{
	return start_kernel();
}
"""
NEW = OLD.replace(
    "	value = a;\n",
    """\
	if (a > 5) /* new */
		value = a * 2;
	else
		value =
			a;
#ifdef CONFIG_NUMA
	value++;
#endif
""",
)


# where interrupts are said to enter this "kernel"
ENTRY = ".globl __entry_text_start, __entry_text_end; __entry_text_start: nop; __entry_text_end:"
REST = f'volatile int value;\nasm(".text; {ENTRY}");\n'


@pytest.fixture
def context(tmp_path: Path) -> Context:
    places = Places(tmp_path / "cache", tmp_path / "state")
    return Context(places, catalog.load_catalog(), Runner(Cancel()), lambda event: None)


@pytest.fixture
def built(context: Context, tmp_path: Path) -> Built:
    """A repository as the bases have it, with a commit of the old and a tree of the new, and a "kernel" of the new."""
    source = tmp_path / "source"
    (source / "mm").mkdir(parents=True)
    (source / "tools").mkdir()
    git(source.parent, "init", "-q", str(source))

    def commit(files: dict[str, str]) -> str:
        for name, text in files.items():
            (source / name).write_text(text)
        git(source, "add", "-A")
        git(source, "commit", "-q", "-m", "x")
        return git(source, "rev-parse", "HEAD").strip()

    base = commit({"mm/vma.c": OLD, "tools/t.c": "int t;\n", "mm/Makefile": "obj-$(CONFIG_NUMA) += mempolicy.o\n"})
    new = {
        "mm/vma.c": NEW,
        "tools/t.c": "int t(void) { return 1; }\n",
        "mm/mempolicy.c": "int m(void)\n{\n\treturn 2;\n}\n",
    }
    commit(new)
    home = tmp_path / "home"
    home.mkdir()
    git(tmp_path, "clone", "-q", "--bare", str(source), str(home / "git"))
    tree = git(source, "rev-parse", "HEAD^{tree}").strip()
    (source / ".build").mkdir()
    words = ["gcc", "-O2", "-g", "-no-pie", "-o", tmp_path / "vmlinux", "../mm/vma.c", "-x", "c", "-"]
    subprocess.run(words, cwd=source / ".build", check=True, input=REST.encode())
    applied = AppliedTree(Base("b", base, "b", home), tree, ("mm/vma.c",))
    config = KernelConfig(tmp_path, "", frozenset({"CONFIG_MMU"}))
    kernel = KernelImage(tmp_path / "product/image", tmp_path / "vmlinux", tmp_path, "6.12", "b1d", "gcc")
    return Built(Tree(applied.base, applied, find_toolchain(context).value), config, kernel)


def recorded(home: Path) -> dict[str, dict[int, ChangedStatement]]:
    found = kept.load(CodeMap, home / CODE_MAP, CODE_MAP_SCHEMA)
    return {file.file: {one.line: one for one in file.statements} for file in found.files}


def test_the_changed_statements_of_a_series_are_mapped_and_counted(
    context: Context, built: Built, tmp_path: Path
) -> None:
    tcg = context.catalog.accel("tcg")
    home = tmp_path / "run"
    home.mkdir()
    made = counting(context, built, PC, tcg, home)
    assert made.outcome is Outcome.PASS, made
    assert made.value
    assert not made.cached
    files = recorded(home)
    assert set(files) == {"mm/vma.c", "mm/mempolicy.c"}, "tools/ is no part of a kernel"
    vma = files["mm/vma.c"]
    assert {line: one.state for line, one in vma.items()}[5] is LineState.NEVER_HIT
    assert (vma[8].line, vma[8].last_line, vma[8].changed) == (8, 9, (8, 9))
    assert (vma[11].state, vma[11].why) == (LineState.NOT_COMPILED, "CONFIG_NUMA is not set")
    other = files["mm/mempolicy.c"][3]
    assert other.state is LineState.NOT_COMPILED
    assert other.why == "CONFIG_NUMA is not set: mm/Makefile: obj-$(CONFIG_NUMA) += mempolicy.o"
    assert (home / ADDRESSES).stat().st_size == 8 * len(made.value.addresses)
    again = counting(context, built, PC, tcg, home)
    assert again.cached
    assert again.value == made.value


def test_under_kvm_it_is_skipped_with_the_reason(context: Context, built: Built, tmp_path: Path) -> None:
    (tmp_path / CODE_MAP).write_text("of an earlier try")
    made = counting(context, built, PC, context.catalog.accel("kvm"), tmp_path)
    assert (made.value, made.outcome) == (None, Outcome.SKIP)
    assert "KVM" in made.note
    assert not (tmp_path / CODE_MAP).exists()


def test_on_another_architecture_it_is_skipped_with_the_reason(context: Context, built: Built, tmp_path: Path) -> None:
    board = context.catalog.machine("virt-arm64")
    made = counting(context, built, board, context.catalog.accel("tcg"), tmp_path)
    assert (made.value, made.outcome) == (None, Outcome.SKIP)
    assert "arm64" in made.note


def test_what_cannot_be_measured_stops_no_run(context: Context, built: Built, tmp_path: Path) -> None:
    """A vmlinux without line tables, and a QEMU that does not know plugins."""
    tcg = context.catalog.accel("tcg")
    stripped = tmp_path / "stripped"
    subprocess.run(["strip", "-o", stripped, built.kernel.vmlinux], check=True)
    made = counting(context, replace(built, kernel=replace(built.kernel, vmlinux=stripped)), PC, tcg, tmp_path)
    assert made.outcome is Outcome.SKIP
    assert "no line tables" in made.note
    refusing = tmp_path / "qemu"
    refusing.write_text(
        '#!/bin/sh\nif [ "$*" = --version ]; then echo QEMU 1; exit; fi\necho "-plugin: invalid option" >&2\nexit 1\n'
    )
    refusing.chmod(0o755)
    made = counting(context, built, replace(PC, qemu=str(refusing)), tcg, tmp_path)
    assert made.outcome is Outcome.SKIP
    assert "invalid option" in made.note


def test_jumps_are_watched_unless_the_proof_of_their_ways_fails(
    context: Context, built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then lines are counted all the same, and the map says why."""
    tcg = context.catalog.accel("tcg")
    made = counting(context, built, PC, tcg, tmp_path)
    assert made.value
    (jump,) = made.value.jumps
    (entry,) = made.value.entries
    assert made.value.entries_file.read_bytes() == entry.to_bytes(8, "little")
    assert made.value.jumps_file.stat().st_size == 8 * 3
    assert f"jumps={made.value.jumps_file},entries={made.value.entries_file}" in made.value.argv()[1]
    condition = recorded(tmp_path)["mm/vma.c"][5]
    ((part,),) = (parts for copy in condition.copies for parts in copy.parts)
    assert {each for way in part.ways for each in way.gone_by} == {
        (jump.address, jump.taken),
        (jump.address, jump.not_taken),
    }
    wrong = {each: (taken + 1, not_taken) for each, (taken, not_taken) in plugin.JUMPS.items()}
    monkeypatch.setattr(plugin, "JUMPS", wrong)
    other = replace(context, places=replace(context.places, cache=tmp_path / "other"))
    made = counting(other, built, PC, tcg, tmp_path)
    assert made.value
    assert made.outcome is Outcome.PASS
    assert (made.value.jumps, bool(made.value.addresses)) == ((), True)
    found = kept.load(CodeMap, tmp_path / CODE_MAP, CODE_MAP_SCHEMA)
    assert "does not count which ways jumps go" in found.no_ways


def test_a_series_without_code_needs_no_counter(context: Context, built: Built, tmp_path: Path) -> None:
    applied = replace(built.tree.applied, tree=git(built.tree.base.home / "git", "rev-parse", "HEAD~1^{tree}").strip())
    same = replace(built, tree=replace(built.tree, applied=applied))
    made = counting(context, same, PC, context.catalog.accel("tcg"), tmp_path)
    assert (made.value, made.outcome) == (None, Outcome.PASS)
    assert made.note == "no changed statement has instructions in this kernel"
