"""The body of a C function -> its statements, without a preprocessor and without the types of anything.

Kernel code cannot be parsed by C's grammar alone, for macros look like whatever they like. This reads the shapes that
matter for mutants: simple statements, conditions, loops (also those of macros, `for_each_vma(vmi, vma) ...`), jumps,
labels and blocks. What has another shape is an `OTHER` statement, which nobody edits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from orchestrator.mutation.tokens import Kind, Token, partners, tokens_of


class Shape(Enum):
    """What a statement is."""

    CALL = "call"  # a call whose result nobody takes
    STORE = "store"  # an assignment
    DECLARATION = "declaration"
    IF = "if"
    LOOP = "loop"  # for, while, do, and the macros that are loops
    SWITCH = "switch"
    RETURN = "return"
    GOTO = "goto"
    JUMP = "jump"  # break, continue
    LABEL = "label"  # case and default, too
    BLOCK = "block"
    OTHER = "other"


@dataclass(frozen=True)
class Statement:
    """`start` and `end` are offsets in the text; of a statement with a body, both include it. `condition` are the
    tokens between the parentheses of an if, while or switch, of a for those between its semicolons; `tokens` those of a
    simple statement, without its `;`. `block` numbers the statements that follow each other: of two with the same
    number, `place` says which is first."""

    shape: Shape
    start: int
    end: int
    tokens: tuple[Token, ...] = ()
    condition: tuple[Token, ...] = ()
    body: tuple[Statement, ...] = field(default=(), repr=False)
    block: int = 0
    place: int = 0

    @property
    def called(self) -> str:
        """The name of the function or macro that a CALL calls; empty for a call through an expression."""
        name = next((token for token in self.tokens if token.kind is Kind.NAME and token.text != "void"), None)
        return name.text if self.shape is Shape.CALL and name else ""


class NotReadable(ValueError):
    """The text does not have the shape of a function's body."""


_TYPES = frozenset(
    [
        *("auto", "bool", "char", "const", "double", "enum", "extern", "float", "inline", "int", "long", "register"),
        *("short", "signed", "static", "struct", "typedef", "union", "unsigned", "void", "volatile"),
        *("typeof", "__typeof__", "__auto_type", "__always_unused", "__maybe_unused"),
        *(f"{prefix}{sign}{bits}" for prefix in ("", "__") for sign in "us" for bits in (8, 16, 32, 64)),
    ]
)
_ASM = frozenset(("asm", "__asm", "__asm__", "asm_inline", "asm_goto_output"))
_ASSIGNS = frozenset(("=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>="))
_CONTINUES = frozenset((".", "->", "=", "+", "-", "*", "/", "%", "&", "|", "^", "<", ">", "?", ":", ",", "[", "("))


def statements_of(text: str, offset: int = 0) -> tuple[Statement, ...]:
    """All statements of a function's body, from its { to its }, outer ones before those inside of them. `offset` is
    added to all places. Raises NotBalanced, NotReadable."""
    tokens = [Token(one.kind, one.text, one.start + offset, one.end + offset) for one in tokens_of(text)]
    reader = _Reader([token for token in tokens if token.kind is not Kind.DIRECTIVE])
    body, end = reader.block(0)
    if end != len(reader.tokens):
        raise NotReadable("something follows the body")
    return tuple(_flat(body))


def _flat(body: Sequence[Statement]) -> Iterator[Statement]:
    for statement in body:
        yield statement
        yield from _flat(statement.body)


