"""What a run directory says of a kernel's coverage, whatever has become of its files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.evidence.coverage.collect import CODE_MAP, CODE_MAP_SCHEMA, collect
from orchestrator.evidence.coverage.hits import HITS, write_hits
from orchestrator.model.attempt import Attempt, Ending
from orchestrator.model.coverage import (
    ChangedFile,
    ChangedStatement,
    CodeMap,
    Copy,
    Jump,
    LineState,
    Part,
    WayOut,
    Ways,
)
from orchestrator.model.kernel import Role
from orchestrator.runs.record import KernelRecord
from orchestrator.storage import kept

CONTROL, HERE, THERE = 0x100, 0x200, 0x300
CODE = CodeMap(
    "b1",
    (
        ChangedFile(
            "mm/vma.c",
            tuple(
                ChangedStatement(line, line, (line,), "x();", "f", LineState.NEVER_HIT, "", (Copy("f", (address,)),))
                for line, address in ((1, HERE), (2, THERE))
            ),
        ),
    ),
    CONTROL,
)


def record(*attempts: Attempt, guests: int = 1, first_guest: int = 0) -> KernelRecord:
    return KernelRecord(
        "base.patched", "base", Role.PATCHED, "", attempts=attempts, guests=guests, first_guest=first_guest
    )


def attempt(case: str, guest: int = 0, number: int = 1) -> Attempt:
    return Attempt(case, Ending.EXITED, guest, number=number, coverage=f"cases/{case}/{number}/{HITS}")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / CODE_MAP).write_bytes(kept.dumps(CODE, CODE_MAP_SCHEMA))
    return tmp_path


def keep(home: Path, where: str, hits: dict[int, int]) -> None:
    (home / where).mkdir(parents=True, exist_ok=True)
    write_hits(hits, home / where / HITS)


def counts(home: Path, kernel: KernelRecord) -> list[dict[str, int]]:
    found = collect(kernel, home)
    assert found
    return [{case.case: case.count for case in one.cases} for one in found.statements]


def test_hits_of_all_guests_and_attempts_are_added_up(home: Path) -> None:
    keep(home, "guest-0", {CONTROL: 1, HERE: 2})
    keep(home, "guest-1", {CONTROL: 1, HERE: 3})
    keep(home, "cases/uffd/1", {THERE: 7})
    keep(home, "cases/uffd/2", {THERE: 1})
    keep(home, "cases/gup/1", {})
    kernel = record(attempt("uffd"), attempt("uffd", 1, 2), attempt("gup"), guests=2)
    assert counts(home, kernel) == [{"boot": 5}, {"uffd": 8}]
    found = collect(kernel, home)
    assert found
    assert found.cases == ("boot", "uffd", "gup")


def test_a_guest_whose_kernel_lies_elsewhere_says_nothing(home: Path) -> None:
    keep(home, "guest-0", {HERE: 2})
    keep(home, "guest-1", {CONTROL: 1})
    keep(home, "cases/uffd/1", {THERE: 7})
    keep(home, "cases/gup/1", {THERE: 1})
    assert counts(home, record(attempt("uffd"), attempt("gup", 1), guests=2)) == [{}, {"gup": 1}]


def test_guests_of_another_build_do_not_count(home: Path) -> None:
    keep(home, "guest-0", {CONTROL: 1, HERE: 2})
    assert counts(home, record(first_guest=1, guests=1)) == [{}, {}]


def test_ways_of_jumps_are_added_up_over_guests_and_attempts(tmp_path: Path) -> None:
    part = Part(1, 5, "(", False, (WayOut("mm/vma.c:2", ((HERE, THERE),)), WayOut("mm/vma.c:3", ((HERE, CONTROL),))))
    condition = ChangedStatement(
        1, 1, (1,), "if (a)", "f", LineState.NEVER_HIT, "", (Copy("f", (HERE,), ((part,),)),), is_condition=True
    )
    code = CodeMap("b1", (ChangedFile("mm/vma.c", (condition,)),), CONTROL, (Jump(HERE, THERE, CONTROL),), (1,))
    (tmp_path / CODE_MAP).write_bytes(kept.dumps(code, CODE_MAP_SCHEMA))
    for where, times in (("guest-0", 2), ("cases/uffd/1", 5), ("guest-1", 100)):
        (tmp_path / where).mkdir(parents=True)
        hits = {HERE: times} if where == "guest-1" else {CONTROL: 1, HERE: times}
        write_hits(hits, tmp_path / where / HITS, {(HERE, THERE): times})
    found = collect(record(attempt("uffd"), guests=2), tmp_path)
    assert found
    (one,) = found.statements
    assert [(way.to, way.count) for way in one.parts[0].ways] == [("mm/vma.c:2", 7), ("mm/vma.c:3", 0)]
    assert one.ways is Ways.SOME
    (tmp_path / CODE_MAP).write_bytes(kept.dumps(replace(code, no_ways="not proved"), CODE_MAP_SCHEMA))
    found = collect(record(attempt("uffd"), guests=2), tmp_path)
    assert found
    assert (found.no_ways, found.statements[0].ways) == ("not proved", None)


def test_files_that_are_gone_or_unfinished_count_as_nothing(home: Path) -> None:
    keep(home, "guest-0", {CONTROL: 1, HERE: 2})
    keep(home, "cases/uffd/1", {})
    (home / "cases/uffd/1" / HITS).write_text("ffff 1\n30")
    assert counts(home, record(attempt("uffd"), attempt("gone"))) == [{"boot": 2}, {}]


@pytest.mark.parametrize("text", ["", "{}", '{"schema": 999, "build_id": "", "files": []}', "\0"])
def test_a_map_that_cannot_be_read_is_no_measurement(home: Path, text: str) -> None:
    (home / CODE_MAP).write_text(text)
    assert collect(record(), home) is None
    (home / CODE_MAP).unlink()
    assert collect(record(), home) is None


def test_the_control_is_counted_with_the_rest_and_not_alone() -> None:
    assert CODE.addresses == (CONTROL, HERE, THERE)
    assert CodeMap("b1", (), CONTROL).addresses == ()
