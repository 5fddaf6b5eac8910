"""A program that a tree builds for the host from a part of its files: tools/testing/vma.

The part is found by building. A worktree of its own starts with the directories that the Makefile is known to use. What
the build misses, and the tree has, is added in whole directories of the tree's root, until nothing is missing. gcc's
dependency files and make's own rules then say what was read.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from orchestrator.build.toolchain import Toolchain
from orchestrator.context import Context
from orchestrator.errors import CommandFailed, ToolMissing
from orchestrator.host import resources
from orchestrator.host.process import Command, CommandResult, Confined, Runner
from orchestrator.model.kernel import Base
from orchestrator.parse.build_inputs import missed, named, roots_of
from orchestrator.source.excerpt import Excerpt, move
from orchestrator.storage.store import locked

# Dependencies and preprocessed sources beside the objects; a word about each directory of headers that is not there
CC_FLAGS = "-MD -save-temps=obj -Wmissing-include-dirs"


@dataclass(frozen=True)
class Inputs:
    """What a build depends on. `scope` are the directories that were checked out, `names` stands for the names of all
    files in them (one more header may hide another), `read` has the files that were read, each with its id in git."""

    scope: tuple[str, ...]
    names: str
    read: tuple[tuple[str, str], ...]

    def are_those_of(self, tree: Excerpt) -> bool:
        """Whether the same build would read the same content in this tree."""
        if any(tree.files.get(path) != blob for path, blob in self.read):
            return False
        return _names(tree.below(self.scope)) == self.names


@dataclass(frozen=True)
class HostBuild:
    """A build that ended. `inputs` is None if it stopped because a file was missing: then gcc does not say what it
    read."""

    made: CommandResult
    directory: Path  # in which make ran
    inputs: Inputs | None

    @property
    def preprocessed(self) -> str:
        return "\n".join(path.read_text(errors="replace") for path in sorted(self.directory.glob("*.i")))


@contextmanager
def host_worktree(context: Context, base: Base, name: str) -> Iterator[Path]:
    """Hold a worktree for programs of the host, apart from those for kernels. Raises CommandFailed if no program can be
    started there."""
    where = base.home / name
    with locked(
        base.home / f"{name}.lock",
        on_wait=lambda holder: context.say(f"waiting for {holder}, which runs {name}"),
        pause=context.runner.cancel.sleep,
    ):
        where.mkdir(exist_ok=True)
        _prove_executable(where, context.runner)
        yield where


def build_for_host(
    context: Context,
    tree: Excerpt,
    where: Path,
    directory: str,
    first: tuple[str, ...],
    toolchain: Toolchain,
    log: Path,
) -> HostBuild:
    """Run make in a directory of the tree. `where` is the worktree, which is filled as needed; `first` is what it
    starts with."""
    scope = frozenset(first)
    compiler = toolchain.cc.split()[-1]  # ccache cannot keep what -save-temps leaves
    while True:
        files = tree.below(sorted(scope))
        move(files, where, context.runner)
        words = ("make", f"--jobs={resources.cpus()}", f"CC={compiler} {CC_FLAGS}")
        command = Command(words, cwd=where / directory, confined=Confined(writes=(where,)))
        made = context.runner.run(command, log=log)
        names = missed(made.text)
        more = roots_of(names, tree.files.keys() - files.files.keys()) - scope
        if not more:
            break
        scope |= more
    if names and made.status != 0:
        return HostBuild(made, where / directory, None)
    inputs = Inputs(tuple(sorted(scope)), _names(files), _read(context.runner, where, directory, files))
    return HostBuild(made, where / directory, inputs)


def _read(runner: Runner, where: Path, directory: str, files: Excerpt) -> tuple[tuple[str, str], ...]:
    home = where / directory
    command = Command(("make", "--print-data-base", "--question"), cwd=home, confined=Confined(writes=(where,)))
    rules = runner.run(command).text
    said = [rules, *(path.read_text(errors="replace") for path in home.glob("*.d"))]
    read = frozenset().union(*(named(text, directory, files.files) for text in said))
    return tuple((path, files.files[path]) for path in sorted(read))


def _names(files: Excerpt) -> str:
    return hashlib.sha256("\0".join(files.files).encode(errors="surrogateescape")).hexdigest()


def _prove_executable(where: Path, runner: Runner) -> None:
    probe = where.with_name(f".{where.name}-probe")
    probe.write_text("#!/bin/sh\n")
    probe.chmod(0o755)
    try:
        runner.check(Command((os.fspath(probe),)))
    except (CommandFailed, ToolMissing) as error:
        raise CommandFailed(
            f"programs cannot be started in {where.parent}",
            hint="is it mounted noexec? XDG_CACHE_HOME names another directory for the cache",
            detail=error.message,
        ) from error
    finally:
        probe.unlink()
