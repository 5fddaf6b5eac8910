"""The plugin that watches writes of VMAs, on memory that is made here: page tables, pages of caches, VMAs and their mm.

QEMU is a library of a few functions that this process has loaded before; the plugin finds the memory among the mappings
of the process, as it does in QEMU. tests/e2e/test_main_job.py has it in a guest.
"""

from __future__ import annotations

import array
import ctypes
import mmap
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.build.plugin import FLAGS, VMA_WRITES
from orchestrator.evidence.vma_writes.layout import BY_COUNT, BY_FLAG, KERNEL_MAP, NONE, Member, VmaLayout

QEMU = """
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
typedef void (*accessed_cb)(unsigned int, uint32_t, uint64_t, void *);
typedef void (*translated_cb)(uint64_t, void *);
static translated_cb translate;
static uint64_t now[2]; /* a block: the instruction that is executed, and one more */
static int of_interest;
static accessed_cb accessed;
static void *data;
void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, translated_cb cb) { (void)id; translate = cb; }
void qemu_plugin_register_atexit_cb(uint64_t id, void *cb, void *d) { (void)id, (void)cb, (void)d; }
size_t qemu_plugin_tb_n_insns(void *tb) { (void)tb; return 2; }
void *qemu_plugin_tb_get_insn(void *tb, size_t at) { (void)tb; return &now[at]; }
uint64_t qemu_plugin_tb_vaddr(void *tb) { (void)tb; return now[0]; }
uint64_t qemu_plugin_insn_vaddr(void *insn) { return *(uint64_t *)insn; }
void qemu_plugin_register_vcpu_tb_exec_cb(void *a, void *b, int c, void *d) { (void)a, (void)b, (void)c, (void)d; }
void qemu_plugin_register_vcpu_insn_exec_cb(void *a, void *b, int c, void *d) { (void)a, (void)b, (void)c, (void)d; }
void qemu_plugin_register_vcpu_mem_cb(void *insn, accessed_cb cb, int flags, int rw, void *d)
{ (void)insn, (void)flags; if (rw == 2) accessed = cb, data = d; }
_Bool qemu_plugin_mem_is_store(uint32_t info) { return info; }
void last(int is_last) { of_interest = is_last; }
int executed(uint64_t instruction, uint64_t address)
{
	accessed = NULL;
	now[of_interest] = instruction;
	now[!of_interest] = 1;
	translate(0, now);
	if (accessed)
		accessed(0, 1, address, data);
	return !!accessed;
}
"""
# Runs in a process of its own: what it maps, and the plugin's state, end with it
RUN = "import sys; from tests.integration.test_vma_writes_plugin import run; run(*sys.argv[1:])"

MIB = 1 << 20
RAM = 64 * MIB
PAGE_OFFSET, VMEMMAP = 0xFFFF888000000000, 0xFFFFEA0000000000
BANNER, TABLES, CACHES = 16 * MIB, 17 * MIB, 18 * MIB  # physical
PAGES = 20 * MIB  # the array of struct page, by pages of 2 MiB
VMA_CACHE, MM_CACHE = 24 * MIB, 24 * MIB + 4096
VMAS, MMS = 32 * MIB, 40 * MIB
VMA_SIZE, MM_SIZE, PAD = 192, 1024, 64
STORE, SLUB, OTHER = 0xFFFFFFFF81000010, 0xFFFFFFFF81000020, 0xFFFFFFFF81000030
MEMBERS = (Member("vm_start", 0, 8), Member("vm_end", 8, 8), Member("vm_flags", 32, 8))
OF_MM, SEQUENCE, ATTACHED = 16, 40, 128
MM_SEQUENCE, MM_USERS = 192, 116
TYPE, SLAB = 48, 0xF5 << 24  # in struct page


def layout(how: int) -> VmaLayout:
    words = (
        KERNEL_MAP, KERNEL_MAP + BANNER, KERNEL_MAP + TABLES, NONE, NONE, KERNEL_MAP + CACHES, KERNEL_MAP + CACHES + 8,
        64, 8, 8, TYPE, 0xFF << 24, SLAB, 24, 28, 16, OF_MM, SEQUENCE, MM_SEQUENCE, MM_USERS, ATTACHED, how,
    )  # fmt: skip
    return VmaLayout(words, MEMBERS, ATTACHED, 8)


