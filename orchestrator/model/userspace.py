"""Tests of the kernel's own that are compiled for the host out of a tree: what is known of them beforehand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class UserspaceTest:
    """`stage` is its name in a run, `word` the one by which it is asked for. `touches` are the files and directories of
    a tree that it is about: a patch that touches none of them need not wait for it. Empty: it is quick, and always
    runs."""

    stage: str
    word: str
    directory: str
    touches: tuple[str, ...] = ()

    def is_about(self, files: Iterable[str]) -> bool:
        """Whether a change of these files is a reason to run it."""
        return not self.touches or any(file.startswith(self.touches) for file in files)


VMA = UserspaceTest("vma-userspace", "vma", "tools/testing/vma")
RADIX_TREE = UserspaceTest(
    "radix-tree-userspace",
    "radix-tree",
    "tools/testing/radix-tree",
    (
        *(f"lib/{name}.c" for name in ("maple_tree", "xarray", "radix-tree", "idr", "find_bit", "bitmap")),
        *(f"lib/test_{name}.c" for name in ("maple_tree", "xarray", "ida")),
        *(f"include/linux/{name}.h" for name in ("maple_tree", "xarray", "radix-tree", "idr")),
        "lib/radix-tree.h",
        "tools/testing/radix-tree/",
        "tools/testing/shared/",
        "tools/include/",
        "tools/lib/",
    ),
)
USERSPACE_TESTS = (VMA, RADIX_TREE)
