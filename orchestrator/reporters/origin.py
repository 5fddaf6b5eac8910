"""Where a series came from, in words. Pure."""

from __future__ import annotations

from orchestrator.model.series import Origin, Place
from orchestrator.words import counted


def origin_words(origin: Origin) -> str:
    """`main..topic (0123456789ab..ba9876543210) of /linux, with uncommitted changes in 2 files`."""
    if origin.place is Place.ARCHIVE:
        return f"<{origin.name}> and its thread, from {origin.archive}"
    if origin.place is not Place.TREE:
        return origin.name
    words = f"{origin.name} ({origin.base[:12]}..{origin.head[:12]}) of {origin.tree}"
    if not origin.uncommitted:
        return words
    return f"{words}, with uncommitted changes in {counted(len(origin.uncommitted), 'file')}"
