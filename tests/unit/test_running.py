"""However a run ends, what it found out is told, and what ended it is raised."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NoReturn

import pytest

from orchestrator.arguments.parser import parser
from orchestrator.commands import report as report_command
from orchestrator.context import Context, Places
from orchestrator.declarations.catalog import load_catalog
from orchestrator.errors import HostRefused, Interrupted, OrchestrateError, UsageError
from orchestrator.events import Event, StageStarted
from orchestrator.host.process import Cancel, Runner
from orchestrator.invocation.compose import Invocation
from orchestrator.invocation.outputs import Outputs
from orchestrator.invocation.rundir import claim
from orchestrator.invocation.running import run_test
from orchestrator.jobs.build import Finders
from orchestrator.judge import run
from orchestrator.judge.verdict import verdict
from orchestrator.model.kernel import Role
from orchestrator.model.machine import Host
from orchestrator.model.outcome import Outcome, Verdict
from orchestrator.model.report import Answer, CaseResult, Comparison, RunReport, StageResult, SuiteReport
from orchestrator.model.request import Request
from orchestrator.plan import make_plan
from orchestrator.runs.record import KERNEL, KernelRecord, RunRecord, load_record, save_record
from orchestrator.settings.keys import Settings


def unused(*_: object) -> NoReturn:
    raise AssertionError("the run ends before")


SETTLED = Comparison(Answer.REGRESSION, True, 0.01, 5, 0, 5, "failed 5 of 5 and 0 of 5")
REGRESSED = CaseResult("bad", Outcome.FAIL, Outcome.FAIL, "exit status 3", 1.0, comparison=SETTLED)


class Bug(Exception):
    """Nobody's situation."""


def ended_by(
    error: Exception, home: Path, outputs: Outputs | None = None, found: KernelRecord | None = None
) -> RunReport:
    """A run that this ends when its first stage is announced, and that has found this by then."""

    def stop(event: Event) -> None:
        if isinstance(event, StageStarted):
            if found:
                save_record(found, home / "run" / found.name / KERNEL)
            raise error

    context = Context(Places(home / "cache", home / "state"), load_catalog(), Runner(Cancel()), stop)
    plan = make_plan(Request(testcases=("gup",)), context.catalog, None, Host(2, 4096))
    invocation = Invocation(context, plan, Finders(base=unused, accel=unused))
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


@pytest.mark.parametrize("error", [Bug("it was us"), HostRefused("it was it"), UsageError("it was you")])
def test_trouble_before_the_base_was_asked_leaves_reports_that_agree_with_the_exit_status(
    tmp_path: Path, error: Exception
) -> None:
    status = error.fault.value if isinstance(error, OrchestrateError) else 3

    broken = StageResult("build", Outcome.FAIL, 1.0, "mm/mmap.c:1: error", is_patch_fault=True)
    found = KernelRecord("base.patched", "base", Role.PATCHED, "2026-01-01T00:00:00", (broken,))
    with pytest.raises(type(error)):
        ended_by(error, tmp_path, found=found)
    report = json.loads((tmp_path / "run/report.json").read_text())
    assert Verdict[report["verdict"]].exit_status == status
    assert report["reason"].endswith("; by then: base.patched: build failed (mm/mmap.c:1: error)")
    assert 'failures="0"' in (tmp_path / "run/junit.xml").read_text().split("<testsuite ")[0]
    args = parser().parse_args(["report", str(tmp_path / "run")])
    args.settings = Settings()
    assert report_command.run(args) == status  # and so does the report of that run, again


def test_what_is_certain_about_the_patch_decides_and_the_trouble_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    certain = verdict(
        [SuiteReport("base.patched", "base", Role.PATCHED, (), (REGRESSED,), "")], False, trouble="it was it"
    )
    monkeypatch.setattr(run, "verdict", lambda *_, **__: certain)
    report = ended_by(HostRefused("it was it"), tmp_path)
    assert report.verdict is Verdict.PATCH_AT_FAULT
    assert "it was it" in capsys.readouterr().err


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
