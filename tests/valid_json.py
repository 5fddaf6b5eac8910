"""report.json and matrix.json as readers get them: valid by the JSON Schema files that the package ships."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator


@cache
def validator(name: str) -> Draft202012Validator:
    """Of a file of that name."""
    shipped = json.loads(files("orchestrator").joinpath("data/schemas", name).read_text())
    Draft202012Validator.check_schema(shipped)
    return Draft202012Validator(shipped)


def read_valid(path: Path) -> dict[str, Any]:
    """What a report.json or matrix.json holds."""
    data: dict[str, Any] = json.loads(path.read_text())
    validator(path.name).validate(data)
    return data
