"""applied tree -> the result of a test that its tools/testing compiles for the host: mm/vma.c (vma), maple tree, XArray
and IDR (radix-tree).

No boot, AddressSanitizer and UBSan, and nothing but the tree and a compiler: it can run before any kernel is built. The
result is kept by the files that were read, for every kconfig and for each tree that shares them.

As shipped in some kernels a program does not link (6.12 lacks vma_close in that of vma). Only where the base builds it
does a build failure say something about the patch.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from orchestrator.build.host_program import HostBuild, Inputs, build_for_host, host_worktree
from orchestrator.build.product import Product
from orchestrator.build.toolchain import Toolchain, first_error, host_failure, told_refusals
from orchestrator.context import Context
from orchestrator.host.process import Command, CommandResult, Confined
from orchestrator.model.kernel import AppliedTree
from orchestrator.model.outcome import Outcome
from orchestrator.model.userspace import RADIX_TREE, VMA, UserspaceTest
from orchestrator.parse.results.userspace_trees import Ran, read_programs, targets
from orchestrator.parse.results.userspace_vma import UserspaceResult, names_of_tests, read_result
from orchestrator.source.excerpt import Excerpt, whole
from orchestrator.storage import kept
from orchestrator.storage.store import key, write_atomically
from orchestrator.words import counted

# What their Makefiles use in the trees that we know; what another tree uses beyond it is found out
COMMON = (
    "include/",
    "lib/",
    *(f"tools/{name}/" for name in ("arch", "build", "include", "lib", "scripts")),
    *(f"tools/testing/{name}/" for name in ("radix-tree", "shared")),
)
KEPT = "host-test"  # the stage of the store
ATTEMPT, SCHEMA = "attempt.json", 2
SANITIZERS = (("UBSAN_OPTIONS", "print_stacktrace=1"), ("ASAN_OPTIONS", "color=never"))
HOST_LACKS = re.compile(r"fatal error: (urcu\S*): No such file|cannot find -l(asan|ubsan|urcu)")


def _vma(build: HostBuild, ran: Sequence[CommandResult]) -> UserspaceResult:
    names = names_of_tests(build.preprocessed)
    return read_result(ran[0].text, names, ran[0].status, ran[0].timed_out)


def _trees(build: HostBuild, ran: Sequence[CommandResult]) -> UserspaceResult:
    return read_programs(
        [Ran(Path(one.command.argv[0]).name, one.text, one.status, one.time_s, one.timed_out) for one in ran]
    )


@dataclass(frozen=True)
class _How:
    """How a test is built and run. `programs` says which programs a build is to leave, `read` what they said;
    `unit` is what its subtests are, `limit_s` how long each program may take."""

    first: tuple[str, ...]
    programs: Callable[[HostBuild], tuple[str, ...]]
    read: Callable[[HostBuild, Sequence[CommandResult]], UserspaceResult]
    unit: str
    limit_s: float


HOW = {
    VMA.stage: _How((*COMMON, "mm/", f"{VMA.directory}/"), lambda build: ("vma",), _vma, "test", 120.0),
    # a minute of CPU time for the longest of its programs, of which a busy host may make many
    RADIX_TREE.stage: _How(
        COMMON, lambda build: targets((build.directory / "Makefile").read_text()), _trees, "program", 1800.0
    ),
}


@dataclass(frozen=True)
class HostTestRun:
    """How building and running the tests went. `unbuilt` is the compiler's first error, `lacking` what the host lacks,
    `unfinished` why the host did not let them finish, `refused` what the sandbox refused."""

    unbuilt: str = ""
    lacking: str = ""
    unfinished: str = ""
    refused: str = ""
    result: UserspaceResult | None = None
    text: str = ""

    @property
    def is_final(self) -> bool:
        """Whether it would have the same result again. What the host did may differ, and so may a run that did not end
        in time."""
        timed_out = self.result is not None and self.result.outcome is Outcome.TIMEOUT
        return not (self.lacking or self.unfinished or timed_out)


@dataclass(frozen=True)
class Kept:
    """An attempt as the store has it, with all that it depends on."""

    test: str
    compiler: str
    inputs: Inputs
    attempt: HostTestRun


def userspace(
    context: Context, test: UserspaceTest, applied: AppliedTree, base: AppliedTree, toolchain: Toolchain, log: Path
) -> Product[None]:
    """`base` is the tree without the series; the same tree if there is no series. Raises CommandFailed if no program
    can be started below the cache; never for what the tree does."""
    tree = whole(applied, context.runner)
    if f"{test.directory}/Makefile" not in tree.files:
        return _skipped(f"the tree has no {test.directory}", cached=True)
    made, cached = _attempt(context, test, tree, toolchain)
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(made.text)
    if made.lacking:
        return _skipped(f"{made.lacking} is not installed", cached)
    if made.unfinished:
        return _unknown(made)
    is_base = base.tree == applied.tree
    if made.result and not made.result.outcome.is_bad:
        note = "; ".join(filter(None, (counted(made.result.run or 0, HOW[test.stage].unit), made.refused)))
        return Product(None, cached, note=note, subtests=made.result.subtests)
    if is_base and made.unbuilt:
        return _skipped(f"{test.directory} does not build: {made.unbuilt}", cached)
    # a host that is too slow now may have been quick when the base was tested
    anew = made.result is not None and made.result.outcome is Outcome.TIMEOUT
    on_base = made if is_base else _attempt(context, test, whole(base, context.runner), toolchain, anew=anew)[0]
    if on_base.unfinished:
        return _unknown(on_base)
    if made.result is None:
        if made.unbuilt and on_base.unbuilt:
            return _skipped(f"{test.directory} does not build, nor does the base's: {made.unbuilt}", cached)
        message = f"{test.directory} does not build ({made.unbuilt}); the base's does"
        return Product(None, cached, note=message, detail=made.text[-4000:], outcome=Outcome.FAIL, is_patch_fault=True)
    return Product(
        None,
        cached,
        note=made.result.message,
        detail=made.text[-8000:],
        outcome=made.result.outcome,
        subtests=made.result.subtests,
        is_patch_fault=True,
        also_on_base=not is_base and _fails_alike(made.result, on_base.result),
    )


def _fails_alike(result: UserspaceResult, base: UserspaceResult | None) -> bool:
    """Whether the base fails each test that fails here. A test that did not run on the base is not known to fail."""
    if base is None or not base.outcome.is_bad:
        return False
    bad, known = ({s.name for s in r.subtests if s.outcome.is_bad} for r in (result, base))
    return bad <= known if bad else result.message == base.message


def _skipped(why: str, cached: bool) -> Product[None]:
    return Product(None, cached, note=why, outcome=Outcome.SKIP)


def _unknown(attempt: HostTestRun) -> Product[None]:
    return Product(None, cached=False, note=attempt.unfinished, detail=attempt.text[-4000:], outcome=Outcome.ERROR)


def _attempt(
    context: Context, test: UserspaceTest, tree: Excerpt, toolchain: Toolchain, *, anew: bool = False
) -> tuple[HostTestRun, bool]:
    """Build and run the tests, or take the cached result; `anew` ignores the cache."""
    if not anew and (found := _find(context, test, tree, toolchain)):
        return found, True
    with host_worktree(context, tree.applied.base, test.stage) as where:
        attempt, inputs = _build_and_run(context, test, tree, where, toolchain)
    if inputs and attempt.is_final:
        text = kept.dumps(Kept(test.stage, toolchain.compiler, inputs, attempt), SCHEMA)
        product_key = key(KEPT, test=test.stage, compiler=toolchain.compiler, inputs=repr(inputs), schema=SCHEMA)
        context.store.put(KEPT, product_key, lambda home: write_atomically(home / ATTEMPT, text))
    return attempt, False


def _find(context: Context, test: UserspaceTest, tree: Excerpt, toolchain: Toolchain) -> HostTestRun | None:
    """The kept result of any tree that has the same content in every file that was read."""
    for path in sorted(context.store.root.glob(f"{KEPT}/[0-9a-f]*/{ATTEMPT}")):
        with suppress(ValueError):  # another run makes room in the store; an older version's
            known = kept.load(Kept, path, SCHEMA)
            is_same = (known.test, known.compiler) == (test.stage, toolchain.compiler)
            if is_same and known.inputs.are_those_of(tree) and context.store.get(KEPT, path.parent.name):
                return known.attempt
    return None


def _build_and_run(
    context: Context, test: UserspaceTest, tree: Excerpt, where: Path, toolchain: Toolchain
) -> tuple[HostTestRun, Inputs | None]:
    how, log = HOW[test.stage], where.with_name(f"{test.stage}.log")
    build = build_for_host(context, tree, where, test.directory, how.first, toolchain, log)
    text, refused = build.made.text, told_refusals(build.made, build.made.text)
    names = how.programs(build)
    missing = [name for name in names if not (build.directory / name).is_file()]
    if build.made.status != 0 or missing or not names:
        if lacks := HOST_LACKS.search(text):
            return HostTestRun(lacking=lacks[1] or f"lib{lacks[2]}", text=text), None
        if why := host_failure(build.made, text):
            return HostTestRun(unfinished=why, text=text), None
        what = f"no program {missing[0]}" if missing else "no program"
        why = _first_error(text) or refused or f"make: exit status {build.made.status}, and {what}"
        return HostTestRun(unbuilt=why, refused=refused, text=text), build.inputs
    ran = []
    for name in names:
        confined = Confined(writes=(where,))
        command = Command((os.fspath(build.directory / name),), cwd=build.directory, env=SANITIZERS, confined=confined)
        one = context.runner.run(command, log=log, timeout_s=how.limit_s)
        if one.status == -signal.SIGKILL and not one.timed_out:
            why = "the host ended the tests by SIGKILL, which is what it does for want of memory"
            return HostTestRun(unfinished=why, text=one.text), None
        refused = refused or told_refusals(one, one.text)
        ran.append(one)
    said = "\n".join(one.text for one in ran)
    return HostTestRun(result=how.read(build, ran), refused=refused, text=said), build.inputs


def _first_error(text: str) -> str:
    """The compiler's first error, with its place in the tree; of a linker's sentence the last part: before it are paths
    of the worktree."""
    if not (error := first_error(text)):
        return ""
    place, what = error
    return f"{place.lstrip('./')}: {what.rpartition(': ')[2] if place == 'link' else what}"
