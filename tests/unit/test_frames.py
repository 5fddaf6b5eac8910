"""Where a report speaks of code, on three architectures; what only looks like it is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.parse.logs.frames import CodeRef, code_refs

CORPUS = Path(__file__).parents[1] / "data/console"


def one(line: str) -> CodeRef:
    (found,) = code_refs(line)
    return found


@pytest.mark.parametrize(
    "line",
    [
        "[    1.912081][   T67] RIP: 0010:vm_munmap+0xf1/0x140",
        "RIP: 0010:[<ffffffff8112c911>] vm_munmap+0xf1/0x140",
        "EIP: vm_munmap+0xf1/0x140",
        "[    1.0] pc : vm_munmap+0xf1/0x140",
        "[    1.0] epc : vm_munmap+0xf1/0x140",
        "PC is at vm_munmap+0xf1/0x140",
        "[    1.0][   T67] WARNING: CPU: 1 PID: 66 at mm/mmap.c:2381 vm_munmap+0xf1/0x140",
        "[    1.0]  vm_munmap+0xf1/0x140 (P)",
    ],
)
def test_where_the_cpu_was_is_looked_up_as_it_is(line: str) -> None:
    assert one(line) == CodeRef(1, "vm_munmap", 0xF1, 0x140, is_instruction=True)
    assert one(line).looked_up == 0xF1


@pytest.mark.parametrize(
    "line",
    [
        "[    1.0][   T67]  vm_munmap+0xf1/0x140",
        "[    1.0] [<ffffffff8112c911>] vm_munmap+0xf1/0x140",
        "lr : vm_munmap+0xf1/0x140",
        " ra : vm_munmap+0xf1/0x140",
        "BUG: KASAN: slab-use-after-free in vm_munmap+0xf1/0x140",
        "ff1100000 (&mm->mmap_lock){++++}-{3:3}, at: vm_munmap+0xf1/0x140",
        "hardirqs last  enabled at (12): [<ffffffff81368a2f>] vm_munmap+0xf1/0x140",
    ],
)
def test_a_return_address_is_looked_up_inside_the_call(line: str) -> None:
    found = one(line)
    assert (found.function, found.is_instruction, found.looked_up) == ("vm_munmap", False, 0xF0)


def test_a_question_mark_is_doubt() -> None:
    assert not one("[    1.0][   T67]  ? vm_munmap+0xf1/0x140").is_reliable
    assert one("[    1.0][   T67]  vm_munmap+0xf1/0x140").is_reliable


def test_modules_and_what_compilers_add_to_names() -> None:
    assert one(" f.constprop.0+0x1/0x2 [ext4]").module == "ext4"
    assert one(f" f+0x1/0x2 [ext4 {'a' * 40}]").module == "ext4"
    assert one(" mas_insert.isra.0.cold+0x1/0x2").function == "mas_insert.isra.0.cold"


def test_the_pointer_of_a_function_is_not_the_end_of_the_one_before() -> None:
    assert one("last function: vmstat_update+0x0/0xb0").looked_up == 0


def test_a_trace_that_begins_with_the_instruction_itself() -> None:
    pc, lr, first, second = code_refs("pc : f+0x10/0x40\nlr : g+0x10/0x40\nCall trace:\n f+0x10/0x40\n g+0x10/0x40")
    assert [ref.is_instruction for ref in (pc, lr, first, second)] == [True, False, True, False]
    assert [ref.line for ref in (pc, lr, first, second)] == [1, 2, 4, 5]


@pytest.mark.parametrize(
    "line", ["RIP: 0033:0x47de07", "Code: 48 8d 7b 24", "user+0x10", "base 0x1000+0x20/0x40", "a.b c+0xzz/0x1"]
)
def test_what_is_no_code(line: str) -> None:
    assert not code_refs(line)


@pytest.mark.parametrize("path", sorted(CORPUS.glob("*.log")), ids=lambda path: path.stem)
def test_no_register_line_of_the_corpus_is_missed(path: Path) -> None:
    text = path.read_text(errors="replace")
    named = [number for number, line in enumerate(text.split("\n"), 1) if "RIP: 0010:" in line and "+0x" in line]
    found = {ref.line for ref in code_refs(text) if ref.is_instruction}
    assert found >= set(named)
