"""The examples for timers and CI servers: their schemas, and what they run."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from orchestrator.arguments.parser import parser
from orchestrator.declarations.catalog import load_catalog
from orchestrator.nights.plan_file import read_plan
from tests.integration.conftest import git
from tests.integration.test_nightly import PLAN

EXAMPLES = Path(__file__).resolve().parents[2] / "docs/examples/nightly"


def load(name: str) -> Any:
    """YAML as CI servers read it: `on` is a key."""
    return yaml.load((EXAMPLES / name).read_text(), Loader=yaml.BaseLoader)


def test_the_plan_is_one(tmp_path: Path) -> None:
    for name in ("linux", "series", "mail/linux-mm/cur"):
        (tmp_path / name).mkdir(parents=True)
    shutil.copy(EXAMPLES / "night.yaml", tmp_path)
    plan = read_plan(tmp_path / "night.yaml", load_catalog(), lambda words: parser().parse_args([*words]) and None)
    assert [entry.name for entry in (*plan.trees, *plan.series)] == ["mm", "mine", "inbox"]
    assert [suite.name for suite in plan.series[0].suites] == ["default", "each-patch", "mutation"]


@pytest.mark.parametrize(
    ("name", "schema"), [("github-actions.yml", "github-workflows.json"), ("gitlab-ci.yml", "gitlab-ci.json")]
)
def test_ci_files_hold_to_their_schemas(name: str, schema: str) -> None:
    text = files("check_jsonschema").joinpath(f"builtin_schemas/vendor/{schema}").read_text()
    data = yaml.safe_load((EXAMPLES / name).read_text())
    if True in data:  # YAML 1.1 takes `on` for true
        data["on"] = data.pop(True)
    found = json.loads(text)
    jsonschema.validators.validator_for(found)(found).validate(data)
    broken = {**data, "jobs": {"night": {"stpes": []}}} if "jobs" in data else {"night": {"script": 1}}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validators.validator_for(found)(found).validate(broken)


def scripts(name: str) -> list[str]:
    """What an example has a shell do, in its order."""
    if name == "github-actions.yml":
        return [step["run"] for step in load(name)["jobs"]["night"]["steps"] if "run" in step]
    if name == "gitlab-ci.yml":
        return list(load(name)["night"]["script"])
    return re.findall(r"sh\(.*?script: '([^']+)'\)", (EXAMPLES / name).read_text())


def artifacts(name: str) -> list[str]:
    """The files that an example hands on."""
    return re.findall(r"night\.(?:md|json|xml)", (EXAMPLES / name).read_text())


@pytest.mark.parametrize("name", ["github-actions.yml", "gitlab-ci.yml", "Jenkinsfile"])
def test_what_they_run_runs(name: str, tmp_path: Path, tree: Path) -> None:
    git(tree, "branch", "next")
    plan = re.sub(r"results: .*", "results: {markdown: night.md, json: night.json, junit: night.xml}", PLAN)
    (tmp_path / "night.yaml").write_text(plan)
    bin_dir = tmp_path / "bin"
    bin_dir.mkdir()
    program = bin_dir / "orchestrate"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m orchestrator "$@"\n')
    program.chmod(0o755)
    env = {
        **os.environ, "PATH": f"{bin_dir}:{os.environ['PATH']}", "HOME": str(tmp_path / "home"),
        "XDG_STATE_HOME": str(tmp_path / "home/state"), "XDG_CACHE_HOME": str(tmp_path / "home/cache"),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "step.md"),
    }  # fmt: skip
    found = scripts(name)
    done = [
        subprocess.run(["bash", "-e", "-o", "pipefail", "-c", script], cwd=tmp_path, env=env, check=False).returncode
        for script in found
    ]
    assert done[0] == 1, "the tree cannot be configured: that is new"
    assert set(done[1:]) <= {0}
    wanted = artifacts(name)
    assert {*wanted} == {"night.md", "night.json", "night.xml"}
    assert all((tmp_path / file).stat().st_size for file in wanted)
    if name == "github-actions.yml":
        assert (tmp_path / "step.md").read_text() == (tmp_path / "night.md").read_text()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    for name in ("orchestrate-nightly.service", "orchestrate-nightly.timer"):
        text = (EXAMPLES / name).read_text()
        text = text.replace("/opt/orchestrate/.venv/bin/orchestrate", "/bin/true").replace("User=ci", "User=root")
        (tmp_path / name).write_text(text)
    units = sorted(str(path) for path in tmp_path.iterdir())
    command = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no"]
    done = subprocess.run([*command, *units], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    calendar = re.search(r"OnCalendar=(.+)", (EXAMPLES / "orchestrate-nightly.timer").read_text())
    assert calendar
    subprocess.run(["systemd-analyze", "calendar", calendar[1]], check=True, capture_output=True)
    (tmp_path / "orchestrate-nightly.service").write_text("[Service]\nTpye=oneshot\nExecStart=/nowhere\n")
    assert subprocess.run([*command, *units], capture_output=True, text=True, check=False).stderr
