"""Guests that hang and crash in known ways, and what is then said about them: condition, evidence, diagnosis.

One kernel carries all bugs; which one bites depends on the name of the program (patches/broken/hangs-by-name.patch).
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.conftest import ROOT, Job, Start
from tests.e2e.hanging import root_with

AREA = "10000000-10004000"
HANGS = (
    "bug-leak",
    "bug-wakeup",
    "bug-self",
    "bug-mmap-self",
    "bug-spin",
    "slow",
    "headless",
    "switches-off",
    "crasher",
)


@pytest.fixture
def run(start: Start, series_with: Callable[..., Path], tmp_path: Path) -> Callable[..., Job]:
    """A run of cases from tests/e2e/hanging.py on the kernel with the bugs."""

    def begin(*cases: str, more: tuple[str, ...] = ()) -> Job:
        root = root_with(tmp_path / "root", *cases)
        arguments = [word for case in cases for word in ("--testcase", case)]
        patch = ("--patch", str(series_with("hangs-by-name")), "--baseline", "never")
        return start(*patch, *arguments, *more, env={"ORCHESTRATE_ROOT": str(root)})

    return begin


@pytest.mark.long
def test_each_hang_is_told_from_the_others_and_explained(run: Callable[..., Job]) -> None:
    job = run(*HANGS)
    assert job.finish() == 1, job.text
    said = {name: job.case(name)["diagnosis"] for name in HANGS}
    wait = r"\(pid \d+\) waits in __vma_start_write for"
    for name, sentence in {
        "bug-leak": rf"writer bug-leak {wait} 1 reader of VMA {AREA}; no task holds it: leaked reference",
        "bug-wakeup": rf"writer bug-wakeup {wait} the readers of VMA {AREA}; no reader remains: lost wake-up",
        "bug-self": rf"writer bug-self {wait} 1 reader of VMA {AREA}; it is one itself: self-deadlock",
        "bug-mmap-self": rf"bug-mmap-self {wait} the mmap_lock of bug-mmap-self, which it holds itself: self-deadlock",
        "bug-spin": r"bug-spin \(pid \d+\) runs in handle_mm_fault on CPU \d",
        "slow": r"slow \(pid \d+\) runs in .* on CPU \d",
        "headless": r"headless \(pid \d+\) sleeps in \w+",
        "switches-off": r"poweroff \(pid \d+\) halted the guest: CPU \d stands in native_halt",
        "crasher": r"the kernel panicked in sysrq_handle_crash, run by crasher .*: sysrq triggered crash",
    }.items():
        assert re.fullmatch(sentence, said[name]), said[name]
    for name, words in {
        "bug-leak": "it left tasks that nothing can end: the test hangs (its tasks: 1 blocked)",
        "bug-wakeup": "the test hangs (its tasks: 2 blocked)",
        "bug-self": "the test hangs (its tasks: 1 blocked)",
        "bug-spin": "the kernel hangs on a CPU (CPU",
        "slow": "the test is slow (its tasks: 1 at work)",
        "headless": "the guest's userspace is dead (the CPUs work",
        "switches-off": "the guest was halted or powered off from within (its kernel has stopped all 2 CPUs",
        "crasher": "Kernel panic",
    }.items():
        assert words in job.case(name)["message"], job.case(name)["message"]
    assert {name: job.case(name)["outcome"] for name in HANGS} == dict.fromkeys(HANGS, "TIMEOUT") | {"crasher": "CRASH"}
    _evidence_is_kept_and_bounded(job)
    _postmortem_can_be_had_again(job)


def _evidence_is_kept_and_bounded(job: Job) -> None:
    names = {name: {Path(path).name for path in job.case(name)["evidence"]} for name in HANGS}
    for name in HANGS:
        assert {"evidence.txt", "postmortem.txt"} <= names[name]
        assert all((job.run_dir / path).stat().st_size for path in job.case(name)["evidence"])
    assert sum("memory.kdump" in found for found in names.values()) == 5
    assert "was not kept" in (job.run_dir / "base.patched/cases/crasher/1/postmortem.txt").read_text()
    blocked = (job.run_dir / "base.patched/cases/bug-self/1/sysrq.txt").read_text()
    assert "sysrq: Show Blocked State" in blocked
    assert "__vma_start_write" in blocked
    assert "NMI backtrace for cpu" in blocked
    junit = (job.run_dir / "junit.xml").read_text()
    assert "no task holds it: leaked reference" in junit
    assert "cases/bug-leak/1/postmortem.txt]]" in junit
    # our questions are no part of what the kernel said
    assert "sysrq: Show" not in job.case("bug-self")["console"]


def _postmortem_can_be_had_again(job: Job) -> None:
    case = job.run_dir / "base.patched/bug-leak"
    shown = orchestrate("postmortem", "--print", str(case))
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout == (job.run_dir / "base.patched/cases/bug-leak/1/postmortem.txt").read_text()
    typed = "print(hex(vma(facts.mms[0].vmas[0].address).vm_refcnt.refs.counter), task(1).comm)\n"
    drgn = orchestrate("postmortem", str(case), stdin=typed)
    assert "0x1 " in drgn.stdout, drgn.stderr
    assert '"init"' in drgn.stdout
    gone = orchestrate("postmortem", str(job.run_dir / "base.patched/crasher"))
    assert gone.returncode == 2
    assert "left no memory dump" in gone.stderr


@pytest.mark.long
def test_a_guest_that_qemu_does_not_run_is_the_hosts_doing(run: Callable[..., Job]) -> None:
    job = run("slow", more=("--duration", "15"))
    job.wait_for(r"\] slow \.\.\.")
    time.sleep(1)
    [pid] = job.qemus()
    os.kill(pid, signal.SIGSTOP)
    assert job.finish() == 1, job.text
    spoiled, again = job.suite()["attempts"]
    assert "QEMU does not run the guest (QEMU is stopped on the host (state T))" in spoiled["message"]
    assert spoiled["is_host_fault"]
    assert [Path(path).name for path in spoiled["evidence"]] == ["evidence.txt"]
    assert (again["number"], again["outcome"], again["is_host_fault"]) == (2, "TIMEOUT", False), "it is run once more"
    assert job.case("slow")["number"] == 2


def test_a_frozen_guest_waits_for_its_user(run: Callable[..., Job]) -> None:
    job = run("bug-self", "slow", more=("--freeze-on-failure",))
    assert job.finish() == 1, job.text
    [pid] = job.qemus()
    try:
        assert job.case("bug-self")["outcome"] == "TIMEOUT"
        assert "planned, and not run" in job.case("slow")["message"]
        assert f"`kill {pid}` ends it" in job.text
        console = job.run_dir / "base.patched/guest-0/console.log"
        before = console.stat().st_size
        shell = orchestrate(
            "shell", str(job.run_dir), "--", "sh", "-c", "cat /proc/[0-9]*/comm; echo hello >/dev/kmsg; exit 7"
        )
        assert shell.returncode == 7, shell.stderr
        assert "bug-self" in shell.stdout
        assert "the guest is paused again" in shell.stderr
        assert b"hello" in console.read_bytes()[before:]
    finally:
        os.kill(pid, signal.SIGKILL)
    until = time.monotonic() + 10
    while job.qemus() and time.monotonic() < until:
        time.sleep(0.1)
    gone = orchestrate("shell", str(job.run_dir))
    assert gone.returncode == 2
    assert "no guest of this run is there any more" in gone.stderr


@pytest.mark.long
def test_a_guest_is_frozen_while_its_report_is_new(start: Start, series_with: Callable[..., Path]) -> None:
    """The kernel warns once and says nothing after that."""
    job = start(
        "--patch", str(series_with("warns-in-munmap")), "--baseline", "never", "--freeze-on-failure",
        "--testcase", "fault-vs-munmap", "--duration", "60",
    )  # fmt: skip
    try:
        assert job.finish() == 1, job.text
        case = job.case("fault-vs-munmap")
        assert case["kernel_reports"][0]["title"].startswith("WARNING in ")
        assert case["time_s"] < 30
        assert len(job.qemus()) == 1
    finally:
        for pid in job.qemus():
            os.kill(pid, signal.SIGKILL)


def test_gdb_finds_a_guest_that_has_not_begun() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "orchestrator", "boot", "--patch", "vm_refcnt", "--gdb"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr
    port = next(match[1] for line in process.stderr if (match := re.search(r"target remote 127.0.0.1:(\d+)", line)))
    assert _gdb(int(port), "?").startswith("T05")  # stopped, as gdb's remote protocol says it
    _gdb(int(port), "D")  # detach: it goes on
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert "6.12.117" in out


def _gdb(port: int, packet: str) -> str:
    """One packet of gdb's remote protocol, and the answer."""
    import socket

    with socket.create_connection(("127.0.0.1", port), timeout=10) as server:
        checksum = sum(packet.encode()) % 256
        server.sendall(f"+${packet}#{checksum:02x}".encode())
        answer = b""
        while b"#" not in answer:
            answer += server.recv(4096)
        server.sendall(b"+")
        return answer.decode().partition("$")[2].partition("#")[0]


def orchestrate(*words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "orchestrator", *words],
        cwd=ROOT, input=stdin, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
