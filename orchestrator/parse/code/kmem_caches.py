"""C text -> the slab caches that it makes: of which struct, and what decides about their layout. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from orchestrator.parse.code.exports import without_comments

_CALL = re.compile(r"\b(KMEM_CACHE(?:_USERCOPY)?|kmem_cache_create(?:_usercopy|_rcu)?)\s*\(")
_SIZEOF = re.compile(r"^sizeof\s*\(\s*struct\s+(\w+)\s*\)$")
_CONSTRUCTOR = re.compile(r"\.ctor\s*=\s*(?!NULL\b)\w")
_OWN_POINTER = re.compile(r"\.use_freeptr_offset\s*=\s*true\b")
_ALIGNED_TO_TYPE = re.compile(r"__alignof__\s*\(\s*struct\s+\w+\s*\)")
_ALIGN = re.compile(r"\.align\s*=\s*([^,;}]+)")
_FUNCTION = re.compile(r"^\}", re.MULTILINE)


@dataclass(frozen=True)
class SlabCache:
    """A cache of structs. `align` is 0 for none beyond that of a word, None for that of the struct itself; -1: it is
    not a number that the text says. `has_pointer_inside`: the caller says where in a free object SLUB keeps its
    pointer."""

    struct: str
    align: int | None = 0
    flags: frozenset[str] = frozenset()
    has_constructor: bool = False
    has_pointer_inside: bool = False


def slab_caches(text: str) -> Iterator[SlabCache]:
    """The caches whose objects are structs that their call names. Flags and arguments that lie in variables are looked
    up in the same function, before the call: all that are named there count."""
    text = without_comments(text)
    for match in _CALL.finditer(text):
        arguments = _arguments(text, match.end())
        before = text[_function_start(text, match.start()) : match.start()]
        if match[1].startswith("KMEM_CACHE"):
            if len(arguments) >= 2 and re.fullmatch(r"\w+", arguments[0]) and not _is_definition(text, match.start()):
                yield SlabCache(arguments[0], None, _flags(arguments[1], before))
            continue
        size = _SIZEOF.match(arguments[1]) if len(arguments) >= 4 else None
        if size:
            yield _created(size[1], match[1], arguments, before)


def _created(struct: str, how: str, arguments: list[str], before: str) -> SlabCache:
    """kmem_cache_create(name, size, align or &args, flags, ctor); _usercopy has offset and size before ctor, and _rcu
    has the pointer's offset before the flags."""
    if arguments[2].startswith("&"):
        said = arguments[2] + before
        align = _ALIGN.search(said)
        return SlabCache(
            struct,
            _align(align[1]) if align else 0,
            _flags(arguments[3], before),
            _CONSTRUCTOR.search(said) is not None,
            _OWN_POINTER.search(said) is not None,
        )
    if how.endswith("_rcu"):
        return SlabCache(struct, 0, _flags(arguments[-1], before) | {"SLAB_TYPESAFE_BY_RCU"}, has_pointer_inside=True)
    has_constructor = len(arguments) >= 5 and arguments[-1] not in ("NULL", "0")
    return SlabCache(struct, _align(arguments[2]), _flags(arguments[3], before), has_constructor)


def _align(said: str) -> int | None:
    said = said.strip()
    if _ALIGNED_TO_TYPE.fullmatch(said):
        return None
    return int(said, 0) if re.fullmatch(r"0|[1-9]\d*|0x[0-9a-fA-F]+", said) else -1


def _flags(said: str, before: str) -> frozenset[str]:
    """A name that is no flag is a variable."""
    variable = next((word for word in re.findall(r"\b[a-z_]\w*", said)), None)
    return frozenset(re.findall(r"\bSLAB_\w+", said + (before if variable else "")))


def _arguments(text: str, at: int) -> list[str]:
    """Of a call, from behind its bracket, each with single spaces."""
    depth, start, found = 1, at, []
    for end in range(at, min(len(text), at + 2000)):
        one = text[end]
        if one in "([{":
            depth += 1
        elif one in ")]}":
            depth -= 1
        if (one == "," and depth == 1) or depth == 0:
            found.append(" ".join(text[start:end].split()))
            start = end + 1
        if depth == 0:
            return found
    return []


def _function_start(text: str, at: int) -> int:
    """Behind the end of the function before."""
    ends = [match.end() for match in _FUNCTION.finditer(text, 0, at)]
    return ends[-1] if ends else 0


def _is_definition(text: str, at: int) -> bool:
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return line.lstrip().startswith("#")
