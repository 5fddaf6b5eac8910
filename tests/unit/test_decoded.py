"""A decoded report on one screen and in its file: what is shown, what is marked, what is left out."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.model.kernel_report import Frame, KernelReport, Mark, SourceLine
from orchestrator.model.outcome import Outcome
from orchestrator.reporters import decoded

TEXT = """\
[    4.436187][   T77] BUG: kernel NULL pointer dereference, address: 0000000000000000
[    4.436187][   T77] RIP: 0010:refcount_warn_saturate+0xf1/0x140
[    4.436187][   T77] RAX: 0000000000000063 RBX: ffff8880009957c0 RCX: 0000000000000000
[    4.436187][   T77] Call Trace:
[    4.436187][   T77]  <TASK>
[    4.440187][   T77]  ? stale+0x16/0x20
[    4.440187][   T77]  lock_vma+0x16/0x20
[    4.440187][   T77]  in_module+0x16/0x20 [ext4]
[    4.440187][   T77]  </TASK>
[    4.440187][   T77] ---[ end trace 0000000000000000 ]---
[    4.440187][   T77] RIP: 0010:refcount_warn_saturate+0xf1/0x140
[    4.440187][   T77] Kernel panic - not syncing: Fatal exception"""
IGNORED = SourceLine("refcount_warn_saturate", "lib/refcount.c", 22, "WARN()")
INNER = SourceLine("vma_start_read", "include/linux/mm.h", 738, "if (x)", Mark.LINE, ("6/9 mm: count",))
OUTER = SourceLine("lock_vma", "mm/memory.c", 6290, "vma = f();", Mark.FUNCTION, ("3/9 mm: keep", "6/9 mm: count"))
KERNEL_REPORT = KernelReport(
    "oops", "Oops: NULL in lock_vma", Outcome.CRASH, 1, 12, 0, TEXT,
    frames=(
        Frame(2, "refcount_warn_saturate", 0xF1, 0x140, places=(IGNORED,)),
        Frame(6, "stale", 0x16, 0x20, is_reliable=False, places=(SourceLine("stale", "mm/a.c", 1, "old();"),)),
        Frame(7, "lock_vma", 0x16, 0x20, places=(INNER, OUTER)),
        Frame(8, "in_module", 0x16, 0x20),
        Frame(11, "refcount_warn_saturate", 0xF1, 0x140, places=(IGNORED,)),
    ),
    frame="lock_vma",
)  # fmt: skip


def test_the_screen_has_the_cause_first_and_no_registers() -> None:
    lines = [" ".join(line.split()) for line in decoded.screen(KERNEL_REPORT).splitlines()]
    assert lines == [
        "vma_start_read at include/linux/mm.h:738",
        "if (x)",
        "written by 6/9 mm: count",
        "",
        "BUG: kernel NULL pointer dereference, address: 0000000000000000",
        "RIP: 0010:refcount_warn_saturate+0xf1/0x140",
        "refcount_warn_saturate lib/refcount.c:22 WARN()",
        "Call Trace:",
        "? stale mm/a.c:1 old();",
        ">> vma_start_read (inlined) include/linux/mm.h:738 [6/9] if (x)",
        "> lock_vma mm/memory.c:6290 [3/9,6/9] vma = f();",
        "in_module+0x16/0x20",
        "Kernel panic - not syncing: Fatal exception",
        "",
        "[3/9] mm: keep",
        "[6/9] mm: count",
        decoded.LEGEND,
    ]


def test_the_file_keeps_every_line_of_the_log() -> None:
    full = decoded.full(KERNEL_REPORT).splitlines()
    rest = iter(full)
    assert all(line in rest for line in TEXT.splitlines()), "in their order"
    at = full.index(TEXT.splitlines()[6])
    assert full[at + 1].split()[:2] == [">>", "vma_start_read"]


def test_what_was_not_decoded_is_shown_as_it_was_printed() -> None:
    bare = replace(KERNEL_REPORT, frames=tuple(replace(frame, places=()) for frame in KERNEL_REPORT.frames))
    assert decoded.screen(bare) == TEXT
    assert not decoded.spots(bare)
    assert TEXT in decoded.full(bare)


def test_a_culprit_line_that_is_not_the_series_own_is_followed_by_the_first_that_is() -> None:
    callee = Frame(2, "mlock_pte_range", 1, 2, places=(SourceLine("mlock_pte_range", "mm/mlock.c", 5, "x++;"),))
    kernel_report = replace(KERNEL_REPORT, frame="mlock_pte_range", frames=(callee, *KERNEL_REPORT.frames))
    assert [spot.place.function for spot in decoded.spots(kernel_report)] == ["mlock_pte_range", "vma_start_read"]
    assert [spot.by for spot in decoded.spots(kernel_report)] == ["", "written by 6/9 mm: count"]


def test_doubtful_frames_are_never_the_culprit() -> None:
    doubt = tuple(replace(frame, is_reliable=False) for frame in KERNEL_REPORT.frames)
    assert not decoded.spots(replace(KERNEL_REPORT, frames=doubt))


def test_a_function_that_many_patches_changed_names_some() -> None:
    place = replace(OUTER, patches=tuple(f"{number}/9 mm: p" for number in range(1, 8)))
    (spot,) = decoded.spots(replace(KERNEL_REPORT, frames=(Frame(7, "lock_vma", 1, 2, places=(place,)),)))
    assert spot.by == ("in a function that was changed by 1/9 mm: p, 2/9 mm: p, 3/9 mm: p, 4/9 mm: p and 3 more")


def test_wrappers_of_one_macro_take_one_row() -> None:
    row = SourceLine("", "mm/mmap.c", 1671, "SYSCALL_DEFINE2(munmap)")
    places = tuple(replace(row, function=name) for name in ("__do_sys_munmap", "__se_sys_munmap", "__x64_sys_munmap"))
    shown = decoded.screen(replace(KERNEL_REPORT, frames=(Frame(7, "__x64_sys_munmap", 1, 2, places=places),)))
    assert shown.count("SYSCALL_DEFINE2") == 1 + 1  # in the head and in the trace
    assert "__x64_sys_munmap " in shown


def test_who_called_the_culprit_function_is_told_without_what_every_call_goes_through() -> None:
    assert decoded.callers(KERNEL_REPORT) == ("lock_vma",)
    names = ("do_munmap", "do_munmap", "__do_sys_munmap", "__se_sys_munmap", "x64_sys_call", "a", "b")
    stack = tuple(Frame(8 + at, name, 1, 2, places=(SourceLine(name, "mm/a.c", at),)) for at, name in enumerate(names))
    deep = replace(KERNEL_REPORT, frames=(*KERNEL_REPORT.frames[:3], *stack))
    assert decoded.callers(deep) == ("lock_vma", "do_munmap", "__do_sys_munmap", "a")
    assert decoded.callers(replace(KERNEL_REPORT, frames=())) == ()
