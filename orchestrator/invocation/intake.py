"""From the user's request to the series and its base: wherever the patch comes from, and whatever its mails say that it
is based on."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.context import Context
from orchestrator.declarations.catalog import Catalog
from orchestrator.declarations.patches import ARCHIVE, fetch_thread, read_thread
from orchestrator.declarations.versions import sent_version
from orchestrator.errors import DownloadFailed, PatchUnreadable, UsageError
from orchestrator.host.process import Runner
from orchestrator.model.kernel import Source
from orchestrator.model.request import Request
from orchestrator.model.series import Patch, Place, Series
from orchestrator.parse.patches.patch_name import Kind, PatchName, Range, read_parts, read_range
from orchestrator.parse.patches.series import Choice, series_of
from orchestrator.plan import requested_source
from orchestrator.source.b4 import with_trailers
from orchestrator.source.base_choice import has_commit, named_commit, newest_base, required_patches
from orchestrator.source.bases import DEFAULT_BASE, installed
from orchestrator.source.checkout import kernel_tree, top_of, tree_series
from orchestrator.web.fetch import check_plain
from orchestrator.words import counted

AUTO = "auto"
DEEPEST = 4  # series that are based on each other


@dataclass(frozen=True)
class Taken:
    """The series to test, None for the base alone, and its base. `request` has the tree that was found."""

    request: Request
    series: Series | None
    source: Source


def take(
    request: Request, catalog: Catalog, context: Context, where: Path, usual: Collection[str] = frozenset()
) -> Taken:
    """Find the series and its base. `where` is the directory in which the user stands; `usual` says which of "tree" and
    "base" are settings, which the user did not ask for now. Raises UsageError, PatchUnreadable, DownloadFailed."""
    request, series = _series(request, catalog, context, where, usual)
    if series is None:
        _refuse_options(request, "without --patch")
        if request.base == AUTO:
            raise UsageError("--base auto: there is no series to find a base for", hint="--patch PATH")
        return Taken(request, None, requested_source(request))
    source, notes = _base(request, series, context)
    return Taken(request, replace(series, notes=tuple(dict.fromkeys((*series.notes, *notes)))), source)


def _series(
    request: Request, catalog: Catalog, context: Context, where: Path, usual: Collection[str]
) -> tuple[Request, Series | None]:
    name = catalog.patch_name(request.patch) if request.patch is not None else None
    asked = _asked(request, usual)
    if name is None and request.dirty is None:  # a base that is named is tested itself
        around = None if asked.tree or asked.base else kernel_tree(where, context.runner)
        if around is None:
            return request, None
    if name is None or name.kind is Kind.RANGE:
        tree, wanted = tree_of(request, catalog, context.runner, where, usual)
        return replace(asked, tree=str(tree)), tree_series(tree, wanted, request.dirty, context.runner)
    if request.dirty:
        raise UsageError("--dirty goes with commits of a tree", hint="--patch BASE..HEAD, or no --patch")
    choice = Choice(read_parts(request.part) if request.part else None, request.version, newest=request.newest)
    if name.parts and choice.parts:
        raise UsageError(f"--part {request.part}: --patch {request.patch} names a part already", hint="one of them")
    if name.kind is Kind.WEB:
        check_plain(name.text, is_insecure=request.insecure)
    if name.kind is Kind.MESSAGE:
        return request, _thread(name, replace(choice, parts=name.parts or choice.parts), request, context)
    assert request.patch is not None
    return request, catalog.series(request.patch, choice)


def tree_of(
    request: Request, catalog: Catalog, runner: Runner, where: Path, usual: Collection[str] = frozenset()
) -> tuple[Path, Range | None]:
    """The git tree that a request is about, and which commits of it; None: those that its upstream lacks. The tree that
    the user stands in comes before the usual one. Raises UsageError for a request that is about something else."""
    name = catalog.patch_name(request.patch) if request.patch is not None else None
    if name and name.kind is not Kind.RANGE:
        raise UsageError(f"--patch {request.patch}: not commits of a git tree", hint="BASE..HEAD, or no patch")
    asked = _asked(request, usual).tree
    tree = Path(asked) if asked else kernel_tree(where, runner) or (Path(request.tree) if request.tree else None)
    if tree is None:
        raise UsageError(f"{where} is not in the git tree of a kernel", hint="--tree DIR names it")
    _refuse_options(request, "for a git tree", but_dirty=True)
    if name and name.parts:
        raise UsageError(f"--patch {request.patch}: commits have no parts", hint="name fewer commits")
    return top_of(tree, runner), read_range(name.text) if name else None


def _asked(request: Request, usual: Collection[str]) -> Request:
    """The request without the tree and the base that are settings: those are for patches that lie elsewhere."""
    return replace(
        request,
        tree=None if "tree" in usual else request.tree,
        base=None if "base" in usual else request.base,
    )


def _refuse_options(request: Request, why: str, *, but_dirty: bool = False) -> None:
    given = {
        "--part": request.part,
        "--version": request.version or request.newest or None,
        "--dirty": None if but_dirty else request.dirty,
    }
    for option, value in given.items():
        if value is not None:
            raise UsageError(f"{option} says nothing {why}", hint="leave it out")


def _thread(name: PatchName, choice: Choice, request: Request, context: Context) -> Series:
    archive = name.archive or request.archive or ARCHIVE
    check_plain(archive, is_insecure=request.insecure)
    context.say(f"fetching the thread of <{name.text}> from {archive}")
    data, message_id = fetch_thread(archive, name.text), name.text
    try:
        series = read_thread(archive, message_id, data, choice)
        newer, others = (None, []) if choice.version or choice.message else _newer(archive, series)
        if choice.newest and newer:
            message_id, data = newer, fetch_thread(archive, newer)
            series = read_thread(archive, message_id, data, choice)
            others = [f"v{series.patches[0].version} lies in a thread of its own: <{message_id}>"]
    except PatchUnreadable:
        found = _other_thread(archive, message_id, data, choice)
        if found is None:
            raise
        message_id = found
        data = fetch_thread(archive, message_id)
        series = read_thread(archive, message_id, data, choice)
        others = [f"v{choice.version} lies in a thread of its own: <{message_id}>"]
    said, notes = with_trailers(context.runner, data, message_id, series)
    return replace(said, notes=(*said.notes, *others, *notes))


def _newer(archive: str, series: Series) -> tuple[str | None, list[str]]:
    """A message of a newer version that was sent as a thread of its own, and a note that it exists, or that nobody
    knows."""
    try:
        found = sent_version(archive, series, lambda version: version > series.patches[0].version)
    except DownloadFailed:
        return None, [f"{archive} could not be asked for newer versions"]
    if found is None:
        return None, []
    newest, message_id = found
    return message_id, [f"v{newest} exists, in a thread of its own: <{message_id}> (to test it: --version {newest})"]


def _other_thread(archive: str, message_id: str, data: bytes, choice: Choice) -> str | None:
    """A message of the version that is wanted, where the thread does not have it; None if the archive knows none."""
    if choice.version is None:
        return None
    try:
        series = read_thread(archive, message_id, data, replace(choice, version=None, parts=None))
        found = sent_version(archive, series, lambda version: version == choice.version)
    except (PatchUnreadable, DownloadFailed):
        return None
    return found[1] if found and found[1] != message_id else None


# --- the base


def _base(request: Request, series: Series, context: Context) -> tuple[Source, list[str]]:
    """The base of a series, and what of its mails' wishes is honoured. What the user names counts alone."""
    origin = series.origin
    if origin and origin.place is Place.TREE and request.base in (None, AUTO):
        return Source(origin.tree, origin.base), []
    if request.base not in (None, AUTO):
        named = _named(series)
        return requested_source(request), [f"its mails say that it is based on {named}: --base counts"] if named else []
    if not request.tree and request.base == AUTO:
        raise UsageError("--base auto looks among the branches and tags of a tree", hint="--tree DIR")
    notes: list[str] = []
    if request.tree:
        source, is_found = _in_tree(Path(request.tree), request, series, context, notes)
    else:
        source, is_found = requested_source(request), True
        notes += _elsewhere(series)
    others = _based_on(series, request, context, notes)
    source = replace(source, below=(*source.below, *others))
    if is_found:
        return source, notes
    whole = series_of(series.name, (*others, *series.patches), ())
    found = newest_base(Path(request.tree or ""), replace(whole, foundation=series.foundation), context.runner)
    notes.append(found.words)
    return replace(source, revision=found.commit), notes


