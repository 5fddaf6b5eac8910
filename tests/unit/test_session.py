"""What becomes of attempts when guests are lost. The guests are stand-ins: a real one cannot be told when to die."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from orchestrator.context import Context, Places
from orchestrator.declarations.catalog import load_catalog
from orchestrator.errors import BootFailed, GuestUnreachable, OrchestrateError, ProductDamaged
from orchestrator.evidence.coverage.hits import HITS, read_hits
from orchestrator.guest.counters import Counts
from orchestrator.guest.guest import INITRAMFS
from orchestrator.host.process import Cancel, Runner
from orchestrator.jobs.boot import GuestSpec
from orchestrator.jobs.journal import Journal, Stopped
from orchestrator.jobs.session import GuestSession
from orchestrator.jobs.without_guest import without_guest
from orchestrator.model.attempt import Attempt, Ending, Planned
from orchestrator.model.case import Case, Programs
from orchestrator.model.job import Session
from orchestrator.model.kernel import Kconfig, Kernel, KernelConfig, Source
from orchestrator.model.outcome import Outcome
from orchestrator.model.report import SuiteReport
from orchestrator.model.request import Request
from orchestrator.model.subject import patched

PANIC = "[    5.000000][    T1] Kernel panic - not syncing: Out of memory\n"
WARNING = (
    "[    5.000000][   T66] ------------[ cut here ]------------\n"
    "[    5.000001][   T66] WARNING: CPU: 1 PID: 66 at mm/vma.c:100 unmap_region+0x10/0x20\n"
    "[    5.000008][   T66] ---[ end trace 0000000000000000 ]---\n"
)
GOOD = "KTAP version 1\n1..1\nok 1 a\n"
CASES = ("split-merge", "uffd", "gup")
Run = Callable[["Guest", Path], Attempt]


def passes(guest: Guest, home: Path) -> Attempt:
    guest.say("[    4.000000][   T66] orchestrate: end\n")
    home.mkdir(parents=True)
    (home / "stdout").write_text(GOOD)
    return Attempt(guest.case, Ending.EXITED, status=0, duration_s=1.0)


def fails(guest: Guest, home: Path) -> Attempt:
    ended = passes(guest, home)
    (home / "stdout").write_text(GOOD.replace("ok 1", "not ok 1"))
    return replace(ended, status=1)


def warns(guest: Guest, home: Path) -> Attempt:
    guest.say(WARNING)
    return passes(guest, home)


def taints(guest: Guest, home: Path) -> Attempt:
    return replace(passes(guest, home), taint_after=512)


def dies(guest: Guest, home: Path) -> Attempt:
    guest.say(PANIC)
    return Attempt(guest.case, Ending.GUEST_DIED, reason="it died")


class Guest:
    """Does what it is told, and remembers whether it was closed."""

    def __init__(self, directory: Path, runs: list[Run]) -> None:
        self.directory = directory
        self.runs = runs
        self.case = ""
        self.is_closed = False
        self.readings, self.is_counting = 0, False
        self.vma_writes_seen: int | None = None
        directory.mkdir(parents=True)
        (directory / INITRAMFS).touch()
        self.console = directory / "console.log"
        self.console.touch()
        size = self.console.stat
        self.qemu = SimpleNamespace(console=SimpleNamespace(mark=lambda: size().st_size))

    def say(self, text: str) -> None:
        with self.console.open("a") as log:
            log.write(text)

    def run_case(self, case: Case, *, seed: int, home: Path, **_: object) -> Attempt:
        self.case = case.name
        return replace(self.runs.pop(0)(self, home), seed=seed)

    def counts(self) -> Counts | None:
        """Of two instructions: the first is executed at boot, the second once from each reading to the next."""
        self.readings += 1
        return Counts((0x1000, 0x2000), (5, self.readings - 1)) if self.is_counting else None

    def close(self) -> None:
        self.is_closed = True


class World:
    """A kernel whose boots and runs are told in advance: None, or what keeps a guest from coming up."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.home = home
        self.boots: list[OrchestrateError | None] = []
        self.runs: list[Run] = []
        self.guests: list[Guest] = []
        self.limits: list[float] = []
        self.cmdlines: list[tuple[str, ...]] = []
        self.renewed = 0
        self.is_counting = False
        self.catalog = load_catalog()
        self.context = Context(
            Places(home / "cache", home / "state"), self.catalog, Runner(Cancel()), lambda event: None
        )
        self.subject = patched(Kernel(Source(), Kconfig("base", ())))
        self.journal = Journal(self.context, home / self.subject.name, self.subject)
        self.machine = self.catalog.machine("q35")
        needs = frozenset(name for case in CASES for name in self.catalog.case(case).needs.symbols)
        self.config = KernelConfig(home, "", needs)
        self.unbuilt: tuple[tuple[str, str], ...] = ()
        self.lacking: tuple[tuple[str, str], ...] = ()
        monkeypatch.setattr("orchestrator.jobs.session.boot", self._boot)

    def _renew(self) -> GuestSpec:
        self.renewed += 1
        return replace(self.spec, boot_limit_s=31.0)

    def _boot(self, context: Context, spec: GuestSpec, directory: Path, **_: object) -> tuple[Guest, object]:
        self.limits.append(spec.boot_limit_s)
        self.cmdlines.append(spec.cmdline)
        if error := self.boots.pop(0):
            raise error
        self.guests.append(Guest(directory, self.runs))
        self.guests[-1].is_counting = self.is_counting
        return self.guests[-1], SimpleNamespace(ready_s=2.0, release="6.12", cpus=2)

    def hold(self, *cases: str, boots: list[OrchestrateError | None], runs: list[Run], **facts: object) -> SuiteReport:
        """One session with an attempt of each of the cases; judged. All that was told must have been asked for."""
        self.boots[:], self.runs[:] = boots, runs
        planned = tuple(Planned(case, seed) for seed, case in enumerate(cases, 10))
        self.spec = spec = GuestSpec(
            self.machine,
            self.catalog.accel("tcg"),
            cast("object", None),  # type: ignore[arg-type]  # nothing is booted
            Programs(self.home, "", self.unbuilt, self.lacking),
            slowdown=1.0,
            boot_limit_s=30.0,
        )
        job = Session(self.subject, planned, **facts)  # type: ignore[arg-type]
        try:
            answers = without_guest(self.catalog.testcases.values(), self.config, spec.programs, self.machine)
            GuestSession(self.context, spec, self.config, Request(), job, self.journal, self._renew, answers).run()
        finally:
            assert all(guest.is_closed for guest in self.guests), "no guest is left behind"
        assert (self.boots, self.runs) == ([], []), "not all was asked for"
        return self.journal.report()

    def attempts(self, case: str) -> list[Attempt]:
        return [attempt for attempt in self.journal.record.attempts if attempt.case == case]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch)


