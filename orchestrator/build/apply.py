"""series + base -> applied tree."""

from __future__ import annotations

from pathlib import Path

from orchestrator.build.product import Product
from orchestrator.context import Context
from orchestrator.model.kernel import AppliedTree, Base
from orchestrator.model.series import Series
from orchestrator.process import Runner
from orchestrator.source.git import Git
from orchestrator.source.trees import apply_series, base_tree
from orchestrator.store import Store, key, write_atomically


def apply(context: Context, base: Base, series: Series | None) -> Product[AppliedTree]:
    """The tree that the series makes of the base; the base's own tree without a series. Raises PatchDoesNotApply."""
    if series is None:
        return Product(AppliedTree(base, base_tree(base, context.runner), ()), cached=False)
    files = tuple(dict.fromkeys(name for patch in series.patches for name in patch.files))
    tree, cached = series_tree(context.store, context.runner, base, series)
    return Product(AppliedTree(base, tree, files), cached=cached)


def series_tree(store: Store, runner: Runner, base: Base, series: Series) -> tuple[str, bool]:
    """The id of the tree, and whether it was known. Raises PatchDoesNotApply."""
    product_key = key("apply", home=str(base.home), commit=base.commit, series=series.digest)
    known = store.read("apply", product_key, lambda found: (found / "tree").read_text().strip())
    if known and Git(base.home / "git", runner).has(known):  # else the base was imported anew since
        return known, True
    tree = apply_series(base, series, runner)

    def make(scratch: Path) -> None:
        write_atomically(scratch / "tree", f"{tree}\n".encode())

    store.put("apply", product_key, make)
    return tree, False
