"""What is known of a report beside its title: the culprit frame, stacks, who was at work, whether it is whole."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.errors import BadDeclaration
from orchestrator.model.kernel_report import KernelReport
from orchestrator.model.outcome import Outcome
from orchestrator.parse.logs.code_places import Role
from orchestrator.parse.logs.kernel_report import Scanner, scan
from orchestrator.parse.logs.report_kinds import load_kinds
from orchestrator.parse.logs.report_lines import read_lines
from orchestrator.parse.logs.stack_frames import code_frame, stale
from tests.unit.test_kernel_report_corpus import read

CONSOLE = Path(__file__).parent.parent / "data" / "console"


def reports(name: str) -> tuple[KernelReport, ...]:
    return scan(read(CONSOLE / f"{name}.log")[1])


def only(name: str) -> KernelReport:
    (kernel_report,) = reports(name)
    return kernel_report


def test_kasan_shows_who_accessed_allocated_and_freed() -> None:
    kernel_report = only("kasan-uaf-read")
    assert [stack.name for stack in kernel_report.stacks] == ["trace", "alloc", "free", "queued"]
    assert kernel_report.stacks[1].frames[-1] == "do_mmap+0x5d6/0x8a0"
    assert "vm_area_free_rcu_cb+0x6b/0x80" in kernel_report.stacks[2].frames
    assert (kernel_report.frame, kernel_report.task, kernel_report.pid, kernel_report.cpu) == (
        "vma_start_read",
        "fault-vs-munmap",
        66,
        1,
    )
    assert kernel_report.time_s == 12.000339
    assert not kernel_report.corrupted


@pytest.mark.parametrize(
    ("name", "frame", "task", "pid", "cpu"),
    [
        ("hung-task-vma-real", "vma_keep_readers_out", "bug-leak", 68, None),  # not khungtaskd, which reports it
        ("soft-lockup-arm64", "lock_vma_under_rcu", "split-merge", 66, 1),
        ("hard-lockup-arm64", "lock_vma_under_rcu", "fork-fault", 71, 1),
        ("kmemleak-objects", "vm_area_alloc", "split-merge", 66, None),
        ("kcsan-assert", "vma_refcount_put", "split-merge", 66, 1),
        ("oops-null-deref-riscv", "vma_start_read", "split-merge", 66, 1),
        ("oom-kill-memcg", "mem_cgroup_out_of_memory", "split-merge", 66, 1),
        ("bad-rss-comm", "", "foo", 812, None),
        ("hung-task-page", "truncate_inode_pages_range", "split-merge", 66, None),
        ("kasan-old-spelling", "unlink_anon_vmas", "split-merge", 66, 1),
        ("oops-null-deref-s390", "vma_start_read", "split-merge", 66, 1),
        ("warning-6.18-format", "vms_complete_munmap_vmas", "fault-vs-munmap", 66, 1),
        ("warning-condition-nested", "drv_wait", "split-merge", 66, 1),
        ("warning-old", "drv_xmit", "split-merge", 66, None),
        ("hung-task-io-wait", "drv_read_block", "split-merge", 66, None),
        ("oops-mips-paging", "drv_poll", "split-merge", 66, 1),
        ("oops-loongarch-ale", "drv_load", "split-merge", 66, 0),
        ("oops-powerpc-xmon", "drv_read", "split-merge", 66, None),
        ("oops-sparc64", "drv_read", "split-merge", 66, 0),
        ("unwind-bp", "", "split-merge", 66, None),
    ],
)
def test_who_was_at_work(name: str, frame: str, task: str, pid: int, cpu: int | None) -> None:
    kernel_report = reports(name)[0]
    assert (kernel_report.task, kernel_report.pid, kernel_report.cpu) == (task, pid, cpu)
    if kernel_report.kind != "oom-kill":  # its trace is no accusation
        assert kernel_report.frame == frame


def test_stacks_of_other_reports() -> None:
    assert [stack.name for stack in only("kmsan-uninit-value").stacks] == ["trace", "stored", "alloc"]
    assert [stack.name for stack in only("kfence-corruption").stacks] == ["trace", "alloc", "free"]
    assert [stack.name for stack in only("slab-corruption-page-owner").stacks] == ["alloc", "free", "trace"]
    assert [stack.name for stack in only("bad-page-owner").stacks] == ["alloc", "free", "trace"]
    assert only("slab-corruption-page-owner").frame == "unlink_anon_vmas"
    assert len(only("kcsan-data-race").stacks) == 2


KCSAN = """\
[    1.000002] BUG: KCSAN: data-race in foo / bar
[    1.000004] write to 0xc000000ffde9d420 of 1 bytes by task 10 on cpu 24:
[    1.000005]  foo+0x35c/0x5d0
[    1.000007] read to 0xc000000ffde9d420 of 1 bytes by task 1 on cpu 1:
[    1.000008]  bar+0x59c/0x5d0
[    1.000010] Reported by Kernel Concurrency Sanitizer on:
"""
KCSAN_END = "[    1.000012] ==================================================================\n"


def test_task_pid_and_cpu_are_of_one_line_or_of_lines_that_agree() -> None:
    by = "[    1.000011] CPU: 1 PID: 1 Comm: swapper/0 Not tainted 6.2.0 #1\n"
    (both,) = scan(KCSAN + by + KCSAN_END)
    assert (both.task, both.pid, both.cpu) == ("swapper/0", 1, 1)
    (first,) = scan(KCSAN + KCSAN_END)
    assert (first.task, first.pid, first.cpu) == ("", 10, 24)


def test_who_printed_the_report_is_not_mixed_with_whom_it_is_about() -> None:
    (lockup,) = scan("[    5.000000][   T15] watchdog: Watchdog detected hard LOCKUP on cpu 1\n")
    assert (lockup.pid, lockup.cpu) == (None, 1)


def test_a_frame_beside_the_mark_of_its_stack_is_a_frame() -> None:
    """Linux 4.8 and before: <IRQ> and <EOI> stand on the line of the frame."""
    text = """\
