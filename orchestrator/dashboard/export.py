"""The dashboard as files for any web server."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from orchestrator.dashboard import show, site
from orchestrator.errors import UsageError
from orchestrator.history.database import Database
from orchestrator.history.questions import QUESTIONS, Answer, Filter

LIST = ".orchestrate-dashboard"  # the files that the last export wrote


def export(database: Database, directory: Path) -> int:
    """Write every page as HTML and JSON, and return how many. A file that is as it was is left alone; pages of an
    earlier export that are no more are removed, and nothing else. Raises UsageError, HistoryUnavailable, OSError."""
    earlier = _earlier(directory)
    directory.mkdir(parents=True, exist_ok=True)
    written: list[str] = []
    with database.reading() as connection:

        def ask(question: str, **wanted: Any) -> Answer:
            return QUESTIONS[question](connection, Filter(**wanted))

        for path in site.paths(ask):
            page = site.page(ask, path, {})
            if page is None:
                continue
            for ending, content in ((".html", show.html(page, show.STATIC)), (".json", show.as_json(page, {}))):
                _write(directory / f"{path}{ending}", content)
                written.append(f"{path}{ending}")
    _write(directory / LIST, "".join(f"{name}\n" for name in sorted({*written, *earlier})).encode())
    for name in set(earlier) - set(written):
        (directory / name).unlink(missing_ok=True)
        with suppress(OSError):  # others are in it
            (directory / name).parent.rmdir()
    _write(directory / LIST, "".join(f"{name}\n" for name in sorted(written)).encode())
    return len(written) // 2


def _earlier(directory: Path) -> list[str]:
    """The files of the last export that are to be found below the directory."""
    if not directory.exists() or not any(directory.iterdir()):
        return []
    if not (directory / LIST).is_file():
        raise UsageError(f"{directory}: holds something else", hint="export to a new or an empty directory")
    names = (directory / LIST).read_text().splitlines()
    return [name for name in names if name and not name.startswith("/") and ".." not in name.split("/")]


def _write(path: Path, content: bytes) -> None:
    """At once: a web server shows the old file or the new one."""
    with suppress(OSError):
        if path.read_bytes() == content:
            return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(content)
    part.replace(path)
