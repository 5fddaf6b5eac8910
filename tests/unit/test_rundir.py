"""What a run directory begins with."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.context import Context, Places
from orchestrator.declarations.catalog import load_catalog
from orchestrator.errors import UsageError
from orchestrator.host.process import Cancel, Runner
from orchestrator.invocation.rundir import check_output, claim
from orchestrator.judge.run import RUN
from orchestrator.model.machine import Host
from orchestrator.model.request import Baseline, Request
from orchestrator.parse.patches.series import read_patches
from orchestrator.plan import make_plan
from orchestrator.runs.record import RunRecord, load_record

DIFF = b"--- a/mm/mmap.c\n+++ b/mm/mmap.c\n@@ -1 +1 @@\n-a\n+b\n"


def test_a_patch_without_a_subject_is_called_by_its_files_name(tmp_path: Path) -> None:
    catalog = load_catalog()
    mail = b"From: A <a@example.org>\nSubject: [PATCH] mm: say b\n\n---\n" + DIFF.replace(b"-a\n+b", b"-b\n+c")
    mute = b"Mutant: a-slip\nFrom: own\n---\n" + DIFF
    series = read_patches([("0001-a-slip.patch", mute), ("0002-x.patch", mail)], name="two")
    plan = make_plan(Request(patch="two"), catalog, series, Host(2, 4096))
    context = Context(Places(tmp_path / "cache", tmp_path / "state"), catalog, Runner(Cancel()), lambda event: None)
    with claim(context, plan, "test", tmp_path / "run") as (run_dir, resumed):
        assert not resumed
        assert load_record(RunRecord, run_dir / "run.json").subjects == ("a-slip", "mm: say b")
        assert sorted(path.name for path in (run_dir / "patches").iterdir()) == ["0001-a-slip.patch", "0002-x.patch"]


def test_only_the_same_question_about_the_same_thing_is_resumed(tmp_path: Path) -> None:
    """A bisection makes the request of a test of its bad end, whatever its good end is."""
    catalog = load_catalog()
    plan = make_plan(Request(baseline=Baseline.NEVER), catalog, None, Host(2, 4096))
    context = Context(Places(tmp_path / "cache", tmp_path / "state"), catalog, Runner(Cancel()), lambda event: None)
    made = []
    for about in ("test", "bisect 12..34", "bisect 56..34", "test"):
        with claim(context, plan, about, None) as (run_dir, resumed):
            made.append((run_dir, resumed))
    assert [resumed for _, resumed in made] == [False, False, False, True]
    assert len({run_dir for run_dir, _ in made}) == 3


def test_a_directory_is_refused_for_what_claiming_it_would_be_refused_and_stays_as_it_is(tmp_path: Path) -> None:
    catalog = load_catalog()
    plan = make_plan(Request(), catalog, None, Host(2, 4096))
    context = Context(Places(tmp_path / "cache", tmp_path / "state"), catalog, Runner(Cancel()), lambda event: None)
    ours = tmp_path / "ours"

    def refusal(output: Path) -> str:
        before = {path: path.read_bytes() if path.is_file() else b"" for path in tmp_path.rglob("*")}
        said = ""
        try:
            check_output(plan, "test", output)
        except UsageError as error:
            said = error.message
        assert {path: path.read_bytes() if path.is_file() else b"" for path in tmp_path.rglob("*")} == before
        return said

    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.tex").write_text("")
    for output, words in (
        (tmp_path / "mine", "exists and is not a run directory of ours"),
        (tmp_path / "mine/thesis.tex", "exists and is not a run directory of ours"),
        (tmp_path / "mine/thesis.tex/out", "cannot be written"),
    ):
        assert words in refusal(output)
        with pytest.raises(UsageError), claim(context, plan, "test", output):
            pass
    assert not refusal(tmp_path / "not/there yet")
    assert not refusal(ours)
    with claim(context, plan, "test", ours):
        assert "is in use by another run" in refusal(ours)
    assert not refusal(ours)  # it would be resumed
    (ours / RUN).write_text("{")
    assert "cannot be read" in refusal(ours)
