"""orchestrate mutants: a bug that is noticed, one that is not, one that is none, one that cannot be applied."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.e2e.conftest import ROOT
from tests.valid_json import read_valid


@pytest.fixture(scope="module")
def mutation_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, Path, str]:
    """Exit status, run directory and stdout of one mutation run."""
    run_dir = tmp_path_factory.mktemp("mutants") / "run"
    result = subprocess.run(
        [
            sys.executable, "-m", "orchestrator", "mutants", "--patch", "patches/vm_refcnt", "--no-delays",
            "--mutants", "tests/data/mutants", "--testcase", "fault-vs-munmap", "--duration", "3", "--output", run_dir,
        ],
        cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ, "NO_COLOR": "1"},
    )  # fmt: skip
    assert (run_dir / "matrix.json").exists(), result.stderr
    return result.returncode, run_dir, result.stdout


def rows(run_dir: Path) -> dict[str, Any]:
    return {row["mutant"]: row for row in read_valid(run_dir / "matrix.json")["rows"]}


def test_what_became_of_each(mutation_run: tuple[int, Path, str]) -> None:
    status, run_dir, said = mutation_run
    found = rows(run_dir)
    assert {name: row["status"] for name, row in found.items()} == {
        "no-wait": "KILLED", "forgets-lock": "KILLED", "harmless": "SURVIVED", "same": "SKIPPED", "not-a-body": "ERROR",
    }, said  # fmt: skip
    assert status == 1
    assert found["no-wait"]["kill"]["case"] == "fault-vs-munmap"
    assert 0 < found["no-wait"]["kill"]["guest_s"] < 60
    assert found["forgets-lock"]["kill"]["evidence"].startswith("unlocked write of vm_")
    assert "cannot be switched" in found["not-a-body"]["reason"]
    assert "survivors: harmless" in said


def test_with_no_bug_switched_on_the_kernel_is_clean(mutation_run: tuple[int, Path, str]) -> None:
    _, run_dir, _ = mutation_run
    control = next(s for s in read_valid(run_dir / "report.json")["suites"] if s["name"] == "base.mutated")
    assert [case["outcome"] for case in control["cases"]] == ["PASS"]
    assert b"is on" not in (run_dir / "base.mutated/guest-0/console.log").read_bytes()
    assert b"orchestrate_mutant: 2 is on" in (run_dir / "base.harmless/guest-0/console.log").read_bytes()


def test_a_survivor_is_a_failure_in_junit(mutation_run: tuple[int, Path, str]) -> None:
    _, run_dir, _ = mutation_run
    suite = next(s for s in ElementTree.parse(run_dir / "junit.xml").getroot() if s.get("name", "").endswith("mutants"))
    found = {case.get("name", ""): {child.tag for child in case} for case in suite.iter("testcase")}
    survived = suite.find("testcase[@name='harmless']/failure")
    assert survived is not None
    assert survived.get("type") == "Survived"
    assert "skipped" in found["same"]
    assert "error" in found["not-a-body"]
    assert not found["no-wait"] & {"failure", "error", "skipped"}


def test_the_report_can_be_had_again(mutation_run: tuple[int, Path, str]) -> None:
    status, run_dir, said = mutation_run
    again = subprocess.run(
        [sys.executable, "-m", "orchestrator", "report", run_dir], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (again.returncode, again.stdout) == (status, said)


def test_mutants_are_written_of_the_changed_lines(tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    result = subprocess.run(
        [
            sys.executable, "-m", "orchestrator", "mutants", "vm_refcnt", "--generate", "3",
            "--testcase", "fault-vs-munmap", "--duration", "2", "--output", run_dir,
        ],
        cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ, "NO_COLOR": "1"},
    )  # fmt: skip
    assert (run_dir / "matrix.json").exists(), result.stderr
    found = rows(run_dir)
    tested = {name: row for name, row in found.items() if row["status"] in ("KILLED", "SURVIVED")}
    assert len(tested) == 3, result.stdout
    assert "KILLED" in {row["status"] for row in tested.values()}, result.stdout
    assert {row["status"] for row in found.values()} <= {"KILLED", "SURVIVED", "SKIPPED"}
    assert all(row["place"] and row["breaks"] for row in found.values())
    assert re.search(r"^1 of 1 killed +(?:\d+ not run +)?mm/\S+ \w+\(\) ", result.stdout, re.MULTILINE), "by hunk"
    assert len(result.stdout.splitlines()) < 40, "mutants that are skipped for one reason share a line"
