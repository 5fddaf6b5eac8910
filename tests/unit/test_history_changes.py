"""Where measurements change their level, and how a test stands."""

from __future__ import annotations

import math
import random
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.history.changes import changes, levels
from orchestrator.history.standing import Standing, after, before
from orchestrator.history.subject import base_name, topic, tree
from orchestrator.history.trend import trend
from orchestrator.model.kernel import Role
from orchestrator.model.kernel_facts import KernelFacts
from orchestrator.model.report import SuiteReport


def noise(seed: int, count: int, *, middle: float = 1000.0, spread: float = 20.0) -> list[float]:
    chance = random.Random(seed)
    return [chance.gauss(middle, spread) for _ in range(count)]


def test_a_fall_is_found_where_it_is_and_as_large_as_it_is() -> None:
    values = noise(1, 40) + noise(2, 15, middle=850.0)
    (found,) = changes(values)
    assert found.at == 40
    assert found.low < -150 < found.high
    assert found.shift == pytest.approx(-150, abs=15)
    assert found.relative(found.shift) == pytest.approx(-0.15, abs=0.015)
    first, second = levels(values, [found])
    assert (first.begin, first.end, second.begin, second.end) == (0, 40, 40, 55)
    assert first.low is not None
    assert first.high is not None
    assert first.low < 1000 < first.high


def test_several_changes_are_found() -> None:
    values = noise(1, 30) + noise(2, 30, middle=1200.0) + noise(3, 30, middle=1100.0)
    assert [one.at for one in changes(values)] == pytest.approx([30, 60], abs=1)


def test_what_does_not_change_is_left_in_peace() -> None:
    """One in a hundred may be told by mistake; the rule of 4 standard deviations makes it rarer."""
    series = [noise(seed, 60) for seed in range(300)]
    assert sum(bool(changes(values)) for values in series) <= 3
    rare = [[float(random.Random(seed * 1000 + at).random() < 0.02) for at in range(80)] for seed in range(300)]
    assert sum(bool(changes(values)) for values in rare) <= 3


@pytest.mark.parametrize(
    "values",
    [
        [],
        [1.0] * 4,
        [5.0] * 100,
        [5.0] * 98 + [500.0] * 2,  # two wild values are no level
        [*noise(1, 30), *noise(2, 4, middle=500.0)],  # too few to tell
        [1000.0] * 50 + [1001.0] * 50,  # certain, and too small to be told
    ],
    ids=["none", "few", "constant", "wild", "short", "small"],
)
def test_there_is_nothing_to_tell(values: list[float]) -> None:
    assert changes(values) == ()


def test_a_change_from_nothing_has_no_share() -> None:
    (found,) = changes([0.0] * 20 + [3.0] * 20)
    assert (found.shift, found.relative(found.shift)) == (3.0, None)


@given(st.lists(st.floats(-1e100, 1e100), max_size=60))
def test_any_figures_are_taken(values: list[float]) -> None:
    found = changes(values)
    assert found == changes(values)
    assert sum(one.end - one.begin for one in levels(values, found)) == len(values)
    for one in found:
        assert math.isfinite(one.shift)
        assert one.low <= one.shift <= one.high
        assert one.relative(one.shift) is None or math.isfinite(one.relative(one.shift) or 0)


def test_a_trend_has_the_level_since_the_last_change() -> None:
    values = noise(1, 40) + noise(2, 15, middle=850.0)
    made = trend([(f"night {at:02d}", value) for at, value in enumerate(values)], "ops/s", "tcg")
    assert (made.number, made.first, made.latest, made.changed) == (55, "night 00", "night 54", "night 40")
    assert made.middle == pytest.approx(850, abs=15)
    assert made.shift_low is not None
    assert made.shift_high is not None
    assert made.shift_low < -0.1 > made.shift_high > made.shift_low


# --- how a test stands


def folded(*runs: tuple[str, str]) -> Standing:
    made = None
    for started, outcome in runs:
        made = after(made, started, outcome)
    assert made
    return made


def test_a_failure_counts_since_the_last_pass() -> None:
    made = folded(("1", "PASS"), ("2", "FAIL"), ("3", "CRASH"), ("4", "ERROR"))
    assert made == Standing("ERROR", "1", "4", last_pass="1", fails_since="2")
    assert after(made, "5", "PASS") == Standing("PASS", "1", "5", last_pass="5", fixed="5")
    assert after(after(made, "5", "PASS"), "6", "PASS").fixed == "5"


def test_what_is_neither_leaves_the_rest() -> None:
    for outcome in ("ERROR", "SKIP", "NOT_RUN", "NOT_EXERCISED", "of another version"):
        assert folded(("1", "PASS"), ("2", outcome)) == Standing(outcome, "1", "2", last_pass="1")


def test_what_is_known_of_runs_that_are_gone_stays() -> None:
    known = folded(("1", "PASS"), ("2", "FAIL"), ("5", "PASS"))
    assert before(known, "4") == Standing("", "1", "1")
    assert before(known, "1") is None
    assert before(folded(("1", "PASS"), ("2", "FAIL"), ("5", "FAIL")), "4") == Standing("", "1", "1", "1", "2")


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("vm_refcnt", ("vm_refcnt", 0)),
        ("v3-fix", ("fix", 3)),
        ("fix-v12", ("fix", 12)),
        ("fix.V2", ("fix", 2)),
        ("v3_20260105_dev_fix_the_lock", ("dev_fix_the_lock", 3)),
        ("vma-locks", ("vma-locks", 0)),
        ("v2", ("v2", 0)),
        ("fix-v2-locks", ("fix-v2-locks", 0)),
        ("", ("", 0)),
    ],
)
def test_the_version_is_no_part_of_the_topic(name: str, found: tuple[str, int]) -> None:
    assert topic(name) == found


def test_the_revision_is_no_part_of_a_tree() -> None:
    assert base_name("linux-source-6.12 6.12.117-1~deb12u1") == "linux-source-6.12"
    assert base_name("/root/linux v6.12") == "/root/linux"


@pytest.mark.parametrize(
    ("facts", "name"),
    [
        (KernelFacts(base="/root/linux 0123456789ab", base_branch="main"), "/root/linux main"),
        (KernelFacts(base="/root/linux 0123456789ab", base_url="git://h/l", base_branch="main"), "git://h/l main"),
        (KernelFacts(base="/root/linux v6.12", base_url="git://h/l"), "git://h/l"),
        (KernelFacts(base="linux-source-6.12 6.12.117-1"), "linux-source-6.12"),
        (KernelFacts(), ""),
    ],
)
def test_branches_of_a_tree_are_trees_of_their_own(facts: KernelFacts, name: str) -> None:
    assert tree([SuiteReport("base.baseline", "base", Role.BASELINE, (), (), "", facts=facts)]) == name


def test_the_order_of_steps_is_the_order_of_runs() -> None:
    """The fold depends on it: what is imported late is folded anew (derived.py)."""
    results = (("1", "PASS"), ("2", "FAIL"), ("3", "PASS"))
    assert len({folded(*order).fixed for order in permutations(results)}) > 1
