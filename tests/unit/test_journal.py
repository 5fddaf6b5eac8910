"""What is recorded of a kernel while it is tested, and what of it still counts after an interruption."""

from __future__ import annotations

import errno
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.build.product import Product
from orchestrator.context import Context, Places
from orchestrator.declarations.catalog import load_catalog
from orchestrator.errors import BootFailed, BuildFailed, GuestUnreachable, Interrupted
from orchestrator.events import Event, Level, Note
from orchestrator.host.process import Cancel, Runner
from orchestrator.jobs import journal as module
from orchestrator.jobs.journal import Journal, Stopped
from orchestrator.judge.run import judge_run
from orchestrator.model.attempt import Attempt, Ending, Planned
from orchestrator.model.kernel import Kconfig, Kernel, Source
from orchestrator.model.kernel_facts import KernelFacts
from orchestrator.model.outcome import Outcome
from orchestrator.model.report import StageResult
from orchestrator.model.request import Request
from orchestrator.model.subject import patched
from orchestrator.runs.record import KERNEL, KernelRecord, MutationRecord, RunRecord, save_record
from orchestrator.runs.record import load_record as load_record

SUBJECT = patched(Kernel(Source(), Kconfig("base", ())))
GUP = Planned("gup", 7)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return opened(tmp_path)


def opened(home: Path) -> Journal:
    places = Places(home / "cache", home / "state")
    return Journal(Context(places, load_catalog(), Runner(Cancel()), lambda event: None), home / SUBJECT.name, SUBJECT)


def test_each_attempt_has_its_own_number_and_none_is_overwritten(journal: Journal, tmp_path: Path) -> None:
    for number in (1, 2, 3):
        judged = journal.give_up(GUP, Ending.UNMET, f"attempt {number}")
        assert (judged.number, judged.seed, judged.message) == (number, 7, f"attempt {number}")
    assert [attempt.home for attempt in journal.record.attempts] == [f"cases/gup/{n}" for n in (1, 2, 3)]
    assert opened(tmp_path).record == journal.record, "saved after every step"


def test_an_end_mark_that_never_came_is_said_once_and_noted(tmp_path: Path) -> None:
    said: list[Event] = []
    context = Context(Places(tmp_path / "c", tmp_path / "s"), load_catalog(), Runner(Cancel()), said.append)
    journal = Journal(context, tmp_path / "run" / SUBJECT.name, SUBJECT)
    for planned in (GUP, replace(GUP, case="uffd"), replace(GUP, case="thp")):
        ended = replace(journal.begin(planned, 0, 0, ""), ending=Ending.EXITED, status=0)
        journal.keep(replace(ended, is_unmarked=planned.case != "thp"))
    (note,) = [event for event in said if isinstance(event, Note)]
    assert note.level is Level.DEBUG
    assert "gup" in note.text
    save_record(RunRecord(Request(), "k", "", "", "2026-01-01T00:00:00", True), tmp_path / "run/run.json")
    (noted,) = judge_run(tmp_path / "run").notes
    assert noted.startswith(f"{SUBJECT.name}: the console did not show the end of 2 attempts in time")


def test_what_the_operating_system_refuses_is_a_stages_result(journal: Journal, tmp_path: Path) -> None:
    def refused() -> Product[None]:
        raise PermissionError(errno.EACCES, "Permission denied", "/cache/x")

    with pytest.raises(Stopped):
        journal.stage("build", refused)
    (result,) = opened(tmp_path).record.stages
    assert (result.outcome, result.message) == (Outcome.ERROR, "/cache/x: Permission denied")
    assert "XDG_CACHE_HOME" in result.hint
    assert not result.is_patch_fault


def test_an_attempt_that_was_begun_and_never_ended_keeps_its_number(journal: Journal, tmp_path: Path) -> None:
    begun = journal.begin(GUP, 0, 17, "guest-0/console.log")
    assert load_record(KernelRecord, journal.home / KERNEL).attempts == (begun,)
    assert (begun.ending, begun.console_from, begun.number) == (Ending.UNFINISHED, 17, 1)
    resumed = opened(tmp_path)
    assert resumed.report().attempts == (), "nothing is known of it"
    assert resumed.begin(GUP, 1, 0, "guest-1/console.log").number == 2


