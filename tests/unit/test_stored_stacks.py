"""The stacks that sanitizers keep and print beside what was running: each is what it is, and none is the culprit's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from orchestrator.model.kernel_report import Frame, KernelReport, SourceLine
from orchestrator.parse.logs.frames import code_refs
from orchestrator.parse.logs.kernel_report import scan
from orchestrator.reporters import decoded

RULE = "=" * 66
FUNCTIONS = ["vma_modify", "mprotect_fixup", "vm_area_dup", "vma_split", "anon_vma_clone", "mm_fill", "madvise_walk"]

KMSAN = f"""\
{RULE}
BUG: KMSAN: uninit-value in vma_modify+0x1be/0x380
 vma_modify+0x16/0xa0
 mprotect_fixup+0x3b/0xdd

<Zero or more stacks not recorded to save memory>

Uninit was stored to memory at:
 vm_area_dup+0x16/0xa0

Uninit was stored to memory at:
 vma_split+0x3b/0xdd
 anon_vma_clone+0x60/0x11a

ORIGIN

Bytes 4-7 of 8 are uninitialized
Memory access of size 8 starts at ffff8881083fe3c0

CPU: 1 UID: 0 PID: 66 Comm: split-merge Not tainted 6.12.117 #1
{RULE}
"""
CREATED = "Uninit was created at:\n kmem_cache_alloc_noprof+0x16/0xa0\n mm_fill+0x3b/0xdd"
NO_STACK = "Uninit was created at:\n(stack is not available)"
LOCAL = "Local variable range.i.i created at:\n mm_fill+0x3c/0x220\n madvise_walk+0x112/0x490"
OLD_LOCAL = "Local variable description: ----range.i@mm_fill\nVariable was created at:\n mm_fill+0x3c/0x220"

KASAN = f"""\
{RULE}
BUG: KASAN: slab-use-after-free in vma_modify+0x1be/0x380
Read of size 8 at addr ffff8881083fe3c0 by task split-merge/66

CPU: 1 UID: 0 PID: 66 Comm: split-merge Not tainted 6.12.117 #1
Call Trace:
 <TASK>
 dump_stack_lvl+0x5d/0x80
 print_report+0xc1/0x5e0
 kasan_report+0xb9/0xf0
 vma_modify+0x1be/0x380
 mprotect_fixup+0x3b/0xdd
 </TASK>

STORED

Memory state around the buggy address:
 ffff8881083fe280: fa fb fb fb fb fb fb fb fb fb fb fb fb fb fb fb
>ffff8881083fe380: fa fb fb fb fb fb fb fb fb fb fb fb fb fb fb fb
{RULE}
"""

KCSAN = f"""\
{RULE}
BUG: KCSAN: data-race in vma_modify / vm_area_dup

write (marked, reordered) to 0xffff8881083fe3c0 of 8 bytes by task 10 on cpu 0:
 vma_modify+0x35c/0x5d0
 mprotect_fixup+0x3b/0xdd
  |
  +-> reordered to: mm_fill+0x59c/0x5d0

read to 0xffff8881083fe3c0 of 8 bytes by interrupt on cpu 1:
 vm_area_dup+0x59c/0x5d0

value changed: 0x0000000000000001 -> 0x0000000000000002
 bits changed: 0x0000000000000003 with mask 0x00000000000000ff

