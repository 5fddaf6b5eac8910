"""python -m tests.fuzz.guided READER [libFuzzer's options]: atheris mutates the reader's inputs where coverage grows.

Needs the extra `fuzz`. A first finding ends it; its input is in ./crash-*. `-runs=100000` ends it without one.
"""

from __future__ import annotations

import random
import sys

import atheris

with atheris.instrument_imports(include=["orchestrator"]):
    from tests.fuzz.mutate import mutated
    from tests.fuzz.readers import READERS
    from tests.fuzz.run import pool
    from tests.fuzz.trial import trial


def main(argv: list[str]) -> None:
    reader = argv.pop(1)
    seeds = pool(reader)

    def mutate(data: bytes, longest: int, seed: int) -> bytes:
        source = random.Random(seed)
        if not data or source.random() < 0.3:
            data = source.choice(seeds)
        if source.random() < 0.3:
            return bytes(atheris.Mutate(data, longest))
        return mutated(source, data, READERS[reader].atoms, seeds)[:longest]

    def one(data: bytes) -> None:
        if fault := trial(reader, data):
            raise AssertionError(f"{fault.reader}: {fault.what}")

    atheris.Setup(argv, one, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv)