class Memory:
    """What a kernel would have in its memory."""

    def __init__(self) -> None:
        self.map = mmap.mmap(-1, RAM + 2 * MIB)
        # the kernel of this host must not have put the mapping beside another one of ours: the rest is no memory
        start = ctypes.addressof(ctypes.c_char.from_buffer(self.map))
        ctypes.CDLL(None).mprotect(ctypes.c_void_p(start + RAM), ctypes.c_size_t(2 * MIB), 0)
        self.put(BANNER, b"Linux version 6.12.0 (somebody)")
        tables = [TABLES + 4096 * level for level in range(3)]
        for level, (table, below) in enumerate(zip(tables, [*tables[1:], PAGES | 1 << 7], strict=True)):
            slot = VMEMMAP >> 39 - 9 * level & 511
            self.word(table + 8 * slot, below | 1)
        self.word(CACHES, PAGE_OFFSET + VMA_CACHE)
        self.word(CACHES + 8, PAGE_OFFSET + MM_CACHE)
        self.put(VMA_CACHE + 24, struct.pack("<IIQ", VMA_SIZE, PAD, 0)[:8])
        self.put(VMA_CACHE + 16, struct.pack("<I", 1 << 16 | 42))
        self.put(MM_CACHE + 24, struct.pack("<II", MM_SIZE, 0))

    def put(self, at: int, data: bytes) -> None:
        self.map[at : at + len(data)] = data

    def word(self, at: int, value: int) -> None:
        self.put(at, struct.pack("<Q", value))

    def half(self, at: int, value: int) -> None:
        self.put(at, struct.pack("<I", value))

    def slab(self, at: int, cache: int) -> None:
        """Two pages of a cache."""
        page = PAGES + (at >> 12) * 64
        self.word(page + 8, PAGE_OFFSET + cache)
        self.half(page + TYPE, SLAB)
        self.word(page + 64 + 8, VMEMMAP + (at >> 12) * 64 + 1)

    def vma(self, number: int, sequence: int, attached: int, mm: int = 0) -> int:
        """Returns its physical address."""
        at = VMAS + PAD + number * VMA_SIZE
        self.word(at + OF_MM, PAGE_OFFSET + MMS + mm * MM_SIZE)
        self.half(at + SEQUENCE, sequence)
        self.half(at + ATTACHED, attached)
        return at

    def mm(self, number: int, sequence: int, users: int = 1) -> None:
        self.half(MMS + number * MM_SIZE + MM_SEQUENCE, sequence)
        self.half(MMS + number * MM_SIZE + MM_USERS, users)


