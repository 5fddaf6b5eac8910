"""Which cases come first after a change: those that are named as what was changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.catalog import load_catalog
from orchestrator.model.case import Case
from orchestrator.model.series import Patch
from orchestrator.parse.commit_patch import commit_patch
from orchestrator.parse.relevance import by_names, in_order, words_of_patches


def change(file: str, function: str, line: str = "x = 1;") -> Patch:
    diff = (
        f"diff --git a/{file} b/{file}\n--- a/{file}\n+++ b/{file}\n@@ -10,3 +10,3 @@ {function}\n one\n-\told();\n"
        f"+\t{line}\n three\n"
    )
    return commit_patch(1, 1, diff.encode())


@pytest.fixture(scope="module")
def cases() -> tuple[Case, ...]:
    catalog = load_catalog()
    return catalog.default_cases((catalog.kconfig("base"),))


@pytest.mark.parametrize(
    ("file", "function", "first"),
    [
        ("mm/mremap.c", "static unsigned long move_vma(struct vm_area_struct *vma,", "mremap-integrity"),
        ("mm/userfaultfd.c", "static ssize_t move_pages(struct userfaultfd_ctx *ctx)", "uffd"),
        ("mm/gup.c", "static long __get_user_pages(struct mm_struct *mm,", "gup"),
        ("mm/huge_memory.c", "vm_fault_t do_huge_pmd_anonymous_page(struct vm_fault *vmf)", "thp"),
        ("mm/vmscan.c", "static unsigned long shrink_folio_list(", "reclaim"),
        ("fs/proc/task_mmu.c", "static int show_map(struct seq_file *m, void *v)", "proc-maps"),
        ("mm/mprotect.c", "static long change_pte_range(struct mmu_gather *tlb,", "mprotect-oracle"),
    ],
)
def test_the_cases_that_are_about_what_was_changed_come_first(
    cases: tuple[Case, ...], file: str, function: str, first: str
) -> None:
    ordered = in_order(cases, [change(file, function)], by_names)
    assert first in [case.name for case in ordered[:3]]
    assert sorted(case.name for case in ordered) == sorted(case.name for case in cases), "none is left out"


def test_what_matches_nothing_leaves_the_order(cases: tuple[Case, ...]) -> None:
    assert in_order(cases, [change("drivers/gpu/drm/i915.c", "int probe(void)")], by_names) == cases
    assert in_order(cases, [], by_names) == cases


def test_the_function_says_more_than_what_it_calls() -> None:
    words = words_of_patches([change("mm/mmap.c", "int split_vma(struct vma *v)", "vma_merge(v);")])
    assert words["split"] > words["mmap"] > words["merge"]
    assert "mm" not in words


def test_another_relevance_takes_its_place() -> None:
    one, other = (Case(name, "", Path(name)) for name in ("a", "b"))
    measured = {"a": 0.1, "b": 0.9}
    assert in_order([one, other], [], lambda case, patches: measured[case.name]) == (other, one)
