"""series + base -> applied tree."""

from __future__ import annotations

from pathlib import Path

from orchestrator.context import Context
from orchestrator.model import AppliedTree, Base, Series
from orchestrator.source.git import Git
from orchestrator.source.trees import apply_series, base_tree
from orchestrator.stages.product import Product
from orchestrator.store import key, write_atomically


def apply(context: Context, base: Base, series: Series | None) -> Product[AppliedTree]:
    """The tree that the series makes of the base; the base's own tree without a series. Raises PatchDoesNotApply."""
    if series is None:
        return Product(AppliedTree(base, base_tree(base, context.runner), ()), cached=False)
    files = tuple(dict.fromkeys(name for patch in series.patches for name in patch.files))
    product_key = key("apply", home=str(base.home), commit=base.commit, series=series.digest)
    if found := context.places.store.get("apply", product_key):
        tree = (found / "tree").read_text().strip()
        if Git(base.home / "git", context.runner).has(tree):  # else the base was imported anew since
            return Product(AppliedTree(base, tree, files), cached=True)
    tree = apply_series(base, series, context.runner)

    def make(scratch: Path) -> None:
        write_atomically(scratch / "tree", f"{tree}\n".encode())

    context.places.store.put("apply", product_key, make)
    return Product(AppliedTree(base, tree, files), cached=False)
