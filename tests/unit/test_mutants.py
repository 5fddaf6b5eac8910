"""The mutants of vm_refcnt as declarations: readable, explained, and pointing at what exists. Of both sets: the one by
which cases were made, and the hold-out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from orchestrator.declarations.catalog import load_catalog
from orchestrator.declarations.patches import read_mutants
from orchestrator.model.series import Mutant, Observable
from orchestrator.parse.patches.mutant import files_of

ROOT = Path(__file__).resolve().parents[2]
MUTANTS = ROOT / "patches/vm_refcnt-mutants"
HOLDOUT = ROOT / "patches/vm_refcnt-holdout"
KCONFIGS = {*load_catalog().fragments}
PARAMETER = re.compile(r"^\+(?:\tPOINT|module_param)\((\w+)", re.MULTILINE)


@pytest.mark.parametrize("home", [MUTANTS, HOLDOUT], ids=lambda home: home.name)
def test_the_classes_are_those_that_the_readme_explains(home: Path) -> None:
    explained = set(
        re.findall(r"^\| `([a-z-]+)` \| [^|]+ \|(?: [^|]+ \|)?$", (home / "README.md").read_text(), re.MULTILINE)
    )
    assert {mutant.group for mutant in read_mutants(home)} == explained


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


def test_the_hold_out_was_made_without_cases_and_for_kernels_without_delays() -> None:
    found = read_mutants(HOLDOUT)
    assert not [mutant.name for mutant in found if mutant.cases or mutant.delays or mutant.has_own_build]
    assert sum(mutant.observable is Observable.YES and mutant.kconfig == "base" for mutant in found) >= 40
    assert {*" ".join(mutant.kconfig for mutant in found).replace("+", " ").split()} <= KCONFIGS


def test_no_mutant_is_in_both_sets() -> None:
    theirs = {_changes(mutant): mutant.name for mutant in read_mutants(MUTANTS)}
    assert not {mutant.name: theirs[_changes(mutant)] for mutant in read_mutants(HOLDOUT) if _changes(mutant) in theirs}
    assert not {mutant.name for mutant in read_mutants(MUTANTS)} & {mutant.name for mutant in read_mutants(HOLDOUT)}


def _changes(mutant: Mutant) -> tuple[bytes, ...]:
    """File, places and changed lines of a mutant, without its context."""
    return tuple(re.findall(rb"^(?:[+-].*|@@ -\d+)", mutant.diff, re.MULTILINE))


def test_the_table_of_the_hold_out_has_each_mutant_with_its_class_file_and_kconfig() -> None:
    row = re.compile(r"^\| `([a-z-]+)` \| (\S+) \| `([a-z0-9-]+)` \| (\S+) \| ([a-z]+) \|$", re.MULTILINE)
    text = (HOLDOUT / "README.md").read_text()
    explained = set(re.findall(r"[a-z]+", text.partition("| expected | meaning |")[2].partition("\n\n")[0]))
    listed = {name: (group, file, kconfig) for group, file, name, kconfig, _ in row.findall(text)}
    assert listed == {
        mutant.name: (mutant.group, "".join(files_of(mutant.diff)), mutant.kconfig) for mutant in read_mutants(HOLDOUT)
    }
    for *_, name, _, expected in row.findall(text):
        mutant = next(mutant for mutant in read_mutants(HOLDOUT) if mutant.name == name)
        assert expected in explained
        assert (expected in ("equivalent", "no")) is (mutant.observable is not Observable.YES), name


def test_directories_of_mutants_are_no_patches_to_test() -> None:
    names = load_catalog().patches
    assert "vm_refcnt" in names
    assert not [name for name in names if name.startswith((MUTANTS.name, HOLDOUT.name))]
