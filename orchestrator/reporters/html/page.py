"""A run report -> report.html."""

from __future__ import annotations

import errno
from pathlib import Path, PurePath

from orchestrator.host import bounded
from orchestrator.model.evidence_files import POSTMORTEM
from orchestrator.model.report import RunReport
from orchestrator.reporters.files import read_tail
from orchestrator.reporters.html.failed import POSTMORTEM_BYTES
from orchestrator.reporters.html.links import RunFiles
from orchestrator.reporters.html.render import render
from orchestrator.reporters.html.view import page, summary_of

PATCHES = "patches"
_PATCH_BYTES = 4_000_000  # a patch that is larger is linked to


def content(report: RunReport) -> bytes:
    """The whole page. Patches and post-mortems are read from the run directory, if it exists."""
    shown = page(report, read_files(report))
    return render("report.html", page=shown, summary_of=summary_of).encode("utf-8", "backslashreplace")


def read_files(report: RunReport) -> RunFiles:
    """What the page takes from the run directory. A file that cannot be read is not there."""
    root = Path(report.run_dir)
    patches = tuple((path.name, _patch(path)) for path in _patches(root / PATCHES))
    named = [name for suite in report.suites for case in suite.cases for name in case.evidence]
    texts = {
        name: read_tail(root, name, POSTMORTEM_BYTES * 4)[0].decode("utf-8", "replace")
        for name in named
        if PurePath(name).name == POSTMORTEM
    }
    return RunFiles(patches, texts, lambda path: read_tail(root, path, 1)[1] > 0)


def _patches(directory: Path) -> list[Path]:
    try:
        return sorted(directory.glob("*.patch"))
    except ValueError:  # a NUL in the path, from Python 3.13 on
        return []


def _patch(path: Path) -> bytes:
    try:
        return bounded.read_bytes(path, _PATCH_BYTES)
    except OSError as error:
        is_large = error.errno == errno.EFBIG
        return b"(this patch is too large to be shown)\n" if is_large else b"(this patch cannot be read)\n"
