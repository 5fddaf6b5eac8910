"""Build worktrees of a base and their build directories. One run at a time works in a worktree."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from orchestrator.context import Context
from orchestrator.model.kernel import Base
from orchestrator.storage.store import locked


@contextmanager
def worktree_lock(context: Context, base: Base, name: str) -> Iterator[int]:
    """Hold a build worktree. A holder elsewhere is named and waited for. Yields the lock's descriptor, for make."""
    with _turn(context, base.home / f"{name}.lock", _saying(context, f"builds in the {name} tree")) as lock:
        yield lock


@contextmanager
def compiling(context: Context, base: Base, variant: str) -> Iterator[None]:
    """Let one whole kernel of a base and variant be compiled at a time; the caller holds its worktree.

    This protects nothing but time: what a series leaves unchanged is in ccache once one kernel is compiled, and two
    that start together would both miss it. So kernels of other variants and single objects, which share little, do
    not wait, and nobody waits for a process that gives way to ours: its kernel then finds ours in ccache.
    """
    say = _saying(context, f"compiles a {variant} kernel")

    def wait_for_equals(holder: str) -> None:
        if _gives_way(holder):
            raise _GivesWay
        say(holder)

    with ExitStack() as held:
        with suppress(_GivesWay):
            held.enter_context(_turn(context, base.home / f"compiling-{variant}.lock", wait_for_equals))
        yield


class _GivesWay(Exception):
    """The holder of a lock has a lower priority than we."""


def _gives_way(holder: str) -> bool:
    """Whether the process that a lock names is nicer than ours. False where it cannot be seen from here."""
    named = re.match(r"pid (\d{1,9})\b", holder)
    try:
        return named is not None and _niceness(int(named[1])) > _niceness(0)
    except OSError:
        return False


def _niceness(pid: int) -> int:
    return os.getpriority(os.PRIO_PROCESS, pid)


def _saying(context: Context, what: str) -> Callable[[str], None]:
    return lambda holder: context.say(f"waiting for {holder}, which {what}")


@contextmanager
def _turn(context: Context, path: Path, on_wait: Callable[[str], None]) -> Iterator[int]:
    with locked(path, on_wait=on_wait, pause=context.runner.cancel.sleep) as lock:
        yield lock


def build_directory(source: Path, name: str) -> Path:
    """A direct child of the worktree, so that Kbuild calls the source `..`; dotted, so that git ignores it."""
    return source / f".build-{name}"
