"""What not everybody needs of ours, and how it is installed beside us."""

from __future__ import annotations

import shlex
import sys


def install_command(extra: str) -> str:
    """Of an extra of pyproject.toml. By the pip of the Python that runs us: it knows this installation. Another
    would ask the package index for the name, and Debian's refuses."""
    return shlex.join([sys.executable, "-m", "pip", "install", f"orchestrate[{extra}]"])
