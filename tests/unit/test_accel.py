"""The host's clock in an accelerator's boot parameters."""

from __future__ import annotations

import platform

import pytest

from orchestrator.guest.accel import with_clock
from orchestrator.guest.host_clock import tsc_khz
from orchestrator.model.machine import Accel

TCG = Accel("tcg", (), 4.0, ("tsc=reliable", "tsc_early_khz={tsc_khz}"))


def test_the_rate_is_filled_in() -> None:
    assert with_clock(TCG, 2_500_000).cmdline == ("tsc=reliable", "tsc_early_khz=2500000")


def test_an_unknown_rate_leaves_the_guest_to_its_own_devices() -> None:
    assert with_clock(TCG, None).cmdline == ()
    assert with_clock(Accel("kvm", (), 1.0), None).cmdline == ()


@pytest.mark.skipif(platform.machine() != "x86_64", reason="only x86 has a TSC")
def test_two_measurements_agree() -> None:
    first = tsc_khz()
    tsc_khz.cache_clear()
    second = tsc_khz()
    assert first
    assert second
    assert abs(first - second) < first / 100
