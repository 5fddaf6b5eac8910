"""The parts of a changed condition + how often jumps went their ways -> which ways the condition went. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from orchestrator.model.coverage import Copy, Part, PartWays, Way, Ways

Gone = Mapping[tuple[int, int], int]  # how often a way was gone, by the addresses of its jump and of what was next


def of_copy(copy: Copy, gone: Gone) -> tuple[PartWays, ...]:
    """The parts of a copy; where it stands in its function more than once, of all of these together."""
    return united([[_of_part(part, gone) for part in instance] for instance in copy.parts])


def united(instances: Sequence[Sequence[PartWays]]) -> tuple[PartWays, ...]:
    """The parts of a condition, of all places together to which it was compiled, so far as it shows that they are the
    same part: they stand at the same place, and lead to the same lines. Where several of one compilation do (those of
    a macro; gcc may also give both sides of an operator its place), the first is the first, and so on. Compilations of
    which nothing was reached say nothing, if there are others."""
    reached = [parts for parts in instances if any(part.is_reached for part in parts)]
    found: dict[tuple[object, ...], PartWays] = {}
    for parts in reached or instances:
        seen: Counter[tuple[object, ...]] = Counter()
        for part in parts:
            lines = tuple(sorted(way.to for way in part.ways))
            key = (part.line, part.column, part.token, part.is_call, lines)
            numbered = (*key, seen[key])
            seen[key] += 1
            other = found.get(numbered)
            found[numbered] = _sum(other, part) if other else part
    return tuple(sorted(found.values(), key=lambda part: (part.line, part.column)))


def told(parts: Sequence[PartWays]) -> Ways:
    """What is said of a condition that has instructions."""
    if not parts:
        return Ways.UNTOLD
    if not any(part.is_reached for part in parts):
        return Ways.NONE
    return Ways.ALL if all(way.count for part in parts for way in part.ways) else Ways.SOME


def _of_part(part: Part, gone: Gone) -> PartWays:
    ways = tuple(Way(way.to, sum(gone.get(each, 0) for each in way.gone_by)) for way in part.ways)
    return PartWays(part.line, part.column, part.token, part.is_call, ways)


def _sum(one: PartWays, other: PartWays) -> PartWays:
    """Both lead to the same lines; if to one alone, the ways are told apart by their order."""
    if len({way.to for way in one.ways}) < len(one.ways):
        counts = [way.count for way in other.ways]
    else:
        by_line = {way.to: way.count for way in other.ways}
        counts = [by_line[way.to] for way in one.ways]
    ways = (Way(way.to, way.count + count) for way, count in zip(one.ways, counts, strict=True))
    return PartWays(one.line, one.column, one.token, one.is_call, tuple(ways))
