"""A vmlinux -> where its kernel has what tells whether a VMA is locked, as files/plugins/vma_writes.c reads it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.errors import VmlinuxUnreadable
from orchestrator.evidence.symbols import load_program

NONE = (1 << 64) - 1
KERNEL_MAP = 0xFFFFFFFF80000000  # arch/x86/include/asm/page_64_types.h: __START_KERNEL_map
BY_COUNT, BY_FLAG = 1, 2
RAM_AT = 7  # the place of the guest's memory in the plugin's struct layout
MIB = 1 << 20


@dataclass(frozen=True)
class Member:
    """One of struct vm_area_struct, in bytes."""

    name: str
    offset: int
    size: int


@dataclass(frozen=True)
class VmaLayout:
    """`words`: the plugin's struct layout without what depends on the guest and without members. `attached`,
    `slab_cache`: the offsets of what tells whether a VMA is in use, and of what tells whose a page is."""

    words: tuple[int, ...]
    members: tuple[Member, ...]
    attached: int
    slab_cache: int

    def for_guest(self, memory_mib: int) -> tuple[int, ...]:
        """The whole struct layout, for a guest with so much memory."""
        members = (word for one in self.members for word in (one.offset, one.size))
        return (*self.words[:RAM_AT], memory_mib * MIB, *self.words[RAM_AT:], len(self.members), *members)


def vma_layout(vmlinux: Path, members: Sequence[str]) -> VmaLayout | str:
    """Or why it cannot be told: a kernel without locks of VMAs. Raises VmlinuxUnreadable."""
    program = load_program(vmlinux)
    try:
        vma, mm = program.type("struct vm_area_struct"), program.type("struct mm_struct")
        page, slab, cache = (program.type(f"struct {name}") for name in ("page", "slab", "kmem_cache"))
    except LookupError as error:
        raise VmlinuxUnreadable(f"{vmlinux}: {error}") from error
    sequence, of_mm = _offset(vma, "vm_lock_seq"), _offset(mm, "mm_lock_seq")
    count, flag = _offset(vma, "vm_refcnt"), _offset(vma, "detached")
    if NONE in (sequence, of_mm) or count == flag == NONE:
        return "its VMAs have no locks"
    slab_cache = _needed(slab, "slab_cache")
    attached = (flag, BY_FLAG) if count == NONE else (count, BY_COUNT)
    words = (
        KERNEL_MAP,
        *(_address(program, name) for name in ("linux_banner", "init_top_pgt", "page_offset_base", "vmemmap_base")),
        *(_address(program, name) for name in ("vm_area_cachep", "mm_cachep")),
        page.size,
        _needed(page, "compound_info" if _has(page, "compound_info") else "compound_head"),
        slab_cache,
        *_slab_type(program, page),
        _needed(cache, "size"),
        _offset(cache, "red_left_pad"),
        _offset(cache, "oo"),
        _needed(vma, "vm_mm"),
        sequence,
        of_mm,
        _needed(mm, "mm_users"),
        *attached,
    )
    found = ((name, _member(vma, name)) for name in members)
    known = tuple(Member(name, *place) for name, place in found if place is not None)
    return VmaLayout(words, known, attached[0], slab_cache)


def _slab_type(program: Any, page: Any) -> tuple[int, int, int]:
    """Where struct page says that it is a slab: offset, mask and value of 32 bits. include/linux/page-flags.h: a type
    in the highest byte since Linux 6.12, a flag before 6.10; between them nothing that debug information has."""
    if kind := _constant(program, "PGTY_slab"):
        return _needed(page, "page_type"), 0xFF << 24, kind << 24
    flag = _constant(program, "PG_slab")
    mask = 1 << flag if flag and flag < 32 else 0
    return _needed(page, "flags"), mask, mask


def _constant(program: Any, name: str) -> int | None:
    try:
        return int(program.constant(name))
    except LookupError:
        return None


def _member(found: Any, name: str) -> tuple[int, int] | None:
    """Offset and size, also of what an anonymous struct or union has."""
    import drgn

    try:
        member = found.member(name)
    except LookupError:
        return None
    return drgn.offsetof(found, name), drgn.sizeof(member.type)


def _offset(found: Any, name: str) -> int:
    place = _member(found, name)
    return NONE if place is None else place[0]


def _has(found: Any, name: str) -> bool:
    return _offset(found, name) != NONE


def _needed(found: Any, name: str) -> int:
    """Raises VmlinuxUnreadable."""
    offset = _offset(found, name)
    if offset == NONE:
        raise VmlinuxUnreadable(f"{found.type_name()} has no member {name}")
    return offset


def _address(program: Any, name: str) -> int:
    try:
        return int(program.symbol(name).address)
    except LookupError:
        return NONE
