"""The summary on a real pseudo-terminal: colours where a person looks, and rich loaded only for that."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

SHOW = r"""
import sys
sys.path.insert(0, sys.argv[1])
from orchestrator.model.kernel import Role
from orchestrator.model.outcome import Outcome, Verdict
from orchestrator.model.report import Answer, CaseResult, Comparison, RunReport, SuiteReport
from orchestrator.model.kernel_report import KernelReport
from orchestrator.reporters import terminal
REPORT = KernelReport("kasan", "KASAN: use-after-free in f", Outcome.CRASH, 12, 40, 999, "the text")
OLD = Comparison(Answer.PRE_EXISTING, True, 0.02, 3, 3, 3, "failed 3 of 3")
cases = (
    CaseResult("fault", Outcome.CRASH, Outcome.CRASH, REPORT.title, 125.0, (), (REPORT,), console_log="g/console"),
    CaseResult("old", Outcome.FAIL, Outcome.FAIL, "[red]no \x1b[31mmarkup", 5.0, comparison=OLD),
)
suite = SuiteReport("base.patched", "base", Role.PATCHED, (), cases, "")
report = RunReport("fix", "", Verdict.PATCH_AT_FAULT, "fault crashed", (suite,), "/runs/1", "", 200.0, "h")
terminal.show(report, sys.stdout)
print("rich" if "rich" in sys.modules else "plain")
"""


def shown_on_a_pty(**environment: str) -> str:
    """What a terminal of 100 columns is sent."""
    master, slave = pty.openpty()
    base = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "TERM", "FORCE_COLOR")}
    child = subprocess.Popen(
        [sys.executable, "-c", SHOW, str(Path(__file__).parents[2])],
        stdout=slave,
        stdin=subprocess.DEVNULL,
        env={**base, "TERM": "xterm-256color", "COLUMNS": "100", **environment},
    )
    os.close(slave)
    received = b""
    while True:
        try:
            chunk = os.read(master, 65_536)
        except OSError:  # EIO: the other end was closed
            break
        if not chunk:
            break
        received += chunk
    os.close(master)
    assert child.wait(60) == 0
    return received.decode()


def test_a_terminal_gets_colours_and_all_that_the_plain_form_has() -> None:
    said = shown_on_a_pty()
    assert said.rstrip().endswith("rich")
    assert "\x1b[" in said
    bare = re.sub(r"\x1b\[[0-9;]*m", "", said)
    assert "\x1b" not in bare
    for needle in ("CRASH", "2 min 5 s", "KASAN: use-after-free in f", "/runs/1/g/console:12", "THE PATCH IS AT FAULT"):
        assert needle in bare
    assert "pre-existing: failed 3 of 3; [red]no" in " ".join(re.sub(r"│", " ", bare).split())
    assert "\\x1b[31mmarkup" in re.sub(r"[│\s]+", "", bare)


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_a_terminal_that_wants_no_colour_gets_plain_text_without_loading_rich(environment: dict[str, str]) -> None:
    said = shown_on_a_pty(**environment)
    assert said.rstrip().endswith("plain")
    assert "\x1b" not in said
