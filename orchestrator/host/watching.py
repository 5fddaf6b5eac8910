"""Saves in a directory tree, as they happen: the only importer of watchfiles, which asks the kernel (inotify)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

try:
    import watchfiles
except ImportError:  # an extra: only `orchestrate watch` needs it
    watchfiles = None  # type: ignore[assignment]

from orchestrator.errors import HostRefused, ToolMissing
from orchestrator.host.extras import install_command

STEP_MS = 200  # a save of several files, or one by way of a rename, is one change if its steps are closer than this
LONGEST_MS = 2000  # what never rests is told of so often
WAKE_MS = 500


def check_watching() -> None:
    """Raises ToolMissing."""
    if watchfiles is None:
        raise ToolMissing("watchfiles is not installed", hint=install_command("watch"))


def saves(directory: Path, stop: threading.Event) -> Iterator[bool]:
    """Whether something below a directory has changed, each time that it came to rest, and at least twice a second. The
    first value comes when nothing can be missed any more. git's own files do not count, nor those that editors keep for
    a moment. Ends soon after `stop` is set. Raises ToolMissing, HostRefused."""
    check_watching()
    quiet = watchfiles.DefaultFilter(ignore_dirs=(".git",))
    try:
        for changes in watchfiles.watch(
            directory,
            watch_filter=quiet,
            debounce=LONGEST_MS,
            step=STEP_MS,
            stop_event=stop,
            rust_timeout=WAKE_MS,
            yield_on_timeout=True,
            raise_interrupt=False,
            ignore_permission_denied=True,
        ):
            yield bool(changes)
    except OSError as error:
        raise HostRefused(
            f"{directory} cannot be watched: {error}",
            hint="each directory takes one watch: sysctl fs.inotify.max_user_watches=524288",
        ) from error
