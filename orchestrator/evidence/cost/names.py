"""Debug information -> the names that its structs and unions may have. Pure.

drgn finds a type by its name and has no list of names, and reading all entries takes minutes. So what looks like the
beginning of a struct's entry is searched for in each unit: the number of an abbreviation of one, and its name or where
that stands among the strings. Some of it is something else, which is no harm: drgn knows no struct of that name. The
strings themselves say less: the linker lets `page` be the end of `head_page`.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping

SECTIONS = (".debug_info", ".debug_abbrev", ".debug_str", ".debug_str_offsets")
_IDENTIFIER = re.compile(rb"[A-Za-z_]\w*\Z")
# Behind the end of the one before:
# ULEB number, DW_TAG_structure_type or union_type, children or none, DW_AT_name, its form: string or strp
_ABBREVIATION = re.compile(rb"(?<=\0\0)([\x80-\xff]?[\x01-\x7f])[\x13\x17][\x00\x01]\x03([\x08\x0e])", re.DOTALL)
INLINE, STORED = b"\x08", b"\x0e"  # DW_FORM_string, DW_FORM_strp
OFFSET_5, OFFSET_4 = 8, 6  # of the abbreviations' offset in a unit's header, by version


def struct_names(sections: Mapping[str, bytes], *, is_little_endian: bool) -> frozenset[str]:
    """Candidates: all names of structs and unions are among them. Of 32-bit DWARF, versions 4 and 5."""
    strings, order = sections.get(".debug_str", b""), "<" if is_little_endian else ">"
    said = set(_inline_and_offsets(sections, order))
    found = {one for one in said if isinstance(one, bytes)}
    offsets = {one for one in said if isinstance(one, int)}
    # of compilers that number their strings (clang's DWARF 5): every string has its offset here
    numbered = sections.get(".debug_str_offsets", b"")
    offsets.update(value for (value,) in struct.iter_unpack(f"{order}I", numbered[: len(numbered) // 4 * 4]))
    found |= {strings[at : strings.find(b"\0", at)] for at in offsets if at < len(strings)}
    return frozenset(name.decode() for name in found if _IDENTIFIER.match(name))


def _inline_and_offsets(sections: Mapping[str, bytes], order: str) -> Iterator[bytes | int]:
    """Names that stand in the entries, and offsets of others among the strings."""
    abbreviations = sections.get(".debug_abbrev", b"")
    units = list(_units(sections.get(".debug_info", b""), order))
    begins = sorted({offset for offset, _ in units})
    ends = dict(zip(begins, [*begins[1:], len(abbreviations)], strict=True))
    for offset, entries in units:
        codes: dict[bytes, list[bytes]] = {INLINE: [], STORED: []}
        for code, form in _ABBREVIATION.findall(abbreviations, offset, ends[offset]):
            codes[form].append(re.escape(code))
        if inline := b"|".join(codes[INLINE]):
            yield from re.findall(rb"(?=(?:%b)([A-Za-z_]\w*)\0)" % inline, entries, re.DOTALL)
        if stored := b"|".join(codes[STORED]):
            for word in re.findall(rb"(?=(?:%b)(....))" % stored, entries, re.DOTALL):
                yield struct.unpack(f"{order}I", word)[0]


def _units(info: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """The offset of each unit's abbreviations, and its entries."""
    at = 0
    while at + 12 <= len(info):
        length, version = struct.unpack_from(f"{order}IH", info, at)
        end = at + 4 + length
        if not length or length >= 0xFFFFFFF0:
            return  # 64-bit DWARF, which no kernel has
        offset_at = at + (OFFSET_5 if version >= 5 else OFFSET_4)
        yield struct.unpack_from(f"{order}I", info, offset_at)[0], info[at + 11 : end]
        at = end
