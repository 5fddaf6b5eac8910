"""Preprocessor conditions against a configuration; what is unknown is never called false."""

from __future__ import annotations

import pytest

from orchestrator.parse.code.c_conditions import holds, joined, missing, negated

SET = frozenset({"CONFIG_A", "CONFIG_SMP", "CONFIG_M_MODULE"})


@pytest.mark.parametrize(
    ("condition", "value"),
    [
        ("defined(CONFIG_A)", True),
        ("defined CONFIG_A", True),
        ("defined(CONFIG_B)", False),
        ("!defined(CONFIG_B)", True),
        ("IS_ENABLED(CONFIG_A)", True),
        ("IS_ENABLED(CONFIG_B) || IS_ENABLED(CONFIG_A)", True),
        ("defined(CONFIG_A) && !defined(CONFIG_SMP)", False),
        ("(defined(CONFIG_B) || defined(CONFIG_A)) && defined(CONFIG_SMP)", True),
        ("CONFIG_B", False),
        ("CONFIG_A", None),  # a number, or 1
        ("CONFIG_PGTABLE_LEVELS > 3", None),
        ("CONFIG_PGTABLE_LEVELS > 3 && defined(CONFIG_B)", False),
        ("BITS_PER_LONG == 64", None),
        ("BITS_PER_LONG == 64 || defined(CONFIG_A)", True),
        ("__has_attribute(__assume_aligned__)", None),
        ("!__has_attribute(x) && defined(CONFIG_B)", False),
        ("0", False),
        ("1", True),
        ("__KERNEL__", True),
        ("defined(__KERNEL__)", True),
        ("defined(__ASSEMBLY__)", False),
        ("defined(MODULE)", False),
        ("IS_MODULE(CONFIG_B)", False),
        ("IS_MODULE(CONFIG_A)", False),
        ("IS_MODULE(CONFIG_M)", True),
        ("IS_ENABLED(CONFIG_M)", True),
        ("IS_BUILTIN(CONFIG_M) || IS_REACHABLE(CONFIG_M) || defined(CONFIG_M)", False),
        ("defined(CONFIG_M_MODULE)", True),
        ("", None),
        ("((", None),
        ("defined", None),
        ("GCC_VERSION < 50000 || (CONFIG_A", None),
    ],
)
def test_a_condition_holds_or_not_or_nobody_knows(condition: str, value: bool | None) -> None:
    assert holds(condition, SET) is value


def test_else_is_the_opposite_and_nesting_is_both() -> None:
    assert holds(negated("defined(CONFIG_A)"), SET) is False
    assert holds(negated("BITS_PER_LONG == 64"), SET) is None
    assert holds(joined(["defined(CONFIG_A)", "defined(CONFIG_B)"]), SET) is False


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("defined(CONFIG_B)", ("CONFIG_B is not set",)),
        ("!defined(CONFIG_A)", ("CONFIG_A is set",)),
        ("defined(CONFIG_A) && defined(CONFIG_B)", ("CONFIG_B is not set",)),
        ("defined(CONFIG_B) || defined(CONFIG_C)", ("CONFIG_B is not set", "CONFIG_C is not set")),
        ("defined(CONFIG_B) && defined(CONFIG_C)", ("CONFIG_B is not set", "CONFIG_C is not set")),
        ("0", ()),
    ],
)
def test_what_would_have_to_change(condition: str, words: tuple[str, ...]) -> None:
    assert missing(condition, SET) == words
