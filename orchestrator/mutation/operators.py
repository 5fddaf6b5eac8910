"""The operators: what is done to a statement to make a mutant of it. Each one is a function in the table at the end.

They are the slips that fixes in the history of mm, locking and RCU repair: a call forgotten, a check left out or turned
round, an error path that leaves by the wrong label, a lock released too early, a count taken without looking.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from orchestrator.mutation.edit import Body, Edit
from orchestrator.mutation.statements import Shape, Statement
from orchestrator.mutation.tokens import Kind, Token, partners

Operator = Callable[[Body, Statement], Iterator[Edit]]

_LEAVES = frozenset((Shape.RETURN, Shape.GOTO, Shape.JUMP))
_SIMPLE = frozenset((Shape.CALL, Shape.STORE))
_BOUNDARIES = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
_EQUALITIES = {"==": "!=", "!=": "=="}
_ERROR = re.compile(r"E[A-Z0-9]+")
_FLAG = re.compile(r"[A-Z][A-Z0-9]*_[A-Z0-9_]+")
_STEP = re.compile(r"1[UL]*|PAGE_SIZE|HPAGE_PMD_SIZE|PMD_SIZE")
_UNLOCKS = re.compile(r"\w*(?:unlock|up_read|up_write|_end|_put|put_)\w*")
_STORES = re.compile(r"WRITE_ONCE|rcu_assign_pointer|smp_store_release|(?:atomic|refcount)\w*_set\w*")
_LOCKS = re.compile(r"\w*(?:lock|down_read|down_write|_start|_get|get_)\w*")


def drop_call(body: Body, one: Statement) -> Iterator[Edit]:
    """f(x); -> ;"""
    if one.shape is Shape.CALL:
        yield Edit(
            "drop-call",
            body.vocabulary.weight_of(one.called),
            one.start,
            one.end,
            body.blank(one.start, one.end, ";"),
            f"`{body.source(one.start, one.end)}` is left out",
        )


def drop_store(body: Body, one: Statement) -> Iterator[Edit]:
    """p->x = y; -> ; for what others can see; a local variable would only be left without a value"""
    if one.shape is Shape.STORE and _is_shared(one):
        yield Edit(
            "drop-store",
            7,
            one.start,
            one.end,
            body.blank(one.start, one.end, ";"),
            f"`{body.source(one.start, one.end)}` is left out",
        )


def skip_check(body: Body, one: Statement) -> Iterator[Edit]:
    """if (x) return ...; -> if (0 && (x)) return ...;"""
    if one.shape is Shape.IF and len(one.body) == 1 and _leaves(one.body[0]):
        yield _around("skip-check", 9, body, one, "0 && (", ")", "is taken for false")


def negate_condition(body: Body, one: Statement) -> Iterator[Edit]:
    """if (x) -> if (!(x))"""
    if one.shape is Shape.IF and one.condition:
        yield _around("negate-condition", 6, body, one, "!(", ")", "is turned round")


def drop_operand(body: Body, one: Statement) -> Iterator[Edit]:
    """a && b -> a && 1, and 1 && b; with || and 0 likewise"""
    for group in _nested(one.condition or _value(one)):
        joints = [index for index, token in _top(group) if token.text in ("&&", "||")]
        if len({group[index].text for index in joints}) != 1:
            continue  # none, or && beside || without parentheses
        joint = group[joints[0]].text
        edges = [-1, *joints, len(group)]
        for left, right in pairwise(edges):
            operand = group[left + 1 : right]
            if not operand or _binds_less(operand):
                continue
            start, end = operand[0].start, operand[-1].end
            neutral = "1" if joint == "&&" else "0"
            yield Edit(
                "drop-operand",
                7,
                start,
                end,
                body.blank(start, end, neutral),
                f"`{body.source(start, end)}` does not count in `{body.source(group[0].start, group[-1].end)}`",
            )


def move_boundary(body: Body, one: Statement) -> Iterator[Edit]:
    """< -> <=, and so on"""
    for token in (*one.condition, *one.tokens):
        if token.text in _BOUNDARIES:
            yield _token("boundary", 5, body, token, _BOUNDARIES[token.text])


def swap_equality(body: Body, one: Statement) -> Iterator[Edit]:
    """== <-> !=, where it is a part of a condition: the whole of one is what negate-condition turns round"""
    found = [token for token in (*one.condition, *one.tokens) if token.text in _EQUALITIES]
    is_part = one.shape is not Shape.IF or any(token.text in ("&&", "||", "?") for token in one.condition)
    for token in found if is_part else ():
        yield _token("equality", 4, body, token, _EQUALITIES[token.text])


def wrong_return(body: Body, one: Statement) -> Iterator[Edit]:
    """return -ENOMEM; -> return 0; and true <-> false"""
    if one.shape is not Shape.RETURN:
        return
    words = [token.text for token in one.tokens[1:]]
    new = {"true": "false", "false": "true"}.get("".join(words), "")
    if len(words) == 2 and words[0] == "-" and _ERROR.fullmatch(words[1]):
        new = "0"
    if new:
        start, end = one.tokens[1].start, one.tokens[-1].end
        yield Edit("wrong-return", 6, start, end, new, f"returns {new} instead of {body.source(start, end)}")


def neighbour_label(body: Body, one: Statement) -> Iterator[Edit]:
    """goto out_unlock; -> the label behind it, or before it where it is the last"""
    if one.shape is not Shape.GOTO or len(one.tokens) != 2 or one.tokens[1].text not in body.labels:
        return
    target, at = one.tokens[1], body.labels.index(one.tokens[1].text)
    others = [body.labels[other] for other in (at + 1, at - 1) if 0 <= other < len(body.labels)]
    for label in others[:1]:
        yield Edit("neighbour-label", 8, target.start, target.end, label, f"leaves by {label} instead of {target.text}")


def swap_call(body: Body, one: Statement) -> Iterator[Edit]:
    """The calls that the vocabulary knows a weaker one for."""
    tokens = one.condition or one.tokens
    pairs = partners(tokens)
    for swap in body.vocabulary.swaps:
        for index, token in enumerate(tokens[:-1]):
            if token.text not in swap.calls or tokens[index + 1].text != "(" or token.kind is not Kind.NAME:
                continue
            close = pairs[index + 1]
            arguments = _arguments(body, tokens[index + 2 : close])
            new = _filled(swap.calls[token.text], arguments)
            if new is None:
                continue
            start, end = token.start, tokens[close].end
            yield Edit(
                swap.operator,
                swap.weight,
                start,
                end,
                body.blank(start, end, new),
                f"`{body.source(start, end)}` {swap.words}",
            )


def off_by_one(body: Body, one: Statement) -> Iterator[Edit]:
    """x + 1 -> x, end - PAGE_SIZE -> end"""
    tokens = one.condition or one.tokens
    for before, sign, step in zip(tokens, tokens[1:], tokens[2:], strict=False):
        is_operand = before.kind in (Kind.NAME, Kind.NUMBER) or before.text in (")", "]")
        if is_operand and before.text != "return" and sign.text in ("+", "-") and _STEP.fullmatch(step.text):
            yield Edit(
                "off-by-one",
                5,
                sign.start,
                step.end,
                body.blank(sign.start, step.end),
                f"`{sign.text} {step.text}` is left out behind `{before.text}`",
            )


def drop_flag(body: Body, one: Statement) -> Iterator[Edit]:
    """A_FLAG | B_FLAG -> A_FLAG"""
    tokens = one.condition or one.tokens
    for left, joint, right in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if joint.text == "|" and _FLAG.fullmatch(right.text) and left.kind is Kind.NAME:
            yield Edit(
                "drop-flag",
                5,
                joint.start,
                right.end,
                body.blank(joint.start, right.end),
                f"the flag {right.text} is left out",
            )


def early_return(body: Body, one: Statement) -> Iterator[Edit]:
    """f(x); -> return; in a function that returns nothing"""
    if body.returns_nothing and one.shape in _SIMPLE:
        new = body.blank(one.start, one.end, "return;")
        words = f"returns instead of `{body.source(one.start, one.end)}`"
        yield Edit("early-return", 4, one.start, one.end, new, words)


def swap_neighbours(body: Body, one: Statement) -> Iterator[Edit]:
    """a; b; -> b; a; where one of them takes or releases something, or both store what others see"""
    later = next((other for other in body.statements if (other.block, other.place) == (one.block, one.place + 1)), None)
    if not one.block or later is None or one.shape not in _SIMPLE or later.shape not in _SIMPLE:
        return
    between = body.text[one.end : later.start]
    if between.strip() or any(body.vocabulary.is_left_alone(other.called) for other in (one, later)):
        return
    first, second = body.text[one.start : one.end], body.text[later.start : later.end]
    new = f"{second}{between}{first}"
    shown = f"`{body.source(later.start, later.end)}` comes before `{body.source(one.start, one.end)}`"
    if _UNLOCKS.fullmatch(later.called):
        yield Edit("early-release", 8, one.start, later.end, new, shown)
    elif _LOCKS.fullmatch(one.called) and not _UNLOCKS.fullmatch(one.called):
        yield Edit("late-lock", 8, one.start, later.end, new, shown)
    elif _is_shared(one) and _is_shared(later):
        yield Edit("swap-stores", 6, one.start, later.end, new, shown)


OPERATORS: tuple[Operator, ...] = (
    drop_call,
    drop_store,
    skip_check,
    negate_condition,
    drop_operand,
    move_boundary,
    swap_equality,
    wrong_return,
    neighbour_label,
    swap_call,
    off_by_one,
    drop_flag,
    early_return,
    swap_neighbours,
)


def _around(name: str, weight: int, body: Body, one: Statement, before: str, after: str, words: str) -> Edit:
    start, end = one.condition[0].start, one.condition[-1].end
    new = f"{before}{body.text[start:end]}{after}"
    return Edit(name, weight, start, end, new, f"the condition `{body.source(start, end)}` {words}")


def _token(name: str, weight: int, body: Body, token: Token, new: str) -> Edit:
    around = body.source(body.text.rfind("\n", 0, token.start) + 1, _line_end(body.text, token.end))
    return Edit(name, weight, token.start, token.end, new, f"{token.text} becomes {new} in `{around}`")


def _line_end(text: str, at: int) -> int:
    found = text.find("\n", at)
    return len(text) if found < 0 else found


def _leaves(one: Statement) -> bool:
    """Whether the last thing that a branch does is to leave its function, loop or stretch."""
    return one.shape in _LEAVES or bool(one.shape is Shape.BLOCK and one.body and one.body[-1].shape in _LEAVES)


def _is_shared(one: Statement) -> bool:
    """Whether a store goes to memory that others may see: through a pointer, or by one of the kernel's own names."""
    if one.shape is Shape.CALL:
        return bool(_STORES.fullmatch(one.called))
    texts = [token.text for token in one.tokens]
    target = texts[: next((at for at, text in enumerate(texts) if text.endswith("=") and text not in ("==", "!=")), 0)]
    return "->" in target or (bool(target) and target[0] == "*")


