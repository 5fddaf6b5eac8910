"""The accelerator probe on a real QEMU: TCG stands in for a KVM that cannot run a kernel."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.declarations import catalog
from orchestrator.guest.accel import probe
from orchestrator.host.process import Cancel, Runner

TCG = catalog.load_catalog().accel("tcg")


def test_an_accelerator_that_runs_guests_proves_it() -> None:
    found = probe(TCG, Runner(Cancel()))
    assert found.works, found.evidence


def test_a_cpu_without_what_linux_needs_does_not_pass() -> None:
    """KVM that emulates a guest's kernel gets through a boot sector, and dies of the kernel's first cmpxchg16b."""
    found = probe(replace(TCG, cpu="max,-cx16"), Runner(Cancel()))
    assert not found.works
    assert "QEMU ended with 0" in found.evidence


def test_an_accelerator_that_never_gets_there_does_not_pass() -> None:
    """The CPUs are not started (-S). What QEMU said first is the evidence, not that we ended it."""
    found = probe(replace(TCG, args=("-accel", "tcg", "-S"), cpu="EPYC"), Runner(Cancel()), limit_s=0.5)
    assert not found.works
    assert "no sign of life in 0.5 s (qemu-system-x86_64: warning: TCG doesn't support" in found.evidence
    assert "terminating" not in found.evidence
    assert found.in_short == "a tiny guest did not run: no sign of life in 0.5 s"


def test_qemus_own_words_are_the_evidence() -> None:
    found = probe(replace(TCG, cpu="nonsense"), Runner(Cancel()))
    assert "unable to find CPU model 'nonsense'" in found.evidence
