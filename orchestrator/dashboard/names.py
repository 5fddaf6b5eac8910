"""Names in addresses. Pure.

A test, a title or a series may be called anything, and an address must stay the same for years: it has the words of the
name for people, and a digest of all of it, which tells apart what the words do not.
"""

from __future__ import annotations

import hashlib
import re

_WORDS = 48  # characters


def slug(name: str) -> str:
    """`fork-fault-3f2a9c1b04`."""
    words = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:_WORDS].rstrip("-")
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:10]
    return f"{words}-{digest}" if words else digest