[   29.000001] BUG: soft lockup - CPU#0 stuck for 22s! [insmod:48]
[   29.000002] CPU: 0 PID: 48 Comm: insmod Not tainted 4.8.0 #1
[   29.000003] Call Trace:
[   29.000004]  <IRQ>  [<ffffffff811c8972>] dump_stack+0x5b2/0x5f0
[   29.000007]  <EOI>  [<ffffffff810e4299>] guilty_loop+0x249/0xe90 [mod]
[   29.000008]  [<ffffffff810e5425>] caller_of_guilty+0x545/0x830 [mod]
"""
    (kernel_report,) = scan(text)
    assert kernel_report.frame == "guilty_loop"
    assert kernel_report.stacks[0].frames == (
        "dump_stack+0x5b2/0x5f0",
        "guilty_loop+0x249/0xe90",
        "caller_of_guilty+0x545/0x830",
    )


def test_a_pointer_to_a_function_that_lay_on_the_stack_is_no_frame() -> None:
    found = stale([" ? __pfx_mas_walk+0x10/0x10", " ? mas_walk+0x24/0x1b0", " vma_lookup+0x3b/0xdd"])
    assert [frame.function for frame in found] == ["mas_walk"]


def test_names_of_older_kernels_are_no_more_than_that() -> None:
    role = load_kinds().places.role
    helpers = ["raw_spin_rq_lock_nested", "_raw_spin_lock", "arch_local_irq_enable", "cpus_read_lock"]
    assert all(role(name).is_for_others for name in helpers)
    others = ["raw_sendmsg", "raw_rcv", "spin_table_show", "arch_prepare_kprobe"]
    assert {role(name) for name in others} == {Role.OWN}


WHOLE = [
    path.stem
    for path in sorted(CONSOLE.glob("*.log"))
    if path.stem not in ("reboot-cuts-oops", "lost-messages", "oops-unfinished-then-warning")
    and not path.stem.endswith("-cut")
]


@pytest.mark.parametrize("name", WHOLE)
def test_whole_reports_are_not_called_corrupted(name: str) -> None:
    assert not [kernel_report.title for kernel_report in reports(name) if kernel_report.corrupted]


CUT = [path.stem for path in sorted(CONSOLE.glob("*-cut.log"))]


@pytest.mark.parametrize("name", [*CUT, "reboot-cuts-oops", "lost-messages"])
def test_cut_reports_are_corrupted_and_keep_their_title(name: str) -> None:
    assert only(name).corrupted


@pytest.mark.parametrize("name", ["kasan-uaf-read", "warning-unmap", "oops-null-deref-arm64", "hung-task-arm64"])
def test_a_report_cut_anywhere_keeps_kind_and_says_that_it_is_cut(name: str) -> None:
    """Cut behind each of its lines: never silently another report, and never whole without its trace."""
    _, log = read(CONSOLE / f"{name}.log")
    (whole,) = scan(log)
    lines = log.split(b"\n")
    titles = set()
    for last in range(whole.line_start, whole.line_end):
        found = scan(b"\n".join(lines[:last]))
        assert [kernel_report.kind for kernel_report in found] in ([], [whole.kind])
        titles |= {kernel_report.title for kernel_report in found if not kernel_report.corrupted}
    assert titles <= {whole.title}


def test_a_report_in_the_middle_of_another_does_not_end_it() -> None:
    oops, warning = reports("nested-warning-in-oops")
    assert oops.line_start < warning.line_start < warning.line_end < oops.line_end
    assert not oops.corrupted
    assert "vt_console_print" not in oops.text
    assert oops.text.endswith("---[ end trace 0000000000000000 ]---")


def test_interleaved_cpus_are_told_apart_by_their_callers() -> None:
    _, bug, warning = reports("interleaved-mm-real")
    assert bug.line_start < warning.line_start < warning.line_end < bug.line_end
    assert (bug.pid, warning.pid) == (104, 103)
    assert "T  103]" not in bug.text


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("[", "report-lines.toml:"),
        ("colour = 1", "unknown key colour"),
        ("evidence = 'x'", "evidence: expected a list, got 'x'"),
        ("evidence = ['(']\n[facts]\npatterns = ['(?P<pid>x)']", "evidence[0]: '(': missing )"),
        (
            "evidence = []\ncontinues = ['x']\nlost = ['x']\n[facts]\npatterns = ['(?P<pid>x)']",
            "evidence: one expression",
        ),
        ("evidence = ['x']\ncontinues = ['x']\nlost = ['x']\n[facts]\npatterns = ['(?P<colour>x)']", "groups must be"),
    ],
)
def test_a_wrong_declaration_names_the_key(text: str, what: str) -> None:
    with pytest.raises(BadDeclaration) as caught:
        read_lines(text)
    assert what in caught.value.message


LOCATED = b"""\
[    1.000000][    T1] ------------[ cut here ]------------
[    1.000000][    T1] WARNING: CPU: 0 PID: 1 at a.c:1 new_helper+0x1/0x20
[    1.000000][    T1] RIP: 0010:new_helper+0x1/0x20
[    1.000000][    T1] Call Trace:
[    1.000000][    T1]  drv_start+0x1/0x20
[    1.000000][    T1] ---[ end trace 0000000000000000 ]---
"""


def test_a_vmlinux_knows_files_that_no_table_has() -> None:
    """A function of lib/ that came into the kernel after the table was made."""
    files = {"new_helper+0x1/0x20": "lib/new.c"}
    scanner = Scanner(table=replace(load_kinds(), locate=lambda printed: files.get(printed, "")))
    (with_vmlinux,) = [*scanner.feed(LOCATED), *scanner.close()]
    (without,) = scan(LOCATED)
    assert (with_vmlinux.frame, without.frame) == ("drv_start", "new_helper")


def test_a_decoded_log_knows_files_too() -> None:
    (found,) = scan(LOCATED.replace(b"0010:new_helper+0x1/0x20", b"0010:new_helper+0x1/0x20 lib/new.c:12"))
    assert found.frame == "drv_start"


def test_the_word_of_a_link_register_counts_where_there_is_no_trace() -> None:
    (found,) = scan(
        b"[    1.000000][    T1] Unable to handle kernel NULL pointer dereference at virtual address 00000000\n"
        b"[    1.000000][    T1] Internal error: Oops: 96000004 [#1] SMP\n"
        b"[    1.000000][    T1] pc : __memcpy+0x10/0x80\n"
        b"[    1.000000][    T1] lr : drv_read+0x20/0x60\n"
        b"[    1.000000][    T1] ---[ end trace 0000000000000000 ]---\n"
    )
    assert found.frame == "drv_read"


@pytest.mark.parametrize(
    "printed",
    ["__x64_sys_munmap", "__arm64_sys_munmap", "__do_sys_munmap", "__se_sys_munmap", "SyS_munmap", "SYSC_munmap"],
)
def test_a_system_call_has_one_name(printed: str) -> None:
    frame = code_frame(f" {printed}.isra.0+0x1/0x20")
    assert frame
    assert frame.function == "sys_munmap"


@pytest.mark.parametrize(
    ("line", "function"),
    [
        ("RIP: 0010:f+0x1/0x20", "f"),
        ("RIP: e030:[<ffffffff81000000>]  [<ffffffff81000000>] f+0x1/0x20", "f"),
        ("EIP is at f+0x1/0x20", "f"),
        ("IP: [<ffffffff81000000>] f+0x1/0x20", "f"),
        ("PC is at f+0x1/0x20", "f"),
        ("pc : [<ffffff8008000000>] f+0x1/0x20", "f"),
        ("epc   : 80108880 f+0x1/0x20", "f"),
        ("   era: 900000000410645c f+0x1/0x20", "f"),
        ("NIP [c000000000123456] .f+0x1/0x20", "f"),
        ("--- interrupt: 901 at .f+0x1/0x20", "f"),
        ("[c0000000fe3a3b50] [c000000000123456] .f+0x1/0x20 (unreliable)", "f"),
        ("Krnl PSW : 0704c00180000000 0000000000123456 (f+0x1/0x20)", "f"),
        ("([<0000000000123456>] f+0x1/0x20)", "f"),
        ("TPC: <f+0x1/0x20>", "f"),
        ("[<c0107a1c>] (g) from [<c01046a0>] (f+0x1/0x20)", "f"),
        (" g from f+0x1/0x20", "f"),
        (" <EOI>  [<ffffffff81000000>] f+0x1/0x20 [mod]", "f"),
        (" <IRQ>  [<ffffffff81000000>] f+0x1/0x20", "f"),
        ("kmemleak:     [<00000000a040c523>] f+0x1/0x20", "f"),
        (" f (fs/ext4/inode.c:12)", "f"),
        ("[<(ptrval)>] f+0x1/0x20", "f"),
        (" _RNvMNtCs9_4drv0NtB2_3Drv1f+0x1/0x20 [drv] (P)", "_RNvMNtCs9_4drv0NtB2_3Drv1f"),
        (" drv::Drv::f (/src/drivers/drv.rs:12) drv", "drv::Drv::f"),
        (" <drv::Drv as kernel::pci::Driver>::f (/src/drivers/drv.rs:12) drv", "<drv::Drv as kernel::pci::Driver>::f"),
        (" <drv::Drv as kernel::pci::Driver>::f", None),
        (" f fs/ext4/inode.c:12 [inline]", None),
        (" ? f+0x1/0x20", None),
        ("RIP: 0033:0x7f29f9901ca7", None),
    ],
)
def test_forms_of_frames(line: str, function: str | None) -> None:
    frame = code_frame(line)
    assert (frame.function if frame else None) == function


@pytest.mark.parametrize(
    ("place", "file"),
    [
        ("arch/arm64/kernel/syscall.c:49", "arch/arm64/kernel/syscall.c"),
        ("drivers/net/virtio_net.c:3", "drivers/net/virtio_net.c"),
        ("/home/me/linux/sound/drivers/dummy.c:7", "sound/drivers/dummy.c"),
        ("../mm/mmap.c:7", "mm/mmap.c"),
        ("/src/rust/kernel/sync/arc.rs:7", "rust/kernel/sync/arc.rs"),
    ],
)
def test_the_file_of_a_decoded_frame_is_that_of_the_tree(place: str, file: str) -> None:
    frame = code_frame(f" f+0x1/0x20 {place}")
    assert frame
    assert frame.file == file


def test_an_oops_whose_address_is_on_the_next_line_is_one() -> None:
    """arch/openrisc/mm/fault.c; its die() prints no end marker, so that nothing tells whether it is whole."""
    messages = [
        "Unable to handle kernel NULL pointer dereference",
        " at virtual address 0x00000010",
        "Oops#: 0000",
        "Process cat (pid: 77, stackpage=c1a2c000)",
        "Call trace:",
        "[<(ptrval)>] drv_read+0x14/0x40",
        "[<(ptrval)>] vfs_read+0xb0/0x2c0",
    ]
    (kernel_report,) = scan("".join(f"[   12.000000] {message}\n" for message in messages))
    assert kernel_report.title == "Oops: NULL pointer dereference in drv_read"
    assert (kernel_report.task, kernel_report.pid) == ("cat", 77)


@pytest.mark.parametrize(
    ("function", "role"),
    [
        ("rust_helper_BUG", Role.PRINTER),
        ("_RNvCsgXDX2mvAJAg_7___rustc17rust_begin_unwind", Role.PRINTER),
        ("_RNvNtCs43vyB533jt3_4core9panicking9panic_fmt", Role.PRINTER),
        ("core::option::unwrap_failed", Role.PRINTER),
        ("rust_helper_mutex_lock", Role.LIBRARY),
        ("_RNvXs_NtNtCs3kQkx_5alloc3vec9into_iterINtB4_8IntoIterpENtNtCs4_4core3ops4Drop4drop", Role.LIBRARY),
        ("_RNvMs_NtNtCs3kQkx_6kernel4sync3arcINtB4_3ArcpE3getCs9_11rust_binder", Role.LIBRARY),
        ("_RNvMNtCs3kQkx_6kernel3pciNtB2_6Device10enable_mem", Role.ASKED),
        ("_RNvXs_NtCs3k9_9nova_core6driverNtB4_8NovaCoreNtNtCsj_6kernel3pci6Driver5probe", Role.OWN),
        ("<rust_binder::Process as kernel::file::Operations>::ioctl", Role.OWN),
    ],
)
def test_whose_code_a_function_of_rust_is(function: str, role: Role) -> None:
    """Of a method the crate that has it says it, and not the crates of its types."""
    assert load_kinds().places.role(function, is_module=True) is role


def test_a_report_that_is_said_again_after_its_stack_is_one_report() -> None:
    said = b"[   %d.000000] unregister_netdevice: waiting for eth0 to become free. Usage count = 2\n"
    stack = b"".join(
        b"[   11.00000%d]      %b+0x1/0x20\n" % (at, name) for at, name in enumerate((b"f_hold", b"f_get"))
    )
    (found,) = scan(said % 11 + stack + said % 21 + said % 31)
    assert found.line_end == 5


def test_a_completion_is_where_a_stalled_driver_was_entered() -> None:
    frames = (b"f_complete", b"__usb_hcd_giveback_urb", b"usb_hcd_giveback_urb", b"hcd_timer", b"call_timer_fn")
    (found,) = scan(
        b"[   11.000000] watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [a:1]\n[   11.000001] Call Trace:\n"
        + b"".join(b"[   11.000002]  %b+0x1/0x20\n" % name for name in frames)
    )
    assert found.frame == "f_complete"


def test_a_flood_of_short_reports_that_differ_is_counted_in_full_and_read_in_part() -> None:
    flood = "".join(
        f"[    1.{n:06d}] {'=' * 66}\n[    1.{n:06d}] BUG: KASAN: slab-out-of-bounds in ext4_f{n}+0x1/0x2\n"
        f"[    1.{n:06d}] {'=' * 66}\n"
        for n in range(1010)
    )
    found = scan(flood)
    assert len(found) == 1010
    assert found[999].title == "KASAN: slab-out-of-bounds in ext4_f999"
    assert {report.title for report in found[1000:]} == {"KASAN report"}
    assert {report.outcome for report in found} == {Outcome.CRASH}
    assert {report.damage for report in found[1000:]} == {"it came after too many others"}


def test_who_printed_a_report_that_came_before_is_not_forgotten() -> None:
    found = scan(
        "[    1.000000][   T7] unregister_netdevice: waiting for eth0 to become free. Usage count = 2\n"
        "[    2.000000][   T8] unregister_netdevice: waiting for eth0 to become free. Usage count = 2\n"
    )
    assert [report.pid for report in found] == [7, 8]
