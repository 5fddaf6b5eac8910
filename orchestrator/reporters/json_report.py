"""report.json and matrix.json: all that a run found out, without loss, and back. docs/report-json.md lists the keys."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from orchestrator import codec
from orchestrator.judge.mutants import Matrix
from orchestrator.model.report import RunReport
from orchestrator.storage.store import write_atomically

SCHEMAS: Mapping[type, int] = {RunReport: 2, Matrix: 1}
"""A number grows when a reader of the older form would be wrong. A new key is no reason: readers pass over keys that
they do not know."""


def to_json(value: RunReport | Matrix) -> dict[str, codec.Json]:
    """The value as plain data, `schema` first."""
    data = codec.encode(value)
    assert isinstance(data, dict)
    return {"schema": SCHEMAS[type(value)], **data}


def from_json(data: object) -> RunReport:
    """ValueError, naming the key, where `data` is not a report of this schema."""
    if not isinstance(data, dict):
        raise ValueError(f"$: expected an object with a report, got {type(data).__name__}")
    schema, expected = data.get("schema"), SCHEMAS[RunReport]
    if schema != expected or isinstance(schema, bool):
        raise ValueError(f"$.schema: expected {expected}, got {schema!r}: written by another version of orchestrate")
    return codec.decode(RunReport, data)


def dumps(value: RunReport | Matrix) -> str:
    """ASCII text that ends with a line feed."""
    return codec.dumps(to_json(value)) + "\n"


def loads(text: str | bytes) -> RunReport:
    """ValueError where `text` is not JSON or not a report."""
    return from_json(codec.parse(text))


def content(value: RunReport | Matrix) -> bytes:
    """The whole file."""
    return dumps(value).encode("ascii")


def write_json(value: RunReport | Matrix, path: Path) -> None:
    """Write the file, whole or not at all."""
    write_atomically(path, content(value))


def read_report(path: Path) -> RunReport:
    """OSError where the file cannot be read; ValueError, beginning with its path, where it is not a report."""
    try:
        return loads(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
