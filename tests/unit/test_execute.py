"""What becomes of the cases when guests are lost. The guests are stand-ins: a real one cannot be told when to die."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from orchestrator.jobs.track import Track

from orchestrator.catalog import load
from orchestrator.context import Context, Places
from orchestrator.errors import BootFailed, GuestUnreachable, NoGuest
from orchestrator.guest.guest import Guest
from orchestrator.jobs.boot import GuestSpec
from orchestrator.jobs.session import execute
from orchestrator.judge.attempts import classify
from orchestrator.model.attempt import Attempt, Ending
from orchestrator.model.kernel import KernelConfig, Role
from orchestrator.model.outcome import Outcome
from orchestrator.model.report import StageResult, SuiteReport
from orchestrator.model.request import Request, Suite
from orchestrator.process import Cancel, Runner

PANIC = "[    5.000000][    T1] Kernel panic - not syncing: Out of memory\n"


class Mortal:
    """A guest that dies of whatever it is to do."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.qemu = SimpleNamespace(console=SimpleNamespace(mark=lambda: 0))
        directory.mkdir(parents=True)
        (directory / "console.log").write_text(PANIC)

    def run_case(self, case: object, **_: object) -> Attempt:
        return Attempt(getattr(case, "name", ""), Ending.GUEST_DIED, reason="it died")

    def close(self) -> None:
        pass


def suite_whose_guests_do_not_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: NoGuest
) -> tuple[SuiteReport, int]:
    """Judged, and how many replacements were tried."""
    catalog, tried = load(), []
    cases = catalog.default_cases([catalog.kconfig("base")])[:3]
    context = Context(Places.of_user(), catalog, Runner(Cancel()), lambda event: None)
    spec = SimpleNamespace(programs=SimpleNamespace(unbuilt=()), machine=SimpleNamespace(memory_mib=4096), slowdown=1.0)
    needs = frozenset(name for case in cases for name in case.needs.symbols)

    def refuse(*_: object, **__: object) -> None:
        tried.append(1)
        raise error

    monkeypatch.setattr("orchestrator.jobs.session.boot", refuse)
    track = Track(context, tmp_path, Suite(catalog.kconfig("base"), Role.PATCHED))
    track.record = track.record.with_stage(StageResult("boot", Outcome.PASS, 1.0))
    guest = cast(Guest, Mortal(track.next_guest()[1]))
    config = cast(KernelConfig, SimpleNamespace(symbols=needs))
    execute(context, cast(GuestSpec, spec), cases, config, Request(), "base.patched", guest, track)
    return classify(track.record, tmp_path), len(tried)


def test_a_kernel_that_boots_only_sometimes_does_not_boot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hung = BootFailed("the kernel did not finish booting within 30 s")
    report, tried = suite_whose_guests_do_not_come_back(tmp_path, monkeypatch, hung)
    (boot,) = report.stages
    assert (boot.outcome, boot.is_patch_fault) == (Outcome.CRASH, True)
    assert boot.message == f"guest 1, after others had booted: {hung.message}"
    assert [case.outcome for case in report.cases] == [Outcome.CRASH, Outcome.ERROR, Outcome.ERROR]
    assert tried == 1, "each would have cost its whole limit"


def test_a_host_that_lets_no_guest_come_up_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report, tried = suite_whose_guests_do_not_come_back(tmp_path, monkeypatch, GuestUnreachable("no QEMU"))
    assert report.stages[0].outcome is Outcome.PASS
    assert [case.outcome for case in report.cases] == [Outcome.CRASH, Outcome.ERROR, Outcome.ERROR]
    assert tried == 2
