"""Series that are wrong in known ways: where the run stops, whose fault it is, and with which evidence."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.e2e.conftest import ROOT, Start

With = Callable[..., Path]
QUICK = ("--duration", "2", "--testcase", "fault-vs-munmap", "--testcase", "split-merge", "--baseline", "never")


def test_a_warning_is_attributed_to_the_case_in_whose_window_it_came(start: Start, series_with: With) -> None:
    job = start("--patch", str(series_with("warns-in-munmap")), *QUICK)
    assert job.finish() == 1, job.text
    case, other = job.case("fault-vs-munmap"), job.case("split-merge")
    assert case["outcome"] == "FAIL"
    assert [kernel_report["kind"] for kernel_report in case["kernel_reports"]] == ["warning"]
    assert case["message"].startswith("WARNING in ")
    assert "0x" not in case["message"]
    assert other["outcome"] == "PASS"
    assert not other["kernel_reports"]
    # a tainted kernel is replaced: the next case must not run blind
    assert (job.run_dir / "base.patched/guest-1/console.log").exists()
    failure = ElementTree.parse(job.run_dir / "junit.xml").find(".//failure")
    assert failure is not None
    assert failure.attrib["message"] == case["message"]
    line = "WARN(is_victim_munmap(50),"
    assert re.search(r"^>> __vm_munmap +mm/mmap\.c:\d+ \[10/10\] +WARN", failure.text or "", re.MULTILINE)
    assert re.search(rf"__vm_munmap at mm/mmap\.c:\d+: {re.escape(line)}", job.text)
    assert "written by 10/10 mm: warn in the 50th munmap() of fault-vs-munmap" in job.text


def test_an_oops_is_a_crash_and_the_rest_still_runs(start: Start, series_with: With) -> None:
    job = start("--patch", str(series_with("oops-in-munmap")), *QUICK)
    assert job.finish() == 1, job.text
    case, other = job.case("fault-vs-munmap"), job.case("split-merge")
    assert case["outcome"] == "CRASH"
    assert any(kernel_report["kind"] == "oops" for kernel_report in case["kernel_reports"])
    assert "NULL" in case["message"] or "null" in case["message"]
    assert other["outcome"] == "PASS"
    assert job.report()["verdict"] == "PATCH_AT_FAULT"
    (oops,) = [kernel_report for kernel_report in case["kernel_reports"] if kernel_report["kind"] == "oops"]
    frames = [frame for frame in oops["frames"] if frame["is_reliable"]]
    assert len(frames) >= 5
    assert all(frame["places"] for frame in frames), "every frame of a real report has its line"
    culprit = frames[0]["places"][0]
    assert (culprit["function"], culprit["file"], culprit["mark"]) == ("__vm_munmap", "mm/mmap.c", "LINE")
    assert culprit["text"] == r'pr_info("munmap: deliberate oops %d\n", *deliberate_null);'
    full = (job.run_dir / oops["file"]).read_text()
    assert all(line in full for line in oops["text"].splitlines())


@pytest.mark.long
def test_a_panic_at_boot_stops_the_boot_stage(start: Start, series_with: With) -> None:
    job = start("--patch", str(series_with("panics-at-boot")), *QUICK)
    assert job.finish() == 1, job.text
    boot = job.stage("boot")
    assert boot["outcome"] == "CRASH"
    assert "panic" in boot["message"].lower()
    assert "deliberate" in boot["message"].lower()
    assert boot["time_s"] < 60
    cases = job.suite()["cases"]
    assert [(case["outcome"], case["message"]) for case in cases] == [("SKIP", "not run: boot failed")] * 2
    assert not job.qemus()
    failure = ElementTree.parse(job.run_dir / "junit.xml").find(".//failure")
    assert failure is not None
    assert re.search(r"^>> mmap_init +mm/mmap\.c:\d+ \[10/10\] +panic\(", failure.text or "", re.MULTILINE)


@pytest.mark.long
def test_a_panic_before_the_console_is_set_up_is_heard(start: Start, series_with: With) -> None:
    job = start("--patch", str(series_with("panics-before-its-console")), *QUICK)
    assert job.finish() == 1, job.text
    boot = job.stage("boot")
    assert boot["outcome"] == "CRASH"
    assert "maple_tree_init: deliberate panic" in boot["message"], boot
    assert boot["time_s"] < 60


@pytest.mark.long
def test_a_hang_at_boot_is_found_at_its_limit(start: Start, series_with: With) -> None:
    job = start("--patch", str(series_with("hangs-at-boot")), *QUICK, "--boot-timeout", "15")
    assert job.finish() == 1, job.text
    boot = job.stage("boot")
    assert boot["outcome"] == "CRASH"
    assert "did not finish booting within 15 s" in boot["message"]
    assert re.search(r": swapper/0 \(pid 1\) runs in spin_for_ever on CPU \d", boot["message"]), boot["message"]
    assert (job.run_dir / "base.patched/guest-0/postmortem.txt").read_text().startswith("swapper/0 (pid 1)")
    assert "sysrq: Show" not in boot["console"]
    assert boot["console"], "the last thing that the kernel said"
    assert 15 <= boot["time_s"] < 30
    assert not job.qemus()


def test_what_does_not_compile_is_named_by_its_first_error(start: Start, series_with: With) -> None:
    job = start("--patch", str(series_with("does-not-compile")), *QUICK)
    assert job.finish() == 1, job.text
    build = job.stage("build")
    assert build["outcome"] == "FAIL"
    assert "mm/" in build["message"]
    assert "undeclared" in build["message"]
    assert "error:" in build["detail"]
    assert job.stage("apply")["outcome"] == "PASS"


def test_a_series_that_does_not_apply_names_file_and_hunk(start: Start) -> None:
    job = start("--patch", "patches/broken/does-not-apply.patch", *QUICK)
    assert job.finish() == 1, job.text
    apply = job.stage("apply")
    assert apply["outcome"] == "FAIL"
    assert "mm/memory.c, hunk 2" in apply["message"]
    assert "6.12.117" in apply["message"]
    assert "while searching for" in apply["detail"]
    assert [stage["stage"] for stage in job.suite()["stages"]] == ["accelerator", "toolchain", "base", "apply"]


@pytest.mark.long
def test_a_patch_that_only_a_later_one_mends_is_found_by_each_patch(start: Start, tmp_path: Path) -> None:
    """vm_refcnt in one patch that does not compile, and a second one that mends it: the whole is fine."""
    broken = (ROOT / "patches/broken/does-not-compile.patch").read_text()
    slip = broken[broken.index("diff --git") :].partition("\n-- \n")[0] + "\n"
    mails = [path.read_text() for path in sorted((ROOT / "patches/vm_refcnt").glob("*.patch"))]
    diffs = [mail[mail.index("\ndiff --git") + 1 :] for mail in mails if "\ndiff --git" in mail]
    mend = slip.replace("-1847,6 +1847,7", "-1847,7 +1847,6").replace("\n+\tnr_heap", "\n-\tnr_heap")
    series = tmp_path / "series"
    series.mkdir()
    for number, (subject, diff) in enumerate((("all of it", "".join([*diffs, slip])), ("mend it", mend)), 1):
        (series / f"{number:04d}.patch").write_text(
            f"From: A <a@example.org>\nSubject: [PATCH {number}/2] mm: {subject}\n\n---\n{diff}"
        )
    job = start("--patch", str(series), *QUICK, "--each-patch")
    assert job.finish() == 1, job.text
    assert [case["outcome"] for case in job.suite()["cases"]] == ["PASS", "PASS"]
    assert job.stage("vma-userspace")["outcome"] == "PASS", "it does not link without vm_refcnt"
    build = job.stage("build", "base.patch-1")
    assert build["outcome"] == "FAIL"
    assert "nr_heap_extensions" in build["message"]
    assert "base.patch-1: build failed" in job.report()["reason"]
    assert "patch 1/2 mm: all of it is the first that does not build or boot" in job.report()["reason"]


@pytest.mark.long
@pytest.mark.parametrize(
    ("patch", "words"),
    [
        ("breaks-kconfig", "the tree cannot be configured: mm/Kconfig:"),
        ("drops-per-vma-lock", "the kernel's configuration dropped CONFIG_PER_VMA_LOCK_STATS=y"),
    ],
)
def test_a_configuration_that_only_the_base_has_is_the_patchs_fault(start: Start, patch: str, words: str) -> None:
    job = start("--patch", f"patches/broken/{patch}.patch", "--testcase", "split-merge")
    assert job.finish() == 1, job.text
    assert words in job.report()["reason"]
    configure = job.stage("configure")
    assert (configure["outcome"], configure["is_patch_fault"]) == ("FAIL", True)
    assert job.stage("configure", "base.baseline")["outcome"] == "PASS"
    assert "build" not in [stage["stage"] for stage in job.suite("base.baseline")["stages"]], (
        "nothing is compiled for it"
    )
    assert job.report()["verdict"] == "PATCH_AT_FAULT"
