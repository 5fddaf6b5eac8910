"""The hash by which patchwork knows a diff, whatever its line numbers, its mail and its first directory. Pure.

SHA-1 of the lines of the diff that matter, with `@@` lines reduced to the counts of lines.
"""

from __future__ import annotations

import hashlib
import re

_HUNK = re.compile(r"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@")
_FILE = re.compile(r"(---|\+\+\+) (\S+)")


def patchwork_hash(diff: bytes) -> str:
    """Hexadecimal."""
    whole = hashlib.sha1(usedforsecurity=False)
    for line in diff.decode("utf-8", "replace").replace("\r", "").strip().split("\n"):
        if kept := _kept(line):
            whole.update(f"{kept}\n".encode())
    return whole.hexdigest()


def _kept(line: str) -> str:
    if named := _FILE.match(line):
        side = "a" if named[1] == "---" else "b"
        return f"{named[1]} {side}/{named[2].partition('/')[2]}"
    if hunk := _HUNK.match(line):
        return f"@@ -{hunk[1] or 1} +{hunk[2] or 1} @@"
    return line if line.startswith(("-", "+", " ")) else ""
