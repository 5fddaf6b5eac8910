"""The trees and series of a plan."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.errors import UsageError
from orchestrator.model.kernel import USUAL_ARCH
from orchestrator.model.night import From, Priority, SeriesEntry, Suite, TreeEntry
from orchestrator.nights.forms import EntryForm, PlanForm, SeriesForm, TreeForm
from orchestrator.nights.names import Names
from orchestrator.parse.patches.patch_name import Kind
from orchestrator.words import near


@dataclass(frozen=True)
class Entries:
    """Reads entries of a plan. What is wrong is told to the checker of `names`, and the reading goes on."""

    plan: PlanForm
    names: Names

    def tree(self, name: str, one: TreeForm, suites: Mapping[str, Suite]) -> TreeEntry:
        at = ("trees", name)
        path = self.names.path(one.path)
        if not path.is_dir():
            self.names.checker.wrong((*at, "path"), f"{path}: no such directory")
        if not one.branches:
            self.names.checker.wrong((*at, "branches"), "none is named")
        made = self._entry(at, one, suites)
        for suite in made["suites"]:
            if suite.needs_series:
                self.names.checker.wrong(
                    (*at, "suites"), f"{suite.name} is about patches, and a branch is tested as it is"
                )
        return TreeEntry(**made, path=str(path), fetch=one.fetch, branches=tuple(dict.fromkeys(one.branches)))

    def series(self, name: str, one: SeriesForm, suites: Mapping[str, Suite]) -> SeriesEntry:
        at = ("series", name)
        given = {kind: text for kind in From if (text := str(getattr(one, kind.value)))}
        if len(given) != 1:
            known = ", ".join(kind.value for kind in From)
            there = " and ".join(kind.value for kind in given) or "none"
            self.names.checker.wrong(at, f"series come from one of {known}; here is {there}")
        source, place = next(iter(given.items()), (From.PATCH, ""))
        if place:
            with self.names.checker.at(*at, source.value):
                place = self._place(source, place)
        if one.base == "auto" and not one.tree:
            self.names.checker.wrong((*at, "base"), "auto looks among the branches of a tree", "tree: NAME")
        made = self._entry(at, one, suites)
        return SeriesEntry(
            **made, source=source, place=place, tree=self._tree_of(at, one), base=one.base, archive=one.archive,
            most=one.most,
        )  # fmt: skip

    def _place(self, source: From, text: str) -> str:
        """As it means the same from anywhere. Raises UsageError."""
        if source is From.PATCHWORK:
            if not re.match(r"https?://[^/\s]+/", text):
                raise UsageError(f"{text}: not the address of a query", hint="https://HOST/api/series/?project=NAME")
            return text
        if source is From.PATCH:
            path = self.names.path(text)
            if path.exists():
                return str(path)
            name = self.names.catalog.patch_name(text)
            if name.kind is Kind.RANGE:
                raise UsageError(f"{text}: commits of a tree are a branch of `trees`")
            return text
        path = self.names.path(text)
        if not path.is_dir():
            raise UsageError(f"{path}: no such directory")
        if source is From.MAILDIR and not any((path / name).is_dir() for name in ("cur", "new")):
            raise UsageError(f"{path}: no maildir: it has neither cur/ nor new/")
        return str(path)

    def _tree_of(self, at: tuple[str, str], one: SeriesForm) -> str:
        if not one.tree:
            return ""
        if one.tree in self.plan.trees:
            return str(self.names.path(self.plan.trees[one.tree].path))
        path = self.names.path(one.tree)
        if not path.is_dir():
            hint = near(one.tree, self.plan.trees) or f"known: {', '.join(self.plan.trees) or 'none'}"
            self.names.checker.wrong((*at, "tree"), f"{one.tree}: neither a tree of this plan nor a directory", hint)
        return str(path)

    def _entry(self, at: tuple[str, str], one: EntryForm, suites: Mapping[str, Suite]) -> dict[str, Any]:
        self.names.name(at[1], *at)
        kconfigs = one.kconfigs or self.plan.kconfigs
        machines = (
            self.names.machines(at, one)
            or self.names.machines((), self.plan)
            or (self.names.catalog.arch(USUAL_ARCH).machine,)
        )
        self.names.kconfigs(((at, one.kconfigs), ((), self.plan.kconfigs)))
        toolchains = self.names.toolchains(at, one.toolchains) or self.names.toolchains((), self.plan.toolchains)
        for number, suite in enumerate(one.suites):
            self.names.checker.one_of(suite, [*suites], "suite", *at, "suites", number)
        budget_s = self.names.checker.seconds(one.budget, *at, "budget")
        return {
            "name": at[1],
            "suites": tuple(suites[name] for name in dict.fromkeys(one.suites) if name in suites),
            "kconfigs": tuple(dict.fromkeys(map(self.names.spec, kconfigs))),
            "machines": tuple(dict.fromkeys(machines)),
            "toolchains": toolchains,
            "priority": Priority[one.priority.upper()],
            "budget_s": budget_s,
        }
