"""The report files where the user wants them too, the summary where it is left a stream."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TextIO

import pytest

from orchestrator.errors import HostRefused, UsageError
from orchestrator.invocation.outputs import Outputs
from orchestrator.invocation.targets import check_target, write_target
from orchestrator.reporters import stream


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    (tmp_path / "junit.xml").write_text("<testsuites/>")
    (tmp_path / "report.json").write_text("{}")
    (tmp_path / "summary.md").write_text("### fine")
    (tmp_path / "annotations.txt").write_text("::notice::fine")
    (tmp_path / "report.sarif").write_text('{"runs": []}')
    (tmp_path / "kcidb.json").write_text('{"version": {}}')
    (tmp_path / "squad.json").write_text("[]")
    (tmp_path / "reply.mbox").write_text("From mboxrd@z")
    return tmp_path


def show(where: TextIO) -> None:
    stream.tell("the summary\n", where)


def test_copies_are_made_where_they_are_wanted(run_dir: Path) -> None:
    outputs = Outputs(str(run_dir / "new/j.xml"), str(run_dir / "new/r.json"))
    assert outputs.deliver(run_dir, 0, show) == 0
    assert (run_dir / "new/j.xml").read_text() == "<testsuites/>"
    assert (run_dir / "new/r.json").read_text() == "{}"


def test_the_file_itself_is_there_already(run_dir: Path) -> None:
    outputs = Outputs(str(run_dir / "junit.xml"), str(run_dir / "report.json"))
    assert outputs.deliver(run_dir, 0, show) == 0
    assert (run_dir / "junit.xml").read_text() == "<testsuites/>"


@pytest.mark.parametrize(
    ("option", "report"),
    [
        ("junit", "<testsuites/>"),
        ("json", "{}"),
        ("markdown", "### fine"),
        ("annotations", "::notice::fine"),
        ("sarif", '{"runs": []}'),
        ("kcidb", '{"version": {}}'),
        ("squad", "[]"),
        ("reply", "From mboxrd@z"),
    ],
)
def test_a_dash_is_stdout_and_the_summary_moves_to_stderr(
    run_dir: Path, option: str, report: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(run_dir)
    outputs = Outputs(**{option: "-"})
    outputs.check()
    assert outputs.deliver(run_dir, 1, show) == 1
    assert capsys.readouterr() == (report, "the summary\n")
    assert not Path("-").exists()


def test_stdout_holds_one_report() -> None:
    with pytest.raises(UsageError, match="--junit - and --json -"):
        Outputs("-", "-").check()
    with pytest.raises(UsageError, match="--json - and --markdown - and --sarif -"):
        Outputs(json="-", markdown="-", sarif="-").check()


@pytest.mark.parametrize(("verdict", "status"), [(1, 1), (0, 3)])
def test_what_cannot_be_written_is_named_and_hides_no_verdict(
    run_dir: Path, verdict: int, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    target = run_dir / "junit.xml/j"
    outputs = Outputs(str(target), str(run_dir / "r.json"))
    assert outputs.deliver(run_dir, verdict, show) == status
    assert (run_dir / "r.json").read_text() == "{}"
    said = capsys.readouterr()
    assert said.out == "the summary\n"
    assert said.err.startswith(f"orchestrate: {target}: ")
    assert f"the report is {run_dir / 'junit.xml'}" in said.err


@pytest.mark.parametrize("target", ["/", "."])
def test_what_cannot_be_written_is_known_before_the_run(target: str) -> None:
    with pytest.raises(UsageError, match="is a directory"):
        Outputs(junit=target).check()
    with pytest.raises(UsageError, match="is a directory"):
        Outputs(json=target).check()
    with pytest.raises(UsageError, match="cannot be written"):
        Outputs(json="/dev/null/report.json").check()


def test_a_summary_that_nobody_can_read_changes_no_verdict(run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        outputs = Outputs(str(run_dir / "j.xml"), str(run_dir / "r.json"))
        assert outputs.deliver(run_dir, 1, show) == 1
    assert (run_dir / "j.xml").is_file()
    assert (run_dir / "r.json").is_file()


def test_a_series_that_nobody_can_answer_is_told_and_is_no_failure(
    run_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run_dir / "reply.mbox").unlink()
    assert Outputs(reply=str(run_dir / "new.mbox")).deliver(run_dir, 0, show) == 0
    assert "new.mbox: there is no answer to write: the series is no mail" in capsys.readouterr().err
    assert not (run_dir / "new.mbox").exists()


def test_a_mutation_run_is_no_document_for_others(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (run_dir / "kcidb.json").unlink()
    assert Outputs(kcidb="-").deliver(run_dir, 0, show) == 3
    assert "a mutation run says nothing of a kernel" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["lcov", "cobertura", "reply"])
def test_a_file_about_a_series_needs_one(option: str) -> None:
    with pytest.raises(UsageError, match=f"--{option} "):
        Outputs(**{option: "x"}).check_without_series()


def test_a_file_about_a_base_needs_no_series() -> None:
    Outputs(junit="x", json="x", markdown="x", annotations="x", sarif="x", kcidb="x", squad="x").check_without_series()


def test_what_is_no_file_is_written_into_and_stays_what_it_is(run_dir: Path, tmp_path: Path) -> None:
    """/dev/null, /dev/stdout and a shell's >(jq) are given in place of a file."""
    pipe, link, file = tmp_path / "pipe", tmp_path / "link", tmp_path / "file"
    link.symlink_to(file)
    os.mkfifo(pipe)
    ends = os.open(pipe, os.O_RDWR)  # who reads it
    for path in (link, pipe):
        check_target(str(path))
        write_target(path, b"all of it")
    assert (link.is_symlink(), file.read_bytes()) == (True, b"all of it")
    assert (pipe.is_fifo(), os.read(ends, 100)) == (True, b"all of it")
    assert Outputs(json=f"/dev/fd/{ends}", junit=str(link)).deliver(run_dir, 0, show) == 0
    assert (link.is_symlink(), file.read_text(), os.read(ends, 100)) == (True, "<testsuites/>", b"{}")
    os.close(ends)
    with pytest.raises(HostRefused, match="pipe"):
        write_target(pipe, b"that nobody reads")


def test_two_reports_in_one_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("out")
    with pytest.raises(UsageError, match="--junit and --json: one file"):
        Outputs(junit=str(tmp_path / "out"), json=str(tmp_path / "link")).check()
    Outputs(junit="/dev/null", json="/dev/null").check()
