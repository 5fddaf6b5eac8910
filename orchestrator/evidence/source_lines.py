"""The lines of a tree under test that its kernel's reports refer to, and which patches wrote them.

They are read from the base in our cache. A machine that has not built the kernel has no such base: the worker that has
leaves them as a file in the kernel's directory, which comes with its record.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator import codec
from orchestrator.build.apply import series_commits
from orchestrator.context import Places
from orchestrator.host.bounded import read_bytes
from orchestrator.host.process import Runner
from orchestrator.model.kernel import Base, Role
from orchestrator.model.kernel_report import SourceLine
from orchestrator.model.report import SuiteReport
from orchestrator.model.series import Series
from orchestrator.parse.logs.provenance import Provenance, function_around, lines_of, placed
from orchestrator.source.blame import changers, with_tree, writers
from orchestrator.source.git import Git
from orchestrator.source.trees import base_tree
from orchestrator.storage.store import write_atomically

DIRECTORY = "source-lines"  # in a kernel's directory
FILE_BYTES = 16 << 20
Place = tuple[str, int]  # a file and the number of a line


@dataclass(frozen=True)
class Tested:
    """What a kernel was built from: a commit, the tree with everything on top of it, and the series, of which the first
    `count` patches are in it (None: all). `labels` are what its patches are called."""

    commit: str
    tree: str
    series: Series | None
    labels: tuple[str, ...]
    count: int | None


@dataclass(frozen=True)
class Lines:
    """The places that are known, with their text and their patches."""

    known: Mapping[Place, SourceLine]

    def shown(self, place: SourceLine) -> SourceLine:
        found = self.known.get((place.file, place.line))
        return replace(place, text=found.text, mark=found.mark, patches=found.patches) if found else place

    def keep(self, home: Path, name: str) -> None:
        path = home / DIRECTORY / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, codec.dumps(tuple(self.known.values())).encode())


def tested(suite: SuiteReport, series: Series | None, labels: tuple[str, ...]) -> Tested:
    count = suite.facts.patches if suite.role is Role.PER_PATCH else None
    return Tested(suite.facts.commit, suite.facts.tree, series, labels, count)


def kept_lines(home: Path) -> Lines | None:
    """What workers left in a kernel's directory; None if that is nothing that can be read."""
    found: dict[Place, SourceLine] = {}
    for path in sorted((home / DIRECTORY).glob("*.json")):
        try:
            lines = codec.loads(tuple[SourceLine, ...], read_bytes(path, FILE_BYTES))
        except (OSError, ValueError):
            continue
        found |= {(one.file, one.line): one for one in lines}
    return Lines(found) if found else None


def read(places: Places, runner: Runner, what: Tested, wanted: Iterable[Place]) -> Lines | None:
    """The lines from the tree that was built; None if its base is not in the cache. Raises Interrupted, CommandFailed,
    PatchDoesNotApply."""
    base = _base(places, runner, what.commit)
    if base is None:
        return None
    places_wanted = sorted(set(wanted))
    source = _provenance(places, runner, base, what, places_wanted)
    return Lines({(file, line): placed(SourceLine("", file, line), source) for file, line in places_wanted})


def _provenance(places: Places, runner: Runner, base: Base, what: Tested, wanted: Sequence[Place]) -> Provenance:
    git = Git(base.home / "git", runner)
    chain = series_commits(places.store, runner, base, what.series, what.count)[0] if what.series else ()
    tree = what.tree
    if not tree or not git.has(tree):  # a run of an older version, or the base was imported anew since
        tree = chain[-1].tree if chain else base_tree(base, runner)
    blobs = git.blobs(tree, sorted({file for file, _ in wanted}))
    texts = {file: lines_of(text) for file, text in blobs.items()}
    if not chain:
        return Provenance(texts, {}, {})
    patches = dict(zip((made.commit for made in chain), what.labels, strict=False))
    return _blamed(git, what.commit, with_tree(git, chain[-1].commit, tree), patches, texts, wanted)


def _blamed(
    git: Git,
    base: str,
    tip: str,
    patches: Mapping[str, str],
    texts: Mapping[str, Sequence[bytes]],
    places: Iterable[Place],
) -> Provenance:
    """Who wrote the lines of places, and who changed the functions around the others. `patches`: by their commits.

    What mutants put on top of the series is a commit that is no patch's.
    """
    touched = set(git.changed_files(base, tip))
    wanted: dict[str, list[int]] = {}
    for file, line in places:
        if file in touched and 1 <= line <= len(texts.get(file, ())):
            wanted.setdefault(file, []).append(line)
    wrote: dict[tuple[str, int], str] = {}
    changed: dict[tuple[str, int], tuple[str, ...]] = {}
    asked: dict[tuple[str, range], tuple[str, ...]] = {}
    for file, lines in wanted.items():
        writer = writers(git, base, tip, file, lines)
        for line in lines:
            if patch := patches.get(writer[line]):
                wrote[file, line] = patch
            elif around := function_around(texts[file], line):
                if (file, around) not in asked:
                    asked[file, around] = changers(git, base, tip, file, around)
                changed[file, line] = tuple(patches[commit] for commit in asked[file, around] if commit in patches)
    return Provenance(texts, wrote, changed)


def _base(places: Places, runner: Runner, commit: str) -> Base | None:
    """The base of a finished run: any base of ours that has its commit."""
    homes = sorted(path.parent for path in places.bases.glob("*/git")) if commit else []
    home = next((home for home in homes if Git(home / "git", runner).has(commit)), None)
    return Base(home.name, commit, home.name, home) if home else None
