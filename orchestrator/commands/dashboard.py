"""orchestrate dashboard: the history at a glance, from a server of our own or as files."""

from __future__ import annotations

import argparse
import importlib.util
from pathlib import Path

from orchestrator.context import Places
from orchestrator.errors import ToolMissing, UsageError
from orchestrator.host.bounded import read_bytes
from orchestrator.host.extras import install_command
from orchestrator.invocation.targets import is_writable
from orchestrator.reporters import stream
from orchestrator.reporters.text import printable
from orchestrator.words import counted

_NEEDS = ("sqlalchemy", "alembic", "starlette", "uvicorn")


def run(args: argparse.Namespace) -> int:
    """What it is made of is for those who want it: it need not be there, and is imported when it is asked for."""
    if any(importlib.util.find_spec(name) is None for name in _NEEDS):
        raise ToolMissing("the dashboard needs Starlette, uvicorn, SQLAlchemy and alembic",
                          hint=install_command("dashboard"))  # fmt: skip
    target = args.history or str(Places.of_user(args.settings.cache).history)
    return _export(target, Path(args.export)) if args.export else _serve(args, target)


def _export(target: str, directory: Path) -> int:
    from orchestrator.dashboard.export import export
    from orchestrator.history.database import open_read_only

    if directory.exists() and not directory.is_dir():
        raise UsageError(f"--export {directory}: not a directory")
    if not is_writable(directory):
        raise UsageError(f"--export {directory}: cannot be written")
    number = export(open_read_only(target), directory)
    stream.out(f"{counted(number, 'page')} in {printable(str(directory))}\n")
    return 0


def _serve(args: argparse.Namespace, target: str) -> int:
    from orchestrator.dashboard.guard import Guard, check
    from orchestrator.dashboard.serve import serve
    from orchestrator.history.database import open_read_only

    token = _token(Path(args.token_file)) if args.token_file else ""
    check(args.host, token)
    database = open_read_only(target)
    serve(database, Guard(token), args.host, args.port, lambda address: stream.out(f"dashboard: {address}\n"))
    return 0


def _token(path: Path) -> str:
    """Raises UsageError for a file that others may read: a secret that is none."""
    try:
        mode = path.stat().st_mode
        text = read_bytes(path, 1000)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    if mode & 0o007:
        raise UsageError(f"{path}: everybody can read the token", hint=f"chmod 600 {path}")
    token = text.decode("utf-8", "replace").strip()
    if not token:
        raise UsageError(f"{path}: holds no token", hint="openssl rand -hex 24 makes one")
    return token
