"""--junit and --json: the report files where the user wants them too; `-` is stdout."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from orchestrator.errors import Fault, UsageError
from orchestrator.reporters import stream
from orchestrator.reporters.table import JUNIT, REPORT

STDOUT = "-"


@dataclass(frozen=True)
class Outputs:
    """Where copies of the two reports go: a path, `-`, or nowhere. `report` is the name of the JSON report."""

    junit: str | None = None
    json: str | None = None
    report: str = REPORT

    def check(self) -> None:
        """Find out before the run that a report cannot be written. Raises UsageError."""
        if self.junit == self.json == STDOUT:
            raise UsageError("--junit - and --json -: stdout holds one report", hint="give one of them a file")
        for target in (Path(target) for _, target in self._wanted() if target != STDOUT):
            nearest = next(path for path in (target.resolve(), *target.resolve().parents) if path.exists())
            if target.is_dir() or not os.access(nearest, os.W_OK):
                raise UsageError(f"{target}: cannot be written")

    @property
    def for_people(self) -> TextIO:
        """The stream that is left for the summary."""
        return sys.stderr if STDOUT in (self.junit, self.json) else sys.stdout

    @contextmanager
    def copied(self, run_dir: Path) -> Iterator[None]:
        """Whoever waits for a report gets it also when what ended a run is raised: there is no summary then."""
        try:
            yield
        except Exception:
            for name, target in self._wanted():
                if (run_dir / name).is_file() and (problem := _copy(run_dir / name, target)):
                    stream.tell(f"orchestrate: {problem}\n")
            raise

    def deliver(self, run_dir: Path, status: int, show: Callable[[TextIO], None]) -> int:
        """Copy the files of a run, then show the summary; a terminal that cannot be written to is no error. Returns
        `status`, or 3 instead of 0 if a report could not be delivered."""
        problems = [problem for name, target in self._wanted() if (problem := _copy(run_dir / name, target))]
        show(self.for_people)
        for problem in problems:
            stream.tell(f"orchestrate: {problem}\n")
        return status or (Fault.INFRASTRUCTURE.value if problems else 0)

    def _wanted(self) -> list[tuple[str, str]]:
        """The files' names in the run directory, and where they go."""
        return [(name, target) for name, target in ((JUNIT, self.junit), (self.report, self.json)) if target]


def outputs_of(args: argparse.Namespace, report: str = REPORT) -> Outputs:
    return Outputs(getattr(args, "junit", None), args.json, report)


def _copy(source: Path, target: str) -> str:
    """Why it could not be done; empty when it was."""
    try:
        if target == STDOUT:
            stream.data(source.read_bytes())
            return ""
        path = Path(target)
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(shutil.SameFileError):
            shutil.copyfile(source, path)
    except OSError as error:
        where = "stdout" if target == STDOUT else target
        return f"{where}: {error.strerror}; the report is {source}"
    return ""
