"""The same log in every form in which logs are kept gives the same reports."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.judge.logs import classify_log
from orchestrator.parse.logs.kernel_report import scan
from orchestrator.parse.logs.log_format import BARE, PRINTK, detect
from tests.unit.test_kernel_report_corpus import CORPUS, read, shown

LINE = re.compile(rb"\[ *(\d+)\.(\d{6})\]\[ *([TC]\d+)\] (.*)")
# what a second boot looks like needs the kernel's own clock, callers tell interleaved reports apart, and what we write
# ourselves is in consoles alone
PLAIN = [path for path in CORPUS if not re.match("reboot|interleaved|warning-interleaved|unlocked-write", path.stem)]
NEEDS_CALLER = ("rcu-stall", "hung-task", "nested")

Write = Callable[[int, str, str, bytes], bytes]


def clock(at: int) -> bytes:
    return b"14:%02d:%02d" % (at // 60 % 60, at % 60)


FORMS: dict[str, tuple[str, Write]] = {
    "levels": ("printk", lambda s, us, who, text: b"<4>[%5d.%s][%6s] %s" % (s, us.encode(), who.encode(), text)),
    "rsyslog": (
        "syslog",
        lambda s, us, who, text: (
            b"Nov 22 %s ws-7 kernel: [%5d.%s][%6s] %s" % (clock(s), s, us.encode(), who.encode(), text)
        ),
    ),
    "rsyslog without times": ("syslog", lambda s, us, who, text: b"Nov  2 %s ws-7 kernel: %s" % (clock(s), text)),
    "rfc3339": (
        "syslog",
        lambda s, us, who, text: (
            b"2026-11-22T%s.%s+01:00 ws-7 kernel: [%5d.%s] %s" % (clock(s), us.encode(), s, us.encode(), text)
        ),
    ),
    "journalctl -o short-monotonic": (
        "journal",
        lambda s, us, who, text: b"[%5d.%s] ws-7 kernel: %s" % (s, us.encode(), text),
    ),
    "dmesg -T": ("dmesg-T", lambda s, us, who, text: b"[Sun Nov 22 %s 2026] %s" % (clock(s), text)),
    "dmesg --time-format iso": (
        "dmesg-iso",
        lambda s, us, who, text: b"2026-11-22T%s,%s+01:00 %s" % (clock(s), us.encode(), text),
    ),
    "dmesg -x": (
        "stamped",
        lambda s, us, who, text: b"kern  :warn  : [%5d.%s] %s" % (s, us.encode(), text),
    ),
    "a CI's stamps": (
        "stamped",
        lambda s, us, who, text: (
            b"2026-11-22T%s.0000000Z [%5d.%s][%6s] %s" % (clock(s), s, us.encode(), who.encode(), text)
        ),
    ),
    "netconsole": (
        "kmsg",
        lambda s, us, who, text: b"4,%d,%d%s,-,caller=%s;%s" % (s, s, us.encode(), who.encode(), text),
    ),
    "netconsole with release": (
        "kmsg",
        lambda s, us, who, text: b"6.12.117,4,%d,%d%s,-;%s" % (s, s, us.encode(), text),
    ),
    "netconsole, stamped by its receiver": (
        "kmsg",
        lambda s, us, who, text: (
            b"Nov 22 %s ws-7 4,%d,%d%s,-,caller=%s;%s" % (clock(s), s, s, us.encode(), who.encode(), text)
        ),
    ),
    "journalctl --no-hostname": (
        "syslog",
        lambda s, us, who, text: b"Nov 22 %s.%s kernel: %s" % (clock(s), us.encode(), text),
    ),
    "OpenWrt's logread": (
        "syslog",
        lambda s, us, who, text: b"Sun Nov 22 %s 2026 kern.warn kernel: [%5d.%s] %s" % (clock(s), s, us.encode(), text),
    ),
    "dmesg -T, quoted in a mail": (
        "dmesg-T",
        lambda s, us, who, text: b"> [Sun Nov 22 %s 2026] %s" % (clock(s), text),
    ),
    "dmesg of util-linux 2.41": (
        "printk",
        lambda s, us, who, text: b"[%5d.%s] [%6s] %s" % (s, us.encode(), who.encode(), text),
    ),
    "dmesg -H": (
        "dmesg-H",
        lambda s, us, who, text: (b"[Nov22 14:01] %s" if s % 2 else b"[  +0.000113] %s") % text,
    ),
    "dmesg -d": (
        "dmesg-H",
        lambda s, us, who, text: b"[%5d.%s <    0.000113>] %s" % (s, us.encode(), text),
    ),
    "syslog of a kernel with levels in its lines": (
        "syslog",
        lambda s, us, who, text: b"Nov 22 %s ws-7 kernel:  <3>%s" % (clock(s), text),
    ),
    "a wall clock before each line": (
        "clock",
        lambda s, us, who, text: b"[%s] %s" % (clock(s), text),
    ),
    "pid and CPU behind the time": (
        "printk",
        lambda s, us, who, text: b"[%5d.%s] [pid:66,cpu1,split-merge]%s" % (s, us.encode(), text),
    ),
    "CPU, pid and task behind the time": (
        "printk",
        lambda s, us, who, text: b"<4>[%5d.%s] <1> (1)[66:split-merge]%s" % (s, us.encode(), text),
    ),
    "CPU, task and pid behind the time": (
        "printk",
        lambda s, us, who, text: b"<4>[%5d.%s] [1:    split-merge:   66] %s" % (s, us.encode(), text),
    ),
    "dmesg -r of a kernel without times": ("levels", lambda s, us, who, text: b"<4>%s" % text),
    "dmesg -t": ("bare", lambda s, us, who, text: text),
}
KEEPS_CALLER = {
    "levels",
    "dmesg of util-linux 2.41",
    "rsyslog",
    "a CI's stamps",
    "netconsole",
    "netconsole, stamped by its receiver",
}


def written(log: bytes, write: Write) -> bytes:
    lines = [match.groups() for line in log.split(b"\n") if (match := LINE.fullmatch(line))]
    return b"".join(write(int(s), us.decode(), who.decode(), text) + b"\n" for s, us, who, text in lines)


@pytest.mark.parametrize("name", FORMS)
def test_a_form_is_recognised_and_changes_no_report(name: str) -> None:
    form, write = FORMS[name]
    for path in PLAIN:
        if name not in KEEPS_CALLER and path.stem.startswith(NEEDS_CALLER):
            continue
        expected, log = read(path)
        text = written(log, write)
        assert detect(text).name == form, path.stem
        assert shown(scan(text, detect(text))) == expected, path.stem


def test_other_daemons_do_not_speak_for_the_kernel() -> None:
    text = b"""\
