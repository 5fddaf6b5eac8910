"""A dashboard as a process of its own, as a user starts it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def dashboard(history: str, *words: str) -> Iterator[str]:
    """Its address. It ends with the block, by SIGINT, in good time."""
    command = [sys.executable, "-m", "orchestrator", "dashboard", "--history", history, "--port", "0", *words]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2],
        env={**os.environ, "NO_COLOR": "1"},
    )  # fmt: skip
    try:
        assert process.stdout
        line = process.stdout.readline()
        assert line.startswith("dashboard: http://"), (line, process.stderr.read() if process.stderr else "")
        yield line.split()[1].removesuffix("/").replace("0.0.0.0", "127.0.0.1")
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
        assert said == ""
        assert process.returncode in (0, 130)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
