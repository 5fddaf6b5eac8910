"""Who writes what a run found out. `WRITERS` is the list: a new reporter is a module and a line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from orchestrator.model import RunReport
from orchestrator.reporters import json_report, junit

WRITERS: Mapping[str, Callable[[RunReport, Path], None]] = {
    "junit": junit.write,
    "json": json_report.write,
}
"""Reporters that make a file, by the name of the flag that asks for it. Each writes it whole or not at all."""
