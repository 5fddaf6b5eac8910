"""What is known about a kernel and the guests that ran it, for reports and for later readers of a run."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields

# TREE COMMIT, or TREE REVISION (COMMIT); and what went below the series. A tree's name may hold spaces
_OF_TREE = re.compile(
    r"(?P<tree>/.*?) (?:[0-9a-f]{12}|(?:\S*\{[^}]*\}\S*|\S+) \([0-9a-f]{12}\))(?: with .*)?", re.DOTALL
)


@dataclass(frozen=True)
class KernelFacts:
    """Empty or 0: not known (yet). Names are those of the properties in reports."""

    base: str = ""  # for people: package and version, or tree and revision
    commit: str = ""  # of the base; with what the series requires it is one that only we have
    under: str = ""  # the commit below the patches that the series requires; empty: there are none
    base_url: str = ""  # where the base's branch comes from
    base_branch: str = ""
    tree: str = ""  # what was compiled
    kconfig_files: tuple[str, ...] = ()  # the paths of those that its kconfig joins, where they are files
    arch: str = ""
    toolchain: str = ""  # as it was requested: gcc, clang-19, a directory
    compiler: str = ""
    kernel: str = ""  # the release that was built
    release: str = ""  # the release that the guest showed
    build_id: str = ""
    product: str = ""  # the image's name in the store: a digest of all that it was made of
    warnings: int = 0  # of the compiler, in files that the series touches
    patches: int = 0
    patch: str = ""  # of a kernel behind a patch: "4/9 SUBJECT", the last one that it has
    series_digest: str = ""  # of the whole series that the run is about
    seed: int = 0
    programs: str = ""  # digest of the programs in the guest
    accelerator: str = ""
    machine: str = ""
    cpus: int = 0
    memory_mib: int = 0
    slowdown: float = 0.0  # by how much limits were scaled
    qemu: str = ""  # its version
    mutant: int | None = None  # the number of the one that is switched on; 0: none
    vma_writes: int | None = None  # writes of VMAs in use that were watched, in all guests; None: they were not
    delays: str = ""  # boot parameters that delay

    @property
    def base_tree(self) -> str:
        """The directory of the tree whose revision the base is; empty where it is none."""
        if not self.base.startswith("/"):
            return ""
        found = _OF_TREE.fullmatch(self.base)
        return found["tree"] if found else self.base.partition(" ")[0]

    @property
    def known_commit(self) -> str:
        """The commit of the base that others may have, too."""
        return self.under or self.commit

    def properties(self) -> tuple[tuple[str, str], ...]:
        """Names and values as text of the known facts. 0 is a number of patches or warnings only if something was
        built."""
        zero_says_something = ("mutant", "vma_writes", *(("warnings", "patches") if self.product else ()))
        found = ((entry.name, getattr(self, entry.name)) for entry in fields(self))
        return tuple((name, _as_text(value)) for name, value in found
                     if value not in ("", None) and (value or name in zero_says_something))  # fmt: skip


def _as_text(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(value)
    return f"{value:g}" if isinstance(value, float) else str(value)
