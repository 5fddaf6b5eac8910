"""The mutants of vm_refcnt as declarations: readable, explained, and pointing at what exists."""

from __future__ import annotations

import re
from pathlib import Path

from orchestrator.catalog import load_catalog
from orchestrator.declarations.patches import read_mutants
from orchestrator.model.series import Observable

ROOT = Path(__file__).resolve().parents[2]
MUTANTS = ROOT / "patches/vm_refcnt-mutants"
PARAMETER = re.compile(r"^\+(?:\tPOINT|module_param)\((\w+)", re.MULTILINE)


def test_the_classes_are_those_that_the_readme_explains() -> None:
    explained = set(re.findall(r"^\| `([a-z-]+)` \|", (MUTANTS / "README.md").read_text(), re.MULTILINE))
    assert {mutant.group for mutant in read_mutants(MUTANTS)} == explained


def test_cases_kconfigs_and_parameters_exist() -> None:
    catalog = load_catalog()
    parameters = set(PARAMETER.findall(next((ROOT / "patches/vm_refcnt-delays").glob("0001-*.patch")).read_text()))
    for mutant in read_mutants(MUTANTS):
        assert {*mutant.cases} <= {*catalog.testcases}, mutant.name
        assert {*mutant.kconfig.split("+")} <= {*catalog.fragments}, mutant.name
        assert {point for point, _ in mutant.delays} <= parameters, mutant.name


def test_an_ordering_has_a_litmus_test_and_each_litmus_test_a_mutant() -> None:
    orderings = [mutant for mutant in read_mutants(MUTANTS) if mutant.group == "ordering"]
    assert all(mutant.observable is Observable.NO for mutant in orderings)
    assert {mutant.name for mutant in orderings} == {path.stem for path in (MUTANTS / "litmus").glob("*.litmus")}
    assert all(f"litmus/{mutant.name}.litmus" in mutant.argument for mutant in orderings)


def test_most_can_be_observed() -> None:
    found = read_mutants(MUTANTS)
    assert sum(mutant.observable is Observable.YES for mutant in found) >= 32
