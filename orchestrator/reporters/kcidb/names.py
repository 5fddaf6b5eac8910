"""Ids, names and texts as KCIDB's schema takes them. Pure."""

from __future__ import annotations

import math
import re
from datetime import datetime
from typing import Any

from orchestrator.model.report import RunReport
from orchestrator.reporters.elsewhere import ci_name, digest
from orchestrator.reporters.text import visible

Json = dict[str, Any]
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
_NOT_IN_PATH = re.compile(r"[^a-zA-Z0-9_-]+")
_MOST_CHARS = 1000  # of a name or comment


def object_id(report: RunReport, kind: str, *parts: str) -> str:
    """`ORIGIN:KIND-DIGEST`. Origins are [a-z0-9_]+: settings/values.py sees to that."""
    return f"{ci_name(report)}:{kind}-{digest(*parts)[:40]}"


def path(*names: str) -> str:
    """A path in KCIDB's tree of tests, in which names are [a-zA-Z0-9_-]+ with dots between them. Another character
    becomes _."""
    parts = [part for name in names for part in name.split(".") if part]
    return ".".join(_NOT_IN_PATH.sub("_", part) for part in parts)


def text(words: str) -> str:
    """Foreign text, without NUL, which the schema refuses, and what no UTF-8 can hold. Not too long."""
    return visible(words[:_MOST_CHARS])


def moment(started: str) -> str:
    """A time of ours, which is UTC, as RFC 3339 writes it; empty if it is none."""
    try:
        return f"{started}+00:00" if _MOMENT.fullmatch(started) and datetime.fromisoformat(started) else ""
    except ValueError:
        return ""


def seconds(time_s: float) -> float:
    """A duration; 0 for what is none."""
    return round(time_s, 3) if math.isfinite(time_s) else 0


def without_nothing(data: Json) -> Json:
    """Without what is not known: nothing may be null, and nothing empty says anything, but for the hash of no
    patches."""
    return {name: value for name, value in data.items()
            if (name == "patchset_hash" and value is not None) or value not in (None, "", [], {})}  # fmt: skip