Nov 22 14:00:01 ws-7 kernel: [    5.000000] Run /init as init process
Nov 22 14:00:02 ws-7 sshd[812]: BUG: KASAN: slab-use-after-free in f+0x1/0x2
Nov 22 14:00:02 ws-7 sshd[812]: Call Trace:
Nov 22 14:00:03 ws-7 systemd[1]: Kernel panic - not syncing: said by a daemon
"""
    assert detect(text).name == "syslog"
    assert scan(text, detect(text)) == ()


def test_a_few_lines_of_a_program_do_not_hide_the_kernels_form() -> None:
    log = (CORPUS[0].parent / "kasan-uaf-read.log").read_bytes()
    assert detect(b"2026-11-22 14:00:01 INFO starting\n" * 3 + log + b"ok 1 a\n" * 500).name == "printk"
    assert detect(b"") is BARE


def test_garbage_on_the_line_is_no_hindrance() -> None:
    expected, log = read(CORPUS[0].parent / "warning-unmap.log")
    assert shown(scan(b"\x1b[0m" + log.replace(b"\n[", b"\n\x00\xfe\x1b[2J["))) == expected


# --- a console that is a file: lines that ran into one another

KERNEL = "[    5.{:06d}][   T66] {}"
OOPS = [
    "BUG: kernel NULL pointer dereference, address: 0000000000000010",
    "Oops: Oops: 0000 [#1] SMP",
    "RIP: 0010:vma_start_read+0x14/0xa0",
    "---[ end trace 0000000000000000 ]---",
]


def console(*messages: str) -> list[bytes]:
    return [KERNEL.format(number, message).encode() for number, message in enumerate(messages)]


def test_a_report_behind_a_programs_open_line_is_found_in_a_file_only() -> None:
    lines = console("Run /init as init process", *OOPS)
    text = lines[0] + b"\nloading the mod" + b"\n".join(lines[1:]) + b"\n"
    form = detect(text)
    (kernel_report,) = scan(text, form)
    assert (kernel_report.title, kernel_report.line_start) == (
        "Oops: kernel NULL pointer dereference in vma_start_read",
        2,
    )
    assert kernel_report.offset == text.index(lines[1])
    assert [kernel_report.title for kernel_report in scan(text, PRINTK)] == [
        "Oops in vma_start_read"
    ]  # from its second line on


def test_a_quoted_kernel_line_needs_evidence() -> None:
    lines = console("Run /init as init process", "all is well")
    text = b"\n".join([lines[0], b"expected: [    5.000000][   T66] BUG: KASAN: slab-use-after-free in f", lines[1]])
    assert scan(text, detect(text)) == ()


def test_a_boot_in_the_middle_of_a_line_cuts_the_report() -> None:
    first = b"[    0.000000][    T0] Linux version 6.12.117 (o@o)"
    lines = console(*OOPS[:3])
    text = first + b"\n" + b"\n".join(lines) + b"\n[    5.0001" + first + b"\n"
    (kernel_report,) = scan(text, detect(text))
    assert (kernel_report.title, kernel_report.corrupted) == (
        "Oops: kernel NULL pointer dereference in vma_start_read",
        True,
    )


def test_a_log_pasted_into_a_mail_is_read_behind_its_margin() -> None:
    for path in PLAIN:
        expected, log = read(path)
        quoted = b"".join(b"> " + line + b"\n" for line in written(log, FORMS["dmesg -t"][1]).splitlines())
        if not path.stem.startswith(NEEDS_CALLER):
            assert shown(scan(quoted, detect(quoted))) == expected, path.stem


def test_a_log_in_the_middle_of_a_text_is_read_behind_a_margin_of_its_own() -> None:
    """An indented block of a mail or of a page, whose other lines have another margin or none."""
    expected, log = read(CORPUS[0].parent / "lockdep-inconsistent.log")
    block = b"".join(b"\t" + line + b"\n" for line in written(log, FORMS["dmesg -t"][1]).splitlines())
    text = b"The callers take the lock with plain spin_lock(). Found by lockdep:\n\n" + block + b"\nThe fix is below.\n"
    (kernel_report,) = scan(text, detect(text))
    assert shown((kernel_report,)) == expected
    assert kernel_report.stacks == scan(log)[0].stacks


def test_reports_quoted_with_other_margins_are_all_found() -> None:
    logs = [read(CORPUS[0].parent / f"{name}.log") for name in ("bad-rss-anon", "warning-unmap", "kasan-uaf-read")]
    text = b""
    for margin, (_, log) in zip([b"> > ", b"> ", b"    "], logs, strict=True):
        text += b"".join(margin + line + b"\n" for line in written(log, FORMS["dmesg -t"][1]).splitlines())
    found = shown(scan(text, detect(text)))
    assert found == [title for expected, _ in logs for title in expected]


def test_what_syslogd_writes_to_all_terminals_is_the_kernels() -> None:
    text = b"""\
