"""The size of a struct -> how SLUB lays out its slab cache. Pure.

As mm/slub.c of 6.12 calculates it (calculate_sizes, calculate_order), for the default of its boot parameters and
without debugging options, which add to each object.
"""

from __future__ import annotations

from orchestrator.model.cost import CACHELINE, Slab
from orchestrator.parse.code.kmem_caches import SlabCache

PAGE, WORD = 4096, 8  # of a 64-bit kernel with small pages
MAX_ORDER = 3  # slub_max_order: PAGE_ALLOC_COSTLY_ORDER
MAX_OBJECTS = (1 << 15) - 1  # in a slab: the width of the field that counts them
LARGEST_ORDER = 10  # MAX_PAGE_ORDER


def slab(cache: SlabCache, object_size: int, struct_align: int, cpus: int) -> Slab | None:
    """None where the text did not say how objects are aligned, or where no slab holds one."""
    if object_size <= 0 or cache.align == -1:
        return None
    align = max(struct_align if cache.align is None else cache.align, WORD)
    if "SLAB_HWCACHE_ALIGN" in cache.flags:
        line = CACHELINE
        while object_size <= line // 2:
            line //= 2
        align = max(align, line)
    size = _up(object_size, WORD)
    if cache.has_constructor or ("SLAB_TYPESAFE_BY_RCU" in cache.flags and not cache.has_pointer_inside):
        size += WORD  # the pointer to the next free object cannot lie in a free object
    size = _up(size, _up(align, WORD))
    order = slab_order(size, cpus)
    return None if order is None else Slab(object_size, size, order, (PAGE << order) // size)


def slab_order(size: int, cpus: int) -> int | None:
    """The power of two of pages in a slab of objects of `size` bytes."""
    wanted = min(4 * (cpus.bit_length() + 1), max((PAGE << MAX_ORDER) // size, 1))
    least = _page_order(wanted * size)
    if (PAGE << least) // size > MAX_OBJECTS:
        return _page_order(size * MAX_OBJECTS) - 1
    for fraction in (16, 8, 4, 2):
        for order in range(least, MAX_ORDER + 1):
            if (PAGE << order) % size <= (PAGE << order) // fraction:
                return order
    order = _page_order(size)
    return order if order <= LARGEST_ORDER else None


def _up(size: int, to: int) -> int:
    return -(-size // to) * to


def _page_order(size: int) -> int:
    return (-(-size // PAGE) - 1).bit_length()
