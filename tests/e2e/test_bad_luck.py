"""Guests that freeze or die, programs that flood or lie, full disks, users with no patience."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from orchestrator.context import Places
from tests.e2e.conftest import ROOT, Start, add_case, flip_bytes, pids, program, working_directory

PATCH = ("--patch", "patches/vm_refcnt", "--baseline", "never")
TWO = ("--testcase", "fault-vs-munmap", "--testcase", "split-merge")


@pytest.mark.long
def test_a_frozen_guest_is_noticed_within_ten_seconds(start: Start) -> None:
    job = start(*PATCH, *TWO, "--duration", "40")
    job.wait_for(r"\] fault-vs-munmap \.\.\.")
    time.sleep(2)
    [pid] = job.qemus()
    os.kill(pid, signal.SIGSTOP)
    frozen_s = time.monotonic()
    job.wait_for("guest.*not answered")
    assert time.monotonic() - frozen_s < 10.5
    job.wait_for(r"\] split-merge \.\.\.")  # a fresh guest runs the rest
    job.process.send_signal(signal.SIGINT)
    assert job.finish() == 130
    case = job.case("fault-vs-munmap")
    assert case["outcome"] == "TIMEOUT"
    assert "not answered" in case["message"]
    assert not job.qemus()


def test_a_kernel_that_crashes_is_a_crash_and_the_rest_runs(start: Start, own_root: Path) -> None:
    crash = 'fflush(stdout); FILE *f = fopen("/proc/sysrq-trigger", "w"); fputs("c", f); fclose(f); sleep(60);'
    add_case(own_root, "crasher", crash)
    arguments = ("--testcase", "crasher", "--testcase", "split-merge", "--duration", "2")
    job = start(*PATCH, *arguments, env={"ORCHESTRATE_ROOT": str(own_root)})
    assert job.finish() == 1, job.text
    case = job.case("crasher")
    assert case["outcome"] == "CRASH"
    assert case["kernel_reports"]
    assert "sysrq" in case["message"].lower()
    assert job.case("split-merge")["outcome"] == "PASS"


@pytest.mark.long
def test_a_case_whose_qemu_the_host_kills_cannot_be_judged(start: Start) -> None:
    job = start(*PATCH, *TWO, "--duration", "6")
    job.wait_for(r"\] fault-vs-munmap \.\.\.")
    time.sleep(1)
    [pid] = job.qemus()
    os.kill(pid, signal.SIGKILL)
    assert job.finish() == 0, job.text
    spoiled, other, again = job.suite()["attempts"]
    assert (spoiled["case"], spoiled["is_host_fault"], other["case"]) == ("fault-vs-munmap", True, "split-merge")
    assert spoiled["message"] == "the host ended QEMU by SIGKILL"
    assert (again["case"], again["number"], again["outcome"]) == ("fault-vs-munmap", 2, "PASS")
    assert job.case("fault-vs-munmap")["number"] == 2, "what the host spoiled says nothing where another attempt ended"
    assert job.report()["verdict"] == "CLEAN"


@pytest.mark.long
def test_a_qemu_that_crashes_at_boot_is_started_once_more(start: Start) -> None:
    job = start(*PATCH, *TWO[:2], "--duration", "1")
    job.wait_for(r"boot \.\.\.")
    until = time.monotonic() + 20
    while not job.qemus() and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(0.3)
    os.kill(job.qemus()[0], signal.SIGSEGV)
    assert job.finish() == 0, job.text
    assert "QEMU crashed (SIGSEGV); booting once more" in job.text
    assert (job.run_dir / "base.patched/guest-0.crashed/console.log").exists()


@pytest.mark.parametrize(
    ("moment", "signum"),
    [
        ("case", signal.SIGINT),
        pytest.param("case", signal.SIGKILL, marks=pytest.mark.long),
        pytest.param("boot", signal.SIGINT, marks=pytest.mark.long),
        pytest.param("boot", signal.SIGKILL, marks=pytest.mark.long),
    ],
)
def test_a_stopped_run_leaves_no_qemu_and_resumes(start: Start, moment: str, signum: signal.Signals) -> None:
    job = start(*PATCH, *TWO, "--duration", "3")
    job.wait_for({"boot": r"boot \.\.\.", "case": r"\] split-merge \.\.\."}[moment])
    time.sleep(0.5)
    job.process.send_signal(signum)
    status = job.finish(60)
    assert status == (130 if signum == signal.SIGINT else -signal.SIGKILL)
    until = time.monotonic() + 5
    while job.qemus() and time.monotonic() < until:
        time.sleep(0.1)
    assert not job.qemus()
    if signum == signal.SIGINT:
        assert job.report()["verdict"] == "INTERRUPTED"
        assert job.case("split-merge")["is_not_run"], "what was planned is in the report"
        assert ElementTree.parse(job.run_dir / "junit.xml").find(".//error") is not None, "never green"
    again = start(*PATCH, *TWO, "--duration", "3")
    assert again.finish() == 0, again.text
    cases = again.suite()["cases"]
    assert [case["outcome"] for case in cases] == ["PASS", "PASS"]
    if moment == "case":  # what had finished was not run again
        assert "fault-vs-munmap: PASS" not in again.text
        assert "resum" in again.text


@pytest.mark.long
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGKILL])
def test_a_build_that_is_stopped_resumes(
    start: Start, series_with: Callable[..., Path], tmp_path: Path, signum: signal.Signals
) -> None:
    # a tree that no build has seen: the comment makes it unique
    lines = (ROOT / "patches/broken/warns-in-munmap.patch").read_text().splitlines(keepends=True)
    first = next(n for n, line in enumerate(lines) if line.startswith("+") and not line.startswith("+++"))
    lines[first] = lines[first].rstrip("\n") + f" /* {os.urandom(8).hex()} */\n"
    patch = tmp_path / "fresh.patch"
    patch.write_text("".join(lines))
    arguments = ("--patch", str(series_with(patch)), *TWO[:2], "--duration", "1", "--baseline", "never")
    job = start(*arguments)
    job.wait_for(r"build \.\.\.")
    time.sleep(3)
    job.process.send_signal(signum)
    assert job.finish(60) == (130 if signum == signal.SIGINT else -signal.SIGKILL)
    if signum == signal.SIGINT:
        assert not _makes()
    again = start(*arguments)
    assert again.finish() in (0, 1), again.text
    assert again.stage("build")["outcome"] == "PASS"
    assert again.suite()["cases"]


def test_a_git_that_was_killed_does_not_block_the_next_run(start: Start, series_with: Callable[..., Path]) -> None:
    stale = next(Places.of_user().bases.glob("linux-source-*/patched")).with_name("patched.index.lock")
    stale.touch()
    with (stale.parent / "patched.lock").open() as worktree_lock:  # not while another test builds
        fcntl.flock(worktree_lock, fcntl.LOCK_EX)
    job = start("--patch", str(series_with("does-not-compile")), *TWO[:2], "--baseline", "never")
    assert job.finish() == 1, job.text
    assert job.stage("build")["outcome"] == "FAIL"
    assert not stale.exists()


@pytest.mark.long
def test_two_runs_at_the_same_time_share_the_cache(start: Start) -> None:
    jobs = [start(*PATCH, *TWO[:2], "--duration", "2", output=f"run-{n}") for n in range(2)]
    assert [job.finish() for job in jobs] == [0, 0], jobs[0].text + jobs[1].text


@pytest.mark.long
def test_the_same_run_directory_is_not_shared(start: Start) -> None:
    first = start(*PATCH, *TWO, "--duration", "5")
    first.wait_for(r"boot \.\.\.")
    second = start(*PATCH, *TWO, "--duration", "5")
    assert second.finish() == 2
    assert "in use by another run" in second.text
    assert first.finish() == 0, first.text


def test_a_program_that_prints_a_panic_has_not_panicked(start: Start, own_root: Path) -> None:
    add_case(own_root, "liar", r'puts("[    1.000000][    T1] Kernel panic - not syncing: not really\nok 1 said");')
    job = start(*PATCH, "--testcase", "liar", env={"ORCHESTRATE_ROOT": str(own_root)})
    assert job.finish() == 0, job.text
    assert job.case("liar")["outcome"] == "PASS"


def test_a_flood_of_output_is_cut_counted_and_survived(start: Start, own_root: Path) -> None:
    flood = (
        'static char line[1000]; memset(line, 120, 999); for (int i = 0; i < 50000; i++) puts(line); puts("ok 1 x");'
    )
    add_case(own_root, "flood", flood)
    job = start(*PATCH, "--testcase", "flood", "--testcase", "split-merge", "--duration", "2",
                env={"ORCHESTRATE_ROOT": str(own_root)})  # fmt: skip
    assert job.finish() == 1, job.text
    case = job.case("flood")
    assert "printed too much" in case["message"] or "no result" in case["message"]
    assert job.case("split-merge")["outcome"] == "PASS"
    assert (job.run_dir / "junit.xml").stat().st_size < 1 << 20


def test_a_program_that_fills_the_guests_disk_is_told_from_one_that_failed(start: Start, own_root: Path) -> None:
    fill = (
        'static char block[1 << 20]; FILE *f = fopen("/tmp/all", "w"); setbuf(f, NULL);'
        ' while (fwrite(block, sizeof(block), 1, f) == 1) ; puts("ok 1 x"); return 1;'
    )
    add_case(own_root, "filler", fill, timeout_s=60)
    arguments = ("--testcase", "filler", "--testcase", "split-merge", "--duration", "1")
    job = start(*PATCH, *arguments, env={"ORCHESTRATE_ROOT": str(own_root)})
    assert job.finish() == 1, job.text
    assert job.case("filler")["message"] == "the program could not write any more: the guest's /tmp is full"
    assert "its /tmp is full" in job.text
    assert job.case("split-merge")["outcome"] == "PASS"  # in a fresh guest


def test_a_program_may_leave_its_last_line_open_on_stderr(start: Start, own_root: Path) -> None:
    add_case(own_root, "open-line", 'puts("ok 1 x"); fputs("no newline", stderr);')
    job = start(*PATCH, "--testcase", "open-line", env={"ORCHESTRATE_ROOT": str(own_root)})
    assert job.finish() == 0, job.text


def test_a_case_that_reports_nothing_is_never_green(start: Start, own_root: Path) -> None:
    add_case(own_root, "silent", "")
    job = start(*PATCH, "--testcase", "silent", env={"ORCHESTRATE_ROOT": str(own_root)})
    assert job.finish() == 1, job.text
    assert job.case("silent")["outcome"] == "FAIL"


@pytest.mark.long
def test_a_program_that_never_ends_is_ended_and_the_guest_stays(start: Start, own_root: Path) -> None:
    add_case(own_root, "stuck", "fflush(stdout); for (;;) pause();", timeout_s=1)
    job = start(*PATCH, "--testcase", "stuck", "--duration", "1", env={"ORCHESTRATE_ROOT": str(own_root)})
    assert job.finish() == 1, job.text
    assert job.case("stuck")["outcome"] == "TIMEOUT"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    where = tmp_path / "small"
    where.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", where], check=False, capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip("mounting a small file system needs root")
    yield where
    subprocess.run(["umount", "-l", where], check=True)


@pytest.mark.long
def test_a_full_disk_is_named(small_disk: Path) -> None:
    import sys

    result = subprocess.run(
        [sys.executable, "-m", "orchestrator", "test", *PATCH, *TWO, "--output", str(small_disk / "run")],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 3, result.stderr
    assert "run.json: No space left on device" in result.stderr
    assert "Traceback" not in result.stderr


def test_kvm_that_cannot_run_guests_is_refused_with_the_evidence(start: Start) -> None:
    from orchestrator.declarations import catalog
    from orchestrator.guest.accel import probe
    from orchestrator.host.process import Cancel, Runner

    found = probe(catalog.load_catalog().accel("kvm"), Runner(Cancel()))
    if found.works:
        pytest.skip("KVM works on this host")
    job = start(*PATCH, *TWO[:2], "--accel", "kvm", "--duration", "1")
    assert job.finish() == 2, job.text
    assert "--accel kvm: " in job.text
    assert "hint" in job.text or "--accel auto" in job.text


def _makes() -> list[int]:
    """Makes that work where these tests build; another run may be building another role."""
    return [pid for pid in pids() if "/patched/.build-base" in working_directory(pid) and program(pid).endswith("make")]


def test_a_run_goes_on_with_a_damaged_product_made_anew(start: Start, own_root: Path) -> None:
    add_case(own_root, "alone", f'puts("ok 1 here"); /* {time.time_ns()} */')  # so that no other run has its initramfs
    arguments, environment = ("--testcase", "alone"), {"ORCHESTRATE_ROOT": str(own_root)}
    made = Places.of_user().cache / "store/programs"
    before = set(made.glob("*/initramfs.cpio"))
    first = start(*PATCH, *arguments, env=environment)
    assert first.finish() == 0, first.text
    (initramfs,) = set(made.glob("*/initramfs.cpio")) - before
    flip_bytes(initramfs)
    again = start(*PATCH, *arguments, output="again", env=environment)
    assert again.finish() == 0, again.text
    assert "the initramfs in the store had been damaged since it was made, and has been dropped" in again.text
    assert "it is made anew" in again.text
