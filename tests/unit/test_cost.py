"""Slab layouts, slab caches and exports in C text, and what is said of costs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.evidence.cost import told
from orchestrator.evidence.cost.compare import export_changes, size_changes
from orchestrator.evidence.cost.frames import frame
from orchestrator.evidence.cost.layouts import gaps
from orchestrator.evidence.cost.slabs import slab, slab_order
from orchestrator.model.cost import Cost, ExportChange, SizeChange, Slab
from orchestrator.parse.code.exports import defined_structs, exported
from orchestrator.parse.code.kmem_caches import SlabCache, slab_caches
from tests.unit import costs

PLAIN = SlabCache("x")


@pytest.mark.parametrize(
    ("cache", "size", "align", "found"),
    [
        (PLAIN, 192, 8, Slab(192, 192, 0, 21)),
        (PLAIN, 40, 8, Slab(40, 40, 0, 102)),
        (PLAIN, 256, 8, Slab(256, 256, 0, 16)),
        (PLAIN, 1024, 8, Slab(1024, 1024, 2, 16)),
        (PLAIN, 4096, 8, Slab(4096, 4096, 3, 8)),
        (PLAIN, 10, 8, Slab(10, 16, 0, 256)),
        (replace(PLAIN, flags=frozenset({"SLAB_HWCACHE_ALIGN"})), 104, 8, Slab(104, 128, 0, 32)),
        (replace(PLAIN, flags=frozenset({"SLAB_HWCACHE_ALIGN"})), 24, 8, Slab(24, 32, 0, 128)),
        (replace(PLAIN, flags=frozenset({"SLAB_TYPESAFE_BY_RCU"})), 192, 8, Slab(192, 200, 0, 20)),
        (
            replace(PLAIN, flags=frozenset({"SLAB_TYPESAFE_BY_RCU"}), has_pointer_inside=True),
            192, 8, Slab(192, 192, 0, 21),
        ),
        (replace(PLAIN, has_constructor=True), 64, 8, Slab(64, 72, 0, 56)),
        (replace(PLAIN, align=64), 72, 8, Slab(72, 128, 0, 32)),
        (replace(PLAIN, align=None), 72, 16, Slab(72, 80, 0, 51)),
        (replace(PLAIN, align=-1), 72, 8, None),
        (PLAIN, 0, 1, None),
        (PLAIN, 8 << 20, 8, None),
    ],
)  # fmt: skip
def test_a_slab_is_laid_out_as_slub_does(cache: SlabCache, size: int, align: int, found: Slab | None) -> None:
    assert slab(cache, size, align, 4) == found


@pytest.mark.parametrize(
    ("size", "objects", "pages"),
    [(312, 13, 1), (320, 12, 1), (384, 21, 2), (392, 20, 2), (416, 19, 2), (1016, 16, 4), (1472, 22, 8), (240, 17, 1)],
)
def test_orders_are_those_of_a_real_kernel(size: int, objects: int, pages: int) -> None:
    """/proc/slabinfo of 6.18 on a machine with 2 CPUs."""
    order = slab_order(size, 2)
    assert order is not None
    assert (4096 * pages // size, 1 << order) == (objects, pages)


def test_more_cpus_want_more_objects_in_a_slab() -> None:
    assert [slab_order(512, cpus) for cpus in (1, 2, 4, 16, 64)] == [0, 1, 1, 2, 2]
    assert (4096 << 0) // 512 >= 4 * (1 + 1)


TEXT = """
#define KMEM_CACHE(__struct, __flags) __kmem_cache_create_args(#__struct)
/* old = KMEM_CACHE(not_this, 0); */
static void __init start(void)
{
	one = KMEM_CACHE(one, SLAB_PANIC|SLAB_HWCACHE_ALIGN);
	two = kmem_cache_create("two", sizeof(struct two), 0, SLAB_PANIC, NULL);
	three = kmem_cache_create("three", sizeof(struct three),
		__alignof__(struct three), SLAB_TYPESAFE_BY_RCU, three_ctor);
	four = kmem_cache_create_usercopy("four", sizeof(struct four), 32, 0, 0, 8, NULL);
	five = kmem_cache_create("five", size, 0, 0, NULL);
	six = kmem_cache_create("six", sizeof(struct six), SIX_ALIGN, 0, NULL);
}

static void __init other(void)
{
	struct kmem_cache_args args = {
		.align = __alignof__(struct seven),
		.ctor = NULL,
	};
	slab_flags_t flags = SLAB_PANIC;

	flags |= SLAB_TYPESAFE_BY_RCU;
	args.use_freeptr_offset = true;
	seven = kmem_cache_create("seven", sizeof(struct seven), &args, flags);
}

static void __init more(void)
{
	eight = kmem_cache_create("eight", sizeof(struct eight), &(struct kmem_cache_args){ .align = 16, .ctor = init }, 0);
	nine = kmem_cache_create_rcu("nine", sizeof(struct nine), offsetof(struct nine, next), SLAB_PANIC);
}
"""


def test_slab_caches_of_a_text() -> None:
    found = {cache.struct: cache for cache in slab_caches(TEXT)}
    assert found == {
        "one": SlabCache("one", None, frozenset({"SLAB_PANIC", "SLAB_HWCACHE_ALIGN"})),
        "two": SlabCache("two", 0, frozenset({"SLAB_PANIC"})),
        "three": SlabCache("three", None, frozenset({"SLAB_TYPESAFE_BY_RCU"}), has_constructor=True),
        "four": SlabCache("four", 32),
        "six": SlabCache("six", -1),
        "seven": SlabCache(
            "seven", None, frozenset({"SLAB_PANIC", "SLAB_TYPESAFE_BY_RCU"}), has_pointer_inside=True
        ),
        "eight": SlabCache("eight", 16, has_constructor=True),
        "nine": SlabCache("nine", 0, frozenset({"SLAB_PANIC", "SLAB_TYPESAFE_BY_RCU"}), has_pointer_inside=True),
    }  # fmt: skip


@pytest.mark.parametrize("text", ["KMEM_CACHE(", "kmem_cache_create(((", 'KMEM_CACHE(a", 1)', "kmem_cache_create()"])
def test_a_text_that_is_cut_has_no_caches(text: str) -> None:
    assert list(slab_caches(text)) == []


def test_exports_of_a_text() -> None:
    text = """
