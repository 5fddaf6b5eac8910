"""Decoding with real ELF files, made by gcc here; addr2line, which we do not use, says what is right."""

from __future__ import annotations

import json
import random
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from orchestrator.build.compile import FACTS, SCHEMA, BuildFacts
from orchestrator.context import Places
from orchestrator.errors import UsageError, VmlinuxUnreadable
from orchestrator.evidence.decode import decode_kernel_reports, keep_lines
from orchestrator.evidence.symbols import Symbols
from orchestrator.host.process import Cancel, Runner
from orchestrator.judge.attempts import classify
from orchestrator.model.kernel import Role
from orchestrator.model.kernel_facts import KernelFacts
from orchestrator.model.kernel_report import KernelReport
from orchestrator.model.outcome import Outcome
from orchestrator.model.report import StageResult
from orchestrator.model.request import Request
from orchestrator.model.series import Mutant, Observable
from orchestrator.parse.logs.frames import CodeRef
from orchestrator.parse.patches.series import read_patches
from orchestrator.runs.record import KernelRecord, MutationRecord, RunRecord, load_record, save_record
from orchestrator.source.bases import Workplace, tree_base
from orchestrator.source.commits import commit_series, trees_of
from orchestrator.source.objects import Trees
from orchestrator.storage import kept
from tests.integration.conftest import Cli, git
from tests.valid_json import read_valid

HEADER = """\
static inline int inner(volatile int *at)
{
	return *at + 1; /* the load */
}
"""
CODE = """\
#include "inner.h"

volatile int value;

static __attribute__((noinline)) int twin(int a)
{
	return a + value; /* first twin */
}

__attribute__((noinline)) int outer(int a)
{
	value = a;
	value = inner(&value) + twin(a); /* the call */
	return value;
}

int other(int a);

int main(void)
{
	return outer(1) + other(2);
}
"""
OTHER = """\
volatile int mine;

static __attribute__((noinline)) int twin(int a)
{
	mine = a * a;
	mine += a << 3;
	return mine; /* second twin */
}

int other(int a)
{
	return twin(a) + mine;
}
"""


SIZE = "0xSIZE"  # to be filled in


def compiled(root: Path, output: Path) -> None:
    """From a build directory inside the tree, as Kbuild does."""
    build = root / ".build"
    build.mkdir()
    flags = ["-g", "-O1", "-fno-toplevel-reorder", "-no-pie", "-static", "-nostdlib", "-Wl,-e,main", "-Wl,--build-id"]
    sources = ["../mm/memory.c", "../mm/mmap.c"]
    subprocess.run(["gcc", *flags, "-I../include", "-o", output.resolve(), *sources], cwd=build, check=True)


def write_tree(root: Path) -> None:
    (root / "mm").mkdir(parents=True)
    (root / "include").mkdir()
    (root / "Kconfig").write_text("mainmenu\n")
    (root / "include/inner.h").write_text(HEADER)
    (root / "mm/memory.c").write_text(CODE)
    (root / "mm/mmap.c").write_text(OTHER)


@pytest.fixture
def vmlinux(tmp_path: Path) -> Path:
    write_tree(tmp_path / "src")
    compiled(tmp_path / "src", tmp_path / "vmlinux")
    return tmp_path / "vmlinux"


def functions(vmlinux: Path) -> list[tuple[str, int, int]]:
    """Name, address and size up to the next symbol, by nm."""
    out = subprocess.run(["nm", "-n", vmlinux], check=True, capture_output=True, text=True).stdout
    rows = [(int(line.split()[0], 16), *line.split()[1:]) for line in out.splitlines()]
    ends = sorted({address for address, *_ in rows})
    return [
        (name, address, next(end for end in ends if end > address) - address)
        for address, kind, name in rows
        if kind in "tT"
    ]


Answer = list[tuple[str, str, int]]


def by_addr2line(vmlinux: Path, addresses: list[int]) -> dict[int, Answer]:
    command = ["addr2line", "-a", "-f", "-i", "-e", vmlinux, *(f"{address:#x}" for address in addresses)]
    lines = iter(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines())
    found: dict[int, Answer] = {}
    for line in lines:
        if line.startswith("0x"):
            places = found.setdefault(int(line, 16), [])
        elif match := re.match(r".*/\.\./(.*):(\d+)", next(lines)):
            places.append((line, match[1], int(match[2])))
    return found


