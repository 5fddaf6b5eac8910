"""A guest's console that says very much: memory, disk and speed of the live reader and of the judge.

    .venv/bin/python benchmarks/console.py [MEGABYTES]

Two logs, clean lines and a storm of warnings, fed through a pipe as QEMU does. The judge is asked after each of 14
cases, as in a run. Printed beside `grep -c` on the same bytes.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from orchestrator.guest.console import Console
from orchestrator.judge.logs import Consoles

CASES = 14
LINE = b"[  %5d.%06d][  T%3d] workingset: timestamp_bits=46 max_order=18 bucket_order=0 clocksource: tsc-early mask\n"
WARNING = (Path(__file__).parents[1] / "tests/data/console/warning-munmap-real.log").read_bytes()


def make_clean(path: Path, size: int) -> None:
    with path.open("wb") as log:
        number = 0
        while log.tell() < size:
            log.write(b"".join(LINE % (n, n % 1000000, n % 300) for n in range(number, number + 10000)))
            number += 10000


def make_storm(path: Path, size: int) -> None:
    with path.open("wb") as log:
        while log.tell() < size:
            log.write(WARNING)


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def timed(work: object) -> float:
    started = time.monotonic()
    work()  # type: ignore[operator]
    return time.monotonic() - started


def live(log: Path, out: Path) -> Console:
    """A console that has read a log through a pipe."""
    read_end, write_end = os.pipe()

    def feed() -> None:
        with log.open("rb") as source, os.fdopen(write_end, "wb", buffering=0) as sink:
            while chunk := source.read(1 << 16):
                sink.write(chunk)

    threading.Thread(target=feed).start()
    console = Console(out)
    with os.fdopen(read_end, "rb") as stream:
        console.follow(stream)
        console.drain(600)
    return console


def measure(kind: str, log: Path, megabytes: float) -> None:
    grep_s = timed(lambda: subprocess.run(["grep", "-c", "Kernel panic", log], check=False, stdout=subprocess.DEVNULL))
    kept = log.with_name("console.log")
    before = peak_mib()
    live_s = timed(lambda: live(log, kept))
    size = kept.stat().st_size
    consoles, growing = Consoles(), log.with_name("growing.log")
    judge_s, found = [], 0
    with kept.open("rb") as source, growing.open("wb") as sink:
        for _ in range(CASES):
            sink.write(source.read(size // CASES + 1))
            sink.flush()
            started = time.monotonic()
            found = len(consoles.reports(growing))
            judge_s.append(time.monotonic() - started)
    anew_s = timed(lambda: Consoles().reports(growing))
    print(f"{kind}: {megabytes:.0f} MB, of which {size / 1e6:.0f} are kept, with {found} reports")
    print(f"  grep -c                  {megabytes / grep_s:8.0f} MB/s")
    print(f"  live reader              {megabytes / live_s:8.0f} MB/s")
    print(f"  judge, after {CASES} cases    {size / 1e6 / sum(judge_s):8.1f} MB/s  {sum(judge_s):6.1f} s in all")
    print(f"  the whole log anew       {size / 1e6 / anew_s:8.1f} MB/s  {anew_s:6.1f} s each time")
    print(f"  peak resident            {peak_mib():8.0f} MiB ({before:.0f} before the first byte)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("megabytes", nargs="?", type=int, default=200)
    megabytes = parser.parse_args().megabytes
    for kind, make in (("clean", make_clean), ("storm", make_storm)):
        with tempfile.TemporaryDirectory() as where:
            log = Path(where) / "log"
            make(log, megabytes * 1000 * 1000)
            measure(kind, log, log.stat().st_size / 1e6)


if __name__ == "__main__":
    main()