def _top(tokens: Sequence[Token]) -> Iterator[tuple[int, Token]]:
    """The tokens in no bracket, with their indexes."""
    depth = 0
    for index, token in enumerate(tokens):
        depth -= token.text in (")", "]", "}")
        if depth == 0:
            yield index, token
        depth += token.text in ("(", "[", "{")


def _value(one: Statement) -> Sequence[Token]:
    """What a statement returns or stores."""
    match one.shape:
        case Shape.RETURN:
            return one.tokens[1:]
        case Shape.STORE | Shape.DECLARATION:
            at = next((index for index, token in _top(one.tokens) if token.text == "="), len(one.tokens))
            return one.tokens[at + 1 :]
        case _:
            return ()


def _nested(tokens: Sequence[Token]) -> Iterator[Sequence[Token]]:
    """The tokens, and what each pair of parentheses in them holds."""
    if not tokens:
        return
    yield tokens
    pairs = partners(tokens)
    for index, token in enumerate(tokens):
        if token.text == "(" and pairs[index] > index + 1:
            yield tokens[index + 1 : pairs[index]]


def _binds_less(operand: Sequence[Token]) -> bool:
    """Whether the operand reaches beyond its && or ||: an argument's comma, an assignment, a ?:."""
    return any(token.text in (",", "?", ":", "=") for _, token in _top(operand))


def _arguments(body: Body, tokens: Sequence[Token]) -> tuple[str, ...]:
    """The texts between the commas."""
    if not tokens:
        return ()
    cuts = [index for index, token in _top(tokens) if token.text == ","]
    edges = [-1, *cuts, len(tokens)]
    parts = [tokens[left + 1 : right] for left, right in pairwise(edges)]
    return tuple(" ".join(body.text[part[0].start : part[-1].end].split()) if part else "" for part in parts)


def _filled(template: str, arguments: Sequence[str]) -> str | None:
    """The template with the arguments; None where it wants more than there are."""
    wanted = {int(number) for number in re.findall(r"\$(\d)", template)}
    if wanted and max(wanted) > len(arguments):
        return None
    return re.sub(r"\$(\d)", lambda match: arguments[int(match[1]) - 1], template)
