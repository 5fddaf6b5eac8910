"""orchestrate test --patch patches/vm_refcnt, as the README says, and what it leaves behind."""

from __future__ import annotations

import array
import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import pytest

from orchestrator.declarations import catalog
from tests.e2e.conftest import ROOT, Job, Start

CATALOG = catalog.load_catalog()
CASES = {case.name for case in CATALOG.default_cases([CATALOG.kconfig("base")])}


def test_the_verdict_is_clean(main_job: Job) -> None:
    assert main_job.process.returncode == 0, main_job.text
    assert main_job.report()["verdict"] == "CLEAN", main_job.text
    assert "nothing regressed" in main_job.text
    assert str(main_job.run_dir) in main_job.text


def test_every_case_ran_in_a_real_guest_and_took_the_path(main_job: Job) -> None:
    cases = {case["case"]: case for case in main_job.suite()["cases"]}
    assert set(cases) == CASES
    for name, case in cases.items():
        assert case["outcome"] == "PASS", (name, case["message"])
        assert case["subtests"], name
        for subtest in case["subtests"]:
            metrics = {metric["name"]: metric for metric in subtest["metrics"]}
            assert subtest["outcome"] in ("PASS", "SKIP"), (name, subtest)
            assert subtest["outcome"] == "SKIP" or subtest["time_s"] > 0
            assert subtest["outcome"] == "SKIP" or any(
                m["unit"] == "ops/s" and m["value"] > 0 for m in metrics.values()
            )
    taken = [
        m["value"]
        for c in cases.values()
        for s in c["subtests"]
        for m in s["metrics"]
        if m["name"] == "vma_lock_success"
    ]
    assert sum(taken) > 1000


def test_the_guest_ran_the_kernel_that_was_built(main_job: Job) -> None:
    facts = main_job.suite()["facts"]
    console = (main_job.run_dir / "base.patched/guest-0/console.log").read_text(errors="replace")
    assert facts["release"] == facts["kernel"]
    assert f"Linux version {facts['release']}" in console
    assert len(facts["build_id"]) == 40
    assert facts["cpus"] >= catalog.load_catalog().machine("q35").smp
    assert facts["accelerator"] in ("kvm", "tcg")
    for name in ("base", "compiler", "seed", "series_digest", "machine", "arch", "qemu", "memory_mib"):
        assert facts[name], name


def test_the_kernel_has_the_series(main_job: Job) -> None:
    slabs = subprocess.run(["nm", _vmlinux(main_job)], capture_output=True, text=True, check=True).stdout
    assert " vma_lock_cachep" not in slabs  # the separate slab of locks is what the series removes


def test_junit_shows_stages_cases_and_subtests(main_job: Job) -> None:
    root = ElementTree.parse(main_job.run_dir / "junit.xml").getroot()
    assert (main_job.run_dir.parent / "out/junit.xml").read_bytes() == (main_job.run_dir / "junit.xml").read_bytes()
    names = {(case.attrib["classname"], case.attrib["name"]) for case in root.iter("testcase")}
    suite = root[0].attrib["name"]
    assert re.fullmatch(r"base\.x86_64\.gcc-\d+", suite)
    assert {(f"{suite}.stages", stage) for stage in ("apply", "configure", "build", "boot")} <= names
    for name in CASES:
        assert (f"{suite}.cases", name) in names
        assert sum(classname == f"{suite}.cases.{name}" for classname, _ in names) > 0
    assert root.find(".//failure") is None
    assert root.find(".//error") is None


def test_the_record_holds_what_the_page_promises(main_job: Job) -> None:
    home = main_job.run_dir / "base.patched"
    for name in ("run.json", "report.json", "junit.xml", "reproduce.sh", "patches"):
        assert (main_job.run_dir / name).exists(), name
    for name in ("kernel.json", "config", "reproduce.sh", "guest-0/console.log.times", "guest-0/qemu.argv"):
        assert (home / name).exists(), name
    for name in CASES:
        result = json.loads((home / "cases" / name / "1/result.json").read_text())
        assert result["ending"] == "EXITED"
        assert (home / "cases" / name / "1/stdout").read_text().startswith("KTAP version 1")
        window = (home / "guest-0/console.log").read_bytes()[result["console_from"] : result["console_to"]]
        assert re.search(rb"orchestrate: begin " + name.encode() + rb"\s", window)
        assert re.search(rb"orchestrate: end [0-9a-f]{16} " + name.encode() + rb"\s", window)


def test_an_old_run_is_judged_again_to_the_same_report(main_job: Job) -> None:
    before = json.loads((main_job.run_dir / "report.json").read_text())
    for command in ("classify", "report"):
        result = _orchestrate(command, str(main_job.run_dir), "--json", "-")
        assert result.returncode == 0, result.stderr
        assert json.loads(result.stdout) == before


