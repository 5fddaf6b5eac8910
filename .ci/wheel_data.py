"""A hook of the build: what a wheel has beyond the package. An editable installation has all of it in the checkout."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

DATA = ("kconfigs", "patches", "testcases")  # go where orchestrator/roots.py looks for them


class WheelData(BuildHookInterface):  # type: ignore[type-arg]
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name != "wheel" or version == "editable":
            return
        files = build_data["force_include"]
        files |= {str(Path(self.root) / name): f"orchestrator/root/{name}" for name in DATA}
        if commit := self._commit():
            path = Path(tempfile.mkdtemp()) / "commit.txt"
            path.write_text(f"{commit}\n")
            files[str(path)] = "orchestrator/data/commit.txt"

    def _commit(self) -> str:
        """Empty where git does not know, as in an archive's tree."""
        if not (Path(self.root) / ".git").exists():
            return ""
        git = ["git", "-C", self.root, "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
        return subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()
