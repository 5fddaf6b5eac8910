"""applied trees + configurations -> compiler messages for the files that a series changes, without it and with it.

Objects, and no kernel: a series that changes a header like mm.h concerns every object, and a dozen kernels of two trees
each would take hours. So what is compiled are the changed sources, and sources that use by name what the changed lines
of headers declare: what such a change breaks, it breaks there. What only the linker notices (a function that some
configuration does not define) is not found.

This has a worktree of its own, which goes from the base to the series, and then, if that brings something new, to the
trees between.
"""

from __future__ import annotations

import posixpath
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.build.name_users import users_of_names
from orchestrator.build.objects import configured_objects, made_from, object_of
from orchestrator.build.toolchain import Toolchain, build_error, host_error, make
from orchestrator.build.worktree import build_directory, worktree_lock
from orchestrator.context import Context
from orchestrator.host.process import CommandResult
from orchestrator.model.compilation import Compilation, NewFinding, Uncompiled
from orchestrator.model.kernel import AppliedTree, KernelConfig
from orchestrator.model.series import Series
from orchestrator.model.static_finding import Severity, StaticFinding
from orchestrator.model.subject import Subject
from orchestrator.parse.code.changed_lines import ChangedLines, changed_lines, is_of_kernel
from orchestrator.parse.code.declared_names import declared_names
from orchestrator.parse.configuration.kbuild import makefile_names, why_not_built
from orchestrator.parse.configuration.uncompiled import uncompiled_lines
from orchestrator.parse.static_findings import diagnostics, first_with, new_findings
from orchestrator.source.git import Git
from orchestrator.source.trees import move_worktree

MOST_USERS = 24  # sources that the series does not change, in one kernel
MOST_ASKED = 3 * MOST_USERS  # of which make is asked whether the kernel has them, a call for each directory


@dataclass(frozen=True)
class Side:
    """A tree and its configuration."""

    applied: AppliedTree
    config: KernelConfig


def compile_changed(
    context: Context,
    subject: Subject,
    series: Series,
    before: Side,
    after: Side,
    toolchain: Toolchain,
    log: Path,
    *,
    each_patch: bool,
) -> Compilation:
    """What is new with a series. `each_patch`: also what only a tree between its patches says. Raises BuildFailed if a
    tree cannot be prepared for compiling, CommandFailed and ToolMissing if the host is why."""
    base = after.applied.base
    git = Git(base.home / "git", context.runner)
    diff = git.diff(base.commit, after.applied.tree)
    changed = {file: lines for file, lines in changed_lines(diff).items() if is_of_kernel(file)}
    sources = [name for name in after.applied.files if is_of_kernel(name) and name.endswith((".c", ".S"))]
    users = users_of_names(context, git, after.applied.tree, declared_names(series.patches), toolchain)
    others = [name for name in users if name not in sources]
    names = [*sources, *others[:MOST_ASKED]]
    with worktree_lock(context, base, subject.worktree) as lock:
        compiler = _Compiler(context, subject, base.home / subject.worktree, toolchain, lock, log)
        known = compiler.say(before, names, own=len(sources))
        found = compiler.say(after, names, own=len(sources))
        uncompiled = tuple(_uncompiled(git, after, changed, {*found.sources, *compiler.included(changed)}))
        seen = [new_findings(known.findings, found.findings)]
        if seen[0] or each_patch:
            again = names if each_patch else _concerned(seen[0], found.sources)
            for number, commit in enumerate(after.applied.commits[:-1]):
                behind = Side(replace(after.applied, tree=commit), after.config)
                said = compiler.say(behind, again, own=len(sources)).findings
                seen.insert(number, new_findings(known.findings, said))
    new = dict.fromkeys(one for said in (seen if each_patch else seen[-1:]) for one in said)
    return Compilation(
        sources=found.sources,
        left_out=found.left_out + len(others[MOST_ASKED:]),
        new=tuple(NewFinding(first_with(one, seen), one) for one in new),
        uncompiled=uncompiled,
    )


