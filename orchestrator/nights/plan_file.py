"""The plan of a night: a YAML file -> a NightPlan in which every name is known, or all that is wrong, line by line."""

from __future__ import annotations

import hashlib
from pathlib import Path

from orchestrator.declarations import schema
from orchestrator.declarations.catalog import Catalog
from orchestrator.declarations.files import read_text, read_yaml_text
from orchestrator.errors import BadDeclaration
from orchestrator.host.real_path import real_path
from orchestrator.model.night import NightPlan, Results
from orchestrator.nights.checker import Checker
from orchestrator.nights.entries import Entries
from orchestrator.nights.forms import PlanForm, ResultsForm
from orchestrator.nights.names import Names
from orchestrator.nights.suites import Check, Suites


def read_plan(path: Path, catalog: Catalog, check: Check) -> NightPlan:
    """`check` raises UsageError for a command line of `test` or `mutants` that cannot be. Raises UsageError,
    BadDeclaration with everything that is wrong."""
    text = read_yaml_text(path)
    if text.data is None:
        raise BadDeclaration(f"{path}: says nothing", hint="docs/nightly.md has an example")
    plan = schema.declared(PlanForm, text.data, str(path), text.lines)
    checker = Checker(path, text.lines)
    if not plan.trees and not plan.series:
        checker.wrong((), "neither trees nor series: there is nothing to test")
    if any(name in plan.trees for name in plan.series):
        for name in plan.series.keys() & plan.trees.keys():
            checker.wrong(("series", name), "a tree has this name already")
    if plan.executor:
        with checker.at("executor"):
            check(("test", "--executor", plan.executor))
    names = Names(path, catalog, checker)
    suites, entries = Suites(plan, names, check).suites(), Entries(plan, names)
    made = NightPlan(
        path=str(real_path(path)),
        digest=hashlib.sha256(read_text(path).encode()).hexdigest()[:12],
        trees=tuple(entries.tree(name, one, suites) for name, one in plan.trees.items()),
        series=tuple(entries.series(name, one, suites) for name, one in plan.series.items()),
        budget_s=checker.seconds(plan.budget, "budget") or 0.0,
        expected_s=checker.seconds(plan.expected, "expected") or 0.0,
        repeats=plan.repeats,
        fetch_s=checker.seconds(plan.fetch_timeout, "fetch_timeout") or 0.0,
        bisect=plan.bisect,
        results=_results(plan.results, names),
        executor=plan.executor,
        at_once=plan.at_once,
    )
    checker.settle()
    return made


def _results(wanted: ResultsForm, names: Names) -> Results:
    at = "results"
    history = wanted.history if "://" in wanted.history else names.written(wanted.history)
    directory = names.written(wanted.directory)
    if directory and Path(directory).exists() and not Path(directory).is_dir():
        names.checker.wrong((at, "directory"), f"{directory}: no directory")
    files = {name: names.written(getattr(wanted, name)) for name in ("markdown", "json", "junit")}
    for name, file in files.items():
        if file and Path(file).is_dir():
            names.checker.wrong((at, name), f"{file}: a directory, not a file")
    return Results(history=history, directory=directory, **files)
