"""Coverage in words, the same in every report. Pure."""

from __future__ import annotations

from orchestrator.model.coverage import Coverage, LineState
from orchestrator.words import counted

_ELSEWHERE = {
    LineState.OPTIMISED: "optimised into neighbours",
    LineState.NOT_COMPILED: "not compiled in this kconfig",
}


def sentence(found: Coverage) -> str:
    """`31 of 34 changed statements ran (91 %), 3 optimised into neighbours`."""
    if found.percent is None:
        words = "no changed statement has instructions in this kernel"
    else:
        # rounded down: 100 % is all of them
        words = f"{found.hit} of {counted(found.counted, 'changed statement')} ran ({int(found.percent)} %)"
    more = [f"{number} {said}" for state, said in _ELSEWHERE.items() if (number := found.number(state))]
    return ", ".join([words, *more])


def never_hit(found: Coverage) -> tuple[str, ...]:
    """`mm/memory.c:6312 in f: TEXT` for each statement that could run and did not."""
    return tuple(
        f"{file.file}:{one.line}{f' in {one.function}' if one.function else ''}: {one.text}"
        for file in found.files
        for one in file.statements
        if one.state is LineState.NEVER_HIT
    )


def places_never_hit(found: Coverage) -> tuple[str, ...]:
    """`mm/memory.c:6312` for each of them."""
    return tuple(
        f"{file.file}:{one.line}" for file in found.files for one in file.statements if one.state is LineState.NEVER_HIT
    )