def test_every_byte_of_every_function_is_where_addr2line_says(vmlinux: Path) -> None:
    symbols = Symbols(vmlinux)
    rows = functions(vmlinux)
    right = by_addr2line(vmlinux, [address + offset for _, address, size in rows for offset in range(1, size)])
    seen = set()
    for name, address, size in rows:
        for offset in range(1, size):
            places = symbols.places(CodeRef(1, name, offset, size, is_instruction=True))
            assert [(p.function, p.file, p.line) for p in places] == right[address + offset]
            seen |= {(len(places), place.file) for place in places}
    assert (2, "include/inner.h") in seen, "an inlined function has a place of its own"
    assert [name for name, _, _ in rows].count("twin") == 2
    assert {"mm/memory.c", "mm/mmap.c"} <= {file for _, file in seen}


def test_a_call_is_the_line_of_the_call_and_not_the_next(vmlinux: Path) -> None:
    symbols, line = Symbols(vmlinux), CODE.splitlines().index("\tvalue = inner(&value) + twin(a); /* the call */") + 1
    _, address, size = next(row for row in functions(vmlinux) if row[0] == "outer")
    code = subprocess.run(["objdump", "-d", vmlinux], check=True, capture_output=True, text=True).stdout
    call = re.search(r"^ +([0-9a-f]+):\t((?:[0-9a-f]{2} )+) *\tcall .*<twin>", code, re.MULTILINE)
    assert call
    behind = int(call[1], 16) + len(call[2].split()) - address
    assert [place.line for place in symbols.places(CodeRef(1, "outer", behind, size))] == [line]


def test_another_kernel_gives_no_line_instead_of_a_wrong_one(vmlinux: Path) -> None:
    symbols = Symbols(vmlinux)
    _, _, size = next(row for row in functions(vmlinux) if row[0] == "outer")
    assert symbols.places(CodeRef(1, "outer", 1, size))
    assert not symbols.places(CodeRef(1, "outer", 1, size + 16))
    assert not symbols.places(CodeRef(1, "no_such_function", 1, 2))
    assert not symbols.places(CodeRef(1, "outer", 1, size, module="ext4"))


def test_files_that_are_no_vmlinux_are_named(tmp_path: Path, vmlinux: Path) -> None:
    (tmp_path / "text").write_text("text")
    stripped = tmp_path / "stripped"
    subprocess.run(["strip", "-o", stripped, vmlinux], check=True)
    (tmp_path / "cut").write_bytes(vmlinux.read_bytes()[:100])
    for path in (tmp_path / "absent", tmp_path / "text", stripped, tmp_path / "cut", tmp_path):
        with pytest.raises(VmlinuxUnreadable, match=re.escape(str(path))):
            Symbols(path)


