"""What a command loads before it does something: those that answer at once need little."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

LOG = Path(__file__).parent.parent / "data/console/clean-boot.log"
HEAVY = {"requests", "fabric", "jinja2", "sqlalchemy", "distributed", "orchestrator.invocation.compose"}


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["list", "testcases"], ["classify", str(LOG)]])
def test_what_answers_at_once_loads_little(words: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "orchestrator", *words], capture_output=True, text=True, check=True
    )
    loaded = set(re.findall(r"\| +([\w.]+)$", done.stderr, re.MULTILINE))
    assert "orchestrator.cli" in loaded
    assert not loaded & HEAVY