class _Reader:
    def __init__(self, tokens: Sequence[Token]) -> None:
        self.tokens = tokens
        self._partner: Mapping[int, int] = partners(tokens)
        self._blocks = 0

    def block(self, at: int) -> tuple[tuple[Statement, ...], int]:
        """The statements of the block that opens at `at`, and where it ends."""
        if not self._is(at, "{"):
            raise NotReadable("no { where a block begins")
        close = self._partner[at]
        self._blocks += 1
        number, found, at = self._blocks, list[Statement](), at + 1
        while at < close:
            statement, at = self._statement(at, number, len(found))
            found.append(statement)
        if at != close:
            raise NotReadable("a statement goes beyond its block")
        return tuple(found), close + 1

    def _statement(self, at: int, block: int = 0, place: int = 0) -> tuple[Statement, int]:
        """`block` 0: the single statement of an if or a loop, which has no neighbours."""
        if at >= len(self.tokens):
            raise NotReadable("the body ends within a statement")
        first = self.tokens[at]
        if first.text == "{":
            body, end = self.block(at)
            return self._made(Shape.BLOCK, at, end, block, place, body=body), end
        match first.text if first.kind is Kind.NAME else "":
            case "if":
                return self._if(at, block, place)
            case "while" | "for" | "switch":
                return self._headed(at, at + 1, Shape.SWITCH if first.text == "switch" else Shape.LOOP, block, place)
            case "do":
                inner, behind = self._statement(at + 1)
                end = self._semicolon(behind)
                told = self._told(behind + 1, end - 2) if self._is(behind, "while") else ()
                return self._made(Shape.LOOP, at, end, block, place, condition=told, body=(inner,)), end
            case "case" | "default":
                end = self._colon(at)
                return self._made(Shape.LABEL, at, end, block, place), end
        if first.kind is Kind.NAME and self._is(at + 1, ":"):
            return self._made(Shape.LABEL, at, at + 2, block, place), at + 2
        is_head = first.kind is Kind.NAME and first.text != "return" and self._is(at + 1, "(")
        if is_head and self._has_body(self._partner[at + 1] + 1):
            return self._headed(at, at + 1, Shape.LOOP, block, place)
        end = self._semicolon(at)
        return self._made(self._shape(at, end - 1), at, end, block, place, simple=True), end

    def _if(self, at: int, block: int, place: int) -> tuple[Statement, int]:
        statement, end = self._headed(at, at + 1, Shape.IF, block, place)
        if not self._is(end, "else"):
            return statement, end
        other, end = self._statement(end + 1)
        body = (*statement.body, other)
        return self._made(Shape.IF, at, end, block, place, condition=statement.condition, body=body), end

    def _headed(self, at: int, opens: int, shape: Shape, block: int, place: int) -> tuple[Statement, int]:
        """NAME ( ... ) STATEMENT"""
        if not self._is(opens, "("):
            raise NotReadable(f"no ( behind {self.tokens[at].text}")
        close = self._partner[opens]
        inner, end = self._statement(close + 1)
        condition = self._told(opens, close) if self.tokens[at].text in ("if", "while", "switch", "for") else ()
        return self._made(shape, at, end, block, place, condition=condition, body=(inner,)), end

    def _told(self, opens: int, close: int) -> tuple[Token, ...]:
        """The condition in the parentheses of a head; of a for, what stands between its semicolons."""
        if not self._is(opens, "(") or self._partner[opens] != close:
            return ()
        cuts = [index for index in self._top(opens + 1, close) if self.tokens[index].text == ";"]
        first, last = (cuts[0], cuts[1]) if len(cuts) == 2 else (opens, close)
        return tuple(self.tokens[first + 1 : last])

    def _has_body(self, at: int) -> bool:
        """Whether a statement follows at once behind a macro's ), which then is the head of a loop or the like."""
        if at >= len(self.tokens):
            return False
        after = self.tokens[at]
        return after.text == "{" or (after.kind is Kind.NAME and not after.text.startswith("__"))

    def _semicolon(self, at: int) -> int:
        """Behind the next ; that is in no bracket."""
        while at < len(self.tokens):
            if self._is(at, ";"):
                return at + 1
            at = self._partner[at] + 1 if self.tokens[at].text in ("(", "[", "{") else at + 1
            if at < len(self.tokens) and self._is(at, "}"):
                break
        raise NotReadable("a statement without ;")

    def _colon(self, at: int) -> int:
        """Behind the : of a case; one of a ?: in it is inside of parentheses in kernel style."""
        while at < len(self.tokens):
            if self._is(at, ":"):
                return at + 1
            at = self._partner[at] + 1 if self.tokens[at].text in ("(", "[", "{") else at + 1
        raise NotReadable("a case without :")

    def _shape(self, at: int, end: int) -> Shape:
        """Of the simple statement whose ; is at `end`."""
        if at == end:
            return Shape.OTHER
        first = self.tokens[at]
        match first.text:
            case "return":
                return Shape.RETURN
            case "goto":
                return Shape.GOTO
            case "break" | "continue":
                return Shape.JUMP
        if first.text in _ASM:
            return Shape.OTHER
        if self._is_declaration(at, end):
            return Shape.DECLARATION
        if any(self.tokens[index].text in _ASSIGNS for index in self._top(at, end)):
            return Shape.STORE
        opens = self._partner[end - 1] if self.tokens[end - 1].text == ")" else at
        if opens > at and self.tokens[opens - 1].kind is Kind.NAME:
            return Shape.CALL
        return Shape.OTHER

    def _is_declaration(self, at: int, end: int) -> bool:
        first = self.tokens[at]
        if first.kind is not Kind.NAME:
            return False
        if first.text in _TYPES or first.text.endswith("_t"):
            return True
        second = at + 1
        while second < end and self.tokens[second].text == "*":
            second += 1
        is_name = second < end and self.tokens[second].kind is Kind.NAME
        # NAME NAME, or NAME * NAME before what follows a declared name: a product stands alone nowhere
        return is_name and (second == at + 1 or second + 1 == end or self.tokens[second + 1].text in ("=", ",", "["))

    def _top(self, at: int, end: int) -> Iterator[int]:
        """The tokens that are in no bracket."""
        while at < end:
            yield at
            at = self._partner[at] + 1 if self.tokens[at].text in ("(", "[", "{") else at + 1

    def _is(self, at: int, text: str) -> bool:
        return at < len(self.tokens) and self.tokens[at].text == text

    def _made(
        self,
        shape: Shape,
        at: int,
        end: int,
        block: int,
        place: int,
        *,
        simple: bool = False,
        condition: tuple[Token, ...] = (),
        body: tuple[Statement, ...] = (),
    ) -> Statement:
        tokens = tuple(self.tokens[at : end - 1]) if simple else ()
        return Statement(shape, self.tokens[at].start, self.tokens[end - 1].end, tokens, condition, body, block, place)
