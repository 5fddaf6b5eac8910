"""Whatever is put in: a result or an error of the request, in time. A short run of what `make fuzz` does."""

from __future__ import annotations

import sys
from itertools import islice

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.errors import OrchestrateError
from tests.fuzz.hostile import HOSTILE, Hostile
from tests.fuzz.mutate import mutated
from tests.fuzz.readers import READERS
from tests.fuzz.run import mutants, pool
from tests.fuzz.trial import trial

SIZE = 60_000  # bytes: what is quadratic takes seconds
MUTANTS = 40
COUNTED = ("ktap", "log", "console", "patches", "diff", "known issues", "stress-ng", "Kconfig")


@pytest.mark.parametrize("reader", READERS)
def test_good_input_is_read(reader: str) -> None:
    seeds = READERS[reader].seeds()
    assert seeds
    refused = 0
    for seed in seeds:
        try:
            READERS[reader].read(seed)
        except OrchestrateError:
            refused += 1  # the corpora have bad patches too
    assert refused < len(seeds)


@pytest.mark.parametrize("reader", READERS)
def test_hostile_input_is_read_or_refused_in_time(reader: str) -> None:
    inputs = [one for one in HOSTILE if one.reader == reader]
    assert len(inputs) >= 4
    faults = {one.name: fault.what for one in inputs if (fault := trial(reader, one.make(SIZE)))}
    assert not faults


@pytest.mark.parametrize("reader", READERS)
def test_mutants_are_read_or_refused_in_time(reader: str) -> None:
    faults = [fault for data in islice(mutants(reader, seed=0), MUTANTS) if (fault := trial(reader, data))]
    assert not faults


def calls(one: Hostile, size: int) -> int:
    """How many functions, Python's own included, are called to read an input of that size."""
    data, count = one.make(size), 0

    def counting(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event.endswith("call")

    sys.setprofile(counting)
    try:
        READERS[one.reader].read(data)
    except OrchestrateError:
        pass
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("reader", COUNTED)
def test_work_grows_no_faster_than_the_input(reader: str) -> None:
    """Counted, not timed: four times the input, four times the calls."""
    inputs = [one for one in HOSTILE if one.reader == reader]
    for one in inputs:
        calls(one, 100)  # what is made once
    grown = {one.name: (calls(one, 3000), calls(one, 12_000)) for one in inputs}
    assert not {name: found for name, found in grown.items() if found[1] > 6 * found[0] + 2000}


@given(st.sampled_from(sorted(READERS)), st.randoms(use_true_random=False), st.binary(max_size=300))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_bytes_and_any_mutant(reader: str, source, raw: bytes) -> None:
    seeds = pool(reader)
    for data in (raw, mutated(source, source.choice(seeds), READERS[reader].atoms, seeds)):
        assert trial(reader, data) is None
