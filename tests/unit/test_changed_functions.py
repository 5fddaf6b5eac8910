"""The functions that a diff names: from its hunks' headings, and from the heads that stand in its context."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.declarations.patches import read_series
from orchestrator.parse.code.changed_functions import changed_functions
from orchestrator.parse.patches.commit_patch import commit_patch

ROOT = Path(__file__).resolve().parents[2]


def names(hunks: str) -> tuple[str, ...]:
    diff = f"diff --git a/mm/x.c b/mm/x.c\n--- a/mm/x.c\n+++ b/mm/x.c\n{hunks}"
    return changed_functions([commit_patch(1, 1, diff.encode())])


@pytest.mark.parametrize(
    ("hunks", "expected"),
    [
        ("@@ -9,2 +9,3 @@ static int one(struct vma *v)\n \ta();\n+\tb();\n \tc();\n", ("one",)),
        ("@@ -9,2 +9,2 @@ static int *one(void)\n-\ta();\n+\tb();\n \tc();\n", ("one",)),
        # the change lies in a function that begins within the hunk
        ("@@ -9,5 +9,6 @@ static int one(void)\n \ta();\n }\n \n int two(int a,\n \t\tint b)\n+{\n", ("two",)),
        ("@@ -9,3 +9,2 @@ int one(void)\n-\ta();\n }\n int two(void)\n", ("one",)),
        # what lies between functions is no function's
        ("@@ -9,2 +9,4 @@ int one(void)\n }\n+\n+static int limit = 3;\n \n", ()),
        ("@@ -9,1 +9,5 @@ int one(void)\n }\n+static bool\n+new_one(struct vma *v)\n+{\n+}\n", ("new_one",)),
        ("@@ -9,1 +9,2 @@\n+int two(void);\n \n", ()),
        (
            "@@ -9,2 +9,2 @@ SYSCALL_DEFINE2(munmap, unsigned long, addr, size_t, len)\n-\ta();\n+\tb();\n \tc();\n",
            ("munmap",),
        ),
        ("@@ -9,2 +9,2 @@ struct vma {\n-\tint a;\n+\tlong a;\n \tint b;\n", ()),
        ("@@ -9,2 +9,2 @@ #define lock(x)\n-\tint a;\n+\tlong a;\n \tint b;\n", ()),
        # a label and a goto to it begin in the first column too
        ("@@ -9,2 +9,3 @@ int one(void)\n out:\n+\tput(v);\n \treturn 0;\n", ("one",)),
    ],
)
def test_the_functions_of_a_diff(hunks: str, expected: tuple[str, ...]) -> None:
    assert names(hunks) == expected


def test_the_functions_of_a_real_series() -> None:
    found = changed_functions(read_series(ROOT / "patches/vm_refcnt").patches)
    assert {"vma_start_read", "lock_vma_under_rcu", "uffd_move_lock", "vm_area_dup"} <= set(found)
    assert "test_simple_merge" not in found, "tools/testing is no part of a kernel"
    assert len(found) == len(set(found))
