"""kconfigs/*.config: fragments over tinyconfig."""

from __future__ import annotations

import re
from pathlib import Path

from orchestrator.declarations.entry import read_text
from orchestrator.model.kernel import Fragment
from orchestrator.parse.kconfig import parse_fragment

SLOWDOWN = re.compile(r"^# slowdown: (\d+(?:\.\d+)?)$", re.MULTILINE)


def read_fragment(path: Path) -> Fragment:
    """A kconfig fragment and its "# slowdown: X". Raises BadDeclaration, UsageError."""
    text = read_text(path)
    slowdown = SLOWDOWN.search(text)
    return Fragment(path.stem, path, parse_fragment(text, str(path)), float(slowdown[1]) if slowdown else 1.0)
