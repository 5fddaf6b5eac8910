"""applied tree + configuration -> what gcc (W=1) and sparse say about some of its objects.

This has a worktree of its own: moving a build worktree from one tree to another and back would make its objects stale.
"""

from __future__ import annotations

import json
import posixpath
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from orchestrator.build.objects import configured_objects, object_of
from orchestrator.build.toolchain import Toolchain, host_error, make
from orchestrator.build.worktree import build_directory
from orchestrator.codec import decode, encode
from orchestrator.context import Context
from orchestrator.host.process import find_program
from orchestrator.model.kernel import AppliedTree, Base, KernelConfig
from orchestrator.model.static_finding import Severity, StaticFinding
from orchestrator.parse.static_findings import diagnostics
from orchestrator.source.git import Git
from orchestrator.source.trees import move_to
from orchestrator.storage.store import key, locked, write_atomically

NAME = "static"  # of the worktree, its lock, and the stage of the store
MAKE_ERROR = re.compile(r"^make\S* \*\*\* (?:\[.*\] )?(No rule .+?|.+?)\.?(?:  Stop\.)?$", re.MULTILINE)


@contextmanager
def checked_worktree(context: Context, base: Base) -> Iterator[int]:
    """Hold the worktree for static checks. Yields the lock's descriptor, for make."""
    with locked(
        base.home / f"{NAME}.lock",
        on_wait=lambda holder: context.say(f"waiting for {holder}, which checks sources"),
        pause=context.runner.cancel.sleep,
    ) as lock:
        yield lock


def move_there(context: Context, applied: AppliedTree) -> Path:
    """Make the worktree hold a tree; the caller holds it."""
    git = Git(applied.base.home / "git", context.runner)
    return move_to(git, applied.base.home / NAME, applied.tree)


def warnings(
    context: Context,
    applied: AppliedTree,
    sources: Sequence[str],
    config: KernelConfig,
    toolchain: Toolchain,
    lock: int,
    log: Path,
) -> tuple[StaticFinding, ...]:
    """Everything that is said when the objects of some sources are compiled, and which of the sources are not in this
    kernel. The caller holds the worktree. Raises CommandFailed and ToolMissing if the host is at fault; a source that
    does not compile is a finding."""
    has_sparse = find_program("sparse") is not None
    product_key = key(
        NAME,
        tree=applied.tree,
        sources=sorted(sources),
        config=config.digest,
        compiler=toolchain.compiler,
        sparse=has_sparse,
    )
    if found := context.store.get(NAME, product_key):
        return decode(tuple[StaticFinding, ...], json.loads((found / "findings.json").read_text()))
    findings = _compile(context, applied, sources, config, toolchain, has_sparse, lock, log)
    text = json.dumps(encode(findings)).encode()
    context.store.put(NAME, product_key, lambda home: write_atomically(home / "findings.json", text))
    return findings


def _compile(
    context: Context,
    applied: AppliedTree,
    sources: Sequence[str],
    config: KernelConfig,
    toolchain: Toolchain,
    has_sparse: bool,
    lock: int,
    log: Path,
) -> tuple[StaticFinding, ...]:
    source = move_there(context, applied)
    build = build_directory(source, f"static-{config.digest[:12]}")
    build.mkdir(exist_ok=True)
    if not (build / ".config").exists():
        shutil.copyfile(config.path, build / ".config")
    compiler = toolchain.cc.split()[-1]
    said: list[str] = []

    def make_targets(*targets: str) -> str:
        words = ("W=1", "--keep-going", "--output-sync", *targets)
        command = make(source, build, *words, toolchain=toolchain, places=context.places)
        result = context.runner.run(command, log=log, holding=lock)
        if result.status != 0 and (host := host_error(result, result.text)):
            raise host
        said.append(result.text)
        return result.text

    make_targets("olddefconfig")
    compiled = make_targets("prepare")
    made = {name: object_of(name) for name in sources if (source / name).is_file()}  # a patch removes files, too
    ours = configured_objects(context, build, [posixpath.dirname(name) for name in made], toolchain.source)
    objects = [name for name in made.values() if name in ours]
    for name in objects:
        (build / name).unlink(missing_ok=True)  # what is up to date is not compiled, and says nothing
    compiled += make_targets(*objects) if objects else ""
    findings = list(diagnostics(compiler, compiled))
    failed = any(finding.severity is Severity.ERROR for finding in findings)
    for name, product in made.items():
        if product not in ours:
            findings.append(StaticFinding(compiler, name, 0, Severity.NOT_RUN, "is not compiled for this kernel"))
        elif not (build / product).exists() and not failed:
            why = MAKE_ERROR.findall(compiled)
            message = f"was not compiled: {why[0] if why else 'make does not say why'}"
            findings.append(StaticFinding(compiler, name, 0, Severity.NOT_RUN, message))
    if not has_sparse:
        findings.append(StaticFinding("sparse", "", 0, Severity.NOT_RUN, "sparse is not installed"))
    elif objects:
        findings += diagnostics("sparse", make_targets("C=2", *objects))
    log.write_text("".join(said))  # of all steps: each began it anew
    return tuple(findings)
