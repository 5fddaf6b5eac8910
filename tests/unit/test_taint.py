from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.parse.logs.taint import FLAGS, added, flags, letters

TAINTS = st.integers(min_value=0, max_value=2**20)


def test_letters_are_those_of_the_kernel() -> None:
    # `4609` is the example of the kernel's own documentation
    assert letters(4609) == "PWO"
    assert letters(0) == "G"
    assert letters(128 + 512) == "GDW"
    assert "".join(flag.letter for flag in FLAGS) == "PFSRMBUDAWCIOELKXTN"
    assert [flag.bit for flag in FLAGS] == list(range(19))


def test_meanings_name_what_happened() -> None:
    assert [flag.meaning for flag in flags(512)] == ["kernel issued warning"]
    assert "bit 30" in flags(1 << 30)[0].meaning


def test_a_negative_number_is_no_taint() -> None:
    with pytest.raises(ValueError, match="-1"):
        flags(-1)


@given(TAINTS, TAINTS)
def test_added_are_the_flags_of_after_that_before_had_not(before: int, after: int) -> None:
    assert set(added(before, after)) == set(flags(after)) - set(flags(before))
    assert sum(1 << flag.bit for flag in flags(after)) == after
