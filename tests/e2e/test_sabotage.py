"""Oracles that only a guest can try: what they need is settings, or a kernel, of ours.

ORCHESTRATE_SABOTAGE=CASE:KCONFIG tries those of one more case, on a kernel that may have to be built for it.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.e2e.conftest import ROOT, Start

TRIED = [
    "reclaim:base",
    "exit-faults:base",
    "swap:base",
    "hugetlb:base",
    *os.environ.get("ORCHESTRATE_SABOTAGE", "").split(),
]


def sabotages(case: str, program: Path) -> list[str]:
    """What --self-test-fail can break in a case."""
    directory, lib = ROOT / "testcases" / case, ROOT / "testcases/lib"
    sources = [*directory.glob("*.c"), *lib.glob("*.c")]
    subprocess.run(["gcc", "-std=gnu11", "-static", "-pthread", f"-I{lib}", *sources, "-o", program], check=True)
    listed = subprocess.run([program, "--self-test-fail", "list"], capture_output=True, text=True, check=True)
    return sorted(set(listed.stdout.split()))


@pytest.mark.long
@pytest.mark.parametrize("tried", TRIED)
def test_every_oracle_of_a_case_fails_when_sabotaged(start: Start, own_root: Path, tmp_path: Path, tried: str) -> None:
    name, _, kconfig = tried.partition(":")
    found = sabotages(name, tmp_path / "program")
    path = own_root / "testcases" / name / "testcase.yaml"
    entries = {"clean": {}, **{sabotage: {"args": ["--self-test-fail", sabotage]} for sabotage in found}}
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), "cases": entries}))
    job = start(
        "--patch", "patches/vm_refcnt", "--kconfig", kconfig, "--baseline", "never", "--testcase", name,
        env={"ORCHESTRATE_ROOT": str(own_root)},
    )  # fmt: skip
    assert job.finish() == 1, job.text
    cases = {case["case"].partition(".")[2]: case for case in job.suite(f"{kconfig}.patched")["cases"]}
    clean = cases.pop("clean")
    assert {subtest["outcome"] for subtest in clean["subtests"]} == {"PASS"}, clean
    assert sorted(cases) == found
    for sabotage, case in cases.items():
        assert case["outcome"] in ("FAIL", "NOT_EXERCISED", "TIMEOUT"), (sabotage, case)
        # each subtest that the sabotage breaks notices it by itself
        assert "PASS" not in {subtest["outcome"] for subtest in case["subtests"]}, (sabotage, case)
        # it is the program that notices, nothing is wrong with the kernel (an allocation that fails is no fault of it)
        assert {kernel_report["outcome"] for kernel_report in case["kernel_reports"]} <= {"PASS"}, (sabotage, case)
