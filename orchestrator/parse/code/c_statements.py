"""C text -> its statements: which lines belong together, in which function, behind which #if. Pure.

This is no compiler: it knows brackets, semicolons, and the kernel's style where C itself does not decide (a macro like
list_for_each_entry() begins a loop). A continuation line belongs to the statement of the first line; statements that
share a line are one, because a line is what the line table of a kernel tells apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import NamedTuple

from orchestrator.parse.code.c_conditions import negated


class Kind(Enum):
    """What a statement is. Only CODE has instructions of its own."""

    CODE = "code"
    HEAD = "the head of a function"
    DECLARATION = "a declaration"  # in a function, without a value
    LABEL = "a label"  # also else and do
    MACRO = "a macro, whose code counts where it is used"
    DIRECTIVE = "a preprocessor directive"
    OUTSIDE = "outside of functions"  # types, prototypes, data


@dataclass(frozen=True)
class CStatement:
    """Lines first to last, from 1. `function` is empty outside of functions; `number` tells functions of one name
    apart. All `conditions` (as after #if) hold where it is compiled. `is_condition`: what comes next depends on it."""

    first: int
    last: int
    kind: Kind
    function: str = ""
    number: int = 0
    conditions: tuple[str, ...] = ()
    is_condition: bool = False


class _Token(NamedTuple):
    text: str
    line: int


@dataclass(frozen=True)
class _Directive:
    """One directive, with its continuation lines."""

    name: str
    rest: str
    first: int
    last: int


_LEX = re.compile(
    r"""
    (?P<space>[ \t\r\f\v]+|\\\r?\n) | (?P<newline>\n)
    | (?P<comment>/\*.*?(?:\*/|\Z) | //[^\n]*)
    | (?P<string>"(?:[^"\\\n]|\\.)*"? | '(?:[^'\\\n]|\\.)*'?)
    | (?P<word>\w+) | (?P<assign>[-+*/%&|^]=|<<=|>>=|[=!<>]=|->|\+\+|--|&&|\|\||<<|>>) | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_ASSIGNMENTS = ("=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>=")
_CONTROL = ("if", "for", "while", "switch")
_CHOOSES = (*_CONTROL, "&&", "||", "?")
_ENDLESS = ["for", "(", ";", ";", ")"]
_LOOP = re.compile(r"\w*for_each_?\w*$")  # a macro that begins a loop
_AGGREGATES = ("struct", "union", "enum")
_WORDS_OF_CODE = ("return", "goto", "break", "continue", "asm", "__asm__", "if", "for", "while", "switch")
_WORD = re.compile(r"[A-Za-z_]\w*$")


def statements(text: str) -> tuple[CStatement, ...]:
    """The statements of a C source or header, in order. Lines in none of them are blank, comments or braces."""
    parser = _Parser()
    for item in _lex(text):
        if isinstance(item, _Directive):
            parser.directive(item)
        else:
            parser.token(item)
    parser.end()
    return tuple(_merged(parser.found))


def _lex(text: str) -> Iterator[_Token | _Directive]:
    """Tokens without comments, and directives as a whole."""
    at, line, is_fresh = 0, 1, True  # is_fresh: nothing but space on this line so far
    while at < len(text):
        match = _LEX.match(text, at)
        assert match  # `.` matches anything
        said, kind = match[0], match.lastgroup
        if is_fresh and said == "#":
            end = _directive_end(text, at)
            plain = re.sub(r"/\*.*?\*/|//[^\n]*", " ", text[at + 1 : end].replace("\\\n", " "), flags=re.DOTALL)
            word = re.match(r"\s*(\w*)\s*(.*)", plain, re.DOTALL)
            last = line + text.count("\n", at, end)
            yield _Directive(word[1] if word else "", " ".join(word[2].split()) if word else "", line, last)
            at, line = end, last
            continue
        if kind in ("string", "word", "assign", "other"):
            is_fresh = False
            yield _Token(said, line)
        line += said.count("\n")
        is_fresh = is_fresh or kind == "newline"
        at = match.end()


def _directive_end(text: str, at: int) -> int:
    """Where a directive's last line ends; its line feed is not part of it. A comment may hold line feeds."""
    while at < len(text):
        if text.startswith("/*", at):
            end = text.find("*/", at + 2)
            at = len(text) if end < 0 else end + 2
        elif text.startswith(("\\\n", "\\\r\n"), at):
            at = text.index("\n", at) + 1
        elif text[at] == "\n":
            return at
        else:
            at += 1
    return at


@dataclass
class _State:
    """Where the parser is: what an #else goes back to."""

    scopes: tuple[str, ...] = ()  # of the open braces: function, block, type, file
    current: list[_Token] = field(default_factory=list)  # the statement that has begun
    depth: int = 0  # of its brackets
    function: str = ""
    number: int = 0

    def copy(self) -> _State:
        return replace(self, current=list(self.current))

    @property
    def is_in_code(self) -> bool:
        return self.scopes[-1:] in (("function",), ("block",))


@dataclass
class _Branch:
    """An open #if: the negated conditions of its earlier branches and that of this one, where the parser was before it,
    and where behind its first branch."""

    conditions: list[str]
    before: _State
    behind: _State | None = None


@dataclass
class _Parser:
    found: list[CStatement] = field(default_factory=list)
    state: _State = field(default_factory=_State)
    branches: list[_Branch] = field(default_factory=list)
    functions: int = 0

    # --- directives

    def directive(self, one: _Directive) -> None:
        if one.name in ("if", "ifdef", "ifndef"):
            self.branches.append(_Branch([_condition(one)], self.state.copy()))
        elif one.name in ("else", "elif", "elifdef", "elifndef") and self.branches:
            branch = self.branches[-1]
            branch.conditions[-1] = negated(branch.conditions[-1])
            if one.name != "else":
                branch.conditions.append(_condition(one))
            branch.behind = branch.behind or self.state
            self.state = branch.before.copy()
        elif one.name == "endif" and self.branches:
            self.state = self.branches.pop().behind or self.state
        self._add(one.first, one.last, Kind.MACRO if one.name == "define" else Kind.DIRECTIVE)

    # --- tokens

    def token(self, token: _Token) -> None:
        text = token.text
        if self.state.depth == 0 and self._ends_before(token):
            self._finish()
        state = self.state
        if text in ("(", "["):
            self._push(token, 1)
        elif text in (")", "]"):
            self._push(token, -1)
            self._end_control()
        elif text == "{":
            self._open(token)
        elif text == "}":
            self._close(token)
        elif text == ";" and state.depth == 0:
            if state.current:
                self._push(token)
                self._finish()
        elif text == ":" and state.depth == 0 and self._is_label():
            self._push(token)
            self._finish(Kind.LABEL)
        else:
            self._push(token)
            if text in ("else", "do") and len(state.current) == 1 and state.is_in_code:
                self._finish(Kind.LABEL)

    def end(self) -> None:
        """Of the file."""
        self._finish()

    def _push(self, token: _Token, deeper: int = 0) -> None:
        self.state.current.append(token)
        self.state.depth = max(0, self.state.depth + deeper)

    def _ends_before(self, token: _Token) -> bool:
        """MACRO(...) and then a word: a loop of a macro and its body, or a macro that is a whole declaration."""
        current = self.state.current
        is_call = len(current) >= 3 and current[-1].text == ")" and bool(_WORD.match(current[0].text))
        if not is_call or current[1].text != "(" or not _WORD.match(token.text) or token.line == current[-1].line:
            return False
        return _closing(current, 1) == len(current) - 1

    def _end_control(self) -> None:
        """`if (...)`: the statement ends with its condition."""
        state = self.state
        is_control = state.depth == 0 and state.current[0].text in _CONTROL and state.is_in_code
        if is_control and _closing(state.current, 1) == len(state.current) - 1:
            self._finish()

    def _is_label(self) -> bool:
        current = self.state.current
        if not current or not self.state.is_in_code:
            return False
        return current[0].text in ("case", "default") or (len(current) == 1 and bool(_WORD.match(current[0].text)))

    def _open(self, token: _Token) -> None:
        state = self.state
        if state.depth:
            self._push(token, 1)  # of a value, or ({ ... }): part of the statement
            return
        texts = [one.text for one in state.current]
        if any(text in _ASSIGNMENTS for text in _outside_brackets(state.current)) or texts[:1] == ["return"]:
            self._push(token, 1)
            return
        scope = "block"
        if state.is_in_code:
            if texts and texts[0] in (*_AGGREGATES, "static", "const") and "(" not in texts:
                self._push(token, 1)
                return
            self._finish()
        elif "(" in texts and (texts[-1] == ")" or texts[0] not in (*_AGGREGATES, "typedef")):
            self.functions += 1
            state.function, state.number = _name(texts), self.functions
            self._push(token)  # gcc has a function begin at its brace
            self._finish(Kind.HEAD)
            scope = "function"
        else:
            self._finish()
            scope = "file" if texts[:1] == ["extern"] else "type"
        self.state.scopes = (*self.state.scopes, scope)

    def _close(self, token: _Token) -> None:
        if self.state.depth:
            self._push(token, -1)
            return
        self._finish()
        state = self.state
        if state.scopes[-1:] == ("function",):
            state.function, state.number = "", 0
        state.scopes = state.scopes[:-1]

    def _finish(self, kind: Kind | None = None) -> None:
        """The statement that has begun, if any, is complete."""
        current, self.state.current, self.state.depth = self.state.current, [], 0
        if current:
            if kind is None:
                kind = _kind(current) if self.state.is_in_code else Kind.OUTSIDE
            texts = [token.text for token in current]
            chooses = texts != _ENDLESS and any(text in _CHOOSES or _LOOP.match(text) for text in texts)
            self._add(current[0].line, current[-1].line, kind, chooses and kind is Kind.CODE)

    def _add(self, first: int, last: int, kind: Kind, is_condition: bool = False) -> None:
        conditions = tuple(one for branch in self.branches for one in branch.conditions)
        is_inside = kind not in (Kind.OUTSIDE, Kind.DIRECTIVE, Kind.MACRO)
        function, number = (self.state.function, self.state.number) if is_inside else ("", 0)
        self.found.append(CStatement(first, last, kind, function, number, conditions, is_condition))


def _condition(one: _Directive) -> str:
    word = one.rest.split()[0] if one.rest else ""
    if one.name in ("ifdef", "elifdef"):
        return f"defined({word})"
    if one.name in ("ifndef", "elifndef"):
        return f"!defined({word})"
    return one.rest


def _closing(tokens: Sequence[_Token], at: int) -> int:
    """Where the bracket that opens at `at` closes; -1: nowhere."""
    depth = 0
    for number in range(at, len(tokens)):
        depth += (tokens[number].text in "([{") - (tokens[number].text in ")]}")
        if depth == 0:
            return number
    return -1


def _outside_brackets(tokens: Sequence[_Token]) -> list[str]:
    found, depth = [], 0
    for token in tokens:
        depth -= token.text in (")", "]", "}")
        if depth == 0:
            found.append(token.text)
        depth += token.text in ("(", "[", "{")
    return found


def _name(head: Sequence[str]) -> str:
    """The name of a function: before the first parameters that are no attribute's."""
    depth = 0
    names: list[tuple[str, int]] = []
    for at, text in enumerate(head):
        if text == "(" and at > 1 and head[at - 2] == "*" and depth == 1 and head[0] != "typedef" and not names[1:]:
            return head[at - 1]  # int (*f(int a))(int)
        if text == "(" and depth == 0 and at and _WORD.match(head[at - 1]):
            names.append((head[at - 1], at - 1))
        depth += (text == "(") - (text == ")")
    real = [name for name, at in names if at > 0 and not (name.startswith("__") and _is_attribute(head, at))]
    if real:
        return real[0]
    name, at = names[0] if names else ("", 0)
    return f"{name}({head[at + 2]})" if name.isupper() else name  # SYSCALL_DEFINE2(munmap, ...)


def _is_attribute(head: Sequence[str], at: int) -> bool:
    """`__printf(1, 2) void f(...)`: more of the head follows, with another name and its parameters."""
    depth = 0
    for number in range(at + 1, len(head)):
        depth += (head[number] == "(") - (head[number] == ")")
        if depth == 0:
            rest = head[number + 1 :]
            return "(" in rest and bool(_WORD.match(rest[0]) or rest[0] == "*")
    return False


def _kind(tokens: Sequence[_Token]) -> Kind:
    """A statement in a function: what declares names and gives none of them a value has no code."""
    top = [text for text in _outside_brackets(tokens) if text not in ("[", "]", ";")]
    if tokens[0].text in _WORDS_OF_CODE or any(text in _ASSIGNMENTS for text in top):
        return Kind.CODE
    if tokens[0].text in (*_AGGREGATES, "typedef", "extern"):
        return Kind.DECLARATION
    plain = [text for text in top if text not in ("*", ",")]
    words = all(_WORD.match(text) or text.isdigit() for text in plain)
    return Kind.DECLARATION if words and "(" not in top and len(plain) > 1 else Kind.CODE


def _merged(found: Sequence[CStatement]) -> Iterator[CStatement]:
    """Statements that share a line become one: of code if one of them is."""
    ahead: CStatement | None = None
    for one in sorted(found, key=lambda statement: (statement.first, statement.last)):
        if ahead is None or one.first > ahead.last:
            if ahead:
                yield ahead
            ahead = one
        elif not {one.kind, ahead.kind} & {Kind.MACRO, Kind.DIRECTIVE}:
            strong = min((ahead, one), key=lambda statement: list(Kind).index(statement.kind))
            ahead = replace(
                strong,
                first=min(ahead.first, one.first),
                last=max(ahead.last, one.last),
                is_condition=ahead.is_condition or one.is_condition,
            )
        else:  # a directive amid a statement
            yield one
    if ahead:
        yield ahead
