"""Points in the order of time as places in a drawing, for an inline SVG. Pure.

The template draws it; the table beside it has the same figures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil, floor, log10

WIDTH, HEIGHT = 720, 220
HUGE = 1e300  # what is larger is no figure, and a float may not hold its distances
_NOTHING = 1e-12
_LEFT, _RIGHT, _TOP, _BOTTOM = 78, 12, 12, 26


@dataclass(frozen=True)
class Point:
    """`moment` is the start of a run; `low` to `high` an interval around the value."""

    moment: str
    value: float
    words: str = ""
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Span:
    """A level between two points, by their index: `begin` is the first, `end` the one behind the last."""

    begin: int
    end: int
    middle: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Dot:
    x: float
    y: float
    words: str
    low: float | None = None  # where the interval ends, in the drawing
    high: float | None = None


@dataclass(frozen=True)
class Box:
    """A level as a line at y from x to x + width, with its interval from `top` down by `height`."""

    x: float
    width: float
    y: float
    top: float
    height: float


@dataclass(frozen=True)
class Chart:
    """Everything in the units of a drawing of WIDTH x HEIGHT, from the left and the top."""

    title: str
    words: str
    dots: tuple[Dot, ...]
    line: str  # the points of a polyline
    boxes: tuple[Box, ...]
    breaks: tuple[tuple[float, str], ...]  # x, and what changed there
    ticks: tuple[tuple[float, str], ...]  # y, and the value there
    dates: tuple[tuple[float, str, str], ...]  # x, the day, and its anchor
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = WIDTH - _RIGHT
    top: int = _TOP
    bottom: int = HEIGHT - _BOTTOM


def chart(
    title: str,
    points: Sequence[Point],
    shown: Callable[[float], str],
    *,
    words: str = "",
    spans: Sequence[Span] = (),
    breaks: Sequence[tuple[int, str]] = (),
    bounds: tuple[float, float] | None = None,
) -> Chart | None:
    """The drawing of points; None where there are fewer than two, or where one is beyond HUGE or no number. `bounds`
    are the least and greatest value that can be; else the values say it. `breaks`: the index of the first point behind
    a change, and what changed."""
    values = _values(points, spans)
    if len(points) < 2 or not all(abs(value) <= HUGE for value in values):  # not a number is not, either
        return None
    low, high, step = _scale(bounds or (min(values), max(values)))
    moments = _moments(points)
    first, last = moments[0], moments[-1]

    def x(moment: float) -> float:
        return round(_LEFT + (moment - first) / ((last - first) or 1) * (WIDTH - _LEFT - _RIGHT), 1)

    def y(value: float) -> float:
        share = (min(max(value, low), high) - low) / ((high - low) or 1)
        return round(HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM), 1)

    dots = tuple(
        Dot(x(moment), y(point.value), point.words or f"{point.moment[:10]}: {shown(point.value)}",
            None if point.low is None else y(point.low), None if point.high is None else y(point.high))
        for moment, point in zip(moments, points, strict=True)
    )  # fmt: skip
    boxes = tuple(_box(dots[span.begin : span.end], span, y) for span in spans)
    return Chart(
        title, words, dots, " ".join(f"{dot.x},{dot.y}" for dot in dots), boxes,
        tuple((round((dots[at].x + dots[at - 1].x) / 2, 1), said) for at, said in breaks),
        tuple((y(low + number * step), shown(low + number * step)) for number in range(round((high - low) / step) + 1)),
        ((dots[0].x, points[0].moment[:10], "start"), (dots[-1].x, points[-1].moment[:10], "end")),
    )  # fmt: skip


def _box(dots: Sequence[Dot], span: Span, y: Callable[[float], float]) -> Box:
    top, bottom = (y(span.middle if end is None else end) for end in (span.high, span.low))
    width = round(max(1.0, dots[-1].x - dots[0].x), 1)
    return Box(dots[0].x, width, y(span.middle), top, round(bottom - top, 1))


def _moments(points: Sequence[Point]) -> list[float]:
    """Seconds; the number of the point where one of them has no moment, or where all have the same."""
    try:
        found = [datetime.fromisoformat(point.moment).timestamp() for point in points]
    except ValueError:
        found = []
    return found if found and found == sorted(found) and found[0] < found[-1] else [*map(float, range(len(points)))]


def _values(points: Sequence[Point], spans: Sequence[Span]) -> list[float]:
    ends = [(one.low, one.high) for one in points] + [(one.low, one.high) for one in spans]
    values = [value for pair in ends for value in pair if value is not None]
    return values + [point.value for point in points] + [span.middle for span in spans]


def _scale(bounds: tuple[float, float]) -> tuple[float, float, float]:
    """The least and greatest value drawn, and a round step between the lines: 1, 2 or 5 times a power of ten."""
    low, high = bounds
    if not high - low > _NOTHING * max(abs(low), abs(high), _NOTHING):  # all the same, as far as a float can tell
        around = 0.05 * max(abs(low), abs(high))
        low, high = low - (around if around > _NOTHING else 1.0), high + (around if around > _NOTHING else 1.0)
    rough = (high - low) / 4
    power = 10.0 ** floor(log10(rough))
    step = next(power * many for many in (1, 2, 5, 10) if power * many >= rough)
    return floor(low / step) * step, ceil(high / step) * step, step