Nov 22 14:00:01 ws-7 kernel: [ 1016.740000] perf: interrupt took too long (2501 > 2500)
Message from syslogd@ws-7 at Nov 22 14:00:02 ...
 kernel:[ 1016.841821] watchdog: BUG: soft lockup - CPU#5 stuck for 23s! [split-merge:4176]
"""
    assert detect(text).name == "syslog"
    assert [(kernel_report.title, kernel_report.line_start) for kernel_report in scan(text, detect(text))] == [
        ("soft lockup", 3)
    ]


@pytest.mark.parametrize("cut", [b"", b"841821] ", b"1016.841821] "])
def test_a_log_that_begins_in_the_middle_of_a_reports_first_line(cut: bytes) -> None:
    lines = console(*OOPS)
    text = cut + OOPS[0].encode() + b"\n" + b"\n".join(lines[1:]) + b"\n"
    (kernel_report,) = scan(text, detect(text))
    assert (kernel_report.title, kernel_report.line_start) == (
        "Oops: kernel NULL pointer dereference in vma_start_read",
        1,
    )


def test_a_program_between_the_kernels_lines_reports_nothing() -> None:
    said = b"WARNING: CPU: 0 PID: 1 at mm/mmap.c:1\nBUG: KASAN: use-after-free in f\nKernel panic - not syncing: no\n"
    lines = console("Run /init as init process", "all is well", "random: crng init done")
    text = said.join(line + b"\n" for line in lines)
    assert detect(text).name == "printk"
    assert scan(text, detect(text)) == ()


def test_the_later_lines_of_a_message_belong_to_its_report() -> None:
    """dmesg and journalctl print the second line of a message behind spaces, not behind the prefix again."""
    text = b"""\
