"""orchestrate test --arch X, from the series to the verdict, and what is said about a guest of X that hangs."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from orchestrator.declarations.catalog import load_catalog
from tests.e2e.conftest import Start
from tests.e2e.hanging import root_with

CATALOG = load_catalog()
CASES = {case.name for case in CATALOG.default_cases([CATALOG.kconfig("base")])}
BOOTED = sorted(arch.name for arch in CATALOG.arches.values() if arch.tool and arch.machine)
each = pytest.mark.parametrize("arch", BOOTED)


@each
def test_the_series_is_built_booted_and_tested(start: Start, arch: str) -> None:
    job = start("--patch", "patches/vm_refcnt", "--arch", arch, "--duration", "3")
    assert job.finish() == 0, job.text
    suite = f"base.{arch}.patched"
    cases = {case["case"]: case for case in job.suite(suite)["cases"]}
    assert set(cases) == CASES
    assert {name for name, case in cases.items() if case["outcome"] != "PASS"} == set(), job.text
    facts = job.suite(suite)["facts"]
    assert facts["arch"] == arch
    assert facts["machine"] == CATALOG.arch(arch).machine
    assert facts["build_id"], "the guest's own"
    coverage = job.stage("coverage", suite)
    assert (coverage["outcome"], arch in coverage["message"]) == ("SKIP", True), "not measured, and never 0 %"
    names = {one.get("name", "") for one in ElementTree.parse(job.run_dir / "junit.xml").getroot().iter("testsuite")}
    assert any(name.startswith(f"base.{arch}.gcc-") for name in names), names


@each
def test_a_guest_that_hangs_is_examined_as_far_as_it_can_be(
    start: Start, series_with: Callable[..., Path], tmp_path: Path, arch: str
) -> None:
    """SSH is dead in one case, and a CPU spins in the kernel in the other."""
    root = root_with(tmp_path / "root", "headless", "bug-spin")
    arguments = ("--testcase", "headless", "--testcase", "bug-spin", "--baseline", "never", "--arch", arch)
    patch = ("--patch", str(series_with("hangs-by-name")))
    job = start(*patch, *arguments, env={"ORCHESTRATE_ROOT": str(root)})
    assert job.finish() == 1, job.text
    found = {name: job.case(name, f"base.{arch}.patched") for name in ("headless", "bug-spin")}
    assert "the guest's userspace is dead (the CPUs work" in found["headless"]["message"], found["headless"]
    homes = {
        name: next((job.run_dir / f"base.{arch}.patched").glob(f"**/{name}/**/evidence.txt")).parent for name in found
    }
    asked = (homes["headless"] / "sysrq.txt").read_text()
    assert re.search(r"sysrq: Show State", asked), "by a break on the serial line"
    for home in homes.values():
        evidence = (home / "evidence.txt").read_text()
        assert re.search(r"^memory dump: [\d.]+ MB", evidence, re.MULTILINE), evidence
