"""However a run ends, what it found out is told, and what ended it is raised."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NoReturn

import pytest

from orchestrator.catalog import load_catalog
from orchestrator.commands.compose import Invocation
from orchestrator.commands.outputs import Outputs
from orchestrator.commands.rundir import claim
from orchestrator.commands.running import run_test
from orchestrator.context import Context, Places
from orchestrator.errors import Interrupted
from orchestrator.jobs.build import Finders
from orchestrator.judge import run
from orchestrator.model.machine import Host
from orchestrator.model.outcome import Verdict
from orchestrator.model.report import RunReport
from orchestrator.model.request import Request
from orchestrator.plan import make_plan
from orchestrator.process import Cancel, Runner
from orchestrator.record import RunRecord, load_record


class Bug(Exception):
    """Nobody's situation."""


def ended_by(error: Exception, home: Path, outputs: Outputs | None = None) -> RunReport:
    """A run that this ends when its first stage begins."""

    def stop(*_: object) -> NoReturn:
        raise error

    context = Context(Places(home / "cache", home / "state"), load_catalog(), Runner(Cancel()), lambda event: None)
    plan = make_plan(Request(testcases=("gup",)), context.catalog, None, Host(2, 4096))
    invocation = Invocation(context, plan, Finders(base=stop, accel=stop))
    with claim(context, plan, "test", home / "run") as (run_dir, _), (outputs or Outputs()).copied(run_dir):
        return run_test(invocation, run_dir)


def test_what_ends_a_run_is_raised_and_stands_in_its_reports(tmp_path: Path) -> None:
    outputs = Outputs(str(tmp_path / "j.xml"), str(tmp_path / "r.json"))
    with pytest.raises(Bug):
        ended_by(Bug("it was us"), tmp_path, outputs)
    report = json.loads((tmp_path / "run/report.json").read_text())
    assert (report["verdict"], report["reason"]) == ("NO_VERDICT", "Bug: it was us")
    assert "it was us" in (tmp_path / "run/junit.xml").read_text()
    assert (tmp_path / "j.xml").read_bytes() == (tmp_path / "run/junit.xml").read_bytes()
    assert (tmp_path / "r.json").read_bytes() == (tmp_path / "run/report.json").read_bytes()
    record = load_record(RunRecord, tmp_path / "run/run.json")
    assert (record.finished, record.trouble) == (False, "Bug: it was us")


def test_an_interrupted_run_has_a_report_and_raises_nothing(tmp_path: Path) -> None:
    report = ended_by(Interrupted("^C"), tmp_path)
    assert report.verdict is Verdict.INTERRUPTED
    assert (tmp_path / "run/report.json").is_file()
    assert not load_record(RunRecord, tmp_path / "run/run.json").finished


def test_a_report_that_cannot_be_made_does_not_hide_what_ended_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unjudgeable(*_: object, **__: object) -> NoReturn:
        raise ValueError("another bug")

    monkeypatch.setattr(run, "judge_run", unjudgeable)
    with pytest.raises(Bug):
        ended_by(Bug("it was us"), tmp_path, Outputs(str(tmp_path / "j.xml")))
    with pytest.raises(ValueError, match="another bug"):
        ended_by(Interrupted("^C"), tmp_path)
    assert not (tmp_path / "j.xml").exists()
