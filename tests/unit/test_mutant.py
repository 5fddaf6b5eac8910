"""The header of a mutant: read whole, and refused with the field's name."""

from __future__ import annotations

import pytest

from orchestrator.errors import BadDeclaration
from orchestrator.model.series import Observable
from orchestrator.parse.patches.mutant import parse

HEADER = """\
Mutant: lost-wake-up
Class: wake-up
Breaks: the last reader
 wakes nobody
Symptom: a writer that waits for ever
Kconfig: debug
Cases: fault-vs-munmap split-merge
Delays: reader-drop=500 writer-set=20
Observable: yes
From: own
"""
DIFF = "---\ndiff --git a/mm/memory.c b/mm/memory.c\n"


def test_a_whole_header() -> None:
    mutant = parse("lost-wake-up", (HEADER + DIFF).encode())
    assert mutant.breaks == "the last reader wakes nobody"
    assert mutant.cases == ("fault-vs-munmap", "split-merge")
    assert mutant.delays == (("reader-drop", 500), ("writer-set", 20))
    assert (mutant.kconfig, mutant.observable, mutant.has_own_build) == ("debug", Observable.YES, False)
    assert mutant.diff.startswith(b"diff --git")


def test_one_that_cannot_be_switched_has_a_build_of_its_own() -> None:
    assert parse("lost-wake-up", (HEADER + "Build: own\n" + DIFF).encode()).has_own_build


def test_why_it_cannot_be_observed_is_kept() -> None:
    mutant = parse("x", (HEADER.replace("lost-wake-up", "x").replace("yes", "no: stores are ordered") + DIFF).encode())
    assert (mutant.observable, mutant.argument) == (Observable.NO, "stores are ordered")


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ("Class: wake-up\n", "", "Class is missing"),
        ("Observable: yes", "Observable: maybe", "Observable"),
        ("Observable: yes", "Observable: no", "say why"),
        ("reader-drop=500", "reader-drop", "Delays"),
        ("Kconfig: debug", "Kernel: debug", "unknown key Kernel"),
        ("Class: wake-up", "Class:", "Class: expected a string, got nothing"),
        ("From: own", "From: own\nBuild: twice", "Build: expected one of own, got 'twice'"),
        ("From: own", "From: own\nFrom: twice", "given twice"),
        ("Mutant: lost-wake-up", "Mutant: other", "not the file's name"),
        (DIFF, "no diff\n", "a mutant is a header"),
    ],
)
def test_what_is_wrong_is_named(before: str, after: str, why: str) -> None:
    with pytest.raises(BadDeclaration, match=why):
        parse("lost-wake-up", (HEADER + DIFF).replace(before, after).encode())
