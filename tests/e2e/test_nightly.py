"""A night with real guests: two items, killed in the second, and continued."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.e2e.conftest import ROOT, pids, program, working_directory

PLAN = f"""\
series:
  refcnt:
    patch: {ROOT}/patches/vm_refcnt
    suites: [quick, other]
suites:
  quick: {{testcases: [split-merge], duration: 2s, options: [--baseline, never]}}
  other: {{testcases: [fork-fault, split-merge], duration: 3s, options: [--baseline, never]}}
"""


def begin(plan: Path, tmp_path: Path) -> subprocess.Popen[str]:
    env = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state"), "NO_COLOR": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "orchestrator", "nightly", plan],
        env=env, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def qemus(night: Path) -> list[int]:
    return [pid for pid in pids() if working_directory(pid).startswith(f"{night}/") and "qemu-system" in program(pid)]


def items(night: Path) -> dict[str, dict[str, Any]]:
    return {item["name"]: item for item in json.loads((night / "night.json").read_text())["items"]}


def test_a_night_that_is_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    plan = tmp_path / "night.yaml"
    plan.write_text(PLAN)
    process = begin(plan, tmp_path)
    assert process.stderr
    said = []
    for line in process.stderr:
        said.append(line)
        if "] split-merge ..." in line and any(one.startswith("[2/2]") for one in said):
            break
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    [night] = (tmp_path / "state/orchestrate/nights").glob("2*")
    before = items(night)
    assert sorted(item["state"] for item in before.values()) == ["DONE", "RUNNING"], "".join(said)
    done = begin(plan, tmp_path)
    out, err = done.communicate(timeout=600)
    assert done.returncode == 0, err
    assert "1 item to run, continued" in err
    assert not qemus(night)
    after = items(night)
    for name, item in after.items():
        assert (item["state"], item["verdict"]) == ("DONE", "CLEAN"), name
        assert before[name]["directory"] == item["directory"]
        if before[name]["state"] == "DONE":
            assert before[name] == item, "what is done is not done again"
    [resumed] = [item for name, item in after.items() if before[name]["state"] == "RUNNING"]
    report = json.loads(Path(resumed["directory"], "report.json").read_text())
    assert {case["outcome"] for case in report["suites"][0]["cases"]} == {"PASS"}
    assert "0 new failures; 2 of 2 items ran" in out
    again = begin(plan, tmp_path)
    out, err = again.communicate(timeout=60)
    assert again.returncode == 0, err
    assert "2 skipped" in out
    assert "nothing changed" in out
