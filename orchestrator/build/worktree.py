"""Build worktrees of a base and their build directories. One run at a time works in a worktree."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestrator.context import Context
from orchestrator.model.kernel import Base
from orchestrator.store import locked


@contextmanager
def worktree_lock(context: Context, base: Base, name: str) -> Iterator[int]:
    """Hold a build worktree. A holder elsewhere is named and waited for. Yields the lock's descriptor, for make."""
    with _turn(context, base.home / f"{name}.lock", f"builds in the {name} tree") as lock:
        yield lock


@contextmanager
def compiling(context: Context, base: Base) -> Iterator[None]:
    """Hold the right to compile a kernel of this base.

    One kernel at a time: make uses every CPU, and what a series leaves unchanged is in ccache once one role is
    compiled; two kernels that start together would both miss it.
    """
    with _turn(context, base.home / "compiling.lock", "compiles a kernel"):
        yield


@contextmanager
def _turn(context: Context, path: Path, what: str) -> Iterator[int]:
    with locked(
        path,
        on_wait=lambda holder: context.say(f"waiting for {holder}, which {what}"),
        pause=context.runner.cancel.sleep,
    ) as lock:
        yield lock


def build_directory(source: Path, name: str) -> Path:
    """A direct child of the worktree, so that Kbuild calls the source `..`; dotted, so that git ignores it."""
    return source / f".build-{name}"
