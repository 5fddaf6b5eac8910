"""Changed lines that no kernel has."""

from __future__ import annotations

from orchestrator.model.compilation import Uncompiled
from orchestrator.parse.configuration.uncompiled import compiled_nowhere


def test_what_one_kernel_compiles_is_compiled() -> None:
    first = [Uncompiled("mm/a.c", 1, 1, "A"), Uncompiled("mm/a.c", 2, 3, "A"), Uncompiled("mm/b.c", 9, 9, "B")]
    second = [Uncompiled("mm/a.c", 1, 1, "C"), Uncompiled("mm/a.c", 2, 3, "C")]
    assert compiled_nowhere([first, second]) == (Uncompiled("mm/a.c", 1, 3, "A"),)
    assert compiled_nowhere([first, second, []]) == ()
    assert compiled_nowhere([]) == ()


def test_neighbours_are_told_together_if_their_reason_is_one() -> None:
    kernel = [Uncompiled("a.c", 1, 2, "A"), Uncompiled("a.c", 4, 4, "A"), Uncompiled("a.c", 9, 9, "A")]
    assert compiled_nowhere([kernel]) == (Uncompiled("a.c", 1, 4, "A"), Uncompiled("a.c", 9, 9, "A"))
