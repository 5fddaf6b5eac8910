"""The table of kernel report kinds: data/kernel_reports/KIND.toml and the user's own, read once and checked.

Expressions are matched at the start of a message, that is behind the printk prefix.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Literal

from orchestrator.declarations.schema import from_toml
from orchestrator.errors import BadDeclaration
from orchestrator.model.outcome import Outcome
from orchestrator.parse.logs import report_lines as report_lines
from orchestrator.parse.logs.alternatives import (
    AnyOf,
    any_of,
    any_pattern,
    choices,
    first_characters,
    quick_union,
    union,
)
from orchestrator.parse.logs.code_places import CodePlaces, load_places
from orchestrator.parse.logs.culprit import Walk
from orchestrator.parse.logs.report_lines import Lines
from orchestrator.roots import kernel_report_files, user_root


@dataclass(frozen=True, eq=False)  # one and the same, or another one
class ReportKind:
    """One kind of kernel report; what the keys of a file mean is said here: they are the same."""

    kind: str
    priority: int  # of several kinds that match one report the lowest number names it
    outcome: Literal[Outcome.PASS, Outcome.FAIL, Outcome.CRASH]
    start: tuple[re.Pattern[str], ...]
    titles: tuple[str, ...]  # the first one whose fields are all there
    before: tuple[re.Pattern[str], ...] = ()
    end: tuple[re.Pattern[str], ...] = ()
    alternatives: tuple[str, ...] = ()  # titles that it shares with other kinds, which the same bug may show
    fields: tuple[tuple[str, re.Pattern[str]], ...] = ()
    culprit: Walk = Walk.INNERMOST  # where in the stack the function for the title is
    # stack -> expression for a line of those reports that are about it, and not about what was running
    about: tuple[tuple[str, re.Pattern[str]], ...] = ()
    own: re.Pattern[str] | None = None  # functions that are a subsystem's own here, wherever they are
    absorbs: frozenset[str] = frozenset()  # kinds whose start inside this report, before any trace, belongs to it
    folds: tuple[re.Pattern[str], ...] = ()  # starts of this kind that only follow from the report before
    farewell: tuple[re.Pattern[str], ...] = ()  # messages after which a start of this kind is expected (is_boot)
    trace_after: tuple[re.Pattern[str], ...] = ()  # the trace that counts comes after the first of these that is there
    untraced: re.Pattern[str] | None = None  # reports with this line have no such trace; others without it were cut
    lines: int = 300
    gap_s: float = 5.0  # silence of the kernel's clock that ends a report without an end marker
    all_callers: bool = False  # lines of other CPUs and tasks belong to it too
    is_fatal: bool = False  # the kernel is gone
    is_boot: bool = False  # its start is said by every boot: a report only when the one before had not ended
    needs_evidence: bool = False  # its start alone proves nothing: something that only reports have must follow
    must_end: bool = False  # without one of its end markers it was cut
    unended: re.Pattern[str] | None = None  # but reports with this line are of an architecture that prints none
    repeats: bool = False  # its start is said again and again while it lasts
    is_plain: bool = False  # it has no trace, and nothing else that proves it
    contains: tuple[str, ...] = ()  # texts that find the starts whose first character may be any

    @property
    def openers(self) -> tuple[re.Pattern[str], ...]:
        """Expressions for messages that matter outside of a report. They are looked for in whole logs."""
        return (*self.start, *self.before, *self.farewell)


@dataclass(frozen=True, eq=False)
class KindTable:
    """All kinds, most specific first, with the expressions that the scanner needs, for bytes. They are compiled when
    they are asked for: a clean log asks for few of them."""

    kinds: tuple[ReportKind, ...]
    lines: Lines
    # the file of a `function+0xoffset/0xsize`, as a vmlinux knows it; empty where it does not
    locate: Callable[[str], str] | None = None

    @cached_property
    def starts(self) -> re.Pattern[bytes]:
        """The beginnings of each kind in a group: k0, k1, ... in the order of `kinds`."""
        return re.compile(b"|".join(b"(?P<k%d>%b)" % (at, union(kind.start)) for at, kind in enumerate(self.kinds)))

    @cached_property
    def any_start(self) -> AnyOf:
        return any_of((start.pattern for kind in self.kinds for start in kind.start), self.contains)

    @cached_property
    def before(self) -> re.Pattern[bytes]:
        return any_pattern(before for kind in self.kinds for before in kind.before)

    @cached_property
    def notable(self) -> AnyOf:
        """Messages that are more than one more line of a report."""
        return any_of([*self._openers, self.lines.lost.pattern.decode()], self.contains)

    @cached_property
    def ends(self) -> Mapping[str, re.Pattern[bytes]]:
        return {kind.kind: any_pattern(kind.end) for kind in self.kinds}

    @cached_property
    def folds(self) -> re.Pattern[bytes]:
        return any_pattern(fold for kind in self.kinds for fold in kind.folds)

    @cached_property
    def farewell(self) -> re.Pattern[bytes]:
        """Messages after which a boot is no surprise."""
        return any_pattern(message for kind in self.kinds for message in kind.farewell)

    @cached_property
    def opener(self) -> bytes:
        """Any message that matters outside of a report, but for those that begin with anything."""
        return quick_union([expression for expression in self._openers if first_characters(expression)])

    @cached_property
    def contains(self) -> tuple[bytes, ...]:
        """What is in messages that begin with anything."""
        return tuple(text.encode() for kind in self.kinds for text in kind.contains)

    @property
    def _openers(self) -> list[str]:
        return [pattern.pattern for kind in self.kinds for pattern in kind.openers]

    def kind_of(self, message: bytes) -> ReportKind:
        """The most specific kind that begins with a message that any_start matches."""
        group: str = self.starts.match(message).lastgroup  # type: ignore[union-attr, assignment]
        return self.kinds[int(group[1:])]

    @property
    def places(self) -> CodePlaces:
        """Whose code a function is. Read when the first report needs it: clean logs never do."""
        return load_places()

    def candidate(self, tail: bytes) -> re.Pattern[bytes]:
        """What is looked for in clean text: `tail`, the end of a prefix, and an opener behind it.

        sre finds a literal at the beginning with memchr, so that most of the text is never looked at.
        """
        return re.compile(tail + self.opener)


def load_kinds() -> KindTable:
    """The table shipped with the package, with the kinds of the user's own root over it. Raises BadDeclaration,
    UsageError."""
    return _load(user_root())


def check_own() -> None:
    """Read the table if the user's own root has a part in it; ours by itself is right (the tests read it). Raises
    BadDeclaration, UsageError."""
    if kernel_report_files(user_root()):
        load_kinds()


@cache
def _load(own: Path | None) -> KindTable:
    data = files("orchestrator").joinpath("data")
    kinds = [item for item in data.joinpath("kernel_reports").iterdir() if item.name.endswith(".toml")]
    texts = {**{item.name: item.read_text() for item in kinds}, **kernel_report_files(own)}
    return read_table(texts, report_lines.load_lines())


def read_table(texts: Mapping[str, str], lines: Lines) -> KindTable:
    """Check the table from file name -> TOML text. Raises BadDeclaration naming file and key."""
    kinds = sorted((_kind(name, text) for name, text in sorted(texts.items())), key=lambda kind: kind.priority)
    for one, other in pairwise(kinds):
        if one.priority == other.priority:
            raise BadDeclaration(
                f"{other.kind}.toml: priority {other.priority} is that of {one.kind} too",
                hint="give every kind a priority of its own: it decides which kind names a report",
            )
    names = {kind.kind for kind in kinds}
    for kind in kinds:
        if unknown := kind.absorbs - names:
            raise BadDeclaration(f"{kind.kind}.toml: absorbs: unknown kind {sorted(unknown)[0]!r}")
    return KindTable(tuple(kinds), lines)


def _kind(name: str, text: str) -> ReportKind:
    kind = from_toml(ReportKind, text, name)
    for what, hint in _problems(kind, name):
        raise BadDeclaration(f"{name}: {what}", hint=hint)
    return kind


def _problems(kind: ReportKind, name: str) -> Iterator[tuple[str, str]]:
    """What makes no sense in a kind, with hints."""
    if kind.kind != name.removesuffix(".toml"):
        yield f"kind is {kind.kind!r}", "the file is named after its kind"
    for key, values in (("start", kind.start), ("titles", kind.titles)):
        if not values:
            yield f"{key}: one at least", ""
    for key, texts in (("titles", kind.titles), ("alternatives", kind.alternatives), ("contains", kind.contains)):
        if "" in texts:
            yield f"{key}: an empty string", ""
    for pattern in kind.start:
        if pattern.match(""):
            yield f"start {pattern.pattern!r} matches an empty line", ""
    for pattern in kind.openers:
        yield from _problems_of_opener(pattern.pattern, kind.contains)
    for pattern in (*kind.openers, *kind.end, *kind.folds):
        try:
            any_pattern([pattern])
        except re.error as error:
            yield f"{pattern.pattern!r}: {error}, in an expression for bytes", ""
    if not kind.lines:
        yield "lines: a report has one at least", ""
    for key, pattern in kind.fields:
        if pattern.groups != 1:
            yield f"fields.{key} must have one group", ""
    stacks = {name for name, _ in report_lines.load_lines().stacks}
    for stack, _ in kind.about:
        if stack not in stacks:
            yield f"about: unknown stack {stack!r}", f"stacks: {', '.join(sorted(stacks))}"
    known = {"function", *dict(kind.fields), *(group for pattern in kind.start for group in pattern.groupindex)}
    for title in (*kind.titles, *kind.alternatives):
        for wanted in _FIELD.findall(title):
            if wanted not in known:
                yield f"titles: no field {wanted!r}", f"fields: {', '.join(sorted(known))}"
        if re.search(r"[{}]", _FIELD.sub("", title)):
            yield f"titles: {title!r}: a brace alone", "a title has {field} and no other braces"
    if "{" in kind.titles[-1]:
        yield "titles: the last one must need no field, for reports that are cut short", ""


_FIELD = re.compile(r"\{(\w+)\}")
_CROSSING = re.compile(r"(?<!\\)(?:\\\\)*(?:\[\^(?![^]]*(?:\\n|\n))[^]]*\]|\\[DW])(?:[*+]|\{\d*,\})")


def _problems_of_opener(expression: str, contains: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    if re.search(r"(?<!\\)[\^$]|\\[sAZ]", expression.replace("[^", "[")):
        # it is looked for in a block of many lines, which may end with CR LF
        yield f"{expression!r}: no ^, $ or \\s in start, before and farewell", ""
    if crossing := _CROSSING.search(expression):
        yield f"{expression!r}: {crossing[0]} goes on over the ends of lines", "add \\n to what is not in it"
    if len(choices(expression)) > 1:
        yield f"{expression!r}: two expressions, not one with | outside of a group", ""
    if not first_characters(expression) and not any(text in expression for text in contains):
        yield f"{expression!r} may begin with anything", "name a text that it always has in contains"
