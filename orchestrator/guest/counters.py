"""Counters of executed instructions: what QEMU's plugins (files/plugins) are told, and what they have counted.

The counters lie in a file that QEMU maps. Reading it asks neither the guest nor QEMU, so it works whatever has become
of both.
"""

from __future__ import annotations

import array
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.evidence.coverage.hits import Way
from orchestrator.guest.qemu_argv import in_option
from orchestrator.model.coverage import Jump
from orchestrator.storage.store import write_atomically

COUNTERS = "counters"  # in a guest's directory, which is QEMU's working directory
STALLS = "stalls"  # there, too: how often a CPU stood still at each place
VMA_WRITES = "vma-writes"  # there, too: how often each instruction wrote a VMA that was not locked
WORD = 8
POLL_S = 0.002
COPY_S = 2.0  # what QEMU's thread may take for two copies, of which it makes 100 a second


@dataclass(frozen=True)
class Counting:
    """The instructions to count: ascending addresses, and the file that has them for the plugin."""

    plugin: Path
    file: Path
    addresses: tuple[int, ...]
    above: int | None = None  # of the plugin for instructions: from where on it counts; None: as it likes
    jumps: tuple[Jump, ...] = ()  # whose ways to count; ascending
    entries: tuple[int, ...] = ()  # where the kernel is entered from elsewhere; ascending
    counters: str = COUNTERS  # the file in the guest's directory
    seed: int | None = None  # of the plugin that lets CPUs stand still
    layout: tuple[int, ...] = ()  # of the plugin that watches writes: where the kernel has what that looks at

    @property
    def jumps_file(self) -> Path:
        return self.file.with_name(f"{self.file.name}.jumps")

    @property
    def entries_file(self) -> Path:
        return self.file.with_name(f"{self.file.name}.entries")

    @property
    def layout_file(self) -> Path:
        return self.file.with_name(f"{self.file.name}.layout")

    @property
    def ways(self) -> tuple[Way, ...]:
        return tuple((jump.address, to) for jump in self.jumps for to in (jump.taken, jump.not_taken))

    def argv(self) -> tuple[str, str]:
        """For QEMU's command line. The counters' file is the guest's own."""
        more = "" if self.above is None else f",above={self.above:#x}"
        if self.seed is not None:
            more += f",seed={self.seed}"
        if self.layout:
            more += f",layout={in_option(self.layout_file)}"
        if self.jumps:
            more += f",jumps={in_option(self.jumps_file)},entries={in_option(self.entries_file)}"
        return "-plugin", f"{in_option(self.plugin)},addresses={in_option(self.file)},counters={self.counters}{more}"


def write_addresses(counting: Counting) -> None:
    """As a new file: a QEMU that runs has the one before mapped."""
    write_atomically(counting.file, array.array("Q", counting.addresses).tobytes())
    if counting.layout:
        write_atomically(counting.layout_file, array.array("Q", counting.layout).tobytes())
    if counting.jumps:
        words = [word for jump in counting.jumps for word in (jump.address, jump.taken, jump.not_taken)]
        write_atomically(counting.jumps_file, array.array("Q", words).tobytes())
        write_atomically(counting.entries_file, array.array("Q", counting.entries).tobytes())


@dataclass(frozen=True)
class Counts:
    """A reading: how often the instructions at these addresses have been executed since power-on, and behind them how
    often jumps went these ways."""

    addresses: tuple[int, ...]
    counts: tuple[int, ...]
    ways: tuple[Way, ...] = ()

    def since(self, before: Counts | None) -> Mapping[int, int]:
        """The addresses that were executed since another reading of the guest (None: since power-on), and how often. A
        CPU that stood still between reading a counter and writing it may have turned it back: then its instruction is
        known to have been executed, once at least."""
        pairs = zip(self.addresses, self._grown(before), strict=False)
        return {address: max(count, 1) for address, count in pairs if count}

    def gone_since(self, before: Counts | None) -> Mapping[Way, int]:
        """The ways that jumps went since then, and how often."""
        pairs = zip(self.ways, self._grown(before)[len(self.addresses) :], strict=True)
        return {way: count for way, count in pairs if count}

    def _grown(self, before: Counts | None) -> Sequence[int]:
        then = before.counts if before else (0,) * len(self.counts)
        return [now - was for was, now in zip(then, self.counts, strict=True)]


class Counters:
    """The counters of one guest. Make them before QEMU starts."""

    def __init__(self, directory: Path, counting: Counting) -> None:
        self._path = directory / counting.counters
        self._addresses, self._ways = counting.addresses, counting.ways
        self._path.write_bytes(bytes(WORD * (1 + len(self._addresses) + len(self._ways))))

    def read(self, is_alive: Callable[[], bool]) -> Counts:
        """How often each instruction has been executed so far. Where QEMU copies the counters, waits until all that
        was counted before the call is in the file."""
        copies, *counts = self.words()
        if copies:  # else they are right where QEMU counts
            until = time.monotonic() + COPY_S
            while self.words()[0] < copies + 2 and is_alive() and time.monotonic() < until:
                time.sleep(POLL_S)
            _, *counts = self.words()
        return Counts(self._addresses, tuple(counts), self._ways)

    def words(self) -> array.array[int]:
        """All of the file, as it is now."""
        words = array.array("Q")
        words.frombytes(self._path.read_bytes())
        return words