def test_an_attempt_that_ends_takes_the_place_in_which_it_was_begun(journal: Journal) -> None:
    first = journal.begin(GUP, 0, 0, "guest-0/console.log")
    journal.give_up(Planned("uffd", 8), Ending.UNMET, "no")
    journal.keep(replace(first, ending=Ending.EXITED, status=0))
    assert [(attempt.case, attempt.ending) for attempt in journal.record.attempts] == [
        ("gup", Ending.EXITED), ("uffd", Ending.UNMET),
    ]  # fmt: skip


def test_what_another_kernel_did_counts_no_more(journal: Journal, tmp_path: Path) -> None:
    journal.settle(build_id="one", programs="these")
    journal.next_guest()
    journal.give_up(GUP, Ending.UNMET, "no")
    journal.settle(build_id="one", programs="these")
    assert [case.case for case in journal.report().cases] == ["gup"]
    journal.settle(build_id="two", programs="these")
    assert not journal.report().cases
    assert list(journal.record.numbers) == []
    assert journal.next_guest()[0] == 1, "its files stay"
    assert list(journal.record.numbers) == [1]
    assert journal.give_up(GUP, Ending.UNMET, "no").number == 2, "so do those of its attempts"


def test_a_stage_that_fails_is_recorded_by_whose_fault_it_is(journal: Journal) -> None:
    with pytest.raises(Stopped):
        journal.stage("build", lambda: failed(BuildFailed("no")))
    with pytest.raises(Stopped):
        journal.stage("boot", lambda: failed(GuestUnreachable("no")))
    build, boot = journal.record.stages
    assert (build.outcome, build.is_patch_fault) == (Outcome.FAIL, True)
    assert (boot.outcome, boot.is_patch_fault) == (Outcome.ERROR, False)


HUNG = BootFailed("the kernel did not finish booting")


def failed(error: Exception) -> Product[None]:
    raise error


def test_a_boot_that_failed_is_not_forgotten_because_another_guest_comes_up(journal: Journal, tmp_path: Path) -> None:
    """Several sessions boot at the same time, and a run is resumed: a boot that passes says nothing about the other."""
    with pytest.raises(Stopped):
        journal.stage("boot", lambda: failed(HUNG))
    journal.stage("boot", lambda: Product(None, cached=False))
    resumed = opened(tmp_path)
    resumed.stage("boot", lambda: Product(None, cached=False))
    with pytest.raises(Stopped):
        resumed.stage("boot", lambda: failed(GuestUnreachable("no QEMU")))
    assert [(stage.outcome, stage.message) for stage in resumed.record.stages] == [(Outcome.CRASH, HUNG.message)]


def test_a_boot_that_the_host_prevented_is_forgotten_when_a_guest_comes_up(journal: Journal) -> None:
    with pytest.raises(Stopped):
        journal.stage("boot", lambda: failed(GuestUnreachable("no QEMU")))
    journal.stage("boot", lambda: Product(None, cached=False))
    assert [stage.outcome for stage in journal.record.stages] == [Outcome.PASS]


def test_a_kernel_has_booted_once_a_guest_of_it_answered_whatever_others_did(journal: Journal) -> None:
    assert not journal.has_booted
    journal.begin(Planned("boot", 1, 1), 0, 0, "guest-0/console.log")
    assert not journal.has_booted, "that was the attempt"
    journal.begin(GUP, 1, 0, "guest-1/console.log")
    journal.fail_boot(2, HUNG)
    assert journal.has_booted


def test_a_stage_that_ran_again_replaces_its_earlier_result(journal: Journal) -> None:
    def interrupt() -> Product[None]:
        raise Interrupted("^C")

    with pytest.raises(Interrupted):
        journal.stage("build", interrupt)
    assert journal.record.stages == (), "an interruption is no result"
    assert journal.stage("build", lambda: Product("kernel", cached=True)) == "kernel"
    journal.stage("build", lambda: Product("kernel", cached=False))
    assert [stage.cached for stage in journal.record.stages] == [False]


