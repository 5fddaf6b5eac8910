"""Which cases patterns choose."""

from __future__ import annotations

import pytest

from orchestrator.declarations.catalog import load_catalog
from orchestrator.errors import UnknownName, UsageError


def names_of(*patterns: str) -> list[str]:
    catalog = load_catalog()
    return [case.name for case in catalog.chosen_cases(patterns, [catalog.kconfig("base")])]


def test_patterns_choose_cases_and_leave_cases_out_in_any_order() -> None:
    everything = [*load_catalog().testcases]
    assert names_of("f*") == [name for name in everything if name.startswith("f")]
    assert names_of("f*", "!fork-*") == names_of("!fork-*", "f*") == ["fault-vs-munmap", "file-faults", "foreign"]
    assert names_of("gup", "f*", "gup") == ["gup", *names_of("f*")]
    assert names_of("kselftest-mm.m[am]*") == [name for name in everything if name.startswith("kselftest-mm.ma")]
    assert names_of("kselftest-mm", "!kselftest-mm.m*") == [
        name for name in everything if name.startswith("kselftest-mm.") and not name.startswith("kselftest-mm.m")
    ]


def test_only_exclusions_leave_cases_out_of_the_default_ones() -> None:
    default = names_of()
    assert names_of("!gup") == [name for name in default if name != "gup"]
    assert names_of("!fork") == [name for name in default if "fork" not in load_catalog().testcases[name].tags]


@pytest.mark.parametrize("pattern", ["frok-*", "!frok-*", "!guq", "guq", "!", "*nothing*"])
def test_a_pattern_that_means_nothing_is_an_error(pattern: str) -> None:
    with pytest.raises(UnknownName, match=r"no test case matches|unknown test case"):
        names_of(pattern)


def test_nothing_left_is_an_error_that_names_the_patterns() -> None:
    with pytest.raises(UsageError, match=r"--testcase gup !g\*: no test case is left"):
        names_of("gup", "!g*")


def test_of_many_names_none_near_the_hint_says_where_they_are() -> None:
    with pytest.raises(UnknownName) as caught:
        names_of("xyzzy")
    assert "orchestrate list testcases" in caught.value.hint
    assert len(caught.value.hint) < 100
