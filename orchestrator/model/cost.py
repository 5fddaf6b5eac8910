"""What a series costs before anything runs: how two builds differ, one without the series and one with it."""

from __future__ import annotations

from dataclasses import dataclass

CACHELINE = 64  # bytes, of the machines that are built for


@dataclass(frozen=True)
class MemberPlace:
    """Where a member lies: offset and size in bytes. Of a bit field `bits` is its width, and `bit` its first bit
    within the byte at the offset."""

    type: str
    offset: int
    size: int
    bit: int = 0
    bits: int = 0


@dataclass(frozen=True)
class Layout:
    """A struct or union as it is compiled. `align` is what its members ask for: an attribute that asks for more is not
    known. `members` are by name, those of anonymous structs and unions among them; a
    name that comes more than once has its first place. `holes` are (offset, bytes) between members, `padding` the
    bytes behind the last one."""

    size: int
    align: int
    members: tuple[tuple[str, MemberPlace], ...]
    holes: tuple[tuple[int, int], ...] = ()
    padding: int = 0

    @property
    def cachelines(self) -> int:
        return -(-self.size // CACHELINE)


@dataclass(frozen=True)
class StructChange:
    """`name` as C says it: `struct vma_lock`. `file`: where it is defined, if that is known. None: there is no such
    struct on that side."""

    name: str
    file: str
    before: Layout | None
    after: Layout | None


@dataclass(frozen=True)
class Slab:
    """Objects of a slab cache: bytes of the object and of what it takes in the slab, pages of a slab (2^order) and
    objects in one. Calculated as SLUB does for a guest's CPUs, without debugging options."""

    object_size: int
    size: int
    order: int
    objects: int


@dataclass(frozen=True)
class SlabChange:
    """The slab cache of a struct. None: there is none on that side."""

    struct: str
    before: Slab | None
    after: Slab | None


@dataclass(frozen=True)
class SizeChange:
    """Bytes of something with and without the series; None where it does not exist."""

    name: str
    before: int | None
    after: int | None

    @property
    def growth(self) -> int:
        return (self.after or 0) - (self.before or 0)


@dataclass(frozen=True)
class ExportChange:
    """A symbol for modules: the macro that exports it and its type, `EXPORT_SYMBOL_GPL int (struct page *)`. Empty
    where it is not exported."""

    name: str
    before: str
    after: str


@dataclass(frozen=True)
class Cost:
    """The differences; nothing is listed that is equal. `compared`: what two things, in words. `totals`: code,
    read-only data, data and bss, as the sizes of symbols. `stacks`: bytes of a function's own frame, of those where it
    changed. `unknown`: what could not be compared, and why."""

    compared: str
    is_whole: bool  # whole kernels, and not only the objects of changed files
    structs: tuple[StructChange, ...] = ()
    slabs: tuple[SlabChange, ...] = ()
    totals: tuple[SizeChange, ...] = ()
    functions: tuple[SizeChange, ...] = ()
    data: tuple[SizeChange, ...] = ()
    stacks: tuple[SizeChange, ...] = ()
    exports: tuple[ExportChange, ...] = ()
    unknown: tuple[str, ...] = ()
