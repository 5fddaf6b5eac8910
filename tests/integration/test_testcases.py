"""The programs that judge kernels are judged themselves: on this host's kernel, clean and sabotaged."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

TESTCASES = Path(__file__).resolve().parents[2] / "testcases"
NAMES = ["harness", *sorted(path.parent.name for path in TESTCASES.glob("*/main.c"))]
PARTS = 4  # side by side where several workers test


@pytest.mark.timeout(900)
@pytest.mark.parametrize("part", range(PARTS))
def test_every_oracle_passes_when_clean_and_fails_when_sabotaged(part: int) -> None:
    """Each case runs clean, and once for each of its sabotages, which must be noticed: exit status 1 and a `not ok`."""
    command = [TESTCASES / "lib/selftest/run.sh", *NAMES[part::PARTS]]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    failed = re.findall(r"^not ok .*(?:\n    .*)*", result.stdout, re.MULTILINE)
    assert (result.returncode, failed) == (0, []), result.stderr[-2000:]
    tried = [line for line in result.stdout.splitlines() if line.startswith("ok ") and "# SKIP" not in line]
    assert len(tried) > 12