Reported by Kernel Concurrency Sanitizer on:
CPU: 1 UID: 0 PID: 66 Comm: split-merge Not tainted 6.12.117 #1
{RULE}
"""


def printed(text: str, caller: str = "T66", first: int = 0) -> list[str]:
    return [f"[   12.{at:06d}][{caller:>7}] {line}" for at, line in enumerate(text.splitlines(), first)]


def read(lines: Sequence[str]) -> KernelReport:
    (report,) = scan("\n".join(lines) + "\n")
    return report


def stacks(report: KernelReport) -> list[tuple[str, list[str]]]:
    return [(stack.name, [frame.partition("+")[0] for frame in stack.frames]) for stack in report.stacks]


@pytest.mark.parametrize(
    ("origin", "last"),
    [
        (CREATED, [("alloc", ["kmem_cache_alloc_noprof", "mm_fill"])]),
        (NO_STACK, []),
        (LOCAL, [("local", ["mm_fill", "madvise_walk"])]),
        (OLD_LOCAL, [("local", ["mm_fill"])]),
    ],
)
def test_kmsan_says_where_a_value_came_from(origin: str, last: list[tuple[str, list[str]]]) -> None:
    report = read(printed(KMSAN.replace("ORIGIN", origin)))
    assert (report.title, report.frame, report.damage) == ("KMSAN: uninit-value in vma_modify", "vma_modify", "")
    assert stacks(report) == [
        ("trace", ["vma_modify", "mprotect_fixup"]),
        ("stored", ["vm_area_dup"]),
        ("stored", ["vma_split", "anon_vma_clone"]),
        *last,
    ]


@pytest.mark.parametrize("name", ["stored", "alloc", "local"])
def test_kmsan_of_which_only_stored_stacks_name_a_subsystem_names_none_of_them(name: str) -> None:
    origin = {"stored": NO_STACK, "alloc": CREATED, "local": LOCAL}[name]
    lone = KMSAN.replace("ORIGIN", origin).replace(" mprotect_fixup+0x3b/0xdd\n", "").replace("vma_modify", "memcpy")
    report = read(printed(lone))
    assert stacks(report)[0] == ("trace", ["memcpy"])
    assert name in dict(stacks(report))
    assert report.frame in ("", "memcpy")


@pytest.mark.parametrize(
    ("said", "name", "frames"),
    [
        ("Allocated by task 66 on cpu 1 at 12.000123s:\n kasan_save_stack+0x1/0x2\n mm_fill+0x1/0x2", "alloc",
         ["kasan_save_stack", "mm_fill"]),
        ("Freed by task 66:\n mm_fill+0x1/0x2", "free", ["mm_fill"]),
        ("Allocation:\nPID = 7\n [<ffffffff81234567>] mm_fill+0x1/0x2", "alloc", ["mm_fill"]),
        ("Freed:\nPID = 7\n [<ffffffff81234567>] mm_fill+0x1/0x2", "free", ["mm_fill"]),
        ("Last potentially related work creation:\n kasan_save_stack+0x1/0x2\n mm_fill+0x1/0x2", "queued",
         ["kasan_save_stack", "mm_fill"]),
        ("Second to last potentially related work creation:\n mm_fill+0x1/0x2", "queued", ["mm_fill"]),
        ("Last call_rcu():\n mm_fill+0x1/0x2", "queued", ["mm_fill"]),
        ("The buggy address belongs to stack of task a/66\n and is located at offset 48 in frame:\n"
         " mm_fill+0x0/0x220\n\nThis frame has 1 object:\n [48, 56) 'range'", "local", ["mm_fill"]),
        ("addr ffff8881083fe3c0 is located in stack of task a/66 at offset 48 in frame:\n mm_fill+0x0/0x220", "local",
         ["mm_fill"]),
        ("The buggy address belongs to the variable:\n mm_table+0x80/0x2a0", "variable", ["mm_table"]),
        ("The buggy address belongs to the virtual mapping at\n [ffffc90000000000, ffffc90000005000) created by:\n"
         " mm_fill+0x1/0x2", "alloc", ["mm_fill"]),
    ],
)  # fmt: skip
def test_kasan_says_whose_memory_it_is(said: str, name: str, frames: list[str]) -> None:
    report = read(printed(KASAN.replace("STORED", said)))
    assert (report.title, report.frame) == ("KASAN: slab-use-after-free Read in vma_modify", "vma_modify")
    own, *others = stacks(report)
    assert own[0] == "trace"
    assert own[1][-2:] == ["vma_modify", "mprotect_fixup"]
    assert others == [(name, frames)]


def test_kasan_with_all_its_stacks_keeps_their_order() -> None:
    said = (
        "Allocated by task 1:\n a_alloc+0x1/0x2\n\nFreed by task 2:\n a_free+0x1/0x2\n\n"
        "Last potentially related work creation:\n a_queue+0x1/0x2\n\n"
        "Second to last potentially related work creation:\n b_queue+0x1/0x2"
    )
    assert stacks(read(printed(KASAN.replace("STORED", said))))[1:] == [
        ("alloc", ["a_alloc"]),
        ("free", ["a_free"]),
        ("queued", ["a_queue"]),
        ("queued", ["b_queue"]),
    ]


def test_kfence_says_who_queued_a_free() -> None:
    report = read(
        printed(
            f"{RULE}\nBUG: KFENCE: use-after-free read in vma_modify+0x1/0x2\n\n"
            "Use-after-free read at 0x00000000deadbeef (in kfence-#12):\n vma_modify+0x1/0x2\n\n"
            "kfence-#12: 0x1-0x2, size=32, cache=kmalloc-32\n\n"
            "allocated by task 1 on cpu 0 at 1.000000s (1.000000s ago):\n mm_fill+0x1/0x2\n\n"
            "rcu freeing by task 2 on cpu 0 at 2.000000s (0.500000s ago):\n vm_area_dup+0x1/0x2\n\n"
            f"CPU: 1 UID: 0 PID: 66 Comm: a Not tainted 6.12.117 #1\n{RULE}"
        )
    )
    assert stacks(report) == [("trace", ["vma_modify"]), ("alloc", ["mm_fill"]), ("free", ["vm_area_dup"])]


def test_kcsan_has_the_stacks_of_both_accesses() -> None:
    report = read(printed(KCSAN))
    assert report.title == "KCSAN: data-race in vma_modify / vm_area_dup"
    assert stacks(report) == [("trace", ["vma_modify", "mprotect_fixup"]), ("trace", ["vm_area_dup"])]


@pytest.mark.parametrize(
    "text",
    [KMSAN.replace("ORIGIN", LOCAL), KMSAN.replace("ORIGIN", CREATED), KCSAN],
    ids=["KMSAN local", "KMSAN", "KCSAN"],
)
def test_a_report_goes_on_with_each_of_its_lines_after_another_came_in_its_middle(text: str) -> None:
    whole = read(printed(text))
    inner = (
        f"{'-' * 12}[ cut here ]{'-' * 12}\nWARNING: CPU: 1 PID: 66 at mm/x.c:1 other+0x1/0x2\nCall Trace:\n <TASK>\n"
        f" other+0x1/0x2\n </TASK>\n---[ end trace 0000000000000000 ]---"
    )
    lines = text.splitlines()
    for at in range(3, len(lines) - 1):
        log = [
            *printed("\n".join(lines[:at])),
            *printed(inner, first=at),
            *printed("\n".join(lines[at:]), first=at + 10),
        ]
        outer, warning = scan("\n".join(log) + "\n")
        assert warning.kind == "warning", lines[at]
        assert (outer.title, stacks(outer), outer.damage) == (whole.title, stacks(whole), ""), lines[at]


def with_places(report: KernelReport, *functions: str) -> KernelReport:
    """The report with these functions decoded."""
    return replace(
        report,
        frames=tuple(
            Frame(
                ref.line,
                ref.function,
                ref.offset,
                ref.size,
                places=(SourceLine(ref.function, "mm/x.c", ref.line),) if ref.function in functions else (),
            )
            for ref in code_refs(report.text)
        ),
    )


def test_stored_stacks_are_shown_decoded() -> None:
    report = read(printed(KMSAN.replace("ORIGIN", LOCAL)))
    shown = decoded.screen(with_places(report, *FUNCTIONS))
    for function in FUNCTIONS:
        assert f"{function} " in shown
    for head in ("Uninit was stored to memory at:", "Local variable range.i.i created at:"):
        assert head in shown


def test_callers_are_of_the_culprits_own_stack() -> None:
    report = with_places(read(printed(KMSAN.replace("ORIGIN", LOCAL))), *FUNCTIONS)
    assert decoded.callers(report) == ("mprotect_fixup",)


def test_the_place_to_look_at_is_in_no_stored_stack() -> None:
    report = read(printed(KMSAN.replace("ORIGIN", LOCAL)))
    assert not decoded.spots(with_places(report, "vm_area_dup", "mm_fill"))
