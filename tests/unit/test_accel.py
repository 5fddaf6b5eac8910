"""The host's clock in an accelerator's boot parameters."""

from __future__ import annotations

import platform

import pytest

from orchestrator.guest.accel import with_clock
from orchestrator.guest.host_clock import tsc_khz
from orchestrator.model.machine import Accel, Machine

TCG, ICOUNT, KVM = Accel("tcg", (), 4.0), Accel("tcg-icount", (), 8.0), Accel("kvm", (), 1.0)
CLOCK = (("tcg", ("tsc=reliable", "tsc_early_khz={tsc_khz}")), ("tcg-icount", ("tsc_early_khz=1000000",)))
PC = Machine("q35", "x86_64", "qemu", (), "bzImage", "virtio", (), 2, 1024, clock=CLOCK)
BOARD = Machine("virt-arm64", "arm64", "qemu", (), "Image", "virtio", (), 2, 1024)


def test_the_rate_is_filled_in() -> None:
    assert with_clock(TCG, PC, 2_500_000).cmdline == ("tsc=reliable", "tsc_early_khz=2500000")


def test_an_unknown_rate_leaves_the_guest_to_its_own_devices() -> None:
    assert with_clock(TCG, PC, None).cmdline == ()
    assert with_clock(KVM, PC, None).cmdline == ()


def test_a_rate_that_is_not_the_hosts_needs_no_measurement() -> None:
    assert with_clock(ICOUNT, PC, None).cmdline == ("tsc_early_khz=1000000",)


def test_a_machine_without_such_a_clock_is_told_nothing() -> None:
    assert with_clock(TCG, BOARD, 2_500_000).cmdline == ()


@pytest.mark.skipif(platform.machine() != "x86_64", reason="only x86 has a TSC")
def test_two_measurements_agree() -> None:
    first = tsc_khz()
    tsc_khz.cache_clear()
    second = tsc_khz()
    assert first
    assert second
    assert abs(first - second) < first / 100