def _in_tree(tree: Path, request: Request, series: Series, context: Context, notes: list[str]) -> tuple[Source, bool]:
    """The base-commit of the series with the patches that it requires there; else the tree's HEAD, or with --base auto
    one that is still to be found."""
    wishes, is_auto = series.foundation, request.base == AUTO
    if not wishes.base_commit:
        if wishes.trees and not is_auto:
            trees = " and ".join(wishes.trees)
            notes.append(f"tested on HEAD: --base auto finds the newest branch or tag of {trees} to which it applies")
        return Source(str(tree), "HEAD"), not is_auto
    if is_auto and not has_commit(tree, wishes.base_commit, context.runner):
        notes.append(f"its base-commit {wishes.base_commit[:12]} is not in {tree}")
        return Source(str(tree), "HEAD"), False
    base = named_commit(tree, wishes.base_commit, context.runner)
    notes.append(f"the base is commit {base[:12]}, the base-commit of its mails")
    if not wishes.prerequisites:
        return Source(str(tree), base), True
    below = required_patches(tree, base, wishes.prerequisites, context.runner)
    notes.append(f"{counted(len(below), 'patch')} that its mails require (prerequisite-patch-id) went below it")
    return Source(str(tree), base, below), True


def _elsewhere(series: Series) -> list[str]:
    """Notes about what cannot be honoured without a tree."""
    wishes, notes = series.foundation, list[str]()
    if wishes.base_commit:
        notes.append(
            f"its base-commit {wishes.base_commit[:12]} was not looked for: --tree DIR names a tree that has it"
        )
    elif wishes.trees:
        versions = [".".join(tree.split(".")[:2]) for tree in wishes.trees]
        packages = [name for name in installed() if name.removeprefix("linux-source-") in versions]
        ways = [f"--base {name}" for name in packages if name != DEFAULT_BASE] or ["--tree DIR --base auto"]
        if DEFAULT_BASE not in packages:
            notes.append(f"tested on {DEFAULT_BASE}: {' or '.join(ways)} has the tree that it is for")
    return notes


