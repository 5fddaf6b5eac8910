"""The rate of the host's time stamp counter, which an emulated guest sees as its own.

A guest without ACPI has no clock to calibrate its TSC with, and under emulation the PIT is too uneven. Such a guest
falls back to jiffies: 4 ms coarse, without high resolution timers, and slow on a loaded host.
"""

from __future__ import annotations

import ctypes
import mmap
import platform
import time
from collections.abc import Callable
from functools import cache

MEASURE_S = 0.05  # the clocks are read within a microsecond: good for some 20 ppm
# rdtsc; shl rdx, 32; or rax, rdx; ret
_RDTSC = bytes.fromhex("0f31 48c1e220 4809d0 c3")


@cache
def tsc_khz() -> int | None:
    """The measured rate; None if the host has no such counter or forbids running code that is not in a file."""
    if platform.machine() != "x86_64":
        return None
    try:
        page = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    except OSError:
        return None
    page.write(_RDTSC)
    rdtsc = ctypes.CFUNCTYPE(ctypes.c_uint64)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
    started, first = _together(rdtsc)
    time.sleep(MEASURE_S)
    ended, last = _together(rdtsc)
    return round((last - first) * 1_000_000 / (ended - started)) or None


def _together(rdtsc: Callable[[], int]) -> tuple[int, int]:
    """Both clocks at one moment: the best of several readings, in which we were not preempted between them."""
    readings = []
    for _ in range(10):
        before, ticks, after = time.monotonic_ns(), rdtsc(), time.monotonic_ns()
        readings.append((after - before, before, ticks))
    _, at, ticks = min(readings)
    return at, ticks
