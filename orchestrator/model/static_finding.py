"""What compilers and checkers say about source code that nobody runs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Severity(Enum):
    """How serious a finding is in the tool's own terms, the worst first."""

    ERROR = "error"
    WARNING = "warning"
    CHECK = "check"
    NOT_RUN = "not run"  # no finding: the message says what was not checked, and why


@dataclass(frozen=True)
class StaticFinding:
    """One finding. `file` is a path from the tree's root, empty when it is about no file; `line` is 0 then."""

    tool: str  # gcc, sparse, checkpatch
    file: str
    line: int
    severity: Severity
    message: str

    @property
    def words(self) -> str:
        """One line, as compilers print it."""
        where = f"{self.file}:{self.line}: " if self.file else ""
        return f"{where}{self.severity.value}: {self.message} [{self.tool}]"
