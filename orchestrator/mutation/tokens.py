"""C source text -> tokens with their places. Comments are no tokens; a preprocessor directive is one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What a token is."""

    NAME = "name"  # an identifier or a keyword
    NUMBER = "number"
    TEXT = "text"  # a string or a character
    MARK = "mark"  # an operator, a bracket, a separator
    DIRECTIVE = "directive"  # a whole line that begins with #, and its continuations


@dataclass(frozen=True)
class Token:
    """`start` and `end` are offsets in the text that was read, the end exclusive."""

    kind: Kind
    text: str
    start: int
    end: int


class NotBalanced(ValueError):
    """A bracket has no partner, as where both branches of an #if open one."""


_TOKEN = re.compile(
    r"""(?P<directive>(?<![^\n])[ \t]*\#(?:\\\n|/\*.*?\*/|[^\n])*)
    |(?P<space>\n|[^\S\n]+|\\\n)
    |(?P<comment>/\*.*?(?:\*/|\Z)|//[^\n]*)
    |(?P<text>[LuU]?"(?:\\.|[^"\\\n])*"?|[LuU]?'(?:\\.|[^'\\\n])*'?)
    |(?P<number>\.?[0-9](?:[eEpP][+-]|[\w.])*)
    |(?P<name>[A-Za-z_$][\w$]*)
    |(?P<mark>\.\.\.|<<=|>>=|->|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|\#\#|.)""",
    re.VERBOSE | re.DOTALL,
)
_OPENS = {"(": ")", "[": "]", "{": "}"}
_CLOSES = {")": "(", "]": "[", "}": "{", "#endif": "#if"}
_CONDITIONALS = {
    **dict.fromkeys(("if", "ifdef", "ifndef"), ("#if",)),
    **dict.fromkeys(("else", "elif", "elifdef", "elifndef"), ("#endif", "#if")),
    "endif": ("#endif",),
}


def tokens_of(text: str) -> tuple[Token, ...]:
    """The tokens of a text, which is read as if it began a line."""
    return tuple(
        Token(Kind(match.lastgroup), match[0], match.start(), match.end())
        for match in _TOKEN.finditer(text)
        if match.lastgroup not in ("space", "comment")
    )


def partners(tokens: Sequence[Token]) -> Mapping[int, int]:
    """The index of the partner of each bracket, both ways. Raises NotBalanced."""
    found: dict[int, int] = {}
    open_at: list[int] = []
    for index, token in enumerate(tokens):
        if token.kind is not Kind.MARK:
            continue
        if token.text in _OPENS:
            open_at.append(index)
        elif token.text in _OPENS.values():
            if not open_at or _OPENS[tokens[open_at[-1]].text] != token.text:
                raise NotBalanced(f"{token.text!r} at {token.start} closes nothing")
            opened = open_at.pop()
            found[opened], found[index] = index, opened
    if open_at:
        raise NotBalanced(f"{tokens[open_at[-1]].text!r} at {tokens[open_at[-1]].start} is not closed")
    return found


def open_brackets(text: str) -> tuple[str, ...]:
    """What a stretch of a text closes that it did not open, and opens that it does not close; an #if is a bracket, and
    an #else closes one and opens another."""
    left: list[str] = []
    for token in tokens_of(text):
        for mark in _marks(token):
            if left and _CLOSES.get(mark) == left[-1]:
                left.pop()
            else:
                left.append(mark)
    return tuple(left)


def _marks(token: Token) -> tuple[str, ...]:
    if token.kind is Kind.DIRECTIVE:
        word = re.match(r"\s*#\s*(\w*)", token.text)
        return _CONDITIONALS.get(word[1], ()) if word else ()
    return (token.text,) if token.text in _OPENS or token.text in _CLOSES else ()
