"""The kernel's taint bits, /proc/sys/kernel/tainted: letters and meanings.

From Documentation/admin-guide/tainted-kernels.rst and kernel/panic.c of Linux 6.12.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Flag:
    """One taint bit. `letter` is what "Tainted:" shows in a report; a set bit 0 is P, a clear one G."""

    bit: int
    letter: str
    meaning: str


FLAGS = tuple(
    Flag(bit, letter, meaning)
    for bit, (letter, meaning) in enumerate(
        (
            ("P", "proprietary module was loaded"),
            ("F", "module was force loaded"),
            ("S", "kernel running on an out of specification system"),
            ("R", "module was force unloaded"),
            ("M", "processor reported a Machine Check Exception (MCE)"),
            ("B", "bad page referenced or some unexpected page flags"),
            ("U", "taint requested by userspace application"),
            ("D", "kernel died recently, i.e. there was an OOPS or BUG"),
            ("A", "ACPI table overridden by user"),
            ("W", "kernel issued warning"),
            ("C", "staging driver was loaded"),
            ("I", "workaround for bug in platform firmware applied"),
            ("O", 'externally-built ("out-of-tree") module was loaded'),
            ("E", "unsigned module was loaded"),
            ("L", "soft lockup occurred"),
            ("K", "kernel has been live patched"),
            ("X", "auxiliary taint, defined for and used by distros"),
            ("T", "kernel was built with the struct randomization plugin"),
            ("N", "an in-kernel test has been run"),
        )
    )
)


def flags(taint: int) -> tuple[Flag, ...]:
    """The bits that are set, in order of number; a bit that this version does not know has the letter `?`.

    Raises ValueError for a negative number.
    """
    if taint < 0:
        raise ValueError(f"not a taint value: {taint}")
    return tuple(_flag(bit) for bit in range(taint.bit_length()) if taint >> bit & 1)


def _flag(bit: int) -> Flag:
    return FLAGS[bit] if bit < len(FLAGS) else Flag(bit, "?", f"bit {bit}, unknown to this version of orchestrate")


def added(before: int, after: int) -> tuple[Flag, ...]:
    """The bits that are set after and were not before."""
    return flags(after & ~before)


def letters(taint: int) -> str:
    """As in a kernel report, without the blanks: `G` for an untainted kernel, `GDW` after an oops and a warning."""
    found = "".join(flag.letter for flag in flags(taint))
    return found if taint & 1 else "G" + found
