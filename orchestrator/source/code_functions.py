"""Which functions of kernel sources lie in the places that data/code-places.toml names -> data/code-functions.txt.

    make code-functions TREES="~/linux-5.10 ~/linux-6.12"

Trees of any versions; the last one counts where a function moved from file to file. A static function that others
have too, with their own code, is left out: its name does not say whose it is.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from orchestrator.errors import UsageError
from orchestrator.parse.code.c_functions import functions
from orchestrator.parse.logs.code_places import FUNCTIONS, PLACES, CodePlaces, write_functions

DATA = Path(__file__).parents[1] / "data"
# Code that is in no kernel, or in no symbol table
_NOT_KERNEL = re.compile(
    r"(?:tools|scripts|samples|Documentation|usr|rust|LICENSES|\.git)/|arch/(?:um|[^/]+/(?:boot|purgatory|vdso\w*|tools|um|entry/vdso))/"
    r"|drivers/firmware/efi/libstub/|(?:.*/)?(?:selftests?|tests?|kunit)/|.*(?:_|-)(?:test|kunit|selftest)\w*\.c$"
)


@dataclass
class _Found:
    """Of all trees: where the places have a function, and which names others have too."""

    global_in: dict[str, dict[str, int]] = field(default_factory=dict)  # function -> file -> number of its place
    static_in: dict[str, dict[str, int]] = field(default_factory=dict)
    inline_in: dict[str, dict[str, int]] = field(default_factory=dict)
    elsewhere: set[str] = field(default_factory=set)  # defined by others
    global_elsewhere: set[str] = field(default_factory=set)

    def files_of(self) -> dict[str, str]:
        """Function -> file, for those whose name says where they are. The place that comes first counts."""
        own = {name: found for name, found in self.static_in.items() if name not in self.elsewhere}
        # headers also have what stands for a function where it is not configured
        inline = {name: found for name, found in self.inline_in.items() if name not in self.global_elsewhere}
        return {
            name: min(reversed(found), key=lambda file: found[file])
            for name, found in sorted({**own, **inline, **self.global_in}.items())
        }


def collect(trees: Sequence[Path], places: CodePlaces) -> dict[str, str]:
    """Function -> file. Raises UsageError for what is no kernel tree."""
    found = _Found()
    for tree in trees:
        for path in sources(tree):
            _file(tree, path, places, found)
    return found.files_of()


def sources(tree: Path) -> Iterator[str]:
    """All source files of the kernel, relative to its tree. Raises UsageError for what is no kernel tree."""
    if not (tree / "Kbuild").is_file():
        raise UsageError(f"{tree}: no kernel source", hint="give the directories that have the kernel's Makefile")
    for where, directories, names in os.walk(tree):
        directories.sort()
        below = os.path.relpath(where, tree).removeprefix(".").removeprefix("/")
        for name in sorted(names):
            path = f"{below}/{name}" if below else name
            if name.endswith((".c", ".h", ".S")) and not _NOT_KERNEL.match(path):
                yield path


def _file(tree: Path, path: str, places: CodePlaces, found: _Found) -> None:
    text = (tree / path).read_text(encoding="utf-8", errors="replace")
    is_header = path.endswith(".h")
    for definition in functions(text, is_assembly=path.endswith(".S")):
        name, rank = definition.function, places.rank(definition.function, path)
        if rank is not None:
            of = found.inline_in if is_header else found.static_in if definition.is_static else found.global_in
            files_of = of.setdefault(name, {})
            files_of.pop(path, None)
            files_of[path] = rank
            continue
        found.elsewhere.add(name)
        if not is_header and not definition.is_static:
            found.global_elsewhere.add(name)


def main(arguments: Sequence[str]) -> None:
    places = CodePlaces(files("orchestrator").joinpath("data", PLACES).read_text(), "")
    found = collect([Path(argument) for argument in arguments], places)
    of = ", ".join(map(version, arguments))
    head = f"Functions of the places of {PLACES}, in Linux {of}. Made by `make code-functions`."
    (DATA / FUNCTIONS).write_text(write_functions(found, head))


def version(tree: str) -> str:
    """`6.12`, as the tree's Makefile says."""
    text = (Path(tree) / "Makefile").read_text()
    return ".".join(re.findall(r"^(?:VERSION|PATCHLEVEL) = (\d+)", text, re.MULTILINE))


if __name__ == "__main__":
    main(sys.argv[1:])
