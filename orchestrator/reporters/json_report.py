"""The lossless report: everything in `model.RunReport` as JSON, and back. docs/report-json.md lists the keys."""

from __future__ import annotations

import json
from pathlib import Path

from orchestrator import codec
from orchestrator.model.report import RunReport
from orchestrator.store import write_atomically

SCHEMA = 2
"""Grows when a reader of the older form would be wrong. A new key is no reason: readers pass over keys that they do not
know."""


def to_json(report: RunReport) -> dict[str, codec.Json]:
    """The report as plain data, `schema` first."""
    data = codec.encode(report)
    assert isinstance(data, dict)
    return {"schema": SCHEMA, **data}


def from_json(data: object) -> RunReport:
    """ValueError, naming the key, where `data` is not a report of this schema."""
    if not isinstance(data, dict):
        raise ValueError(f"$: expected an object with a report, got {type(data).__name__}")
    schema = data.get("schema")
    if schema != SCHEMA or isinstance(schema, bool):
        raise ValueError(f"$.schema: expected {SCHEMA}, got {schema!r}: written by another version of orchestrate")
    return codec.decode(RunReport, data)


def dumps(report: RunReport) -> str:
    """ASCII text that ends with a line feed."""
    return json.dumps(to_json(report), indent=2, allow_nan=False) + "\n"


def loads(text: str | bytes) -> RunReport:
    """ValueError where `text` is not JSON or not a report."""
    return from_json(codec.parse(text))


def write(report: RunReport, path: Path) -> None:
    """Write the file, whole or not at all."""
    write_atomically(path, dumps(report).encode("ascii"))


def load(path: Path) -> RunReport:
    """OSError where the file cannot be read; ValueError, beginning with its path, where it is not a report."""
    try:
        return loads(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
