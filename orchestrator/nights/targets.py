"""What a plan's trees and series hold tonight: branches and their commits, series and their patches."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from orchestrator.codec import loads
from orchestrator.declarations.catalog import Catalog
from orchestrator.declarations.patch_dir import PATCH_FILE
from orchestrator.declarations.patches import (
    ARCHIVE,
    DOWNLOAD_S,
    NUMBERED,
    fetch_thread,
    named_patches,
    unpacked,
)
from orchestrator.errors import Interrupted, OrchestrateError, PatchUnreadable
from orchestrator.host import bounded
from orchestrator.host.environment import access
from orchestrator.host.process import Command, Runner
from orchestrator.model.night import Entry, From, NightPlan, SeriesEntry, TreeEntry
from orchestrator.model.series import Series
from orchestrator.parse.patches import mail as mails
from orchestrator.parse.patches.mail_limits import excess
from orchestrator.parse.patches.patch_name import Kind
from orchestrator.parse.patches.series import Choice, read_patches
from orchestrator.parse.patches.tag import read_tag
from orchestrator.parse.patches.threads import as_mbox, has_patches, plain_name, threads, title_of, version_of
from orchestrator.source.bases import find_in_tree
from orchestrator.storage.store import write_atomically
from orchestrator.web.fetch import fetch_text
from orchestrator.words import counted

MAIL_BYTES = 16 << 20  # of one mail: the largest patches of a series have a few hundred KiB
MOST_MAILS = 20_000  # of a maildir that are read
NEWEST = Choice(newest=True)


@dataclass(frozen=True)
class Target:
    """Something to test with each suite, kconfig and machine of its entry. `words` choose it on the command line of
    `test` and `mutants`. With `trouble` it cannot be tested."""

    entry: Entry
    name: str
    words: tuple[str, ...]
    trouble: str = ""


@dataclass(frozen=True)
class Looking:
    """Where series are saved, by their content, so that what was interrupted goes on with the same ones, and under the
    same path; who runs git; what is noted on the way. A rehearsal fetches no tree."""

    catalog: Catalog
    runner: Runner
    directory: Path
    notes: list[str]
    is_rehearsal: bool = False

    def targets(self, plan: NightPlan) -> tuple[Target, ...]:
        """Whatever cannot be had is a target with its trouble, and keeps no other out. Raises Interrupted."""
        found = [target for tree in plan.trees for target in self._branches(tree, plan.fetch_s)]
        found += [target for entry in plan.series for target in self._series(entry)]
        return tuple(_one_each(found))

    # --- trees

    def _branches(self, tree: TreeEntry, fetch_s: float) -> Iterator[Target]:
        trouble = "" if self.is_rehearsal else self._fetch(tree, fetch_s)
        for branch in tree.branches:
            name, words = f"{tree.name}/{branch}", ("--tree", tree.path)
            try:
                commit = "" if trouble else find_in_tree(Path(tree.path), branch, self.runner).commit
            except Interrupted:
                raise
            except OrchestrateError as error:
                yield Target(tree, name, words, error.message)
                continue
            yield Target(tree, name, (*words, "--base", commit), trouble)

    def _fetch(self, tree: TreeEntry, fetch_s: float) -> str:
        """Why it could not be fetched; empty if it was."""
        for line in tree.fetch:
            result = self.runner.run(
                Command(("sh", "-c", line), cwd=Path(tree.path), env=access(os.environ)), timeout_s=fetch_s
            )
            if result.timed_out:
                return f"{line}: not over after {fetch_s:.0f} s"
            if result.status != 0:
                said = result.tail(3).replace("\n", "; ")
                return f"{line}: exited with {result.status}: {said}"
        return ""

    # --- series

    def _series(self, entry: SeriesEntry) -> Iterator[Target]:
        look = {
            From.PATCH: self._patch,
            From.DIRECTORY: self._directory,
            From.MAILDIR: self._maildir,
            From.PATCHWORK: self._patchwork,
        }
        try:
            on = self._on(entry)
            for target in look[entry.source](entry):
                yield replace(target, words=(*target.words, *on))
        except Interrupted:
            raise
        except OrchestrateError as error:
            yield Target(entry, entry.name, (), error.message)

    def _on(self, entry: SeriesEntry) -> tuple[str, ...]:
        """The base of a series. A branch is the commit that it is now: it may move before the night is over."""
        base = entry.base
        if entry.tree and base and base != "auto":
            base = find_in_tree(Path(entry.tree), base, self.runner).commit
        on = ("--tree", entry.tree) if entry.tree else ()
        return (*on, "--base", base) if base else on

    def _patch(self, entry: SeriesEntry) -> Iterator[Target]:
        name = self.catalog.patch_name(entry.place)
        if name.kind is not Kind.MESSAGE:
            yield Target(entry, entry.name, ("--patch", entry.place))
            return
        data = fetch_thread(name.archive or entry.archive or ARCHIVE, name.text)
        series = read_patches([(name.text, data)], entry.name, NEWEST)
        yield self._saved(entry, entry.name, data, series)

    def _directory(self, entry: SeriesEntry) -> Iterator[Target]:
        root = Path(entry.place)
        if any(NUMBERED.match(path.name) and PATCH_FILE.search(path.name) for path in root.iterdir()):
            yield Target(entry, entry.name, ("--patch", entry.place))
            return
        found = {**{path.stem: path for path in root.glob("*.mbox")}, **named_patches(root)}
        if not found:
            raise PatchUnreadable(f"{root}: no patches in it", hint="NAME.patch, NAME.mbox, NAME/0001-x.patch")
        for name, path in sorted(found.items()):
            yield Target(entry, f"{entry.name}/{name}", ("--patch", str(path)))

    def _maildir(self, entry: SeriesEntry) -> Iterator[Target]:
        found: dict[str, tuple[mails.Mail, ...]] = {}
        for thread in threads(self._mails(entry)):
            if has_patches(thread):
                name = plain_name(title_of(thread))
                if name not in found or version_of(thread) > version_of(found[name]):  # v2 in a thread of its own
                    found[name] = thread
        if len(found) > entry.most:
            self.notes.append(f"{entry.name}: the newest {entry.most} of {len(found)} series")
        for name, thread in [*found.items()][: entry.most]:
            yield self._of_mails(entry, f"{entry.name}/{name}", as_mbox(thread))

    def _mails(self, entry: SeriesEntry) -> Iterator[mails.Mail]:
        """What is no mail that can be read is noted; a file that was moved meanwhile is the next
        night's."""
        paths = [path for name in ("cur", "new") for path in Path(entry.place, name).glob("*")]
        unreadable = 0
        for path in sorted(paths)[-MOST_MAILS:]:
            try:
                data = bounded.read_bytes(path, MAIL_BYTES)
                if excess(data):
                    raise mails.Unreadable(path.name)
                yield mails.parse(data)
            except (OSError, mails.Unreadable):
                unreadable += 1
        if unreadable:
            self.notes.append(f"{entry.name}: {counted(unreadable, 'mail')} could not be read")

    def _patchwork(self, entry: SeriesEntry) -> Iterator[Target]:
        try:
            listed = loads(tuple[_Listed, ...], fetch_text(entry.place, deadline_s=DOWNLOAD_S))
        except ValueError as error:
            raise PatchUnreadable(f"{entry.place}: no list of series of patchwork: {error}") from error
        complete = [one for one in listed if one.received_all]
        if len(complete) < len(listed):
            self.notes.append(f"{entry.name}: {len(listed) - len(complete)} series still incomplete")
        newest = sorted(complete, key=lambda one: one.id, reverse=True)[: entry.most]
        for one in newest:
            name = f"{entry.name}/{plain_name(read_tag(one.name or str(one.id)).title)}"
            if urlsplit(one.mbox)[:2] != urlsplit(entry.place)[:2]:
                yield Target(entry, name, (), f"{one.mbox}: not of the server that was asked")
                continue
            try:
                data = unpacked(one.mbox, fetch_text(one.mbox, deadline_s=DOWNLOAD_S))
            except OrchestrateError as error:
                yield Target(entry, name, (), error.message)
                continue
            yield self._of_mails(entry, name, data)

    def _of_mails(self, entry: SeriesEntry, name: str, data: bytes) -> Target:
        try:
            return self._saved(entry, name, data, read_patches([(name, data)], name, NEWEST))
        except PatchUnreadable as error:
            return Target(entry, name, (), error.message)

    def _saved(self, entry: SeriesEntry, name: str, data: bytes, series: Series) -> Target:
        content = hashlib.sha256(data).hexdigest()[:16]
        path = self.directory / content / f"{re.sub('[^A-Za-z0-9._-]', '-', name.rpartition('/')[2])}.mbox"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, data)
        return Target(entry, name, ("--patch", str(path), "--version", str(series.patches[0].version)))


@dataclass(frozen=True)
class _Listed:
    """A series as patchwork's /api/series/ lists it."""

    id: int
    mbox: str
    name: str | None = None
    received_all: bool = True


def _one_each(targets: Sequence[Target]) -> Iterator[Target]:
    """One target of each name: the first, which is the newest version where several threads have one."""
    seen: dict[str, Target] = {}
    for target in targets:
        if target.name not in seen or (seen[target.name].trouble and not target.trouble):
            seen[target.name] = target
    return iter(seen.values())
