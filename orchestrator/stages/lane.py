"""A lane: the worktree of one variant of a base, with its build directories. One run at a time works in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestrator.context import Context
from orchestrator.model.kernel import Base, Variant
from orchestrator.store import locked


@contextmanager
def lane(context: Context, base: Base, variant: Variant) -> Iterator[int]:
    """Hold the lane; another run that holds it is waited for, and named. Yields the lock's descriptor, for make."""
    with locked(
        base.home / f"{variant.value}.lock",
        on_wait=lambda holder: context.say(f"waiting for {holder}, which builds in the {variant.value} tree"),
        pause=context.runner.cancel.sleep,
    ) as lock:
        yield lock


def build_directory(source: Path, name: str) -> Path:
    """A direct child of the worktree, so that Kbuild calls the source `..`; dotted, so that git ignores it."""
    return source / f".build-{name}"
