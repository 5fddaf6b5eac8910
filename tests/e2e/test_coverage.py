"""What the default cases execute of vm_refcnt: nearly all of it, and what they do not is explained here."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from tests.e2e.conftest import Job, Start, add_case

RACE = "a reader meets a writer within a few instructions: microseconds, by chance"
EXPLAINED = {
    "vma_ref_put_foreign": "the VMA was freed and reused by another process between the walk and the reference",
    "mmdrop_async": "called by it alone, apart from errors of exec",
    "vma_start_read": f"{RACE}; the two statements about another process's VMA as above",
    "lock_vma_under_rcu": f"{RACE}: the VMA was detached, or its range changed, after the walk",
    "vma_mark_detached": f"{RACE}: a reader holds the VMA that is being unmapped",
    "vma_keep_readers_out": RACE,
    "vma_start_read_locked": "fails with 2^30 readers; is called only when userfaultfd does not get a VMA's lock",
    "uffd_move_lock": "the same two, and what follows from the first",
    "uffd_lock_vma": "the same",
    "vma_assert_locked": "called with the above",
}


def places(report: dict[str, Any], state: str) -> list[tuple[str, str, str]]:
    """File, function and text of the statements in a state."""
    (suite,) = (one for one in report["suites"] if one["name"] == "base.patched")
    return [
        (file["file"], one["function"], one["text"])
        for file in suite["coverage"]["files"]
        for one in file["statements"]
        if one["state"] == state
    ]


def test_the_default_cases_execute_what_can_be_executed(main_job: Job) -> None:
    info, xml = (main_job.run_dir.parent / "out" / name for name in ("c.info", "c.xml"))
    assert main_job.process.returncode == 0, main_job.text
    report = main_job.report()
    hit, missed = places(report, "HIT"), places(report, "NEVER_HIT")
    assert len(hit) > 100
    unexplained = [place for place in missed if place[1] not in EXPLAINED]
    assert not unexplained
    assert f"{len(hit)} of {len(hit) + len(missed)} changed statements ran" in main_job.text
    assert info.read_text().count("SF:") == len(ElementTree.parse(xml).getroot().findall(".//class")) > 5
    coverage = main_job.suite()["coverage"]
    assert coverage["cases"][0] == "boot"
    assert set(coverage["cases"][1:]) == {case["case"] for case in main_job.suite()["cases"]}
    hitters = {
        one["text"]: {case["case"] for case in one["cases"]} for file in coverage["files"] for one in file["statements"]
    }
    assert {"boot", "split-merge", "uffd"} <= hitters["refcount_set_release(&vma->vm_refcnt, 1);"]
    assert hitters["vma_cache_init();"] == {"boot"}
    not_compiled = {text for _, _, text in places(report, "NOT_COMPILED")}
    assert "struct lockdep_map vm_dep_map;" in not_compiled
    attached = next(
        one
        for file in coverage["files"]
        for one in file["statements"]
        if one["text"] == "int old = refcount_read(r);" and one["copies"]
    )
    assert len(attached["copies"]) > 1, "an inlined function has a copy in each of its callers"


def test_a_demand_that_is_not_met_fails_the_run(start: Start) -> None:
    job = start("--patch", "patches/vm_refcnt", "--testcase", "discard", "--duration", "1", "--coverage-min", "99.9")
    assert job.finish() == 1, job.text
    assert job.report()["verdict"] == "FAILED"
    assert job.stage("coverage")["outcome"] == "FAIL"
    root = ElementTree.parse(job.run_dir / "junit.xml").getroot()
    failures = [(case.get("name"), failure.get("type")) for case in root.iter("testcase") for failure in case]
    assert ("coverage", "Coverage") in failures


def test_what_a_dying_guest_executed_is_kept(start: Start, own_root: Path) -> None:
    body = 'FILE *f = fopen("/proc/sysrq-trigger", "w");\n\tfputs("c", f);\n\tfclose(f);'
    add_case(own_root, "panics", body)
    job = start(
        "--patch", "patches/vm_refcnt", "--testcase", "panics", "--baseline", "never", "--budget", "1",
        env={"ORCHESTRATE_ROOT": str(own_root)},
    )  # fmt: skip
    job.finish()
    assert job.case("panics")["outcome"] == "CRASH", job.text
    coverage = job.suite()["coverage"]
    assert coverage["cases"] == ["boot", "panics"]
    by_case = [case["case"] for file in coverage["files"] for one in file["statements"] for case in one["cases"]]
    assert by_case.count("panics") > 10, "its program was forked, executed, and faulted pages in"


def test_it_can_be_left_out(start: Start) -> None:
    job = start("--patch", "patches/vm_refcnt", "--testcase", "discard", "--duration", "1", "--no-coverage")
    assert job.finish() == 0, job.text
    assert job.suite()["coverage"] is None
    assert not [stage for stage in job.suite()["stages"] if stage["stage"] == "coverage"]
    assert not list(job.run_dir.rglob("coverage*"))
