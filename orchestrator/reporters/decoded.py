"""A kernel report for people: functions, source lines and patches instead of addresses. Pure.

A report that was not decoded is shown as the kernel printed it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby

from orchestrator.model.kernel_report import Frame, KernelReport, Mark, SourceLine
from orchestrator.parse.logs.code_places import load_places
from orchestrator.parse.logs.report_lines import OWN, load_lines, stack_names
from orchestrator.parse.logs.stack_frames import plain_name

LEGEND = ">> a line that the series wrote, > a function that it changed, ? perhaps of an earlier call"

_PREFIX = re.compile(r"(?:<\d+>)?\[ *\d+\.\d+\](?:\[ *[TC]\d+\])? ?")
_BARE_FRAME = re.compile(r"\s*(?:\[<[0-9a-f]+>\] )?(?:\? )?[\w.$]+\+0x[0-9a-f]+/0x[0-9a-f]+(?: \(\w+\)| \[.*\])?\s*$")
# What nobody reads on a first screen; it is in the file and in the log: registers, code bytes, what is constant here
_NOISE = re.compile(
    r"(?:R[A-DS][XPI]|RBP|R\d\d|[CD]R\d|FS|CS|PKRU|Code|Modules linked in|Hardware name|pstate|sp|gp|x\d+) ?:"
    r"|RIP: 0033:|PGD |\s*</?(?:TASK|IRQ|NMI)>|-+\[ (?:cut here|end trace)|\s*$"
)
_AFTER_TRACE = re.compile(r"-+\[ end trace")
_FUNCTION_CHARS, _PLACE_CHARS = 34, 30
_TEXT_AT = 3 + _FUNCTION_CHARS + 1 + _PLACE_CHARS
# around every system call (include/linux/syscalls.h, arch/x86/entry)
_ENTRY = re.compile(r"__(?:se|x64|ia32)_sys_\w+|x64_sys_call|do_syscall_\w+|entry_SYSCALL_\w+|asm_exc_\w+")
_CALLERS = 4
_PATCHES = 4  # that are named for a function; the numbers of the others follow


@dataclass(frozen=True)
class Spot:
    """The place to look at first."""

    place: SourceLine
    by: str  # what the series has to do with it, empty where nothing

    @property
    def line(self) -> str:
        return f"{self.place.function} at {self.place.file}:{self.place.line}"


def spots(kernel_report: KernelReport) -> tuple[Spot, ...]:
    """The culprit line, and the first reliable line that the series wrote, if that is another."""
    culprit = _culprit_place(kernel_report)
    if culprit is None:
        return ()
    written = next((place for place in _reliable(kernel_report) if place.mark is Mark.LINE), None)
    places = [culprit] if written in (None, culprit) or culprit.mark is Mark.LINE else [culprit, written]
    return tuple(Spot(place, _by(place)) for place in places if place)


def callers(kernel_report: KernelReport) -> tuple[str, ...]:
    """The callers of the culprit function, the nearest first: an assertion does not say who violated it."""
    culprit = _culprit_place(kernel_report)
    stacks = ([place for frame in frames for place in frame.places] for _, frames in _stacks(kernel_report))
    places = next((places for places in stacks if culprit in places), None)
    if culprit is None or places is None:
        return ()
    own = (place.function for place in places[places.index(culprit) + 1 :] if not _is_for_others(place))
    names = (name for name in dict.fromkeys(own) if name != culprit.function and not _ENTRY.fullmatch(name))
    return tuple(names)[:_CALLERS]


def screen(kernel_report: KernelReport) -> str:
    """The report on one screen: without registers, with a row for each function, inlined ones too."""
    if not any(frame.places for frame in kernel_report.frames):
        return kernel_report.text
    return "\n".join([*_head(kernel_report), "", *_body(kernel_report, _rows), "", *_legend(kernel_report)])


def narrow(kernel_report: KernelReport) -> str:
    """The same for a mail: without timestamps also where nothing was decoded, and without the lines of source code,
    except for those to look at first."""
    parts = [_head(kernel_report), _body(kernel_report, _places), _legend(kernel_report)]
    return "\n\n".join("\n".join(part) for part in parts if part)


def _body(kernel_report: KernelReport, rows: Callable[[Frame], list[str]]) -> list[str]:
    by_line = _by_line(kernel_report)
    shown: list[str] = []
    is_over = False
    for number, line in enumerate(kernel_report.text.split("\n"), 1):
        message = _PREFIX.sub("", line, count=1).rstrip()
        is_over = is_over or bool(_AFTER_TRACE.match(message))
        frames = by_line.get(number, ())
        if is_over and frames:
            continue  # registers and the instruction pointer once more
        if _NOISE.match(message):
            continue
        is_bare = bool(frames) and _BARE_FRAME.match(message) is not None
        if not is_bare:
            shown.append(message)
        for frame in frames:
            if frame.places or is_bare:  # else the line has said all that is known
                shown += rows(frame)
    return shown


def full(kernel_report: KernelReport) -> str:
    """Everything: the report as it was printed, with the rows below the lines that they decode."""
    by_line = _by_line(kernel_report)
    shown: list[str] = []
    for number, line in enumerate(kernel_report.text.split("\n"), 1):
        shown.append(line)
        for frame in by_line.get(number, ()):
            if frame.places:
                shown += [f"    {row}" for row in _rows(frame)]
    head = [f"{kernel_report.kind}: {kernel_report.title}", *_head(kernel_report), ""]
    return "\n".join([*head, *shown, "", *_legend(kernel_report)]).rstrip() + "\n"


def _head(kernel_report: KernelReport) -> list[str]:
    lines: list[str] = []
    for spot in spots(kernel_report):
        lines += [spot.line, *([f"    {spot.place.text}"] if spot.place.text else [])]
        lines += [f"    {spot.by}"] if spot.by else []
    return lines


def _by(place: SourceLine) -> str:
    if place.mark is Mark.LINE:
        return f"written by {place.patches[0]}"
    if place.mark is Mark.FUNCTION:
        named = ", ".join(place.patches[:_PATCHES])
        more = f" and {len(place.patches) - _PATCHES} more" if len(place.patches) > _PATCHES else ""
        return f"in a function that was changed by {named}{more}"
    return ""


def _culprit_place(kernel_report: KernelReport) -> SourceLine | None:
    """The innermost line of the culprit frame whose function is a subsystem's own. Who allocated, freed or stored
    something is only asked where the report names no other culprit."""
    stacks = _stacks(kernel_report)
    every = [frame for _, frames in stacks for frame in frames]
    decoded = [frame for name, frames in stacks if name == OWN for frame in frames]
    both = (*decoded, *every)
    named = next((frame for frame in both if plain_name(frame.function) == kernel_report.frame), None)
    for frame in (named, *decoded):
        for place in frame.places if frame else ():
            if not _is_for_others(place):
                return place
    return decoded[0].places[0] if decoded else None


def _is_for_others(place: SourceLine) -> bool:
    return load_places().role(plain_name(place.function), place.file).is_for_others


def _stacks(kernel_report: KernelReport) -> list[tuple[str, list[Frame]]]:
    """The reliable frames that were decoded, by what the stack is that they are in."""
    frames = [frame for frame in kernel_report.frames if frame.is_reliable and frame.places]
    if not frames:
        return []  # without reading the text, which may be long and one of thousands
    messages = (_PREFIX.sub("", line, count=1) for line in kernel_report.text.split("\n"))
    names = dict(enumerate(stack_names(messages, load_lines()), 1))
    return [(name, [*group]) for name, group in groupby(frames, lambda frame: names.get(frame.line, OWN))]


def _reliable(kernel_report: KernelReport) -> Iterator[SourceLine]:
    return (place for frame in kernel_report.frames if frame.is_reliable for place in frame.places)


def _by_line(kernel_report: KernelReport) -> dict[int, list[Frame]]:
    found: dict[int, list[Frame]] = {}
    for frame in kernel_report.frames:
        found.setdefault(frame.line, []).append(frame)
    return found


def _rows(frame: Frame) -> list[str]:
    """`>> function  file:line  patch  source`, a row for each inlined function and for the one that holds them."""
    return [f"{row:<{_TEXT_AT}} {text}".rstrip() for row, text in _decoded_rows(frame)]


def _places(frame: Frame) -> list[str]:
    """`>> function  file:line  patch`."""
    return [row for row, _ in _decoded_rows(frame)]


def _decoded_rows(frame: Frame) -> list[tuple[str, str]]:
    """Each row, and the line of source code that belongs behind it."""
    doubt = "" if frame.is_reliable else "? "
    if not frame.places:
        return [(f"   {doubt}{frame.function}+{frame.offset:#x}/{frame.size:#x}", "")]
    rows = []
    for depth, place in enumerate(frame.places):
        outer = frame.places[depth + 1] if depth + 1 < len(frame.places) else None
        if outer and (outer.file, outer.line) == (place.file, place.line):
            continue  # wrappers that one macro makes
        mark = {Mark.LINE: ">>", Mark.FUNCTION: "> ", Mark.NONE: "  "}[place.mark]
        inlined = " (inlined)" if outer else ""
        function = f"{doubt}{place.function or frame.function}{inlined}"
        numbers = ",".join(label.partition(" ")[0] for label in place.patches)
        where = f"{place.file}:{place.line}" + (f" [{numbers}]" if numbers else "")
        rows.append((f"{mark} {function:<{_FUNCTION_CHARS}} {where}", place.text))
    return rows


def _legend(kernel_report: KernelReport) -> list[str]:
    """The patches that the rows number, and what the marks mean; empty if nothing is marked."""
    patches = {label for frame in kernel_report.frames for place in frame.places for label in place.patches}
    if not patches:
        return []
    named = (label.partition(" ") for label in sorted(patches, key=_number))
    return [*(f"[{number}] {subject}" for number, _, subject in named), LEGEND]


def _number(label: str) -> int:
    return int(label.partition("/")[0])