def test_damage_is_an_error_of_ours_wherever_it_is(vmlinux: Path, tmp_path: Path) -> None:
    data, picker, ends = vmlinux.read_bytes(), random.Random(1), []
    refs = [CodeRef(1, name, size // 2, size) for name, _, size in functions(vmlinux)]
    for _ in range(100):
        damaged = bytearray(data)
        for _ in range(30):
            damaged[picker.randrange(len(damaged))] = picker.randrange(256)
        (tmp_path / "damaged").write_bytes(damaged)
        try:
            symbols = Symbols(tmp_path / "damaged")
            ends.append(f"{tmp_path}, {sum(bool(symbols.places(ref)) for ref in refs)} of {len(refs)} decoded")
        except VmlinuxUnreadable as error:
            ends.append(error.message)
    assert all(str(tmp_path) in end for end in ends)
    assert {end.endswith("decoded") for end in ends} == {True, False}


def test_reports_of_any_log_are_decoded_by_a_vmlinux_that_is_named(vmlinux: Path) -> None:
    _, _, size = next(row for row in functions(vmlinux) if row[0] == "outer")
    text = f"Nov 22 14:00:01 host kernel: [    1.0] RIP: 0010:outer+0x1/{size:#x}\n not_here+0x1/0x999"
    kernel_report = KernelReport("oops", "t", Outcome.CRASH, 7, 8, 0, text)
    (found,) = decode_kernel_reports([kernel_report], Symbols(vmlinux))
    assert [bool(frame.places) for frame in found.frames] == [True, False]
    other = replace(kernel_report, text=text.replace("not_here", "other"))
    with pytest.raises(UsageError, match="is not the kernel that wrote the report at line 7: it has no other of 0x999"):
        decode_kernel_reports([other], Symbols(vmlinux))


def test_classify_decodes_log_files_with_vmlinux(cli: Cli, vmlinux: Path, tmp_path: Path) -> None:
    _, _, size = next(row for row in functions(vmlinux) if row[0] == "outer")
    said = ["BUG: kernel NULL pointer dereference, address: 0000000000000000", f"RIP: 0010:outer+0x1/{size:#x}"]
    said += ["Call Trace:", f" other+0x1/{SIZE}", "---[ end trace 0000000000000000 ]---"]
    log = tmp_path / "log"
    text = "".join(f"Nov 22 14:00:01 host kernel: [    1.000000] {line}\n" for line in said)
    _, _, right = next(row for row in functions(vmlinux) if row[0] == "other")
    log.write_text(text.replace(SIZE, f"{right:#x}"))
    result = cli("classify", str(log), "--vmlinux", str(vmlinux))
    assert result.returncode == 0, result.stderr
    assert re.search(r"^ +outer at mm/memory\.c:\d+$", result.stdout, re.MULTILINE)
    data = json.loads(cli("classify", str(log), "--vmlinux", str(vmlinux), "--json", "-").stdout)
    assert [frame["places"][-1]["file"] for frame in data[0]["reports"][0]["frames"]] == ["mm/memory.c", "mm/mmap.c"]
    log.write_text(text.replace(SIZE, "0x9999"))
    result = cli("classify", str(log), "--vmlinux", str(vmlinux))
    assert result.returncode == 2
    assert "is not the kernel that wrote the report at line 1: it has no other of 0x9999 bytes" in result.stderr
    assert cli("classify", str(log), "--vmlinux", "/etc/passwd").returncode == 2


# --- a whole run directory, as a run left it


PATCH = """\
Subject: [PATCH 1/1] mm: call a twin more

---
 mm/memory.c | 1 +
 1 file changed, 1 insertion(+)

diff --git a/mm/memory.c b/mm/memory.c
--- a/mm/memory.c
+++ b/mm/memory.c
@@ -10,6 +10,7 @@ static __attribute__((noinline)) int twin(int a)
 __attribute__((noinline)) int outer(int a)
 {
 \tvalue = a;
+\tvalue -= twin(a); /* the new call */
 \tvalue = inner(&value) + twin(a); /* the call */
 \treturn value;
 }
"""


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    """A run whose kernel is in the store of the `cli` fixture, whose base is a tree and whose boot had an oops."""
    tree = tmp_path / "linux"
    write_tree(tree)
    for args in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "base"]):
        git(tree, *args)
    places = Places(tmp_path / "home/cache/orchestrate", tmp_path / "home/state/orchestrate")
    base, _ = tree_base(tree, "HEAD", Workplace(places.bases, Runner(Cancel()), lambda text: None))
    series = read_patches([("0001-twin.patch", PATCH.encode())])
    patched = tmp_path / "patched"
    write_tree(patched)
    subprocess.run(["patch", "-s", "-p1", "-d", patched], input=series.patches[0].diff, check=True)

    def build(scratch: Path) -> None:
        compiled(patched, scratch / "vmlinux")
        facts = BuildFacts("6", Symbols(scratch / "vmlinux").build_id, "gcc", warnings=(), compiled=1)
        (scratch / FACTS).write_bytes(kept.dumps(facts, SCHEMA))

    product = places.store.put("build", "abc", build)
    build_id = Symbols(product / "vmlinux").build_id

    home = tmp_path / "run"
    console = home / "base.patched/guest-0/console.log"
    console.parent.mkdir(parents=True)
    _, _, size = next(row for row in functions(product / "vmlinux") if row[0] == "outer")
    code = subprocess.run(["objdump", "-d", product / "vmlinux"], check=True, capture_output=True, text=True).stdout
    address, call = re.search(
        r"^([0-9a-f]+) <outer>:\n(?:.*\n)*? +([0-9a-f]+):\t[0-9a-f ]+\tcall .*<twin>", code, re.MULTILINE
    ).groups()  # type: ignore[union-attr]
    at = int(call, 16) - int(address, 16)
    said = ["BUG: kernel NULL pointer dereference, address: 0000000000000000", f"RIP: 0010:outer+{at:#x}/{size:#x}"]
    said += ["Call Trace:", f" outer+{size - 1:#x}/{size:#x}", "---[ end trace 0000000000000000 ]---"]
    console.write_text("".join(f"[    1.000000][   T77] {line}\n" for line in said))
    (home / "patches").mkdir()
    (home / "patches/0001-twin.patch").write_bytes(series.patches[0].diff)
    subjects = tuple(patch.subject for patch in series.patches)
    save_record(
        RunRecord(Request(), "k", "twin", series.digest, "2026-11-22T16:00:00", finished=True, subjects=subjects),
        home / "run.json",
    )
    suite = KernelRecord(
        "base.patched", "base", Role.PATCHED, "2026-11-22T16:00:00",
        stages=(StageResult("boot", Outcome.PASS, 1.0),), guests=1,
        facts=KernelFacts(build_id=build_id, commit=base.commit),
    )  # fmt: skip
    save_record(suite, home / "base.patched/kernel.json")
    return home


