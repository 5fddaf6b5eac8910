"""series + base -> applied tree."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from orchestrator.build.product import Product
from orchestrator.context import Context
from orchestrator.errors import PatchDoesNotApply
from orchestrator.host.process import Runner
from orchestrator.model.kernel import AppliedTree, Base
from orchestrator.model.series import Series
from orchestrator.parse.patches.series import first_patches
from orchestrator.source.commits import commit_series, trees_of
from orchestrator.source.git import Git
from orchestrator.source.trees import base_tree
from orchestrator.storage.store import Store, key, write_atomically


@dataclass(frozen=True)
class Committed:
    """A patch in the store of its base: its commit, and the tree behind it."""

    commit: str
    tree: str


def apply(context: Context, base: Base, series: Series | None) -> Product[AppliedTree]:
    """The tree of the base with the series applied; without a series, the base's own tree. Raises PatchDoesNotApply."""
    if series is None:
        return Product(AppliedTree(base, base_tree(base, context.runner), ()), cached=False)
    chain, cached = series_commits(context.store, context.runner, base, series)
    files = tuple(dict.fromkeys(name for patch in series.patches for name in patch.files))
    return Product(AppliedTree(base, chain[-1].tree, files, tuple(made.commit for made in chain)), cached=cached)


def series_commits(
    store: Store, runner: Runner, base: Base, series: Series, count: int | None = None
) -> tuple[tuple[Committed, ...], bool]:
    """The first `count` patches of a series (default: all) as commits, and whether the store had them already. Makes
    all commits at once, unless a later patch does not apply. Raises PatchDoesNotApply."""
    try:
        chain, cached = _all_commits(store, runner, base, series)
    except PatchDoesNotApply:
        if count is None or count == len(series.patches):
            raise
        chain, cached = _all_commits(store, runner, base, first_patches(series, count))
    return chain[:count], cached


def _all_commits(store: Store, runner: Runner, base: Base, series: Series) -> tuple[tuple[Committed, ...], bool]:
    patches = [
        (patch.name, patch.subject, patch.sha256, hashlib.sha256(patch.letter).hexdigest()) for patch in series.patches
    ]
    product_key = key("apply", home=str(base.home), commit=base.commit, patches=patches)
    known = store.read("apply", product_key, _read_commits)
    if known and Git(base.home / "git", runner).has(known[-1].commit):  # else the base was imported anew since
        return known, True
    commits = commit_series(base, series, runner)
    chain = tuple(map(Committed, commits, trees_of(base, commits, runner)))

    def make(scratch: Path) -> None:
        write_atomically(scratch / "commits", "".join(f"{made.commit} {made.tree}\n" for made in chain).encode())

    store.put("apply", product_key, make)
    return chain, False


def _read_commits(found: Path) -> tuple[Committed, ...]:
    return tuple(Committed(*line.split()) for line in (found / "commits").read_text().splitlines())
