"""How long the pages of the dashboard take: over HTTP, from a history of 1,000 runs with 100 cases each.

    .venv/bin/python benchmarks/dashboard.py [--runs N] [--cases N] [--times N] [--history FILE]

Makes such a history (some minutes; with --history it is kept there and used again), starts `orchestrate dashboard` on
it, and gets each kind of page: the median and the slowest of the times from the request to the last byte, in ms, the
CPU time that the server takes for one (on a machine with other work the better figure; its clock ticks every 10 ms),
the time of an answer 304, and the size. `index` is the first screen. Each page is asked for once before it is measured:
the first time compiles its template.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import requests

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from orchestrator.dashboard import site  # noqa: E402
from orchestrator.history.database import open_database, open_read_only  # noqa: E402
from orchestrator.history.questions import QUESTIONS, Answer, Filter  # noqa: E402
from tests.nights import fill  # noqa: E402

LIMIT_MS = 200


@contextmanager
def served(history: Path) -> Iterator[tuple[str, int]]:
    """Its address and process."""
    words = [sys.executable, "-m", "orchestrator", "dashboard", "--history", str(history), "--port", "0"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert process.stdout
        yield process.stdout.readline().split()[1], process.pid
    finally:
        process.terminate()
        process.wait()


def addresses(history: Path) -> list[str]:
    """Of each kind of page the one about the first thing, and the matrix with all that it can show."""
    database = open_read_only(str(history))
    with database.reading() as connection:

        def ask(question: str, **wanted: object) -> Answer:
            return QUESTIONS[question](connection, Filter(**wanted))  # type: ignore[arg-type]

        paths = list(site.paths(ask))
    found = [path for path in paths if "/" not in path]
    for each in site.EACH:
        found += [path for path in paths if path.startswith(f"{each.kind}/")][:1]
    found += [f"{path}.html?all=1&runs=100&sort=name" for path in found if path.startswith("matrix/")]
    return [path if "." in path else f"{path}.html" for path in found]


def cpu_ms(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return 1000 * (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def timed(call: Callable[[], requests.Response]) -> tuple[float, requests.Response]:
    began = time.perf_counter()
    answer = call()
    return 1000 * (time.perf_counter() - began), answer


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000, metavar="N")
    parser.add_argument("--cases", type=int, default=100, metavar="N")
    parser.add_argument("--times", type=int, default=7, metavar="N", help="requests of each page")
    parser.add_argument("--history", type=Path, metavar="FILE")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        history = args.history or Path(made) / "history.db"
        if not history.exists():
            began = time.monotonic()
            fill(open_database(str(history), create=True), args.runs, cases=args.cases)
            took = time.monotonic() - began
            size = history.stat().st_size / 1e6
            print(f"{args.runs} runs x {args.cases} cases: {1000 * took / args.runs:.0f} ms a run, {size:.0f} MB")
        with served(history) as (address, pid), requests.Session() as session:
            print(f"{'median':>8}{'slowest':>9}{'CPU':>7}{'304':>7}{'KB':>7}  page")
            slow = 0
            for path in addresses(history):
                get = lambda where=f"{address}{path}", **headers: session.get(where, headers=headers, timeout=60)  # noqa: E731
                tag = get().headers["ETag"]
                before = cpu_ms(pid)
                times, answers = zip(*(timed(get) for _ in range(args.times)), strict=True)
                cpu = (cpu_ms(pid) - before) / args.times
                unchanged, answer = timed(lambda get=get, tag=tag: get(**{"If-None-Match": tag}))
                assert answer.status_code == 304
                slow += cpu > LIMIT_MS
                size = len(answers[0].content) / 1024
                print(f"{median(times):>8.1f}{max(times):>9.1f}{cpu:>7.0f}{unchanged:>7.1f}{size:>7.0f}  {path}")
            print(f"{slow} pages above {LIMIT_MS} ms of CPU time")
    return 0


if __name__ == "__main__":
    sys.exit(main())
