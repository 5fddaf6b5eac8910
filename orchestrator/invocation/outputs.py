"""--junit, --json, --markdown, --lcov, ...: a run's files where the user wants them too; `-` is stdout."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TextIO

from orchestrator.arguments.options.reports import STDOUT
from orchestrator.errors import Fault, UsageError
from orchestrator.host.real_path import real_path
from orchestrator.invocation.targets import check_target, write_into
from orchestrator.model.report import COVERAGE
from orchestrator.reporters import stream
from orchestrator.reporters.table import (
    ANNOTATIONS,
    COBERTURA,
    JUNIT,
    KCIDB,
    LCOV,
    MARKDOWN,
    REPLY,
    REPORT,
    SARIF,
    SQUAD,
)

_NO_COVERAGE = f"no coverage was measured; the run's stage {COVERAGE} says why"
_MUTANTS = "a mutation run says nothing of a kernel that others could keep"
_WHY_NONE = {
    LCOV: _NO_COVERAGE,
    COBERTURA: _NO_COVERAGE,
    KCIDB: _MUTANTS,
    SQUAD: _MUTANTS,
}
_NO_REPLY = "there is no answer to write: the series is no mail with a Message-ID, or the run has no verdict on it"


@dataclass(frozen=True)
class Outputs:
    """Where copies of the files go: a path, `-`, or nowhere. `report` is the name of the JSON report."""

    junit: str | None = None
    json: str | None = None
    report: str = REPORT
    lcov: str | None = None
    cobertura: str | None = None
    markdown: str | None = None
    annotations: str | None = None
    sarif: str | None = None
    kcidb: str | None = None
    squad: str | None = None
    reply: str | None = None

    def check(self) -> None:
        """Find out before the run that a report cannot be written. Raises UsageError."""
        on_stdout = [option for option, _, target in self._options() if target == STDOUT]
        if len(on_stdout) > 1:
            both = " and ".join(f"{option} -" for option in on_stdout)
            raise UsageError(f"{both}: stdout holds one report", hint="give one of them a file")
        named: dict[Path, str] = {}
        for option, _, target in self._options():
            if target:
                check_target(target)
            if target and target != STDOUT and not _is_sink(Path(target)):
                first = named.setdefault(real_path(target), option)
                if first != option:
                    raise UsageError(f"{first} and {option}: one file, {target}, for two reports")

    def check_without_series(self) -> None:
        """Raises UsageError for a file that says something of a series alone."""
        about = {
            LCOV: "is about the lines that a patch changes",
            COBERTURA: "is about the lines that a patch changes",
            REPLY: "answers the mails of a series",
        }
        for option, name, target in self._options():
            if target and name in about:
                raise UsageError(f"{option} {about[name]}", hint="--patch PATH")

    @property
    def for_people(self) -> TextIO:
        """The stream that is left for the summary."""
        return sys.stderr if any(target == STDOUT for _, target in self._wanted()) else sys.stdout

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
        return [(name, target) for _, name, target in self._options() if target]

    def _options(self) -> tuple[tuple[str, str, str | None], ...]:
        return (
            ("--junit", JUNIT, self.junit),
            ("--json", self.report, self.json),
            ("--lcov", LCOV, self.lcov),
            ("--cobertura", COBERTURA, self.cobertura),
            ("--markdown", MARKDOWN, self.markdown),
            ("--annotations", ANNOTATIONS, self.annotations),
            ("--sarif", SARIF, self.sarif),
            ("--kcidb", KCIDB, self.kcidb),
            ("--squad", SQUAD, self.squad),
            ("--reply", REPLY, self.reply),
        )


def outputs_of(args: argparse.Namespace, report: str = REPORT) -> Outputs:
    """Those of a command that has only some of the options, too."""
    names = [entry.name for entry in fields(Outputs) if entry.name != "report"]
    return Outputs(**{name: getattr(args, name, None) for name in names}, report=report)


def absolute_directory(path: str) -> str:
    """A path that means the same from anywhere; nothing stays nothing."""
    return str(real_path(path)) if path else ""


def _is_sink(path: Path) -> bool:
    """/dev/null, a shell's pipe: it takes more than one report."""
    return path.exists() and not path.is_file()


def _copy(source: Path, target: str) -> str:
    """Why it could not be done; empty when it was."""
    if source.name == REPLY and not source.exists():  # which is no failure
        stream.tell(f"orchestrate: {target}: {_NO_REPLY}\n")
        return ""
    if not source.exists() and (why := _WHY_NONE.get(source.name)):
        return f"{target}: {why}"
    try:
        if target == STDOUT:
            stream.data(source.read_bytes())
            return ""
        path = Path(target)
        path.parent.mkdir(parents=True, exist_ok=True)
        if not (path.exists() and path.samefile(source)):
            write_into(path, source.read_bytes())
    except OSError as error:
        where = "stdout" if target == STDOUT else target
        return f"{where}: {error.strerror}; the report is {source}"
    return ""
