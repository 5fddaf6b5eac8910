"""Reading 200 MB of a guest's console: memory and speed, for the live reader and for classify's scanner.

    .venv/bin/python benchmarks/console.py [MEGABYTES]

The input is a boot log repeated, fed through a pipe as QEMU does. Printed beside `grep -c` on the same bytes.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from orchestrator.guest.console import Console
from orchestrator.parse.kernel_report import Scanner

LINE = b"[  %5d.%06d][  T%3d] workingset: timestamp_bits=46 max_order=18 bucket_order=0 clocksource: tsc-early mask\n"


def make_log(path: Path, size: int) -> None:
    with path.open("wb") as log:
        number = 0
        while log.tell() < size:
            log.write(b"".join(LINE % (n, n % 1000000, n % 300) for n in range(number, number + 10000)))
            number += 10000


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    with tempfile.TemporaryDirectory() as where:
        log, size = Path(where) / "log", megabytes * 1000 * 1000
        make_log(log, size)
        started = time.monotonic()
        subprocess.run(["grep", "-c", "Kernel panic", log], check=False, stdout=subprocess.DEVNULL)
        grep_s = time.monotonic() - started

        before = peak_mib()
        read_end, write_end = os.pipe()

        def feed() -> None:
            with log.open("rb") as source, os.fdopen(write_end, "wb", buffering=0) as sink:
                while chunk := source.read(1 << 16):
                    sink.write(chunk)

        threading.Thread(target=feed).start()
        started = time.monotonic()
        console = Console(os.fdopen(read_end, "rb"), Path(where) / "console.log")
        console.start()
        console.drain(600)
        live_s = time.monotonic() - started
        assert console.size >= size

        started = time.monotonic()
        scanner, reports = Scanner(), 0
        with log.open("rb") as source:
            while chunk := source.read(1 << 20):
                reports += len(scanner.feed(chunk))
        reports += len(scanner.close())
        scan_s = time.monotonic() - started
        print(f"{megabytes} MB of console, {reports} reports in it")
        print(f"grep -c            {megabytes / grep_s:8.0f} MB/s")
        print(f"live reader        {megabytes / live_s:8.0f} MB/s  {live_s / grep_s:6.1f} times grep's time")
        print(f"kernel_report scanner      {megabytes / scan_s:8.0f} MB/s  {scan_s / grep_s:6.1f} times grep's time")
        print(f"peak resident      {peak_mib():8.0f} MiB ({before:.0f} before the first byte)")


if __name__ == "__main__":
    main()