@pytest.fixture
def again(main_job: Job, start: Start) -> Job:
    """Two cases of the same, later."""
    words = ("--duration", "1", "--testcase", "split-merge", "--testcase", "discard", "-v")
    job = start("--patch", "patches/vm_refcnt", *words)
    assert job.finish() == 0, job.text
    return job


def test_the_same_request_again_compiles_nothing_and_plain_commands_repeat_it(again: Job, tmp_path: Path) -> None:
    for stage in ("apply", "configure", "build"):
        assert again.stage(stage)["cached"], stage
    assert "+ gcc --version" in again.text  # commands are shown
    assert "+ make" not in again.text
    assert "+ gcc -std" not in again.text
    _repeat(again, ["discard", "split-merge"], tmp_path)


@pytest.mark.long
def test_plain_commands_repeat_all_cases(main_job: Job, tmp_path: Path) -> None:
    _repeat(main_job, sorted(CASES), tmp_path)


def _repeat(job: Job, cases: Sequence[str], work: Path) -> None:
    """Run the reproducer on the kernel that was built: all cases pass, and each says how it ended."""
    script = job.run_dir / "base.patched/reproduce.sh"
    text = script.read_text()
    assert "git apply" in text
    assert "make O=build" in text
    kernel, *plugins = (line.split()[-1] for line in text.splitlines() if line.startswith("#   /"))
    # a port of its own: the script's default may be taken here
    env = {**os.environ, "KERNEL": kernel, "WORK": str(work / "work"), "PORT": str(_free_port())}
    env |= dict(zip(("STALLS", "WATCH"), plugins, strict=False))  # none under KVM
    (work / "work").mkdir()
    result = subprocess.run([script], env=env, capture_output=True, text=True, timeout=300, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("KTAP version 1") == len(cases)
    assert "\nnot ok" not in result.stdout
    assert result.stderr.count("orchestrate-sentinel by-hand status=0") == len(cases)
    if plugins:
        assert sum(stalls_in(work / "work/stalls")) > 1000, "CPUs stood still as in the run"
        assert int(re.findall(r"^writes of VMAs that were watched: *(\d+)$", result.stdout, re.MULTILINE)[0]) > 1000
        assert "without its lock" not in result.stdout
        watched, told = (job.run_dir / "base.patched" / f"vma-writes.{name}" for name in ("addresses", "places"))
        assert watched.stat().st_size == 8 * len(told.read_text().splitlines())


def stalls_in(file: Path) -> Sequence[int]:
    """How often CPUs stood still at each place."""
    words = array.array("Q")
    words.frombytes(file.read_bytes())
    return words[1:]


def test_cpus_stood_still_where_the_series_changes_something(main_job: Job) -> None:
    stage = main_job.stage("stalls")
    if stage["outcome"] == "SKIP":
        assert "KVM" in stage["message"]
        return
    count, functions = re.findall(r"at (\d+) places in (\d+) functions", stage["message"])[0]
    stalls = stalls_in(main_job.run_dir / "base.patched/guest-0/stalls")
    assert len(stalls) == int(count) > 10 * int(functions) / 2 > 100
    reached = [number for number in stalls if number]
    assert len(reached) > len(stalls) / 3
    assert max(reached) < 0.05 * sum(stalls), "what runs all the time leaves some for the rest"


def test_writes_of_vmas_were_watched(main_job: Job) -> None:
    stage = main_job.stage("vma-writes")
    if stage["outcome"] == "SKIP":
        assert "KVM" in stage["message"]
        return
    seen = main_job.suite()["facts"]["vma_writes"]
    assert seen > 10_000
    assert stage["message"].startswith(f"{seen:,} writes")


def _orchestrate(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "orchestrator", *args], cwd=ROOT, capture_output=True, text=True, check=False
    )


def _vmlinux(job: Job) -> str:
    script = (job.run_dir / "base.patched/reproduce.sh").read_text()
    image = next(line.split()[-1] for line in script.splitlines() if line.startswith("#   /"))
    return str(Path(image).with_name("vmlinux"))


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_the_kernels_own_userspace_tests_of_vma_c_ran_on_the_host(main_job: Job) -> None:
    stage = main_job.stage("vma-userspace")
    if not Path("/usr/include/x86_64-linux-gnu/urcu.h").exists():
        assert (stage["outcome"], stage["message"]) == ("SKIP", "urcu.h is not installed")
        return
    assert stage["outcome"] == "PASS", stage
    outcomes = {subtest["name"]: subtest["outcome"] for subtest in stage["subtests"]}
    assert set(outcomes.values()) == {"PASS"}
    assert {"merge_existing", "attach_split_merge"} <= set(outcomes)  # the latter is the series' own
