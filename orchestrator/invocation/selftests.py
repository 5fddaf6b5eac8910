"""The selftests that the tree under test lists itself, as cases: those of a series too, which may add some."""

from __future__ import annotations

from collections.abc import Callable

from orchestrator.build.apply import apply
from orchestrator.build.kselftests import directory_of
from orchestrator.context import Context
from orchestrator.declarations.catalog import Catalog
from orchestrator.errors import PatchDoesNotApply
from orchestrator.model.kernel import Base, Source
from orchestrator.model.request import Request
from orchestrator.model.series import Series
from orchestrator.parse.results.selftest_list import SCRIPT, selftests
from orchestrator.source.objects import Trees


def with_selftests_of(
    context: Context, request: Request, source: Source, series: Series | None, find: Callable[[Source], Base]
) -> Catalog:
    """The catalog with the cases that the tree lists, if the request could choose some of them. Raises
    BaseUnavailable."""
    catalog = context.catalog
    for collection in catalog.collections:
        if not catalog.may_mean(request.testcases, collection):
            continue
        base = find(source)
        try:
            tree = apply(context, base, series).value.tree
        except PatchDoesNotApply:  # the apply stage says so, with its evidence
            return catalog
        trees = Trees(base, context.runner)
        home = directory_of(trees, tree, collection.directory)
        makefile = trees.read(tree, f"{home}/Makefile")
        if makefile is not None:
            catalog = catalog.with_listed(collection, selftests(makefile, trees.read(tree, f"{home}/{SCRIPT}")))
    return catalog
