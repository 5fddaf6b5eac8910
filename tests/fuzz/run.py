"""make fuzz: mutations of good and of hostile inputs, for every reader, until there were as many as wanted.

    python -m tests.fuzz.run [--mutations N] [--reader NAME ...] [--seed N] [--jobs N] [--findings DIR]

Each reader gets the same share of the time, and more than that until it has its tenth of an equal share of the
mutations. What breaks one is written to a file of the findings' directory, with its seed. With atheris (the extra
`fuzz`) `python -m tests.fuzz.guided READER` looks where coverage grows.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.fuzz.hostile import HOSTILE
from tests.fuzz.mutate import mutated
from tests.fuzz.readers import READERS
from tests.fuzz.trial import Fault, trial

ROUND_S = 2.0  # for which one reader is fuzzed at a time
SEED_BYTES = 2000  # of a hostile input that is mutated


def pool(reader: str) -> list[bytes]:
    """What mutations begin with."""
    hostile = [one.make(SEED_BYTES) for one in HOSTILE if one.reader == reader and not one.name.endswith("bomb")]
    return [*READERS[reader].seeds(), *(data for data in hostile if len(data) <= 4 * SEED_BYTES)]


def mutants(reader: str, seed: int) -> Iterator[bytes]:
    """Without end. Every now and then a mutant is kept, to be mutated again."""
    source, seeds = random.Random(f"{reader} {seed}"), pool(reader)
    count = len(seeds)
    while True:
        data = mutated(source, source.choice(seeds), READERS[reader].atoms, seeds)
        if source.random() < 0.01:
            seeds[count:] = [*seeds[count:], data][-50:]
        yield data


def fuzz(reader: str, seed: int, seconds: float, most: int) -> tuple[str, int, list[Fault]]:
    """Some mutations of one reader's inputs: how many there were, and what they found."""
    until, count, faults = time.monotonic() + seconds, 0, list[Fault]()
    for data in mutants(reader, seed):
        if count >= most or (time.monotonic() >= until and count):
            break
        count += 1
        if (fault := trial(reader, data)) and fault.what[:40] not in {one.what[:40] for one in faults}:
            faults.append(fault)
    return reader, count, faults


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutations", type=int, default=1_000_000)
    parser.add_argument("--reader", action="append", choices=sorted(READERS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--findings", type=Path, default=Path("fuzz-findings"))
    options = parser.parse_args(argv)
    names = options.reader or list(READERS)
    counts, found, number = Counter(dict.fromkeys(names, 0)), list[Fault](), options.seed
    with ProcessPoolExecutor(options.jobs) as workers:
        while (left := options.mutations - counts.total()) > 0:
            jobs = [workers.submit(fuzz, name, number, ROUND_S, left) for name in names]
            number += 1
            for job in jobs:
                reader, count, faults = job.result()
                counts[reader] += count
                for fault in faults:
                    found.append(fault)
                    _keep(fault, options.findings)
            print(f"{counts.total()} mutations, {len(found)} faults", flush=True)
    for name in names:
        print(f"{counts[name]:>9}  {name}")
    return 1 if found else 0


def _keep(fault: Fault, directory: Path) -> None:
    directory.mkdir(exist_ok=True)
    path = directory / f"{fault.reader.replace(' ', '-')}-{hashlib.sha256(fault.data).hexdigest()[:12]}"
    path.write_bytes(fault.data)
    print(f"{fault.reader}: {fault.what}: {path}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