def _named(series: Series) -> str:
    wishes = series.foundation
    named = [f"commit {wishes.base_commit[:12]}"] if wishes.base_commit else []
    named += [counted(len(wishes.prerequisites), "required patch")] if wishes.prerequisites else []
    return ", ".join([*named, *(f"<{message_id}>" for message_id in wishes.based_on)])


def _based_on(
    series: Series, request: Request, context: Context, notes: list[str], depth: int = 1
) -> tuple[Patch, ...]:
    """The patches of the series that a series is based on, those of their own bases first."""
    found: list[Patch] = []
    for message_id in series.foundation.based_on:
        if depth > DEEPEST:
            raise UsageError(
                f"{series.name}: more than {DEEPEST} series are based on each other (Based-on)", hint="--base REV"
            )
        archive = request.archive or (series.origin.archive if series.origin else "")
        name = PatchName(Kind.MESSAGE, message_id, archive=archive)
        try:
            other = _thread(name, Choice(message=message_id), request, context)
        except DownloadFailed as error:
            error.hint = f"{error.hint}; --base tests on a base that you name, without what its mails ask for"
            raise
        found += [*_based_on(other, request, context, notes, depth + 1), *other.patches]
        what = f"{counted(len(other.patches), 'patch')} of <{message_id}>"
        notes.append(f"{what} went below it (Based-on: {other.patches[0].subject})")
    return tuple(found)
