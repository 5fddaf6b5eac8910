"""Coverage in words, the same in every report. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.model.coverage import Coverage, FileCoverage, LineState, PartWays, StatementCoverage, Ways
from orchestrator.words import counted

_ELSEWHERE = {
    LineState.OPTIMISED: "optimised into neighbours",
    LineState.NOT_COMPILED: "not compiled in this kconfig",
}
_OPERATORS = ("&&", "||", "?")


def sentence(found: Coverage) -> str:
    """`31 of 34 changed statements ran (91 %), 3 optimised into neighbours`."""
    more = [f"{number} {said}" for state, said in _ELSEWHERE.items() if (number := found.number(state))]
    return ", ".join([found.summary, *more])


def ways_sentence(found: Coverage) -> str:
    """`20 of 31 changed conditions went every way, 11 some ways only, 4 without a jump (not told)`; empty if there are
    none."""
    counts = {ways: found.conditions(ways) for ways in Ways}
    reached, untold, never = counts[Ways.ALL] + counts[Ways.SOME], counts[Ways.UNTOLD], counts[Ways.NONE]
    if found.no_ways:
        return f"which ways conditions went: {found.no_ways}"
    if not any(counts.values()):
        return ""
    said = [
        f"{counts[Ways.ALL]} of {counted(reached, 'changed condition')} that ran went every way" if reached else "",
        f"{counts[Ways.SOME]} some ways only" if counts[Ways.SOME] else "",
        f"{never} never reached" if never else "",
        f"{untold} without a jump: not told" if untold else "",
    ]
    return ", ".join(filter(None, said))


def one_way(found: Coverage) -> tuple[str, ...]:
    """`mm/memory.c:6312 in f: never went to mm/memory.c:6313: TEXT` for each condition that ran, and not every way."""
    return tuple(
        f"{_place(file, one)}: {', '.join(never_gone(file, one))}: {one.text}"
        for file in found.files
        for one in file.statements
        if one.ways is Ways.SOME
    )


def _place(file: FileCoverage, one: StatementCoverage) -> str:
    return f"{file.file}:{one.line}{f' in {one.function}' if one.function else ''}"


def never_gone(file: FileCoverage, one: StatementCoverage) -> tuple[str, ...]:
    """In words, the ways that a condition never went, and the parts of it that were never reached."""
    return tuple(dict.fromkeys(words for part in one.parts for words in _never(part, file.file, one)))


def _never(part: PartWays, file: str, one: StatementCoverage) -> Iterator[str]:
    name = f"{part.token}()" if part.is_call else part.token if part.token in _OPERATORS else "the jump"
    where = f"{name} at {part.line}:{part.column}"
    if not part.is_reached:
        yield f"never came to {where}"
        return
    behind = f" from {where}" if len(one.parts) > 1 else ""
    own = [f"{file}:{line}" for line in range(one.line, one.last_line + 1)]
    for number, way in enumerate(part.ways):
        if way.count:
            continue
        if sum(each.to == way.to for each in part.ways) > 1:
            yield f"{'never jumped' if number == 0 else 'always jumped'}{behind}"
        elif way.to in own:
            yield f"never went on{behind}"
        else:
            yield f"never went {'' if way.to.startswith('beyond ') else 'to '}{way.to}{behind}"


def never_hit(found: Coverage) -> tuple[str, ...]:
    """`mm/memory.c:6312 in f: TEXT` for each statement that could run and did not."""
    return tuple(
        f"{_place(file, one)}: {one.text}"
        for file in found.files
        for one in file.statements
        if one.state is LineState.NEVER_HIT
    )


def places_never_hit(found: Coverage) -> tuple[str, ...]:
    """`mm/memory.c:6312` for each of them."""
    return tuple(
        f"{file.file}:{one.line}" for file in found.files for one in file.statements if one.state is LineState.NEVER_HIT
    )


def places_one_way(found: Coverage) -> tuple[str, ...]:
    """`mm/memory.c:6312` for each condition that ran, and not every way."""
    return tuple(f"{file.file}:{one.line}" for file in found.files for one in file.statements if one.ways is Ways.SOME)
