"""Changed lines of headers -> the names that they declare: who uses one of them is concerned by the change. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from orchestrator.model.series import Patch

_MACRO = re.compile(r"\s*#\s*define\s+(\w+)")
_FUNCTION = re.compile(r"(?:[A-Za-z_][\w\s*]*?[\s*])?([A-Za-z_]\w*)\s*\(")
_MEMBER = re.compile(
    r"\s+(?!(?:return|goto|else|case)\b)[A-Za-z_][\w\s*,]*?[\s*]([A-Za-z_]\w*)"
    r"\s*(?:\[[^\]]*\])?(?:\s*:\s*\d+)?(?:\s+__\w+)*\s*;"
)
_NOT_NAMES = frozenset({"if", "for", "while", "switch", "return", "sizeof", "defined", "typeof", "__attribute__", "do"})
_LONGEST = 400  # characters of a line that are looked at


def declared_names(patches: Iterable[Patch]) -> tuple[str, ...]:
    """Of functions, macros and members of structs, as kernel style writes them: a function begins in the first column,
    a member has a type before it."""
    return tuple(dict.fromkeys(name for patch in patches for name in _of_diff(patch.diff)))


def _of_diff(diff: bytes) -> Iterator[str]:
    is_header = False
    for line in diff.split(b"\n"):
        if line.startswith((b"+++ ", b"--- ")):
            is_header = line.rstrip(b"\t\r").endswith(b".h") or (is_header and line.endswith(b"/dev/null"))
        elif is_header and line[:1] in (b"+", b"-"):
            text = line[1:_LONGEST].decode("utf-8", "replace")
            pattern = _MACRO if text.lstrip().startswith("#") else _MEMBER if text[:1].isspace() else _FUNCTION
            match = pattern.match(text)
            if match and match[1] not in _NOT_NAMES:
                yield match[1]