EXPORT_SYMBOL(plain);
	EXPORT_SYMBOL_GPL( gpl );
EXPORT_SYMBOL_NS_GPL(named, "DMA_BUF");
EXPORT_SYMBOL_FOR_MODULES(few, "kvm,vfio");
EXPORT_PER_CPU_SYMBOL(counter);
// EXPORT_SYMBOL(commented);
/* EXPORT_SYMBOL(also); */
#define EXPORT(x) EXPORT_SYMBOL(x)
"""
    assert exported(text) == {
        "plain": "EXPORT_SYMBOL",
        "gpl": "EXPORT_SYMBOL_GPL",
        "named": 'EXPORT_SYMBOL_NS_GPL "DMA_BUF"',
        "few": 'EXPORT_SYMBOL_FOR_MODULES "kvm,vfio"',
        "counter": "EXPORT_PER_CPU_SYMBOL",
    }
    changes = export_changes(exported(text), {"plain": "EXPORT_SYMBOL_GPL", "new": "EXPORT_SYMBOL"})
    assert ExportChange("plain", "EXPORT_SYMBOL", "EXPORT_SYMBOL_GPL") in changes
    assert ExportChange("new", "", "EXPORT_SYMBOL") in changes
    assert ExportChange("gpl", "EXPORT_SYMBOL_GPL", "") in changes


def test_structs_that_a_text_defines() -> None:
    text = (
        "struct a { int b; struct c *d; } e; /* struct no { */ typedef union u {int x;} u_t; struct f;\nstruct g\n{};"
    )
    assert defined_structs(text) == {"struct a", "union u", "struct g"}


def test_holes_are_gaps_of_whole_bytes() -> None:
    assert gaps([(0, 8), (64, 128)], 24) == (((1, 7),), 8)
    assert gaps([(0, 3), (3, 8), (8, 40), (8, 16)], 5) == ((), 0), "bit fields and a union"
    assert gaps([(0, 3), (8, 16)], 2) == ((), 0), "5 bits"
    assert gaps([], 4) == ((), 4)


def test_the_frame_of_a_function() -> None:
    assert frame(["push   %rbp", "mov    %rsp,%rbp", "push   %r12", "sub    $0x58,%rsp", "ret"]) == 16 + 0x58
    assert frame(["add    $0xffffffffffffff80,%rsp", "sub    $0xffffffffffffff80,%rsp", "ret"]) == 128
    assert frame(["test   %rdi,%rdi", "je     7", "ret", "push   %rbx", "call   9", "pop    %rbx", "push   %rbx"]) == 8
    assert frame(["push   %rax", "call   0", "push   %rax", "ret"]) == 8, "room for 8 bytes, and an argument"
    assert frame(["ret"]) == 0


def test_the_largest_growth_is_first() -> None:
    changes = size_changes({"a": 1, "b": 10, "c": 5, "same": 3}, {"a": 2, "c": 50, "new": 7, "same": 3})
    assert [(one.name, one.growth) for one in changes] == [("c", 45), ("new", 7), ("a", 1), ("b", -10)]


def test_what_is_said_of_a_cost() -> None:
    lines = list(told.screen(costs.FOUND))
    assert lines[0] == (
        "struct vm_area_struct: 152 -> 192 bytes, 3 cachelines, holes 3 -> 32 bytes; new vm_refcnt (at 128); "
        "gone vm_lock; resized vm_flags 8 -> 16; 1 member moved; to another cacheline: anon_vma"
    )
    assert "struct vma_lock: gone, 40 bytes, 1 cacheline" in lines
    slabs = "26 objects of 152 bytes in 1 page -> 21 objects of 192 bytes in 1 page"
    assert f"slab of struct vm_area_struct: {slabs}, calculated" in lines
    assert "functions: do_fault 1,240 -> 1,570 (+330), gone 45 -> - (-45), new - -> 34 (+34)" in lines
    assert "larger stack frames: do_fault 48 -> 56 (+8)" in lines
    assert "exported: __vma_start_write (EXPORT_SYMBOL_GPL)" in lines
    assert lines[-1] == "not compared: the moon"


def test_nothing_is_said_of_what_did_not_change() -> None:
    assert list(told.screen(Cost("whole kernels", is_whole=True))) == []
    assert told.sentence(Cost("whole kernels", is_whole=True)) == "nothing differs; whole kernels"


def test_one_screen_is_enough() -> None:
    many = tuple(SizeChange(f"f{at}", at, at + at) for at in range(1, 500))
    found = replace(costs.FOUND, functions=many, structs=costs.FOUND.structs * 30)
    lines = list(told.screen(found))
    assert len(lines) < 25
    assert "and 55 more structs" in lines
    assert any(line.endswith("and 494 more") for line in lines)
    assert "f7 7 -> 14 (+7)" in told.details(found)