def test_an_old_run_is_decoded_and_its_line_attributed_to_the_patch(cli: Cli, run_dir: Path) -> None:
    result = cli("report", str(run_dir))
    assert result.returncode == 1, result.stderr
    line = "value -= twin(a); /* the new call */"
    assert f"outer at mm/memory.c:13: {line}" in result.stdout
    assert "written by 1/1 mm: call a twin more" in result.stdout
    failure = ElementTree.parse(run_dir / "junit.xml").find(".//failure")
    assert failure is not None
    assert failure.attrib["message"].startswith("Oops: ")
    assert f"mm/memory.c:13 [1/1]           {line}" in (failure.text or "")
    report = read_valid(run_dir / "report.json")
    (kernel_report,) = report["suites"][0]["stages"][0]["kernel_reports"]
    first, second = kernel_report["frames"]
    assert first["places"][-1] | {"text": line} == {
        "function": "outer", "file": "mm/memory.c", "line": 13, "text": line,
        "mark": "LINE", "patches": ["1/1 mm: call a twin more"],
    }  # fmt: skip
    assert second["places"][-1]["mark"] == "FUNCTION"
    full = (run_dir / kernel_report["file"]).read_text()
    assert line in full
    assert "RIP: 0010:outer" in full
    assert f"[[ATTACHMENT|{run_dir / kernel_report['file']}]]" in (run_dir / "junit.xml").read_text()


def test_a_kill_of_a_mutation_run_is_decoded(cli: Cli, run_dir: Path) -> None:
    (run_dir / "base.patched").rename(run_dir / "base.early")
    suite = load_record(KernelRecord, run_dir / "base.early/kernel.json")
    save_record(replace(suite, name="base.early", role=Role.MUTATED), run_dir / "base.early/kernel.json")
    mutant = Mutant("early", "order", "it", "that", "base", (), (), Observable.YES, "", False, "", b"")
    save_record(MutationRecord((mutant,), ("base",), ()), run_dir / "mutation.json")
    result = cli("report", str(run_dir))
    assert result.returncode == 0, result.stderr
    assert re.search(r"^KILLED +early .*Oops.* \(mm/memory\.c:13\)$", result.stdout, re.MULTILINE), result.stdout
    (row,) = read_valid(run_dir / "matrix.json")["rows"]
    (kernel_report,) = row["kill"]["kernel_reports"]
    assert kernel_report["frames"][0]["places"][-1]["text"] == "value -= twin(a); /* the new call */"
    assert "value -= twin(a)" in (run_dir / kernel_report["file"]).read_text()


