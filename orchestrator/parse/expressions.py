"""Regular expressions that somebody else wrote: which are accepted, so that none of them can make a run wait.

Titles (known issues, what a case expects) are matched by RE2, whose time is linear in the title whatever the expression
is. It has no look-around and no back-references.

The kinds of kernel reports are matched by Python's re, which backtracks: there, `problem` refuses what makes the time
exponential (a repeat inside a repeat that can match the same text in several ways), and more than MAX_WIDE repeats of
nearly anything. A message has 1000 bytes (report_facts.MAX_LINE), so that the rest is bounded.
"""

from __future__ import annotations

import re
import warnings
from functools import lru_cache
from typing import Any

import re2

MAX_LENGTH = 2000  # characters of an expression
MAX_WIDE = 3  # repeats of anything, or of anything but a few characters, in one expression
_TOKEN = re.compile(r"\\.|\[\^?\]?(?:\\.|[^]\\])*\]|\(\?[^)]|.", re.DOTALL)
_UNBOUNDED = re.compile(r"[*+]|\{\d*,\}|\{(?:\d+,)?\d\d+\}")  # ten times is as good as without end
_SHORT = re.compile(r"\{(?:\d+,)?\d{1,2}\}")
_QUANTIFIER = re.compile(r"(?:[*+?]|\{\d*,?\d*\})[?+]?")
_WIDE = re.compile(r"\.|\\[SDW]|\[\^")
_OPTIONS = re2.Options()
_OPTIONS.log_errors = False


def title_problem(expression: str) -> str:
    """Why an expression for titles is wrong; empty if it is not."""
    try:
        compiled = _linear(expression)
    except ValueError as error:
        return f"{expression[:80]!r}: {error}"
    is_any = compiled.fullmatch("") or compiled.fullmatch("\0 any \0")
    return f"{expression!r} matches every title" if is_any else ""


def is_title(expression: str, title: str) -> bool:
    """Whether an expression that has no problem matches a whole title."""
    return _linear(expression).fullmatch(title) is not None


@lru_cache(maxsize=1000)
def _linear(expression: str) -> Any:
    """Raises ValueError."""
    if len(expression) > MAX_LENGTH:
        raise ValueError(f"too long: {len(expression)} of at most {MAX_LENGTH}")
    try:
        return re2.compile(expression.encode("utf-8", "replace").decode(), _OPTIONS)
    except re2.error as error:
        words = error.args[0] if error.args else ""
        raise ValueError(words.decode("utf-8", "replace") if isinstance(words, bytes) else str(words)) from None


def problem(expression: str) -> str:
    """Why an expression for Python's re is refused; empty if it is not."""
    if len(expression) > MAX_LENGTH:
        return f"too long: {len(expression)} of at most {MAX_LENGTH}"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # of what a later Python reads in another way: "[[a]"
            re.compile(expression)
    except (re.error, OverflowError, Warning) as error:
        return str(error)
    except RecursionError:
        return "nested too deeply"
    if _refers_back(_TOKEN.findall(expression)):
        return "refers back to a group: expressions are put together, and their groups have other numbers then"
    return _costly(expression)


def _refers_back(tokens: list[str]) -> bool:
    following = [*tokens[1:], ""]
    return any(
        token == "(?(" or re.fullmatch(r"\\[1-9]", token) or (token == "(?P" and after == "=")
        for token, after in zip(tokens, following, strict=True)
    )


def _costly(expression: str) -> str:
    tokens = _TOKEN.findall(expression)
    groups: list[tuple[int, list[str]]] = []  # of each open group: its first token, and what is repeated in it
    repeated: list[str] = []
    wide = 0
    atom, inside = "", list[str]()  # the last one, and what is repeated inside it
    at = 0
    while at < len(tokens):
        token = tokens[at]
        rest = "".join(tokens[at : at + 12])
        if token.startswith("(") and token != "\\(":
            groups.append((at, repeated))
            repeated = []
            at = _head_end(tokens, at)
            continue
        if token == ")" and groups:
            first, outer = groups.pop()
            atom, inside = "" if "|" in tokens[first:at] else _first_literal(tokens, first), repeated
            repeated = outer + inside
        elif (quantifier := _QUANTIFIER.match(rest)) and atom != "|":
            if _UNBOUNDED.match(rest):
                if inside and not (atom and all(re.fullmatch(one, atom) is None for one in inside)):
                    return "a repeat inside a repeat, which can take forever"
                if not inside:
                    repeated.append(atom)
                    wide += bool(_WIDE.match(atom)) and not _SHORT.match(rest)
            at += _count(tokens, at, quantifier.end())
            atom, inside = "|", []
            continue
        else:
            atom, inside = token, []
        at += 1
    return f"more than {MAX_WIDE} repeats of nearly anything, which can take long" if wide > MAX_WIDE else ""


def _head_end(tokens: list[str], at: int) -> int:
    """The index behind the head of a group: `(`, `(?:`, `(?P<name>`, `(?!`, `(?<=`."""
    if tokens[at] == "(?P" or (tokens[at] == "(?<" and tokens[at + 1 : at + 2] not in (["="], ["!"])):
        return next((end for end in range(at, len(tokens)) if tokens[end] == ">"), at) + 1
    return at + (2 if tokens[at] == "(?<" else 1)


def _first_literal(tokens: list[str], group: int) -> str:
    """The literal that a group must begin with; empty where that is no single one."""
    first = tokens[_head_end(tokens, group) :][:2]
    if not first or len(first[0]) > 2 or (first[1:] and first[1] in "*?{+"):
        return ""
    is_escaped = first[0][0] == "\\"
    is_literal = not first[0][1:].isalnum() if is_escaped else first[0] not in ".()[|*+?{^$"
    return first[0].removeprefix("\\") if is_literal else ""


def _count(tokens: list[str], at: int, length: int) -> int:
    """How many tokens hold that many characters."""
    count = 0
    while length > 0 and at + count < len(tokens):
        length -= len(tokens[at + count])
        count += 1
    return count
