"""series + base -> applied tree."""

from __future__ import annotations

import hashlib
from pathlib import Path

from orchestrator.build.product import Product
from orchestrator.context import Context
from orchestrator.errors import PatchDoesNotApply
from orchestrator.model.kernel import AppliedTree, Base
from orchestrator.model.series import Series
from orchestrator.parse.series import first
from orchestrator.process import Runner
from orchestrator.source.commits import commit_series, trees_of
from orchestrator.source.git import Git
from orchestrator.source.trees import base_tree
from orchestrator.store import Store, key, write_atomically


def apply(context: Context, base: Base, series: Series | None, count: int | None = None) -> Product[AppliedTree]:
    """The tree that the series makes of the base, or its first `count` patches; the base's own tree without a series.

    Raises PatchDoesNotApply.
    """
    if series is None:
        return Product(AppliedTree(base, base_tree(base, context.runner), ()), cached=False)
    store, runner = context.places.store, context.runner
    try:
        chain, cached = series_commits(store, runner, base, series)
    except PatchDoesNotApply:
        if count is None:
            raise
        chain, cached = series_commits(store, runner, base, first(series, count))  # it may be a later patch
    files = tuple(dict.fromkeys(name for patch in series.patches[:count] for name in patch.files))
    commits = tuple(commit for commit, _ in chain[:count])
    _, tree = chain[:count][-1]
    return Product(AppliedTree(base, tree, files, commits), cached=cached)


def series_commits(
    store: Store, runner: Runner, base: Base, series: Series
) -> tuple[tuple[tuple[str, str], ...], bool]:
    """The commit and the tree behind each patch, and whether they were known. Raises PatchDoesNotApply."""
    patches = [
        (patch.name, patch.subject, patch.sha256, hashlib.sha256(patch.letter).hexdigest()) for patch in series.patches
    ]
    product_key = key("apply", home=str(base.home), commit=base.commit, patches=patches)
    if found := store.get("apply", product_key):
        chain = tuple(_pair(line) for line in (found / "commits").read_text().splitlines())
        if Git(base.home / "git", runner).has(chain[-1][0]):  # else the base was imported anew since
            return chain, True
    commits = commit_series(base, series, runner)
    chain = tuple(zip(commits, trees_of(base, commits, runner), strict=True))

    def make(scratch: Path) -> None:
        write_atomically(scratch / "commits", "".join(f"{commit} {tree}\n" for commit, tree in chain).encode())

    store.put("apply", product_key, make)
    return chain, False


def _pair(line: str) -> tuple[str, str]:
    commit, tree = line.split()
    return commit, tree
