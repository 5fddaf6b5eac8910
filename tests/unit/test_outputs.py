"""The report files where the user wants them too."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.commands.test import check_outputs, copy_outputs
from orchestrator.errors import UsageError


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    (tmp_path / "junit.xml").write_text("<testsuites/>")
    (tmp_path / "report.json").write_text("{}")
    return tmp_path


def test_copies_are_made_where_they_are_wanted(run_dir: Path) -> None:
    copy_outputs(run_dir, run_dir / "new/j.xml", str(run_dir / "new/r.json"))
    assert (run_dir / "new/j.xml").read_text() == "<testsuites/>"
    assert (run_dir / "new/r.json").read_text() == "{}"


def test_the_file_itself_is_there_already(run_dir: Path) -> None:
    copy_outputs(run_dir, run_dir / "junit.xml", str(run_dir / "report.json"))
    assert (run_dir / "junit.xml").read_text() == "<testsuites/>"


def test_what_cannot_be_written_is_named_and_the_report_is_not_lost(run_dir: Path) -> None:
    with pytest.raises(UsageError, match=r"junit\.xml/j: Not a directory|junit\.xml/j: File exists") as raised:
        copy_outputs(run_dir, run_dir / "junit.xml/j", None)
    assert str(run_dir / "junit.xml") in raised.value.hint


@pytest.mark.parametrize("target", ["/", "."])
def test_what_cannot_be_written_is_known_before_the_run(target: str) -> None:
    with pytest.raises(UsageError, match="cannot be written"):
        check_outputs(Path(target), None)
    with pytest.raises(UsageError, match="cannot be written"):
        check_outputs(None, target)