DAMAGED = ProductDamaged("the initramfs in the store had been damaged since it was made, and has been dropped")
HUNG = BootFailed("the kernel did not finish booting within 30 s")


def test_what_was_executed_is_kept_by_boot_and_by_attempt(world: World) -> None:
    """Of each guest and of each attempt, however that ended: the difference of two readings."""
    world.is_counting = True

    def dies_in_its_directory(guest: Guest, home: Path) -> Attempt:
        home.mkdir(parents=True)
        return dies(guest, home)

    world.hold("uffd", "gup", "uffd", boots=[None, None], runs=[passes, dies_in_its_directory, passes])
    home = world.home / "base.patched"
    attempts = world.journal.record.attempts
    assert [attempt.coverage for attempt in attempts] == [
        f"cases/{name}/{HITS}" for name in ("uffd/1", "gup/1", "uffd/2")
    ]
    assert [read_hits(home / attempt.coverage) for attempt in attempts] == [{0x2000: 1}] * 3
    assert [read_hits(home / f"guest-{number}" / HITS) for number in (0, 1)] == [{0x1000: 5}] * 2


def test_where_nothing_counts_nothing_is_kept(world: World) -> None:
    world.hold("uffd", boots=[None], runs=[passes])
    assert [attempt.coverage for attempt in world.journal.record.attempts] == [""]
    assert not list(world.home.rglob(HITS))


def test_cases_run_one_after_the_other_in_one_guest(world: World) -> None:
    report = world.hold(*CASES, boots=[None], runs=[passes, fails, passes])
    assert [stage.message for stage in report.stages] == ["answered 2.0 s after power-on"]
    assert [(a.case, a.seed, a.outcome) for a in report.attempts] == [
        ("split-merge", 10, Outcome.PASS), ("uffd", 11, Outcome.FAIL), ("gup", 12, Outcome.PASS),
    ]  # fmt: skip
    assert report.attempts[1].stdout == "base.patched/cases/uffd/1/stdout"
    assert (world.home / "base.patched/cases/uffd/1/result.json").is_file()


def test_a_session_without_attempts_boots(world: World) -> None:
    report = world.hold(boots=[None], runs=[])
    assert [(stage.stage, stage.outcome) for stage in report.stages] == [("boot", Outcome.PASS)]
    assert not report.attempts


@pytest.mark.parametrize("spoils", [warns, taints, dies])
def test_a_guest_that_cannot_be_trusted_any_more_is_replaced(world: World, spoils: Run) -> None:
    report = world.hold("split-merge", "uffd", boots=[None, None], runs=[spoils, passes])
    assert [case.outcome.is_bad for case in report.cases] == [True, False]
    assert [attempt.guest for attempt in world.journal.record.attempts] == [0, 1]


