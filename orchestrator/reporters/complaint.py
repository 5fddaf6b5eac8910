"""An error in words, for people."""

from __future__ import annotations

import traceback

from orchestrator.errors import OrchestrateError
from orchestrator.host.os_errors import situation
from orchestrator.reporters import stream
from orchestrator.reporters.text import printable


def complain(error: BaseException) -> None:
    """What happened, what a tool said about it, and what to do. A bug of ours gets a traceback."""
    if not isinstance(error, OrchestrateError | OSError):
        stream.tell("".join(traceback.format_exception(error)))
        return
    found = situation(error)
    stream.tell(f"orchestrate: {printable(found.message)}\n")
    for line in found.detail.rstrip().splitlines():
        stream.tell(f"    {line}\n")
    if found.hint:
        stream.tell(f"hint: {printable(found.hint)}\n")