@pytest.mark.parametrize(
    ("line", "mutated", "marks"),
    [
        ("\treturn value;\n}\n\nint other", "\treturn value + 0;\n}\n\nint other", ["LINE", "FUNCTION"]),
        ("\tvalue -= twin(a);", "\tvalue = twin(a);", ["FUNCTION", "FUNCTION"]),
    ],
)
def test_what_a_mutant_put_on_top_of_the_series_is_no_patchs(
    cli: Cli, run_dir: Path, tmp_path: Path, line: str, mutated: str, marks: list[str]
) -> None:
    places = Places(tmp_path / "home/cache/orchestrate", tmp_path / "home/state/orchestrate")
    runner = Runner(Cancel())
    base, _ = tree_base(tmp_path / "linux", "HEAD", Workplace(places.bases, runner, lambda text: None))
    series = read_patches([("0001-twin.patch", PATCH.encode())])
    (tree,) = trees_of(base, commit_series(base, series, runner), runner)
    trees = Trees(base, runner)
    text = trees.read(tree, "mm/memory.c")
    assert text
    assert line in text
    tree_with_mutant = trees.with_files(tree, {"mm/memory.c": text.replace(line, mutated)})
    suite = load_record(KernelRecord, run_dir / "base.patched/kernel.json")
    save_record(suite.with_facts(tree=tree_with_mutant), run_dir / "base.patched/kernel.json")
    assert cli("report", str(run_dir)).returncode == 1
    (kernel_report,) = json.loads((run_dir / "report.json").read_text())["suites"][0]["stages"][0]["kernel_reports"]
    assert [frame["places"][-1]["mark"] for frame in kernel_report["frames"]] == marks
    assert kernel_report["frames"][0]["places"][-1]["patches"] == ["1/1 mm: call a twin more"]


def test_a_kernel_that_is_gone_is_said_so(cli: Cli, run_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "home/cache/orchestrate/store/build/abc").rename(tmp_path / "gone")
    result = cli("report", str(run_dir))
    assert result.returncode == 1
    assert "is no longer in the store: kernel reports are not decoded" in result.stdout
    assert "RIP: 0010:outer" in (run_dir / "junit.xml").read_text()


def test_a_source_that_is_gone_costs_the_lines_and_not_their_numbers(cli: Cli, run_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "linux").rename(tmp_path / "gone")
    result = cli("report", str(run_dir))
    assert "outer at mm/memory.c:13\n" in result.stdout
    assert "no source lines are shown" in result.stdout


def test_a_client_that_never_had_the_source_shows_what_the_worker_left(cli: Cli, run_dir: Path, tmp_path: Path) -> None:
    """The worker has the base and the record; the client has the record, with what came beside it, and the vmlinux."""
    cli("report", str(run_dir))
    (here,) = read_valid(run_dir / "report.json")["suites"]
    places = Places(tmp_path / "home/cache/orchestrate", tmp_path / "home/state/orchestrate")
    home = run_dir / "base.patched"
    suite = classify(load_record(KernelRecord, home / "kernel.json"), home)
    series = read_patches([("0001-twin.patch", PATCH.encode())])
    keep_lines(places, Runner(Cancel()), suite, series, "base.patched-1", home)
    places.bases.rename(tmp_path / "gone")
    result = cli("report", str(run_dir))
    assert "value -= twin(a); /* the new call */" in result.stdout
    assert "no source lines are shown" not in result.stdout
    (there,) = read_valid(run_dir / "report.json")["suites"]
    assert there["stages"][0]["kernel_reports"] == here["stages"][0]["kernel_reports"]


def test_what_a_worker_left_and_nobody_can_read_is_no_source(cli: Cli, run_dir: Path, tmp_path: Path) -> None:
    (run_dir / "base.patched/source-lines").mkdir()
    (run_dir / "base.patched/source-lines/1.json").write_text("[{")
    (tmp_path / "home/cache/orchestrate/bases").rename(tmp_path / "gone")
    result = cli("report", str(run_dir))
    assert "is not in the cache: no source lines are shown" in result.stdout
