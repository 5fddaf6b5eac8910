"""A slowdown that was seeded, measured in real guests. `benchmarks/slowdown.py` does it for all patches, and often."""

from __future__ import annotations

import math
from statistics import median
from typing import Any

import pytest

from tests.e2e.conftest import Start

ADDED = 735.0  # instructions for each anonymous page fault, as the patch says
SLACK = 10.0  # what the compiler does otherwise, and faults of processes that begin and end
ANONYMOUS = {"fault-anon", "fault-anon-threads", "fault-anon-processes"}
FAULTING = {"fork-exit", "exec"}  # nobody has counted how often
ENOUGH_S = 900  # for the 9 pairs that nine metrics need, on a busy host


def taken(suite: dict[str, Any], name: str) -> float:
    """Instructions for each operation, the median of the guests."""
    return median(
        metric["value"]
        for attempt in suite["attempts"]
        for subtest in attempt["subtests"]
        for metric in subtest["metrics"]
        if metric["name"] == name and metric["unit"] == "instructions/op"
    )


@pytest.mark.long
def test_a_tenth_more_instructions_are_found_where_they_are_and_nowhere_else(start: Start) -> None:
    job = start("--perf", "--patch", "patches/slower/fault-10-percent.patch", "--no-cost", "--budget", str(ENOUGH_S))
    assert job.finish() == 0, "that something costs more fails nothing"
    found = {one["name"]: one for one in job.suite()["performance"]}
    assert len(found) == 9
    assert {name for name, one in found.items() if one["word"] == "SLOWER"} - FAULTING == ANONYMOUS, job.text
    assert not [name for name, one in found.items() if one["word"] == "FASTER"], job.text
    for name in ANONYMOUS:
        base, interval = taken(job.suite("base.baseline"), name), found[name]["interval"]
        least, most = (math.log1p((ADDED + slack) / base) for slack in (-SLACK, SLACK))
        assert least <= interval["high"], job.text
        assert interval["low"] <= most, job.text
    assert "perf: fault-anon: slower, +" in job.text
    assert job.report()["reason"].startswith("base.patched: slower: fault-anon (+")