def test_a_guest_that_is_not_needed_any_more_is_not_replaced(world: World) -> None:
    assert world.hold("split-merge", boots=[None], runs=[dies]).cases[0].outcome is Outcome.CRASH


def test_several_attempts_of_a_case_have_numbers_and_files_of_their_own(world: World) -> None:
    report = world.hold("gup", "gup", "gup", boots=[None, None], runs=[passes, dies, passes])
    assert [(a.number, a.seed, a.outcome) for a in report.attempts] == [
        (1, 10, Outcome.PASS), (2, 11, Outcome.CRASH), (3, 12, Outcome.PASS),
    ]  # fmt: skip
    assert [case.outcome for case in report.cases] == [Outcome.CRASH], "the worst"
    homes = world.home / "base.patched/cases/gup"
    assert sorted(path.parent.name for path in homes.glob("*/result.json")) == ["1", "2", "3"]


def test_another_session_of_a_kernel_that_has_booted_is_no_stage(world: World) -> None:
    world.hold("gup", boots=[None], runs=[passes])
    report = world.hold("gup", boots=[None], runs=[passes], number=2)
    assert len(report.stages) == 1
    assert [(attempt.guest, attempt.number) for attempt in world.journal.record.attempts] == [(0, 1), (1, 2)]


def test_a_kernel_that_boots_only_sometimes_does_not_boot(world: World) -> None:
    report = world.hold(*CASES, boots=[None, HUNG], runs=[dies])
    (boot,) = report.stages
    assert (boot.outcome, boot.is_patch_fault) == (Outcome.CRASH, True)
    assert boot.message == f"guest 1, after others had booted: {HUNG.message}"
    assert [case.outcome for case in report.cases] == [Outcome.CRASH, Outcome.ERROR, Outcome.ERROR]
    assert "no guest" in report.cases[1].message


def test_a_host_that_lets_no_guest_come_up_is_asked_again(world: World) -> None:
    gone = GuestUnreachable("no QEMU")
    report = world.hold(*CASES, boots=[None, gone, gone], runs=[dies])
    assert report.stages[0].outcome is Outcome.PASS
    assert [case.outcome for case in report.cases] == [Outcome.CRASH, Outcome.ERROR, Outcome.ERROR]


def test_a_kernel_that_does_not_boot_at_all_runs_nothing(world: World) -> None:
    with pytest.raises(Stopped):
        world.hold(*CASES, boots=[HUNG], runs=[])
    report = world.journal.report()
    assert (report.stages[0].outcome, report.stages[0].message) == (Outcome.CRASH, HUNG.message)
    assert not report.attempts


def test_what_a_kernel_lacks_or_its_tree_does_not_build_needs_no_guest(world: World) -> None:
    there = {name for case in CASES[:1] for name in world.catalog.case(case).needs.symbols}
    world.config = KernelConfig(world.home, "", frozenset(there))
    world.unbuilt = (("split-merge", "it.c:3: error"),)
    report = world.hold("split-merge", "uffd", boots=[None], runs=[])
    assert [(case.outcome, case.message) for case in report.cases] == [
        (Outcome.FAIL, "it.c:3: error"), (Outcome.SKIP, "the kernel lacks USERFAULTFD"),
    ]  # fmt: skip


def test_a_session_that_is_to_stop_at_a_failure_makes_no_attempt_behind_it(world: World) -> None:
    report = world.hold(*CASES, boots=[None], runs=[passes, fails], stop_at_failure=True)
    assert [case.outcome for case in report.cases] == [Outcome.PASS, Outcome.FAIL]


def test_what_the_host_spoils_is_no_failure_at_which_a_session_stops(world: World) -> None:
    """Else the host would decide which cases a mutant or a commit is tried with."""

    def lost(guest: Guest, home: Path) -> Attempt:
        return Attempt(guest.case, Ending.HOST_LOST, reason="QEMU was killed")

    report = world.hold(*CASES, boots=[None, None], runs=[lost, passes, passes], stop_at_failure=True)
    assert [case.outcome for case in report.cases] == [Outcome.ERROR, Outcome.PASS, Outcome.PASS]


def test_an_attempt_to_boot_has_the_console_of_its_own_guest(world: World) -> None:
    """Another session of the same kernel may have a guest booted at the same moment."""
    begin = world.journal.begin

    def beside(planned: Planned, guest: int, console_from: int, console: str) -> Attempt:
        world.journal.next_guest()
        return begin(planned, guest, console_from, console)

    world.journal.begin = beside  # type: ignore[method-assign]
    report = world.hold("boot", boots=[None], runs=[])
    assert report.attempts[0].outcome is Outcome.PASS
    (attempt,) = world.journal.record.attempts
    assert world.guests[0].directory.name == f"guest-{attempt.guest}"


