"""The names of busybox' applets, read from the host's own."""

from __future__ import annotations

import subprocess

import pytest

from orchestrator.guest.initramfs import BUSYBOX
from orchestrator.parse.busybox import applets_of


@pytest.mark.skipif(not BUSYBOX.is_file(), reason="the host has no busybox")
def test_the_program_has_the_names_that_it_lists() -> None:
    listed = subprocess.run([BUSYBOX, "--list"], capture_output=True, text=True, check=True).stdout.split()
    assert applets_of(BUSYBOX.read_bytes()) == tuple(sorted(listed))
