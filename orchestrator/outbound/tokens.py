"""Tokens of servers, from a file or a variable. No error repeats what is in there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from orchestrator.errors import UsageError
from orchestrator.host import bounded

MOST_BYTES = 16 << 10  # a JWT with claims has some 500
_TOKEN = re.compile(r"[\x21-\x7e]+")  # what a header can hold, without spaces


def read_token(setting: str, where: str | None, environment: Mapping[str, str]) -> str:
    """The token that a setting of this name leads to, which is `$NAME` or a path; empty where it is not set. Raises
    UsageError."""
    if not where:
        return ""
    if where.startswith("$"):
        text = environment.get(where[1:])
        if text is None:
            raise UsageError(
                f"{setting}: {where} is not set", hint=f"export {where[1:]}, or name a file in the setting"
            )
    else:
        try:
            text = bounded.read_bytes(Path(where), MOST_BYTES).decode("ascii", "replace")
        except (OSError, ValueError) as error:
            why = (error.strerror if isinstance(error, OSError) else None) or "it is no small file"
            raise UsageError(f"{setting}: {where}: {why}") from None
    token = text.strip()
    if not _TOKEN.fullmatch(token):
        raise UsageError(f"{setting}: {where}: expected one token of printable ASCII, and nothing else")
    return token
