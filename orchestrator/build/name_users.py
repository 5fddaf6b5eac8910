"""Names of functions, types and macros -> the C sources of a tree that use them, by their text alone."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from orchestrator.build.toolchain import Toolchain
from orchestrator.context import Context
from orchestrator.source.git import Git
from orchestrator.storage.store import key, write_atomically

TOO_COMMON = 60  # a name that more sources use says little about who is concerned
PLACES = ("arch", "block", "fs", "io_uring", "ipc", "kernel", "lib", "mm", "net/core", "security")


def users_of_names(
    context: Context, git: Git, tree: str, names: Sequence[str], toolchain: Toolchain, too_common: int = TOO_COMMON
) -> list[str]:
    """Sources of this architecture that use some of the names, those that use most of them first."""
    if not names:
        return []
    product_key = key("users", tree=tree, names=names, places=PLACES)
    found = context.store.get("users", product_key)
    if found is None:  # it takes seconds, and is the same for all kernels
        pattern = f"({'|'.join(names)})"
        places = [f"{place}/*.c" for place in PLACES]
        said = git.ask("grep", "-o", "-z", "-w", "-E", "-e", pattern, tree, "--", *places).stdout
        found = context.store.put("users", product_key, lambda home: write_atomically(home / "uses", said))
    lines = (found / "uses").read_text("utf-8", "surrogateescape").splitlines()
    # NAME OF THE FILE, NUL, NAME
    uses = [tuple(line.split("\0", 1)) for line in sorted({line.removeprefix(f"{tree}:") for line in lines})]
    common = Counter(use[1] for use in uses if len(use) == 2)
    counts = Counter(use[0] for use in uses if len(use) == 2 and common[use[1]] <= too_common)
    elsewhere = re.compile(rf"arch/(?!{re.escape(toolchain.source)}/)")
    return [file for file, _ in sorted(counts.items(), key=lambda one: (-one[1], one[0])) if not elsewhere.match(file)]