def from_another_machine(files: Path) -> KernelRecord:
    """What a worker recorded: two stages, a guest, two attempts in it. Its files are written to a directory."""
    attempts = tuple(
        Attempt(
            case,
            Ending.EXITED,
            status=0,
            number=1,
            console="guest-0/console.log",
            stdout=f"cases/{case}/1/stdout",
            stderr=f"cases/{case}/1/stderr",
        )
        for case in ("gup", "uffd")
    )
    for name in ("guest-0/console.log", *(one.stdout for one in attempts), *(one.stderr for one in attempts)):
        (files / name).parent.mkdir(parents=True, exist_ok=True)
        (files / name).write_text(f"{name} of a worker\n")
    stages = tuple(StageResult(name, Outcome.PASS, 1.0) for name in ("build", "boot"))
    facts = KernelFacts(build_id="0123", compiler="gcc")
    began = opened(files).record
    return replace(began, stages=stages, attempts=attempts, guests=1, facts=facts)


def test_what_another_machine_did_is_saved_when_its_files_are_there(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twice: the numbers of its guests, then everything."""
    saved: list[KernelRecord] = []

    def save(value: RunRecord | KernelRecord | MutationRecord | Attempt, path: Path, *, is_synced: bool = True) -> None:
        save_record(value, path, is_synced=is_synced)
        if isinstance(value, KernelRecord):
            assert is_synced
            assert all((journal.home / one.stdout).is_file() for one in value.attempts)
            saved.append(value)

    monkeypatch.setattr(module, "save_record", save)
    journal.adopt(from_another_machine(tmp_path / "files"), tmp_path / "files")
    assert [(record.guests, len(record.attempts)) for record in saved] == [(1, 0), (1, 2)]
    assert opened(tmp_path).record == journal.record == saved[-1]
    for attempt in journal.record.attempts:
        assert (journal.home / attempt.stdout).read_text() == f"{attempt.stdout} of a worker\n"
        assert load_record(Attempt, journal.home / attempt.home / "result.json") == attempt


def test_what_somebody_left_who_was_killed_between_files_and_record_is_replaced(
    journal: Journal, tmp_path: Path
) -> None:
    for left in ("guest-0", "cases/gup/1"):
        (journal.home / left).mkdir(parents=True)
        (journal.home / left / "stdout").write_text("of no attempt\n")
    journal.adopt(from_another_machine(tmp_path / "files"), tmp_path / "files")
    assert (journal.home / "cases/gup/1/stdout").read_text() == "cases/gup/1/stdout of a worker\n"
    assert [path.name for path in (journal.home / "guest-0").iterdir()] == ["console.log"]


@pytest.mark.parametrize("is_synced", [True, False])
def test_a_record_that_somebody_else_keeps_is_saved_and_waits_for_no_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_synced: bool
) -> None:
    synced: list[int] = []
    monkeypatch.setattr("os.fsync", synced.append)
    context = Context(Places(tmp_path / "c", tmp_path / "s"), load_catalog(), Runner(Cancel()), lambda event: None)
    journal = Journal(context, tmp_path / "run", SUBJECT, is_synced=is_synced)
    journal.give_up(GUP, Ending.UNMET, "no reason")
    assert load_record(KernelRecord, tmp_path / "run" / KERNEL) == journal.record
    assert len(synced) == (2 if is_synced else 0)


def test_the_first_guest_alone_keeps_its_initramfs_on_whatever_machines_they_were(
    journal: Journal, tmp_path: Path
) -> None:
    """As many as begin at once think that theirs is the first."""
    for number in range(2):
        record = from_another_machine(tmp_path / f"files-{number}")
        (tmp_path / f"files-{number}/guest-0/initramfs.cpio").write_bytes(b"large")
        journal.adopt(record, tmp_path / f"files-{number}")
    assert (journal.home / "guest-0/initramfs.cpio").is_file()
    assert [path.name for path in (journal.home / "guest-1").iterdir()] == ["console.log"]


def test_what_goes_on_elsewhere_has_guests_of_other_numbers(journal: Journal, tmp_path: Path) -> None:
    worker = opened(tmp_path / "worker")
    worker.go_on(3, has_booted=True)
    assert worker.has_booted
    assert worker.next_guest() == (3, worker.home / "guest-3")
    begun = worker.begin(GUP, 3, 0, "guest-3/console.log")
    worker.keep(replace(begun, ending=Ending.EXITED, status=0))
    (worker.home / "guest-3").mkdir()
    (worker.home / "guest-3/console.log").write_text("of the worker\n")
    journal.adopt(worker.record, worker.home)
    (attempt,) = journal.record.attempts
    assert (attempt.guest, attempt.console, journal.record.guests) == (0, "guest-0/console.log", 1)
    assert (journal.home / attempt.console).read_text() == "of the worker\n"
