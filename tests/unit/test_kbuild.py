"""Which line of a Makefile would compile a file."""

from __future__ import annotations

import pytest

from orchestrator.parse.configuration.kbuild import makefile_names, why_not_built

MAKEFILES = {
    "Kbuild": "obj-y += kernel/\nobj-y += mm/\n",
    "mm/Makefile": "mmu-y := nommu.o\nobj-y += filemap.o \\\n\t   swap.o # words: no.o\n"
    "obj-$(CONFIG_NUMA) += mempolicy.o\nobj-$(CONFIG_KASAN) += kasan/\nzs-$(CONFIG_STAT) += stat.o\n"
    "obj-$(CONFIG_ZS) += zs.o\n",
    "mm/kasan/Makefile": "obj-y := common.o\nobj-$(CONFIG_KASAN_HW_TAGS) += hw_tags.o\n",
    "kernel/Makefile": "obj-$(CONFIG_BPF) += bpf/\n",
    "kernel/bpf/Makefile": "obj-y := core.o\nobj-$(CONFIG_BPF_SYSCALL) += task_iter.o prog_iter.o\n",
}


@pytest.mark.parametrize(
    ("file", "why"),
    [
        ("mm/mempolicy.c", "CONFIG_NUMA is not set: mm/Makefile: obj-$(CONFIG_NUMA) += mempolicy.o"),
        ("kernel/bpf/task_iter.c",
         "CONFIG_BPF_SYSCALL is not set: kernel/bpf/Makefile: obj-$(CONFIG_BPF_SYSCALL) += task_iter.o prog_iter.o"),
        ("kernel/bpf/core.c", "CONFIG_BPF is not set: kernel/Makefile: obj-$(CONFIG_BPF) += bpf/"),
        ("mm/kasan/common.c", "CONFIG_KASAN is not set: mm/Makefile: obj-$(CONFIG_KASAN) += kasan/"),
        ("mm/nommu.c", "mm/Makefile: mmu-y := nommu.o"),
        ("mm/no.c", "no Makefile of its directory names it"),
        ("drivers/new/thing.c", "no Makefile of its directory names it"),
    ],
)  # fmt: skip
def test_the_line_that_would_compile_it(file: str, why: str) -> None:
    assert why_not_built(file, MAKEFILES, frozenset({"CONFIG_MMU", "CONFIG_ZS"})) == why


def test_a_part_of_an_object_needs_that_object_too() -> None:
    assert why_not_built("mm/stat.c", MAKEFILES, {"CONFIG_STAT"}).startswith("CONFIG_ZS is not set")
    assert why_not_built("mm/stat.c", MAKEFILES, {"CONFIG_ZS"}).startswith("CONFIG_STAT is not set")


def test_the_makefiles_of_all_directories_above() -> None:
    assert makefile_names("mm/kasan/hw.c") == (
        "mm/kasan/Kbuild", "mm/kasan/Makefile", "mm/Kbuild", "mm/Makefile", "Kbuild", "Makefile",
    )  # fmt: skip
