"""The objects that a series changes, from one of the two trees, linked into one file: far smaller than a kernel.

They are made in the build directory of the kernel itself: a build that follows has them already. The link is no
kernel, and has what is asked of it: symbols with sizes, code, and types.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from orchestrator.build.objects import compile_sources, made_from, object_of
from orchestrator.build.toolchain import Toolchain
from orchestrator.build.worktree import build_directory, worktree_lock
from orchestrator.context import Context
from orchestrator.host.process import Command
from orchestrator.model.kernel import AppliedTree, KernelConfig
from orchestrator.model.subject import Subject
from orchestrator.source.trees import move_worktree

HEADER_OBJECTS = 8  # of those that the series does not touch and that include headers which it changes
LINK = ("--unresolved-symbols=ignore-all", "--noinhibit-exec", "--no-check-sections", "-z", "muldefs", "-e", "0")


def link_objects(
    context: Context,
    subject: Subject,
    applied: AppliedTree,
    files: Sequence[str],
    config: KernelConfig,
    toolchain: Toolchain,
    log: Path,
    product: Path,
) -> tuple[str, ...]:
    """Compile the sources among `files` that this configuration has and link them to `product`, which is not made if
    there is none. What was linked, as sources. Raises CommandFailed and ToolMissing."""
    with worktree_lock(context, applied.base, subject.worktree) as lock:
        source = move_worktree(applied.base, subject.worktree, applied.tree, context.runner)
        build = build_directory(source, subject.kernel.variant.name)
        commands = compile_sources(context, build, files, config, toolchain, lock, log)
        objects = [object_of(name) for name in commands if name.endswith(".c")]
        if objects:
            context.runner.check(Command((f"{toolchain.prefix}ld", *LINK, "-o", str(product), *objects), cwd=build))
    return tuple(commands)


def users_of_headers(context: Context, subject: Subject, applied: AppliedTree, files: Sequence[str]) -> tuple[str, ...]:
    """Sources of the series' build, besides those among `files`, that include the headers among them: few that include
    what no other one does. Empty where the build directory has no objects."""
    headers = {name for name in files if name.endswith(".h")}
    with worktree_lock(context, applied.base, subject.worktree):
        build = build_directory(applied.base.home / subject.worktree, subject.kernel.variant.name)
        users = {name: included & headers for name, included in made_from(build, headers).items()}
    missing = headers - {header for name in files for header in users.get(name, ())}
    return tuple(_cover(missing, {name: found for name, found in users.items() if name not in files}))


def _cover(missing: set[str], users: dict[str, set[str]]) -> Iterator[str]:
    for _ in range(HEADER_OBJECTS):
        name = max(sorted(users), key=lambda one: len(users[one] & missing), default="")
        if not name or not users[name] & missing:
            return
        missing = missing - users[name]
        yield name
