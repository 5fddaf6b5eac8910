"""`orchestrate b4-check` as b4 itself runs a check command, and reads its answer."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.arguments.parser import parser
from orchestrator.commands.report import report_of
from orchestrator.runs.record import RunRecord, load_record
from orchestrator.settings.resolve import apply, resolve
from tests.run_dirs import MAILS, run_dir

pytestmark = pytest.mark.skipif(importlib.util.find_spec("b4") is None, reason="b4 is not installed")


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The run directories of this user: an older run that found nothing, and a newer one that did."""
    for name, value in (("HOME", "home"), ("XDG_STATE_HOME", "state"), ("XDG_CACHE_HOME", "cache")):
        monkeypatch.setenv(name, str(tmp_path / value))
    runs = tmp_path / "state/orchestrate/runs"
    old = run_dir(runs / "old", is_bad=False, run_id="2" * 32)
    text = (old / "run.json").read_text()
    (old / "run.json").write_text(text.replace("2026-11-28T10:00:00", "2026-11-27T10:00:00"))
    (runs / "none").mkdir()
    for made in (old, run_dir(runs / "new")):
        args = parser().parse_args(["report", str(made)])
        apply(args, resolve(args, os.environ))
        report_of(made, load_record(RunRecord, made / "run.json"), args)
    return runs


# In a process of its own: b4 changes the standard library's email for all that is in the same one
B4 = """
import json, sys
from email import message_from_bytes
from email.message import EmailMessage
from b4.review import checks
mail = message_from_bytes(sys.stdin.buffer.read(), _class=EmailMessage)
print(json.dumps(checks._run_external_cmd(sys.argv[1:], mail, ".")))
"""


def asked(message_id: str, *words: str) -> list[dict[str, str]]:
    """What b4 makes of the answer about a mail."""
    head = f"Message-ID: <{message_id}>\n" if message_id else ""
    mail = f"From: a@author.example\nSubject: [PATCH v2 2/2] mm: 2\n{head}\ntext\n"
    command = [sys.executable, "-c", B4, sys.executable, "-m", "orchestrator", "b4-check", *words]
    done = subprocess.run(command, input=mail.encode(), capture_output=True, check=True)
    found: list[dict[str, str]] = json.loads(done.stdout)
    return found


def test_b4_gets_what_the_newest_run_of_a_patch_says(runs: Path) -> None:
    (one,) = asked(MAILS[2].message_id, "--location", "https://ci.example")
    said = "split-merge: FAIL: WARNING in vma_break; regression: failed 5 of 5 with the series and 0 of 5 without"
    assert (one["tool"], one["status"]) == ("orchestrate-base-x86_64-gcc-12", "fail")
    assert one["summary"].startswith(said)
    assert one["details"].startswith(said)
    assert one["url"] == "https://ci.example/new/report.html"


def test_a_cover_letter_asks_for_the_whole_series_and_other_mails_for_nothing(runs: Path) -> None:
    assert [one["status"] for one in asked(MAILS[0].message_id)] == ["fail"]
    assert asked(MAILS[1].message_id) == []  # nothing was built behind the first patch alone
    assert asked("unknown@author.example") == []


def test_run_directories_in_another_place_are_asked(runs: Path) -> None:
    assert [one["status"] for one in asked(MAILS[2].message_id, str(runs / "old"))] == ["pass"]
    assert [one["status"] for one in asked(MAILS[2].message_id, str(runs))] == ["fail"]


def test_what_is_no_mail_is_an_error_that_b4_shows(runs: Path) -> None:
    (one,) = asked("")
    assert one["status"] == "fail"
    assert "a mail without a Message-ID" in one["details"]
