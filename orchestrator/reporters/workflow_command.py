"""A workflow command of GitHub Actions: a line that annotates a file. Pure.

https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions says how they are escaped.
"""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.reporters.text import harmless


def command(level: str, properties: Mapping[str, str], message: str) -> str:
    """`::error file=mm/vma.c,line=3::message`, in which no text is anything but text. `level` is error, warning or
    notice."""
    shown = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::{level}{' ' if shown else ''}{shown}::{_data(message)}"


def _data(text: str) -> str:
    return harmless(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
