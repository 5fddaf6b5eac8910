"""The line by which b4 recognises the versions of a series, whatever their titles are. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

# as `b4 prep` makes it: the day, the topic, a random number. Gerrit's Change-Id is of one patch, and has another form
_LINE = re.compile(r"^change-id:[ \t]*(\d{8}-\S{1,200}-[0-9a-f]{12})[ \t]*$", re.MULTILINE)


def read_change_id(texts: Iterable[str]) -> str:
    """The first one in the texts of a series, the cover letter first; empty without one."""
    return next((match[1] for text in texts for match in _LINE.finditer(text)), "")
