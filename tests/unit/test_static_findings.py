"""What gcc 12, sparse 0.6.4 and 6.12's checkpatch said about sources made to upset them, read and compared."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.model.static_finding import Severity, StaticFinding
from orchestrator.parse.static_findings import checkpatch_findings, diagnostics, new_findings

DATA = Path(__file__).parents[1] / "data/static"
GCC = diagnostics("gcc", (DATA / "gcc.txt").read_text())
SPARSE = diagnostics("sparse", (DATA / "sparse.txt").read_text())
CHECKPATCH = checkpatch_findings((DATA / "checkpatch.txt").read_text())


def test_each_warning_of_the_compiler_is_a_finding_and_its_notes_are_not() -> None:
    assert len(GCC) == 7
    assert GCC[2] == StaticFinding(
        "gcc", "mm/vma.c", 4, Severity.WARNING, "no previous prototype for 'leak' [-Wmissing-prototypes]"
    )
    assert {finding.file for finding in GCC} == {"mm/vma.c", "include/types.h"}


def test_sparse_says_the_types_in_lines_of_their_own() -> None:
    assert len(SPARSE) == 8
    assert SPARSE[1] == StaticFinding(
        "sparse",
        "mm/vma.c",
        7,
        Severity.WARNING,
        "incorrect type in initializer (different address spaces); expected int *q; got void [noderef] __user *p",
    )
    assert SPARSE[-2].message == "context imbalance in 'grab' - wrong count at exit"


def test_checkpatch_names_file_line_and_type() -> None:
    assert len(CHECKPATCH) == 12
    assert CHECKPATCH[0] == StaticFinding(
        "checkpatch", "mm/vma.c", 6, Severity.ERROR, "TRAILING_WHITESPACE: trailing whitespace"
    )
    assert checkpatch_findings(":0: ERROR:NOT_UNIFIED_DIFF: Does not appear to be a unified-diff format patch\n") == ()


@pytest.mark.parametrize(
    ("line", "finding"),
    [
        (
            "../mm/a.c:3:1: error: expected ';' before 'x'",
            StaticFinding("gcc", "mm/a.c", 3, Severity.ERROR, "expected ';' before 'x'"),
        ),
        (
            "../mm/a.c:1:10: fatal error: none.h: No such file or directory",
            StaticFinding("gcc", "mm/a.c", 1, Severity.ERROR, "none.h: No such file or directory"),
        ),
        ("make[3]: *** [../scripts/Makefile.build:229: mm/a.o] Error 1", None),
        ("  CC      mm/a.o", None),
    ],
)
def test_errors_are_findings_and_what_make_says_is_none(line: str, finding: StaticFinding | None) -> None:
    assert diagnostics("gcc", f"{line}\n") == ((finding,) if finding else ())


def test_a_header_that_several_sources_include_is_counted_once() -> None:
    log = (DATA / "gcc.txt").read_text()
    assert diagnostics("gcc", log + log) == GCC


@pytest.mark.parametrize("findings", [GCC, SPARSE, CHECKPATCH], ids=["gcc", "sparse", "checkpatch"])
def test_lines_that_moved_are_not_new(findings: tuple[StaticFinding, ...]) -> None:
    moved = tuple(replace(finding, line=finding.line + 12) for finding in findings)
    assert new_findings(findings, moved) == ()
    assert new_findings((), findings) == findings


def test_numbers_in_a_message_are_not_what_makes_it_another() -> None:
    (frame,) = (finding for finding in GCC if "frame size" in finding.message)
    larger = replace(frame, message=frame.message.replace("2048", "2056"))
    assert new_findings([frame], [larger]) == ()
    told = "'__UNIQUE_ID_x_{}' undeclared (first use in this function); did you mean '__UNIQUE_ID_y{}'?"
    counted, again = (
        StaticFinding("gcc", "include/linux/compiler.h", 166, Severity.ERROR, told.format(number, number + 1))
        for number in (742, 751)
    )
    assert new_findings([counted], [again]) == ()
    # but those in names are
    unused = StaticFinding("gcc", "mm/a.c", 1, Severity.WARNING, "unused variable 'u32' [-Wunused-variable]")
    other = replace(unused, message=unused.message.replace("u32", "u64"))
    assert new_findings([unused], [other]) == (other,)


def test_one_more_of_the_same_is_new_and_so_is_the_same_in_another_file_or_of_another_severity() -> None:
    one = StaticFinding("sparse", "mm/a.c", 1, Severity.WARNING, "Using plain integer as NULL pointer")
    two = replace(one, line=9)
    assert new_findings([one], [one, two]) == (two,)
    assert new_findings([one, two], [one]) == ()
    elsewhere, worse = replace(one, file="mm/b.c"), replace(one, severity=Severity.ERROR)
    assert new_findings([one], [elsewhere, worse]) == (elsewhere, worse)


def test_types_without_end_make_no_message_without_end() -> None:
    (finding,) = diagnostics("sparse", "a.c:1:1: warning: x\n" + "a.c:1:1:    expected struct page *page\n" * 10_000)
    assert finding.message.startswith("x; expected struct page *page; expected")
    assert len(finding.message) < 2100