[   39.147689] WARNING: suspicious RCU usage
[   39.147693] 6.12.117 #1 Not tainted
[   39.147700] mm/memory.c:36 suspicious rcu_dereference_check() usage!
[   39.147703]
               other info that might help us debug this:

[   39.147710] 1 lock held by gup/66:
[   39.147713]  #0: ffff907626480230 (&mm->mmap_lock){++++}-{3:3}, at: lock_mm_and_find_vma+0x3b/0x3d0
[   39.147828]
               stack backtrace:
[   39.147832] CPU: 0 PID: 66 Comm: gup Not tainted 6.12.117 #1
[   39.147838] Call Trace:
[   39.147846]  dump_stack+0x77/0x97
[   39.147864]  follow_page_pte+0x190/0x1a0
"""
    (kernel_report,) = scan(text, detect(text))
    assert (kernel_report.title, kernel_report.corrupted) == ("lockdep: suspicious RCU usage in follow_page_pte", False)
    assert (kernel_report.line_start, kernel_report.line_end) == (1, 14)


def test_without_any_prefix_a_programs_words_are_no_report() -> None:
    quoting = b"""\
== test 3: does the parser see "BUG: KASAN"?
BUG: KASAN: slab-use-after-free in vma_start_read
Kernel panic - not syncing: that is what it would say
WARNING: CPU: 0 PID: 1 at mm/mmap.c:1
INFO: this is no kernel
ok 3
"""
    assert detect(quoting) is BARE
    assert scan(quoting, BARE) == ()


def test_without_any_prefix_the_last_word_of_a_kernel_is_one() -> None:
    text = b"No filesystem could mount root, tried:\n\nKernel panic - not syncing: VFS: no root\n\n"
    assert [kernel_report.title for kernel_report in scan(text, detect(text))] == ["Kernel panic: VFS: no root"]


# --- files


def test_a_gzip_file_is_read_and_a_damaged_one_is_an_error(tmp_path: Path) -> None:
    data = gzip.compress((CORPUS[0].parent / "kasan-uaf-read.log").read_bytes())
    (tmp_path / "whole.gz").write_bytes(data)
    (tmp_path / "half.gz").write_bytes(data[: len(data) // 2])
    assert [kernel_report.kind for kernel_report in classify_log(tmp_path / "whole.gz").reports] == ["kasan"]
    assert classify_log(tmp_path / "half.gz").error
    assert classify_log(tmp_path / "none").error == "No such file or directory"