@dataclass(frozen=True)
class _Said:
    """What was said of the `sources` that were compiled."""

    findings: tuple[StaticFinding, ...]
    sources: tuple[str, ...]
    left_out: int


@dataclass(frozen=True)
class _Compiler:
    """Compiles sources of one tree after the other in a worktree, which the caller holds."""

    context: Context
    subject: Subject
    source: Path
    toolchain: Toolchain
    lock: int
    log: Path

    @property
    def build(self) -> Path:
        return build_directory(self.source, self.subject.kernel.variant.name)

    def say(self, side: Side, names: Sequence[str], own: int) -> _Said:
        """Compile those of some sources that a kernel has: of the first `own` ones all, of the others MOST_USERS."""
        move_worktree(side.applied.base, self.subject.worktree, side.applied.tree, self.context.runner)
        self.build.mkdir(exist_ok=True)
        shutil.copyfile(side.config.path, self.build / ".config")
        for target in ("olddefconfig", "prepare"):
            result = self._make(target)
            if result.status != 0:
                raise build_error(result, result.text, self.log)
        there = [name for name in names if (self.source / name).is_file()]
        ours = configured_objects(
            self.context, self.build, [posixpath.dirname(name) for name in there], self.toolchain.source
        )
        there = [name for name in there if object_of(name) in ours]
        chosen = [*(name for name in there if name in names[:own]), *(name for name in there if name in names[own:])]
        most = MOST_USERS + sum(name in names[:own] for name in chosen)
        compiled, left_out = tuple(chosen[:most]), len(chosen[most:])
        for name in compiled:
            (self.build / object_of(name)).unlink(missing_ok=True)  # what is up to date says nothing
        if not compiled:
            return _Said((), (), left_out)
        result = self._make("--keep-going", "--output-sync", *map(object_of, compiled))
        tool = posixpath.basename(self.toolchain.cc.split()[-1])
        findings = diagnostics(tool, result.text)
        failed = [name for name in compiled if not (self.build / object_of(name)).exists()]
        if failed and (host := host_error(result, result.text)):
            raise host
        if failed and not any(one.severity is Severity.ERROR for one in findings):
            findings += (StaticFinding(tool, failed[0], 0, Severity.ERROR, f"was not compiled: {result.tail(1)}"),)
        return _Said(findings, compiled, left_out)

    def included(self, files: Collection[str]) -> frozenset[str]:
        """Those among some headers that the compiled sources include."""
        headers = {name for name in files if name.endswith(".h")}
        return frozenset().union(*made_from(self.build, headers).values()) if headers else frozenset()

    def _make(self, *words: str) -> CommandResult:
        command = make(self.source, self.build, *words, toolchain=self.toolchain, places=self.context.places)
        return self.context.runner.run(command, log=self.log, holding=self.lock)


def _concerned(fresh: Sequence[StaticFinding], sources: Sequence[str]) -> list[str]:
    """The sources to compile again to learn which patch brought something: all, if it is about a header."""
    files = {one.file for one in fresh}
    return [name for name in sources if name in files] if files <= {*sources} else [*sources]


def _uncompiled(
    git: Git, side: Side, changed: Mapping[str, ChangedLines], compiled: Collection[str]
) -> Iterator[Uncompiled]:
    others = {name for file in changed if file not in compiled for name in makefile_names(file)}
    texts = {
        name: data.decode("utf-8", "replace")
        for name, data in git.blobs(side.applied.tree, [*changed, *others]).items()
    }
    symbols = side.config.symbols
    for file, lines in changed.items():
        is_header = file.endswith(".h")
        why = ""
        if file not in compiled:
            why = "nothing that was compiled includes it" if is_header else why_not_built(file, texts, symbols)
        yield from uncompiled_lines(file, texts.get(file, ""), lines, symbols, why)