def test_what_a_kernel_does_while_it_boots_has_a_guest_of_its_own(world: World) -> None:
    kunit = world.catalog.case("kunit")
    world.config = replace(world.config, symbols=world.config.symbols | {"CONFIG_KUNIT"})
    world.is_counting = True
    report = world.hold("uffd", "kunit", "gup", boots=[None, None, None], runs=[passes, passes])
    assert world.cmdlines == [(), kunit.boot, ()]
    assert world.limits == [30.0, 30.0 + kunit.duration_s + kunit.timeout_s, 30.0]
    assert all(guest.is_closed for guest in world.guests)
    attempt = world.attempts("kunit")[0]
    assert (attempt.ending, attempt.guest, attempt.console_from) == (Ending.BOOTED, 1, 0)
    assert attempt.coverage, "what it executed counts as its own"
    by_name = {case.case: case for case in report.cases}
    assert by_name["kunit"].outcome is Outcome.FAIL, "this guest's kernel said nothing"


@pytest.mark.parametrize(
    ("error", "ending"),
    [
        (BootFailed("it panicked"), Ending.GUEST_DIED),
        (BootFailed("it hangs", examined_at=7), Ending.TIMED_OUT),
        (GuestUnreachable("QEMU was killed"), Ending.HOST_LOST),
    ],
)
def test_a_kernel_that_does_not_get_through_has_failed_the_case_and_not_to_boot(
    world: World, error: OrchestrateError, ending: Ending
) -> None:
    world.config = replace(world.config, symbols=world.config.symbols | {"CONFIG_KUNIT"})
    report = world.hold("kunit", "uffd", boots=[None, error, None], runs=[passes])
    attempt = world.attempts("kunit")[0]
    assert (attempt.ending, attempt.reason) == (ending, error.message)
    assert [stage.outcome for stage in report.stages if stage.stage == "boot"] == [Outcome.PASS]
    assert world.attempts("uffd")[0].ending is Ending.EXITED


def test_a_kernel_without_kunit_is_not_booted_for_it(world: World) -> None:
    world.hold("kunit", boots=[None], runs=[])
    assert (world.attempts("kunit")[0].ending, len(world.guests)) == (Ending.UNMET, 1)


def test_attempts_to_boot_are_attempts_and_no_stage(world: World) -> None:
    gone = GuestUnreachable("no QEMU")
    report = world.hold("boot", "boot", "boot", boots=[None, HUNG, gone], runs=[], boot_limit_s=7.0)
    assert [(a.case, a.outcome, a.is_host_fault, a.message) for a in report.attempts] == [
        ("boot", Outcome.PASS, False, ""),
        ("boot", Outcome.CRASH, False, HUNG.message),
        ("boot", Outcome.ERROR, True, "no QEMU"),
    ]  # fmt: skip
    assert report.stages == ()
    assert world.limits == [7.0] * 3
    assert [attempt.guest for attempt in world.journal.record.attempts] == [0, 1, 2]


def test_an_interrupted_attempt_keeps_its_place_and_the_next_one_is_another(world: World) -> None:
    def interrupt(guest: Guest, home: Path) -> Attempt:
        guest.say(WARNING)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        world.hold("gup", boots=[None], runs=[interrupt])
    resumed = Journal(world.context, world.home / world.subject.name, world.subject)
    assert [attempt.ending for attempt in resumed.record.attempts] == [Ending.UNFINISHED]
    world.journal = resumed
    report = world.hold("gup", boots=[None], runs=[passes])
    assert [(a.number, a.outcome) for a in report.attempts] == [(1, Outcome.FAIL), (2, Outcome.PASS)]
    assert report.cases[0].message.endswith("then it was interrupted")


@pytest.mark.parametrize("boots", [[DAMAGED, None], [None, DAMAGED, None]])
def test_a_damaged_product_is_made_anew_and_the_guest_booted_again(
    world: World, boots: list[OrchestrateError | None]
) -> None:
    report = world.hold("split-merge", "uffd", boots=boots, runs=[taints if boots[0] is None else passes, passes])
    assert [stage.outcome for stage in report.stages] == [Outcome.PASS]
    assert report.cases[1].outcome is Outcome.PASS
    assert world.renewed == 1
    assert world.limits[-1] == 31.0, "booted from what was made anew"


def test_a_product_that_is_damaged_again_is_an_error_of_the_host(world: World) -> None:
    with pytest.raises(Stopped):
        world.hold("split-merge", boots=[DAMAGED, DAMAGED], runs=[])
    (boot,) = world.journal.report().stages
    assert (boot.outcome, boot.is_patch_fault) == (Outcome.ERROR, False)
