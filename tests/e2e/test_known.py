"""Kernel reports that are no failure, in real guests: known issues, and what a case is there to provoke."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.e2e.conftest import ROOT, Job, Start, add_case

LINK = "https://bugs.example.org/1"
SYSRQ = 'FILE *f = fopen("/proc/sysrq-trigger", "w"); fputs("c", f); fclose(f); sleep(60);'
KNOWN = """\
- {{title: 'WARNING in __vm_m?unmap', link: '{link}', expires: {expires}}}
- {{title: 'KASAN: .*', link: '{link}', expires: 2099-12-31}}
- {{title: 'KCSAN: .*', link: '{link}', expires: 2099-12-31, kconfigs: [kcsan]}}
"""
UNUSED = f"known issue 'KASAN: .*' was not seen ({LINK})"


def expecting(root: Path, name: str, body: str, title: str) -> None:
    """A case that is there to make the kernel report something."""
    add_case(root, name, body)
    with (root / "testcases" / name / "testcase.yaml").open("a") as declaration:
        declaration.write(f"expects: ['{title}']\n")


@pytest.fixture
def run(start: Start, series_with: Callable[..., Path], own_root: Path) -> Callable[..., Job]:
    """A run of cases on a kernel that warns in fault-vs-munmap, with a list of known issues beside the series."""
    expecting(own_root, "panics", SYSRQ, "Kernel panic: sysrq triggered crash")
    expecting(own_root, "silent", 'puts("ok 1 x");', "WARNING in .*")
    series = series_with("warns-in-munmap")
    (series / "known-issues.yaml").write_text(KNOWN.format(link=LINK, expires="2099-12-31"))

    def begin(*cases: str, more: tuple[str, ...] = ()) -> Job:
        words = [word for case in cases for word in ("--testcase", case)]
        patch = ("--patch", str(series), "--baseline", "never", "--duration", "2")
        return start(*patch, *words, *more, env={"ORCHESTRATE_ROOT": str(own_root)})

    return begin


def test_known_and_expected_reports_are_shown_and_are_no_failure(run: Callable[..., Job], tmp_path: Path) -> None:
    job = run("fault-vs-munmap", "panics")
    assert job.finish() == 0, job.text
    known, expected = job.case("fault-vs-munmap"), job.case("panics")
    assert [(kernel_report["known"], kernel_report["outcome"]) for kernel_report in known["kernel_reports"]] == [
        (LINK, "PASS")
    ]
    assert [(kernel_report["known"], kernel_report["outcome"]) for kernel_report in expected["kernel_reports"]] == [
        ("expected by the case", "PASS")
    ]
    assert [(case["outcome"], case["message"]) for case in (known, expected)] == [("PASS", "")] * 2
    # nothing died that was not to: no diagnosis, and no dump is kept
    assert (expected["diagnosis"], expected["evidence"]) == ("", [])
    assert not list(job.run_dir.glob("**/memory.kdump"))
    title = f"WARNING in __vm_munmap (known: {LINK})"
    assert f"! {title}" in job.text
    assert "! Kernel panic: sysrq triggered crash (known: expected by the case)" in job.text
    assert f"note: {UNUSED}" in job.text
    assert "KCSAN" not in job.text, "no kernel of this run could have shown it"
    junit = ElementTree.parse(job.run_dir / "junit.xml")
    assert junit.find(".//failure") is junit.find(".//error") is None
    said = junit.findtext(".//testcase[@name='fault-vs-munmap']/system-out", "")
    assert f"--- warning: {title}" in said
    _the_same_run_with_other_lists(job, tmp_path)


def _the_same_run_with_other_lists(job: Job, tmp_path: Path) -> None:
    listed = tmp_path / "other.yaml"
    listed.write_text(KNOWN.format(link=LINK, expires="2020-01-31"))
    status, report, said = judged_again(job, "--known-issues", str(listed))
    assert status == 1
    case = report["suites"][0]["cases"][0]
    assert (case["outcome"], case["message"]) == ("FAIL", "WARNING in __vm_munmap")
    assert [kernel_report["known"] for kernel_report in case["kernel_reports"]] == [""]
    pattern = "WARNING in __vm_m?unmap"
    expired = f"known issue {pattern!r} expired on 2020-01-31: it counts again ({LINK})"
    assert report["notes"][-2:] == [expired, UNUSED]
    assert f"note: {expired}" in said
    failure = ElementTree.parse(job.run_dir / "junit.xml").find(".//failure")
    assert failure is not None
    assert failure.attrib["message"] == "WARNING in __vm_munmap"

    listed.write_text(KNOWN.format(link=LINK, expires="2099-12-31").replace("__vm_m?unmap", "__vm_m?unmap.*, kasan"))
    status, report, _ = judged_again(job, "--known-issues", str(listed))
    assert status == 1, "the whole title has to match"

    status, report, _ = judged_again(job)
    assert (status, report["verdict"]) == (0, "CLEAN"), "the list that the run was made with is kept in it"


def test_a_report_that_was_expected_and_did_not_come_is_a_failure(run: Callable[..., Job]) -> None:
    job = run("silent")
    assert job.finish() == 1, job.text
    case = job.case("silent")
    assert (case["outcome"], case["subtests"][0]["outcome"]) == ("FAIL", "PASS")
    missed = "the kernel did not report what the case expects: WARNING in .*"
    assert case["message"] == missed
    failure = ElementTree.parse(job.run_dir / "junit.xml").find(".//failure")
    assert failure is not None
    assert failure.attrib["message"] == missed


@pytest.mark.long
def test_a_run_that_freezes_at_failures_does_not_freeze_at_what_is_known_or_expected(run: Callable[..., Job]) -> None:
    job = run("fault-vs-munmap", "panics", more=("--freeze-on-failure",))
    assert job.finish() == 0, job.text
    assert [case["outcome"] for case in job.suite()["cases"]] == ["PASS", "PASS"]
    assert not job.qemus()


def judged_again(job: Job, *words: str) -> tuple[int, dict[str, Any], str]:
    """Exit status, report and what was said of `orchestrate classify RUN_DIR`."""
    done = subprocess.run(
        [sys.executable, "-m", "orchestrator", "classify", str(job.run_dir), "--json", "-", *words],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    report: dict[str, Any] = json.loads(done.stdout)
    return done.returncode, report, done.stderr
