"""What a run's record says of itself."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.errors import UsageError
from orchestrator.model.attempt import Attempt, Condition, Count, Ending
from orchestrator.model.kernel import Role
from orchestrator.model.kernel_facts import KernelFacts
from orchestrator.model.kernel_report import KnownIssue
from orchestrator.model.outcome import Outcome
from orchestrator.model.planned import PlannedKernel
from orchestrator.model.report import BaseResult, StageResult
from orchestrator.model.request import Baseline, Request
from orchestrator.model.series import Mutant, Observable
from orchestrator.runs.record import (
    KERNEL,
    KernelRecord,
    MutationRecord,
    RunRecord,
    load_record,
    records_of,
    save_record,
)


@pytest.mark.parametrize(
    ("time_s", "lost_s", "had_guests", "expected"),
    [
        (100.0, 9.0, True, ()),
        (100.0, 37.0, True, ("37% of this host's CPU time",)),
        (100.0, 37.0, False, ()),  # nobody raced, nothing was measured
        (0.0, 0.0, True, ()),
    ],
)
def test_a_crowded_host_is_noted_where_guests_ran(
    time_s: float, lost_s: float, had_guests: bool, expected: tuple[str, ...]
) -> None:
    record = RunRecord(Request(), "k", "s", "d", "2026-01-01T00:00:00", time_s=time_s, lost_s=lost_s, notes=("n",))
    first, *others = record.remarks(had_guests=had_guests)
    assert first == "n"
    assert len(others) == len(expected)
    assert all(words in note for words, note in zip(expected, others, strict=True))


def test_a_crowded_host_takes_pairs_from_a_run_that_counts_instructions_and_no_truth() -> None:
    record = RunRecord(Request(perf=True), "k", "s", "d", "2026-01-01T00:00:00", time_s=100.0, lost_s=37.0)
    (note,) = record.remarks(had_guests=True)
    assert "fewer pairs" in note
    assert "not comparable" not in note


MUTANT = Mutant("early", "order", "it", "that", "base", ("a",), (("p", 3),), Observable.NO, "why", True, "", b"\xff\0")
ATTEMPT = Attempt(
    "a", Ending.GUEST_FROZE, 3, None, 1.5, 2**64 - 1, counts=(Count("vma", 1, 2),), condition=Condition.CPU_HUNG,
    number=2, pair=7,
)  # fmt: skip
KERNEL_RECORD = KernelRecord(
    "base.patched", "base", Role.PATCHED, "2026-01-01T00:00:00", (StageResult("boot", Outcome.PASS, 2.0),),
    (ATTEMPT,), 4, KernelFacts(mutant=0, slowdown=1.5), 1, (replace(ATTEMPT, number=1),),
    (BaseResult("a", 3, (("m",),)),),
)  # fmt: skip
RUN = RunRecord(
    Request(patch="p", baseline=Baseline.ALWAYS, error=0.01, freeze=True), "k", "s", "d", "2026-01-01T00:00:00",
    known=(KnownIssue("t", "l", "2026-06-30"),), planned=(PlannedKernel("n", "base", Role.PER_PATCH, ("a",)),),
    trouble="no space left",
)  # fmt: skip


@pytest.mark.parametrize(
    "value",
    [KERNEL_RECORD, RUN, ATTEMPT, MutationRecord((MUTANT,), ("base",), ("a",), (("x", "y"),))],
    ids=lambda value: type(value).__name__,
)
def test_what_is_recorded_is_read_again(
    value: KernelRecord | RunRecord | MutationRecord | Attempt, tmp_path: Path
) -> None:
    save_record(value, tmp_path / "it.json")
    assert load_record(type(value), tmp_path / "it.json") == value


def test_what_is_no_record_of_ours_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a run directory"):
        load_record(RunRecord, tmp_path / "run.json")
    (tmp_path / "run.json").write_text('{"request": 7}')
    with pytest.raises(UsageError, match="cannot be read"):
        load_record(RunRecord, tmp_path / "run.json")


def test_baselines_come_last_and_the_others_as_they_began(tmp_path: Path) -> None:
    began = {
        "base.baseline": (Role.BASELINE, "1"), "debug.patched": (Role.PATCHED, "3"), "base.patched": (Role.PATCHED, "2")
    }  # fmt: skip
    for name, (role, started) in began.items():
        (tmp_path / name).mkdir()
        save_record(KernelRecord(name, "k", role, started), tmp_path / name / KERNEL)
    assert [record.name for record in records_of(tmp_path)] == ["base.patched", "debug.patched", "base.baseline"]


def test_attempts_are_counted_over_all_that_were_made_also_on_another_build() -> None:
    assert KERNEL_RECORD.next_number("a") == 3
    assert KERNEL_RECORD.next_number("b") == 1
    anew = KERNEL_RECORD.all_over()
    assert (anew.attempts, anew.stages, list(anew.numbers)) == ((), (), [])
    assert anew.next_number("a") == 3, "files of earlier attempts stay"
    assert len(anew.superseded) == 2


def test_an_attempt_takes_the_place_of_the_one_that_was_begun() -> None:
    ended = replace(ATTEMPT, ending=Ending.EXITED, status=0)
    other = replace(ATTEMPT, case="b", number=2)
    record = KERNEL_RECORD.with_attempt(other).with_attempt(ended)
    assert record.attempts == (ended, other)
    assert record.with_attempt(replace(ended, number=3)).attempts == (ended, other, replace(ended, number=3))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "../../etc"}, "name: '../../etc' is no kernel's name"),
        ({"guests": 100_000_000}, "guests: 0..100000000"),
        ({"guests": -1}, "guests: 0..-1"),
        ({"stages": [{"stage": "a/b", "outcome": "PASS", "time_s": 0.0}]}, "stages[0]: 'a/b'"),
        ({"attempts": [{"case": "../x", "ending": "EXITED"}]}, "attempts[0].case: '../x'"),
        (
            {"attempts": [{"case": "x", "ending": "EXITED", "stdout": "/etc/passwd"}]},
            "attempts[0].stdout: '/etc/passwd'",
        ),
        ({"attempts": [{"case": "x", "ending": "EXITED", "stdout": "a/../../b"}]}, "attempts[0].stdout"),
        ({"attempts": [{"case": "x", "ending": "EXITED", "console_from": -1}]}, "attempts[0].console_from: -1"),
        ({"attempts": [{"case": "x", "ending": "EXITED", "examined_at": 10**30}]}, "attempts[0].examined_at"),
        ({"attempts": [{"case": "x", "ending": "EXITED", "guest": 7}]}, "attempts[0].guest: 7"),
        ({"attempts": [{"case": "x", "ending": "EXITED", "taint_after": -1}]}, "attempts[0].a status, taint or count"),
        ({"attempts": [{"case": "x", "ending": "EXITED", "expects": ["("]}]}, "attempts[0].expects: '('"),
        ({"attempts": [{"case": "x", "ending": "EXITED"}] * 5001}, "attempts: a kernel has at most 5000"),
    ],
)
def test_a_record_that_no_run_writes_is_refused_when_it_is_loaded(
    tmp_path: Path, changes: dict[str, object], words: str
) -> None:
    path = tmp_path / KERNEL
    save_record(KernelRecord("base.patched", "base", Role.PATCHED, "2026-01-01T00:00:00"), path)
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    with pytest.raises(UsageError) as refused:
        load_record(KernelRecord, path)
    assert refused.value.message.startswith(f"{path}: {words}")


@pytest.mark.parametrize("text", ["[" * 9**5, '{"a":' * 9**5, "{", "\xff", '{"key": 1, "key": 2}', "9" * 5000])
def test_a_record_that_is_no_json_of_ours_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "run.json"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"run\.json cannot be read"):
        load_record(RunRecord, path)


@pytest.mark.parametrize("error", [0.0, -1.0, 1.0, float("nan")])
def test_a_runs_probability_of_a_mistake_is_one(tmp_path: Path, error: float) -> None:
    path = tmp_path / "run.json"
    save_record(RunRecord(Request(error=error), "k", "s", "d", "2026-01-01T00:00:00"), path)
    with pytest.raises(UsageError, match="no probability"):
        load_record(RunRecord, path)


@pytest.mark.parametrize("started", ["tomorrow", "", "2026-13-28T10:00:00", "29 Nov 2026", "20261128T100000"])
def test_a_run_began_at_a_moment(tmp_path: Path, started: str) -> None:
    run = RunRecord(Request(), "key", "fix", "d" * 64, "2026-11-28T10:00:00")
    save_record(run, tmp_path / "run.json")
    assert load_record(RunRecord, tmp_path / "run.json") == run
    save_record(replace(run, started=started), tmp_path / "run.json")
    with pytest.raises(UsageError, match="is no date and time"):
        load_record(RunRecord, tmp_path / "run.json")
