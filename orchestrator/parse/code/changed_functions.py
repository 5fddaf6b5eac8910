"""Patches -> the names of the functions that they change, from their diffs alone: no tree is needed. Pure.

Kernel style is what tells a function: its head begins in the first column, and so does the `}` that ends it. git names
the function that lies above a hunk; lines of context name those that begin in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from orchestrator.model.series import Patch
from orchestrator.parse.code.changed_lines import is_of_kernel

_HUNK = re.compile(rb"@@ -\d+(?:,(?P<old>\d+))? \+\d+(?:,(?P<new>\d+))? @@ ?(?P<head>[^\n]{0,400})")
_HEAD = re.compile(r"[^;={}()]*?\b(?P<name>[A-Za-z_]\w*)\s*\((?P<rest>.*)")
_LONGEST = 400  # characters of a line that are looked at
_DEFINED = re.compile(r"(?P<macro>[A-Z][A-Z0-9_]*_DEFINE\d?)\(\s*(?P<name>\w+)")
_NO_FUNCTIONS = frozenset({"__attribute__", "if", "while", "typedef"})


def changed_functions(patches: Iterable[Patch]) -> tuple[str, ...]:
    """In the order in which the patches name them, each once."""
    return tuple(dict.fromkeys(name for patch in patches for name in _of_diff(patch.diff)))


def _of_diff(diff: bytes) -> Iterator[str]:
    within: str | None = None
    is_code = False
    old = new = 0  # lines of the hunk that are still to come
    for line in diff.split(b"\n"):
        if old <= 0 and new <= 0:
            if line.startswith(b"+++ "):
                is_code = is_of_kernel(line[6:].decode("utf-8", "replace").rstrip("\t\r"))
            elif is_code and (match := _HUNK.match(line)):
                old, new = (int(match[side] if match[side] is not None else 1) for side in ("old", "new"))
                within = _function_of(match["head"].decode("utf-8", "replace"))
            continue
        sign, text = line[:1], line[1:_LONGEST].decode("utf-8", "replace")
        if sign == b"\\":
            continue
        old -= sign != b"+"
        new -= sign != b"-"
        if text.startswith("}"):
            if sign in (b"+", b"-") and within:
                yield within
            within = None
            continue
        within = _function_of(text) or within
        if within and sign in (b"+", b"-") and text.strip():
            yield within


def _function_of(text: str) -> str | None:
    """The function whose head a line is; None for all other lines, prototypes of one line among them."""
    if not text[:1].isalpha() and not text.startswith("_"):
        return None
    if match := _DEFINED.match(text):
        return match["name"]
    match = _HEAD.match(text)
    if match is None or match["name"] in _NO_FUNCTIONS or match["rest"].rstrip().endswith(";"):
        return None
    return match["name"]
