"""Mutations that know the language of a reader: its atoms, lines, numbers and brackets. Deterministic for a seed."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

LENGTHS = (*[1000] * 12, *[4000] * 6, 32_000)  # bytes of a mutant: many short ones, some that show a slow reader
NUMBERS = (
    b"0",
    b"-1",
    b"1",
    b"2147483648",
    b"18446744073709551616",
    b"9" * 30,
    b"9" * 5000,
    b"1e999",
    b"4.5.0",
    b".inf",
)
BYTES = (
    b"\0",
    b"\n",
    b"\r\n",
    b"\t",
    b" ",
    b"\x80",
    b"\xff",
    b"\xe2\x80\xa8",
    b"'",
    b'"',
    b"\\",
    b"(",
    b"[",
    b"{",
    b"%s",
)
_NUMBER = re.compile(rb"\d+")


def mutated(source: random.Random, data: bytes, atoms: Sequence[bytes], others: Sequence[bytes]) -> bytes:
    """One to eight changes of an input."""
    longest = source.choice(LENGTHS)
    for _ in range(source.choice((1, 1, 2, 2, 3, 4, 6, 8))):
        data = source.choice(CHANGES)(source, data, atoms, others)[:longest]
    return data


def _slice(source: random.Random, data: bytes, longest: int = 200) -> tuple[int, int]:
    start = source.randint(0, len(data))
    return start, min(len(data), start + source.randint(0, longest))


def _insert(source: random.Random, data: bytes, atoms: Sequence[bytes], others: Sequence[bytes]) -> bytes:
    at = source.randint(0, len(data))
    return data[:at] + source.choice((*atoms, *BYTES)) + data[at:]


def _replace(source: random.Random, data: bytes, atoms: Sequence[bytes], others: Sequence[bytes]) -> bytes:
    start, end = _slice(source, data, 20)
    return data[:start] + source.choice((*atoms, *BYTES)) + data[end:]


def _repeat(source: random.Random, data: bytes, atoms: Sequence[bytes], others: Sequence[bytes]) -> bytes:
    start, end = _slice(source, data, source.choice((3, 30, 300)))
    piece = source.choice((data[start:end], source.choice(atoms)))
    return data[:start] + piece * source.choice((2, 5, 50, 1000)) + data[end:]


def _cut(source: random.Random, data: bytes, atoms: Sequence[bytes], others: Sequence[bytes]) -> bytes:
    start, end = _slice(source, data)
    return data[:start] + data[end:]


def _lines(source: random.Random, data: bytes, atoms: Sequence[bytes], others: Sequence[bytes]) -> bytes:
    """Lines in another order, some of them twice."""
    lines = data.splitlines(keepends=True)
    if len(lines) < 2:
        return data
    first, second = source.randrange(len(lines)), source.randrange(len(lines))
    lines[first], lines[second] = lines[second], source.choice((lines[first], lines[second], b""))
    return b"".join(lines)


def _number(source: random.Random, data: bytes, atoms: Sequence[bytes], others: Sequence[bytes]) -> bytes:
    found = list(_NUMBER.finditer(data[:4096]))
    if not found:
        return data
    match = source.choice(found)
    return data[: match.start()] + source.choice(NUMBERS) + data[match.end() :]


def _splice(source: random.Random, data: bytes, atoms: Sequence[bytes], others: Sequence[bytes]) -> bytes:
    other = source.choice(others)
    (start, _), (other_start, other_end) = _slice(source, data), _slice(source, other, 2000)
    return data[:start] + other[other_start:other_end] + data[start:]


def _made_of_atoms(source: random.Random, data: bytes, atoms: Sequence[bytes], others: Sequence[bytes]) -> bytes:
    return b"".join(source.choices(atoms, k=source.choice((3, 10, 30, 300))))


CHANGES = (_insert, _insert, _replace, _replace, _repeat, _cut, _lines, _number, _splice, _made_of_atoms)
