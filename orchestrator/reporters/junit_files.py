"""Which files of a run a JUnit test case names, the most telling one first: some readers take no other. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePath

from orchestrator.model.evidence_files import DUMP, POSTMORTEM
from orchestrator.model.kernel_report import KernelReport
from orchestrator.model.outcome import Outcome
from orchestrator.model.report import Finding, StageResult
from orchestrator.reporters import text

_PATH_CHARS = 4096


@dataclass(frozen=True)
class RunFiles:
    """Where the files of the run are, and how `[[ATTACHMENT|path]]` names them."""

    run_dir: str
    attachments_root: str = ""  # empty: absolute paths (Jenkins); else relative to this directory (GitLab)

    def absolute(self, name: str) -> str:
        return str(Path(self.run_dir) / name) if name else ""

    def attachments(self, names: Iterable[str], wanted: bool = True) -> tuple[str, ...]:
        """One line for each file. A name with a line break would forge a second line: it is left out."""
        paths = [self._attachment(name) for name in dict.fromkeys(names) if name and wanted]
        return tuple(f"[[ATTACHMENT|{path}]]" for path in paths if path == text.one_line(path, _PATH_CHARS))

    def _attachment(self, name: str) -> str:
        path = Path(self.run_dir) / name
        return str(_relative(path, Path(self.attachments_root)) if self.attachments_root else path)


def files_of_stage(stage: StageResult) -> Iterable[str]:
    return (*_reports(stage.kernel_reports), stage.log)


def files_of_case(finding: Finding) -> Iterable[str]:
    """No memory dump: it is large, and nothing but drgn reads it."""
    evidence = [name for name in finding.evidence if PurePath(name).name != DUMP]
    postmortem = [name for name in evidence if PurePath(name).name == POSTMORTEM]
    said, kernel = (finding.stdout, finding.stderr), (finding.console_log,)
    ended_by_kernel = finding.run_outcome in (Outcome.TIMEOUT, Outcome.CRASH)
    logs = (*kernel, *said) if ended_by_kernel else (*said, *kernel)
    return (*_reports(finding.kernel_reports), *postmortem, *logs, *evidence)


def _reports(kernel_reports: Iterable[KernelReport]) -> list[str]:
    """The files of the reports, failures first."""
    ranked = sorted(kernel_reports, key=lambda kernel_report: not kernel_report.outcome.is_bad)
    return [kernel_report.file for kernel_report in ranked if kernel_report.file]


def _relative(path: Path, root: Path) -> Path:
    """`path` from `root`, with `..` where it is not below it. Pure: no link is followed."""
    for steps, ancestor in enumerate((root, *root.parents)):
        if path.is_relative_to(ancestor):
            return Path(*[".."] * steps, path.relative_to(ancestor))
    return path
