"""Which cases come first after a change: those that are named as what was changed."""

from __future__ import annotations

import pytest

from orchestrator.declarations.catalog import load_catalog
from orchestrator.model.case import Case
from orchestrator.model.selection import Learned
from orchestrator.model.series import Patch
from orchestrator.parse.code.relevance import in_order, select, words_of_patches
from orchestrator.parse.patches.commit_patch import commit_patch


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


def ordered_for(cases: tuple[Case, ...], patches: list[Patch]) -> tuple[Case, ...]:
    return in_order(cases, select(cases, patches, {}))


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
    ordered = ordered_for(cases, [change(file, function)])
    assert first in [case.name for case in ordered[:3]]
    assert sorted(case.name for case in ordered) == sorted(case.name for case in cases), "none is left out"


def test_what_matches_nothing_leaves_the_order(cases: tuple[Case, ...]) -> None:
    assert ordered_for(cases, [change("drivers/gpu/drm/i915.c", "int probe(void)")]) == cases
    assert ordered_for(cases, []) == cases


def test_the_function_says_more_than_what_it_calls() -> None:
    words = words_of_patches([change("mm/mmap.c", "int split_vma(struct vma *v)", "vma_merge(v);")])
    assert words["split"] > words["mmap"] > words["merge"]
    assert "mm" not in words


def learned(case: str, *functions: str) -> tuple[str, Learned]:
    return case, Learned(case, "1234", tuple((name, 10.0) for name in functions), is_whole=True)


def test_what_cases_were_seen_to_execute_comes_before_what_they_are_called(cases: tuple[Case, ...]) -> None:
    patches = [change("mm/mremap.c", "int move_vma(int x)"), change("mm/mmap.c", "int split(int x)")]
    known = dict([learned("gup", "move_vma", "split"), learned("scale", "split"), learned("mremap-integrity")])
    found = select(cases, patches, known)
    assert [choice.case for choice in found.choices[:2]] == ["gup", "scale"]
    assert found.choices[0].hits == ("move_vma", "split")
    assert found.choices[-1].case == "mremap-integrity", "it is known to execute none, whatever its name says"
    assert not found.choices[-1].is_proposed
    assert found.missed == ()


def test_a_case_that_executes_a_function_now_and_then_comes_behind_one_that_is_about_it(
    cases: tuple[Case, ...],
) -> None:
    """Every program maps memory when it begins."""
    patches = [change("mm/mmap.c", "int split(int x)")]
    often = Learned("uffd", "1234", (("split", 900.0),))
    found = select(cases, patches, dict([learned("gup", "split"), ("uffd", often), learned("scale", "split")]))
    assert [choice.case for choice in found.choices[:1]] == ["uffd"]
    assert found.choices[0].share == 1.0
    assert 0 < found.choices[1].share < 0.1


def test_a_patch_whose_functions_are_unknown_is_ordered_by_words(cases: tuple[Case, ...]) -> None:
    patches = [change("mm/mremap.c", "")]
    found = select(cases, patches, dict([learned("gup", "split"), learned("mremap-integrity", "split")]))
    assert found.choices[0].case == "mremap-integrity"
    assert found.choices[0].is_proposed


def test_what_no_case_executes_is_named_where_something_was_learned(cases: tuple[Case, ...]) -> None:
    patches = [change("mm/mremap.c", "int move_vma(int x)"), change("mm/mmap.c", "int split(int x)")]
    assert select(cases, patches, dict([learned("gup", "split")])).missed == ("move_vma",)
    assert select(cases, patches, {}).missed == ()


def test_the_order_does_not_depend_on_the_order_of_what_was_learned(cases: tuple[Case, ...]) -> None:
    patches = [change("mm/mmap.c", "int split(int x)")]
    known = [learned(case.name, "split") for case in cases]
    assert select(cases, patches, dict(known)) == select(cases, patches, dict(reversed(known)))
