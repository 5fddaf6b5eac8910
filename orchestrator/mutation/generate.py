"""The files that a series changes, before and after -> mutants of the changed lines, the most informative first.

Of each line the mutant that weighs most comes first, the lines taking turns hunk by hunk; then the second of each line,
and so on. So the first N of them are spread over the whole series.
"""

from __future__ import annotations

import posixpath
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from orchestrator.build.schemata import Function, split_functions
from orchestrator.model.series import Mutant, Observable
from orchestrator.mutation.edit import Body, Edit
from orchestrator.mutation.operators import OPERATORS
from orchestrator.mutation.statements import NotReadable, Shape, Statement, statements_of
from orchestrator.mutation.tokens import Kind, NotBalanced, open_brackets, partners
from orchestrator.mutation.vocabulary import Vocabulary
from orchestrator.parse.code.changed_lines import Hunk, is_of_kernel
from orchestrator.words import counted

ORIGIN = "generated"
CONTEXT = 3  # lines around a change in a diff
REVERTED = 30  # lines of a hunk that is still worth reverting as a whole: more change too much at once
REVERT_WEIGHT = 7
UNKNOWN = "its head or its body has another form than functions in kernel style"
ELSEWHERE = "it is linked into something besides the kernel, where no mutant can be switched on"
# Between the functions that are known: `{` and `}` alone in the first column, and a body on the line of its head
_ALIEN = re.compile(
    r"^\{[ \t]*\n.*?^\}[ \t]*$|^\w[^\n;={}#]*\)[ \t]*\{[^\n]*\w[^\n]*\}[ \t]*$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class ChangedFile:
    """A file of the tree. `before` is empty for a new one."""

    name: str
    before: str
    after: str
    hunks: tuple[Hunk, ...]


@dataclass(frozen=True)
class Generated:
    """`unreadable` names functions with changed lines that no mutant was made in, each with the reason."""

    mutants: tuple[Mutant, ...]
    unreadable: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class _Candidate:
    file: ChangedFile
    function: str
    line: int
    hunk: int
    edit: Edit


def generate(files: Sequence[ChangedFile], vocabulary: Vocabulary) -> Generated:
    """All mutants that the operators make of the changed lines of .c files and headers."""
    candidates: list[_Candidate] = []
    unreadable: list[tuple[str, str]] = []
    for file in files:
        if not file.name.endswith((".c", ".h")) or not is_of_kernel(file.name):
            continue
        if vocabulary.is_elsewhere(file.name):
            unreadable.append((file.name, ELSEWHERE))
        else:
            candidates += _of_file(file, vocabulary, unreadable)
    names: set[str] = set()
    return Generated(tuple(_mutant(one, names) for one in _ordered(candidates)), tuple(unreadable))


def _of_file(file: ChangedFile, vocabulary: Vocabulary, unreadable: list[tuple[str, str]]) -> Iterator[_Candidate]:
    starts = _line_starts(file.after)
    at = 0
    for part in split_functions(file.after):
        if isinstance(part, str):
            unreadable += [(f"{file.name}: {name}", UNKNOWN) for name in _unknown(file, part, at, starts)]
            at += len(part)
            continue
        begin, at = at + len(part.head), at + len(part.text)
        lines = range(_line(starts, begin), _line(starts, at - 1) + 1)
        hunks = [number for number, hunk in enumerate(file.hunks) if _touches(hunk, lines)]
        if not hunks:
            continue
        try:
            body = _body(file.after, begin, part, vocabulary)
        except (NotBalanced, NotReadable) as error:
            unreadable.append((f"{file.name}: {part.name}()", str(error)))
            continue
        edits = {(edit.start, edit.end, edit.new): edit for edit in _edits(body, file, hunks, starts)}
        for edit in (*edits.values(), *_reverts(file, hunks, lines, starts, vocabulary)):
            line = _line(starts, edit.start)
            number = next((number for number in hunks if line in file.hunks[number].new), hunks[0])
            yield _Candidate(file, part.name, line, number, edit)


def _unknown(file: ChangedFile, text: str, offset: int, starts: Sequence[int]) -> Iterator[str]:
    """What looks like functions with changed lines in what lies between those that are known, by their heads."""
    for match in _ALIEN.finditer(text):
        lines = range(_line(starts, offset + match.start()), _line(starts, offset + match.end() - 1) + 1)
        if not any(_touches(hunk, lines) for hunk in file.hunks):
            continue
        before = text[: match.start()].rstrip("\n").split("\n\n")[-1].split("\n")
        head = [match[0], *(line for line in before if line[:1].isalpha() or line[:1] == "_")]
        called = re.search(r"[A-Za-z_]\w*[ \t]*\([^)\n]*\)?", head[-1] if match[0][0] == "{" else match[0])
        if called:
            yield " ".join(called[0].split())


def _body(text: str, begin: int, function: Function, vocabulary: Vocabulary) -> Body:
    statements = statements_of(function.body, begin)
    labels = [text[one.start : one.end].rstrip(":").rstrip() for one in statements if one.shape is Shape.LABEL]
    jumps = tuple(label for label in labels if re.fullmatch(r"[A-Za-z_]\w*", label) and label != "default")
    return Body(text, statements, jumps, function.returns_nothing, vocabulary)


def _edits(body: Body, file: ChangedFile, hunks: Sequence[int], starts: Sequence[int]) -> Iterator[Edit]:
    changed = {line for number in hunks for line in file.hunks[number].new}
    arid_until = 0  # the end of a branch that only an assertion's failure leads to
    for one in body.statements:
        if one.start < arid_until:
            continue
        if one.shape is Shape.IF and _is_assertion(body, one):
            arid_until = one.body[0].end
        own = range(_line(starts, one.start), _line(starts, _head_end(one)) + 1)
        if changed.isdisjoint(own) or _is_arid(body, one):
            continue
        for operator in OPERATORS:
            for edit in operator(body, one):
                is_whole = "\n#" not in body.text[edit.start : edit.end]  # no half of an #if
                if is_whole and not changed.isdisjoint(range(_line(starts, edit.start), _line(starts, edit.end) + 1)):
                    yield edit


def _head_end(one: Statement) -> int:
    """The end of what is a statement's own, without its body."""
    if not one.body:
        return one.end - 1
    return one.condition[-1].end if one.condition else one.start


def _is_arid(body: Body, one: Statement) -> bool:
    """Whether a statement logs, asserts or counts, or handles what an assertion says never happens."""
    if one.shape is Shape.CALL:
        return body.vocabulary.is_left_alone(one.called)
    return any(token.kind is Kind.NAME and body.vocabulary.is_arid(token.text) for token in one.condition)


def _is_assertion(body: Body, one: Statement) -> bool:
    """Whether an if leads to its branch only where an assertion failed."""
    pairs = partners(one.condition)
    found, at = False, 0
    while at < len(one.condition):
        token = one.condition[at]
        if token.kind is Kind.NAME and body.vocabulary.is_arid(token.text):
            if at and one.condition[at - 1].text == "!":
                return False
            found, at = True, pairs.get(at + 1, at)
        elif token.text in ("||", "?"):
            return False
        at += 1
    return found


def _reverts(
    file: ChangedFile, hunks: Sequence[int], lines: range, starts: Sequence[int], vocabulary: Vocabulary
) -> Iterator[Edit]:
    """The old lines of a hunk that lies within a function, instead of the new ones. A hunk that opens a block which
    the next one closes is reverted with it."""
    old = _lines(file.before)
    for at, number in enumerate(hunks):
        first = file.hunks[number]
        for last in (file.hunks[other] for other in hunks[at:]):
            gone, back = range(first.new.start, last.new.stop), range(first.old.start, last.old.stop)
            is_inside = lines.start < gone.start and gone.stop <= lines.stop - 1
            if not is_inside or max(len(gone), len(back)) > REVERTED:
                break
            start, end = starts[gone.start - 1], starts[gone.stop - 1]
            text = "".join(old[back.start - 1 : back.stop - 1])
            if open_brackets(text) != open_brackets(file.after[start:end]):
                continue
            if not (_is_idle(text, vocabulary) and _is_idle(file.after[start:end], vocabulary)):
                sizes = f"{counted(len(gone), 'line')} out, {counted(len(back), 'old line')} back"
                yield Edit("revert-hunk", REVERT_WEIGHT, start, end, text, f"the hunk is reverted: {sizes}")
            break


def _is_idle(text: str, vocabulary: Vocabulary) -> bool:
    """Whether lines of a function do nothing that a mutant is made for: comments, and calls that are left alone."""
    try:
        statements = statements_of(f"{{{text}\n}}")
    except (NotBalanced, NotReadable):
        return False
    return "\n#" not in f"\n{text}" and all(
        one.shape is Shape.CALL and vocabulary.is_left_alone(one.called) for one in statements
    )


def _touches(hunk: Hunk, lines: range) -> bool:
    """Whether a hunk has new lines among these, or took lines from between them."""
    first, last = hunk.new.start, max(hunk.new.start, hunk.new.stop - 1)
    return first < lines.stop and last >= lines.start


def _ordered(candidates: Iterable[_Candidate]) -> list[_Candidate]:
    """The most informative first."""
    by_line: dict[tuple[str, int], list[_Candidate]] = {}
    for one in candidates:
        by_line.setdefault((one.file.name, one.line), []).append(one)
    turns: dict[tuple[int, str, int], int] = {}
    ranked: list[tuple[tuple[int, bool, int, int, str, int], _Candidate]] = []
    lines = sorted(by_line.items(), key=lambda item: (-max(one.edit.weight for one in item[1]), item[0]))
    for (name, line), ones in lines:
        ones.sort(key=lambda one: (-one.edit.weight, one.edit.start, one.edit.operator))
        for choice, one in enumerate(ones):
            turn = turns[(choice, name, one.hunk)] = turns.get((choice, name, one.hunk), -1) + 1
            # a header's mutant has all that includes it compiled again
            ranked.append(((choice, name.endswith(".h"), turn, -one.edit.weight, name, line), one))
    return [one for _, one in sorted(ranked, key=lambda item: item[0])]


def _mutant(one: _Candidate, names: set[str]) -> Mutant:
    stem = re.sub(r"[^A-Za-z0-9_-]", "-", posixpath.basename(one.file.name).removesuffix(".c")).lstrip("-_") or "file"
    name = wanted = f"{stem}-{one.line}-{one.edit.operator}"
    number = 1
    while name in names:
        number += 1
        name = f"{wanted}-{number}"
    names.add(name)
    starts, hunk = _line_starts(one.file.after), one.file.hunks[one.hunk].new
    last = _line(starts, max(one.edit.start, one.edit.end - 1))
    return Mutant(
        name=name,
        group=one.edit.operator,
        breaks=f"{one.file.name}:{one.line}, {one.function}(): {one.edit.words}",
        symptom="",
        kconfig="base",
        cases=(),
        delays=(),
        observable=Observable.YES,
        argument="",
        has_own_build=False,
        origin=ORIGIN,
        diff=diff_of(one.file.name, one.file.after, one.edit).encode("utf-8", "surrogateescape"),
        place=f"{one.file.name}: {one.function}()",
        lines=(one.line, last),
        hunk=f"{one.file.name}:{hunk.start}-{max(hunk.start, hunk.stop - 1)}",
    )


def diff_of(name: str, text: str, edit: Edit) -> str:
    """The edit as git applies it."""
    starts = _line_starts(text)
    first = _line(starts, edit.start)
    is_insertion = edit.start == edit.end
    last = first - 1 if is_insertion else _line(starts, edit.end - 1)
    begin, end = starts[first - 1], starts[last]
    new = text[begin : edit.start] + edit.new + text[edit.end : end]
    lines = _lines(text)
    before, after = lines[max(0, first - 1 - CONTEXT) : first - 1], lines[last : last + CONTEXT]
    old_lines, new_lines = lines[first - 1 : last], _lines(new)
    head = first - len(before)
    sizes = len(before) + len(after)
    rows = [
        *(f" {line}" for line in before),
        *(f"-{line}" for line in old_lines),
        *(f"+{line}" for line in new_lines),
        *(f" {line}" for line in after),
    ]
    body = "".join(row if row.endswith("\n") else f"{row}\n\\ No newline at end of file\n" for row in rows)
    return (
        f"diff --git a/{name} b/{name}\n--- a/{name}\n+++ b/{name}\n"
        f"@@ -{head},{sizes + len(old_lines)} +{head},{sizes + len(new_lines)} @@\n{body}"
    )


def _line_starts(text: str) -> list[int]:
    """Offsets of the lines' beginnings, and the end of the text."""
    starts = [0]
    for line in _lines(text):
        starts.append(starts[-1] + len(line))
    return starts


def _lines(text: str) -> list[str]:
    """As git and compilers count them: a form feed ends no line."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _line(starts: Sequence[int], offset: int) -> int:
    """The line, from 1, that an offset lies in."""
    return min(bisect_right(starts, offset), len(starts) - 1)