class Plugin:
    """The plugin in this process."""

    def __init__(self, where: Path, how: int) -> None:
        self.counters = where / "counters"
        self.counters.write_bytes(bytes(8 * 4))
        (where / "addresses").write_bytes(array.array("Q", (STORE, SLUB, OTHER)).tobytes())
        (where / "layout").write_bytes(array.array("Q", layout(how).for_guest(RAM // MIB)).tobytes())
        self.qemu = ctypes.CDLL(str(where / "qemu.so"), mode=ctypes.RTLD_GLOBAL)
        plugin = ctypes.CDLL(str(where / "plugin.so"))
        words = [f"{name}={where / name}".encode() for name in ("addresses", "counters", "layout")]
        arguments = (ctypes.c_char_p * len(words))(*words)
        assert plugin.qemu_plugin_install(ctypes.c_uint64(1), None, len(words), arguments) == 0

    def write(self, physical: int, instruction: int = STORE) -> int:
        """A write to an address of the direct map. Returns the member that it was to without the lock; 0: none."""
        return self.write_at(PAGE_OFFSET + physical, instruction)

    def write_at(self, address: int, instruction: int = STORE) -> int:
        before = self.read()
        assert self.qemu.executed(ctypes.c_uint64(instruction), ctypes.c_uint64(address))
        after = self.read()
        at = 1 + (STORE, SLUB, OTHER).index(instruction)
        return after[at] >> 48 if (after[at] & 0xFFFFFFFF) > (before[at] & 0xFFFFFFFF) else 0

    def read(self) -> list[int]:
        return list(array.array("Q", self.counters.read_bytes()))


def run(where: str, what: str) -> None:
    memory = Memory()
    memory.slab(VMAS, VMA_CACHE)
    memory.slab(MMS, MM_CACHE)
    memory.mm(0, 7)
    STORIES[what](memory, Plugin(Path(where), BY_FLAG if what.startswith("flag") else BY_COUNT))


def attach(plugin: Plugin, vma: int) -> int:
    assert plugin.write(vma + ATTACHED) == 0
    return vma


def locked_or_not(memory: Memory, plugin: Plugin) -> None:
    locked, unlocked = (attach(plugin, memory.vma(number, 6 + number, 1)) for number in (1, 0))
    assert [plugin.write(locked + at) for at in (0, 8, 32)] == [0, 0, 0]
    assert plugin.read()[0] == 3
    assert plugin.write(unlocked + 8) == 2
    assert plugin.write(unlocked + 32, OTHER) == 3
    assert plugin.read()[0] == 5
    assert plugin.write(unlocked + 0) == 2, "an instruction has the member that it wrote first"
    memory.half(unlocked + SEQUENCE, 7)
    assert plugin.write(unlocked + 8) == 0


def other_memory(memory: Memory, plugin: Plugin) -> None:
    vma = attach(plugin, memory.vma(20, 6, 1))  # in the second page of its slab, which says where the first one is
    assert plugin.write(vma + 8) == 2
    assert [plugin.write(at) for at in (vma + 16, vma + 48, MMS + 8, VMAS + 16, 0, RAM - 8, PAGES + 8, 50 * MIB)] == [
        0
    ] * 8
    for address in (
        0,
        0x7FFF00000000,
        PAGE_OFFSET + RAM,
        VMEMMAP + 8,
        VMEMMAP + (RAM >> 12) * 64,
        KERNEL_MAP,
        2**64 - 8,
    ):
        assert plugin.write_at(address) == 0
    memory.half(PAGES + (VMAS >> 12) * 64 + TYPE, 2**32 - 1)
    assert plugin.write(vma + 8) == 0, "the page is no slab any more"
    memory.slab(VMAS, MM_CACHE)
    assert plugin.write(vma + 8) == 0, "the page is another cache's"


def mask_of_tails(memory: Memory, plugin: Plugin) -> None:
    """Newer kernels: a tail page has no pointer to its head, but what makes its address that of the head."""
    vma = attach(plugin, memory.vma(20, 6, 1))
    memory.word(PAGES + ((VMAS >> 12) + 1) * 64 + 8, -2 * 64 & 2**64 - 1 | 1)
    assert plugin.write(vma + 8) == 2
    memory.slab(VMAS, MM_CACHE)
    memory.word(PAGES + ((VMAS >> 12) + 1) * 64 + 8, -2 * 64 & 2**64 - 1 | 1)
    assert plugin.write(vma + 8) == 0


def last_of_a_block(memory: Memory, plugin: Plugin) -> None:
    """QEMU 7.2 tells what others access as if this instruction did. Here it is such a one: it has no scoreboards."""
    vma = attach(plugin, memory.vma(0, 6, 1))
    plugin.qemu.last(1)
    assert not plugin.qemu.executed(ctypes.c_uint64(STORE), ctypes.c_uint64(PAGE_OFFSET + vma + 8))
    plugin.qemu.last(0)
    assert plugin.write(vma + 8) == 2


def nobody_else(memory: Memory, plugin: Plugin) -> None:
    vma = attach(plugin, memory.vma(2, 6, 1))
    memory.mm(0, 7, users=0)
    assert plugin.write(vma) == 0, "nobody else can look"
    memory.mm(0, 7)
    memory.half(vma + ATTACHED, 0)
    assert plugin.write(vma) == 0, "readers cannot lock it"
    memory.half(vma + ATTACHED, 0x40000001)
    assert plugin.write(vma) == 1
    memory.word(vma + OF_MM, PAGE_OFFSET + 50 * MIB)
    assert plugin.write(vma) == 0, "what it points to is no mm"
    memory.word(vma + OF_MM, PAGE_OFFSET + MMS + 8)
    assert plugin.write(vma) == 0, "nor is the middle of one"
    assert plugin.read()[0] == 1


def new_pages(memory: Memory, plugin: Plugin) -> None:
    vma = memory.vma(3, 6, 1)
    assert plugin.write(vma) == 0, "it looks so by chance: nobody has written its count"
    attach(plugin, vma)
    assert plugin.write(vma) == 1
    assert plugin.write_at(VMEMMAP + (VMAS >> 12) * 64 + 24, SLUB) == 0
    assert plugin.write(vma) == 1, "another member of struct page"
    assert plugin.write_at(VMEMMAP + (MMS >> 12) * 64 + 8, SLUB) == 0
    assert plugin.write(vma) == 1, "another page"
    assert plugin.write_at(VMEMMAP + (VMAS >> 12) * 64 + 8, SLUB) == 0
    assert plugin.write(vma) == 0, "the page has been given to the cache anew"


def flag(memory: Memory, plugin: Plugin) -> None:
    vma = memory.vma(4, 6, 0)  # the flag says "detached"
    assert plugin.write(vma) == 1
    memory.put(vma + ATTACHED, b"\1")
    assert plugin.write(vma) == 0
    memory.put(vma + ATTACHED, b"\0")
    memory.half(vma + SEQUENCE, 2**32 - 1)
    assert plugin.write(vma) == 0, "nobody has locked it yet: it is new"


def no_memory(memory: Memory, plugin: Plugin) -> None:
    memory.put(BANNER, b"Other")
    vma = memory.vma(0, 6, 1)
    assert plugin.write(vma + ATTACHED) == plugin.write(vma) == 0
    assert plugin.read() == [0] * 4, "it has found no memory of a kernel, and says so by counting nothing"


STORIES = {
    one.__name__: one
    for one in (locked_or_not, other_memory, mask_of_tails, last_of_a_block, nobody_else, new_pages, flag, no_memory)
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("plugin")
    (where / "qemu.c").write_text(QEMU)
    plain = [flag for flag in FLAGS if flag != "-fvisibility=hidden"]
    subprocess.run(["gcc", *plain, "-o", where / "qemu.so", where / "qemu.c"], check=True)
    subprocess.run(["gcc", *FLAGS, "-o", where / "plugin.so", VMA_WRITES], check=True)
    return where


@pytest.mark.parametrize("what", STORIES)
def test_it_counts_writes_without_the_lock_and_no_others(what: str, built: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", RUN, os.fspath(built), what], cwd=Path(__file__).parents[2], capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
