"""Whose fault it is that a guest does not come up."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.errors import BootFailed, Fault, GuestUnreachable, NoGuest
from orchestrator.guest.evidence import Examination
from orchestrator.jobs.diagnosis import whose_silence
from orchestrator.model.attempt import Condition

HUNG = BootFailed("the kernel did not finish booting within 30 s", detail="its last lines")
SILENT = GuestUnreachable("the guest's SSH server did not answer in time", hint="a driver?")


@pytest.mark.parametrize(
    ("error", "condition", "fault"),
    [
        (HUNG, Condition.KERNEL_HUNG, Fault.PATCH),
        (HUNG, Condition.USERSPACE_DEAD, Fault.PATCH),
        (HUNG, Condition.QEMU_STOPPED, Fault.INFRASTRUCTURE),
        (HUNG, Condition.HOST_OVERLOADED, Fault.INFRASTRUCTURE),
        (SILENT, Condition.KERNEL_HUNG, Fault.PATCH),
        (SILENT, Condition.CPU_HUNG, Fault.PATCH),
        (SILENT, Condition.USERSPACE_DEAD, Fault.INFRASTRUCTURE),
        (SILENT, Condition.QEMU_STOPPED, Fault.INFRASTRUCTURE),
    ],
)
def test_a_guest_that_does_not_boot_is_examined_before_fault_is_assigned(
    error: NoGuest, condition: Condition, fault: Fault
) -> None:
    told = whose_silence(error, Examination(condition, "as seen", 17), "", Path("cases/boot"))
    assert told.fault is fault
    assert told.message == f"{error.message}: {condition.value} (as seen)"
    assert (told.hint, told.examined_at) == (error.hint, 17)
    assert "cases/boot" in told.detail
    assert error.detail in told.detail


def test_what_the_dump_shows_says_more_than_the_condition() -> None:
    told = whose_silence(HUNG, Examination(Condition.KERNEL_HUNG, "as seen", 17), "CPU 0 waits for itself", Path("x"))
    assert told.message.endswith(": CPU 0 waits for itself")
    assert "as seen" in told.detail
