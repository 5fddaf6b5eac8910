"""What the file of a plan may say, key by key (docs/nightly.md); whether that makes sense is asked later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from orchestrator.model.kernel import USUAL_TOOLCHAIN
from orchestrator.model.night import SeriesEntry

DEFAULT_SUITE = "default"


@dataclass(frozen=True, kw_only=True)
class EntryForm:
    """What trees and series have in common. `budget` is as a person writes it: `90m`; empty: none of its own."""

    suites: tuple[str, ...] = (DEFAULT_SUITE,)
    kconfigs: tuple[str, ...] = ()
    machines: tuple[str, ...] = ()
    arches: tuple[str, ...] = ()
    toolchains: tuple[str, ...] = ()
    priority: Literal["high", "normal", "low"] = "normal"
    budget: str = ""


@dataclass(frozen=True, kw_only=True)
class TreeForm(EntryForm):
    """Branches of a git tree. `fetch`: command lines that are run in it first."""

    path: str
    branches: tuple[str, ...]
    fetch: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SeriesForm(EntryForm):
    """Where series come from: one of `patch`, `directory`, `maildir`, `patchwork`; at most `most` in a night."""

    patch: str = ""
    directory: str = ""
    maildir: str = ""
    patchwork: str = ""
    tree: str = ""
    base: str = ""
    archive: str = ""
    most: int = SeriesEntry.most


@dataclass(frozen=True, kw_only=True)
class SuiteForm:
    """How an entry is tested. Times are as a person writes them: `2h`; empty: what `orchestrate` does by itself."""

    about: str = ""
    run: Literal["test", "mutants"] = "test"
    testcases: tuple[str, ...] = ()
    kconfigs: tuple[str, ...] = ()
    duration: str = ""
    seed: str = "1"
    each_patch: bool = False
    host_tests: tuple[str, ...] = ()
    budget: str = ""
    every: str = ""
    again: str = ""
    options: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ResultsForm:
    """Where the results of a night go: paths, and the history's place; empty: nowhere, or the usual one."""

    history: str = ""
    directory: str = ""
    markdown: str = ""
    json: str = ""
    junit: str = ""


@dataclass(frozen=True, kw_only=True)
class PlanForm:
    """A whole plan, with what holds where an entry says nothing. Times are as a person writes them."""

    trees: Mapping[str, TreeForm] = field(default_factory=dict)
    series: Mapping[str, SeriesForm] = field(default_factory=dict)
    suites: Mapping[str, SuiteForm] = field(default_factory=dict)
    kconfigs: tuple[str, ...] = ("base",)
    machines: tuple[str, ...] = ()
    arches: tuple[str, ...] = ()
    toolchains: tuple[str, ...] = (USUAL_TOOLCHAIN,)
    budget: str = "8h"
    expected: str = "20m"
    repeats: int = 3
    fetch_timeout: str = "30m"
    bisect: bool = True
    executor: str = ""
    at_once: int = 0
    results: ResultsForm = field(default_factory=ResultsForm)
