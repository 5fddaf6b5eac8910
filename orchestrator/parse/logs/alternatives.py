"""Many regular expressions as one that gives up soon: they are asked of each line of logs of any size. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class AnyOf:
    """Many expressions, asked of each line of a report: those are tried that its first character may begin, and those
    that any may begin (`others`) if it has one of the texts, as all that they match has."""

    expressions: re.Pattern[bytes]
    others: re.Pattern[bytes]
    texts: tuple[bytes, ...]

    def match(self, message: bytes) -> bool:
        """Whether one of them matches at the message's beginning."""
        if self.expressions.match(message):
            return True
        for text in self.texts:  # no generator: this is asked of each line
            if text in message:
                return bool(self.others.match(message))
        return False


def quick_union(expressions: Sequence[str]) -> bytes:
    """Any of the expressions, in a form that gives up soon: most characters begin none of them, and those that begin
    with a letter are only tried behind that letter."""
    firsts = [first_characters(expression) for expression in expressions]
    asked = "".join(f"\\x{ord(c):02x}" for c in sorted(frozenset().union(*filter(None, firsts))))
    by_letter: dict[str, list[str]] = {}
    for expression in expressions:
        letter = expression[0] if re.match(r"[A-Za-z][^?*{+]", expression) else ""
        by_letter.setdefault(letter, []).append(expression[len(letter) :])
    branches = [letter.encode() + one_of(rests) for letter, rests in by_letter.items()]
    return b"(?=[" + asked.encode() + b"])(?:" + b"|".join(branches) + b")" if branches else b"(?!)"


def any_of(expressions: Iterable[str], contains: tuple[bytes, ...]) -> AnyOf:
    found = [*dict.fromkeys(expressions)]
    others = [expression for expression in found if not first_characters(expression)]
    return AnyOf(
        re.compile(quick_union([one for one in found if one not in others])), re.compile(one_of(others)), contains
    )


def any_pattern(patterns: Iterable[re.Pattern[str]]) -> re.Pattern[bytes]:
    return re.compile(union(patterns))


def union(patterns: Iterable[re.Pattern[str]]) -> bytes:
    return one_of(pattern.pattern for pattern in patterns)


def one_of(expressions: Iterable[str]) -> bytes:
    """One expression for bytes; nothing at all matches nothing."""
    found = [re.sub(r"\(\?P<\w+>", "(?:", expression) for expression in dict.fromkeys(expressions)]
    return ("(?:" + "|".join(found) + ")" if found else r"(?!)").encode()


def choices(expression: str) -> list[str]:
    """The expression's parts between those | that are in no group."""
    depth, parts = 0, [""]
    for token in re.findall(r"\\.|\[\^?\]?(?:\\.|[^]\\])*\]|.", expression):
        depth += (token == "(") - (token == ")")
        if token == "|" and not depth:
            parts.append("")
        else:
            parts[-1] += token
    return parts


def first_characters(expression: str) -> frozenset[str]:
    """Those that a match can begin with; empty when it may be any (or none), as far as this understands it."""
    firsts = [_first_of_one(choice) for choice in choices(expression)]
    return frozenset().union(*firsts) if all(firsts) else frozenset()


def _first_of_one(expression: str) -> frozenset[str]:
    if group := re.match(r"\((?:\?:|\?P<\w+>)", expression):
        depth = 0
        for token in re.finditer(r"\\.|\[\^?\]?(?:\\.|[^]\\])*\]|.", expression):
            depth += (token[0] == "(") - (token[0] == ")")
            if not depth:
                inside, rest = expression[group.end() : token.start()], expression[token.end() :]
                if rest.startswith("?"):  # the group's or what follows it, if both are known
                    firsts = first_characters(inside), _first_of_one(rest.lstrip("?"))
                    return firsts[0] | firsts[1] if all(firsts) else frozenset()
                return frozenset() if rest[:1] in ("*", "{") else first_characters(inside)
    single = re.match(r"\\([^\w\s])|([A-Za-z0-9=<'\"#%&,/:;@_~-])|\[([A-Za-z0-9]+)\]", expression)
    if not single or re.match(r"[?*]|\{0", expression[single.end() :]):
        return frozenset()
    return frozenset(next(filter(None, single.groups())))
