"""Patches that were copied from a web page's source, in which < and & are escaped.

They are only named, and never undone: `&amp;` and `&lt;` may as well be the addresses of variables.
"""

from __future__ import annotations

import re

from orchestrator.words import counted

HINT = "if it was copied from a web page, take it in raw form (the page's raw, plain or mbox link)"
_ESCAPE = re.compile(rb"&(?:lt|gt|amp|quot|apos|nbsp|#\d{2,5}|#x[0-9a-f]{2,4});", re.IGNORECASE)


def html_escapes(text: bytes) -> str:
    """`3 lines have HTML escapes, as &lt;`; empty when there are none."""
    found = [match for line in text.split(b"\n") if (match := _ESCAPE.search(line))]
    if not found:
        return ""
    verb = "has" if len(found) == 1 else "have"
    return f"{counted(len(found), 'line')} {verb} HTML escapes, as {found[0][0].decode()}"
