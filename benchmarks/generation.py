"""What generation makes of patches, without any guest: candidates, and what is left of them when they are compiled.

    .venv/bin/python benchmarks/generation.py --tree DIR [--base HEAD] [--kconfig base] [--most 30] PATCH...

For each patch it prints how many mutants the operators write, on how many lines, what becomes of each when it is
compiled by itself (the stage `screen`, with no limit to how many stay), and how long that took.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from orchestrator.build.generated import generated_mutants
from orchestrator.build.product import Product
from orchestrator.context import Context, Places
from orchestrator.declarations.catalog import load_catalog
from orchestrator.declarations.patches import read_series
from orchestrator.errors import OrchestrateError
from orchestrator.host.process import Cancel, Runner
from orchestrator.jobs.build import Finders, Tree, make_tree, sift
from orchestrator.model.kernel import Kernel, Role, Source
from orchestrator.model.subject import Subject
from orchestrator.source.bases import Workplace, tree_base

T = TypeVar("T")
KINDS = (  # the beginning of a reason, and what it is counted as
    ("without effect", "equivalent"),
    ("compiles to the same code as", "double"),
    ("does not compile", "does not compile"),
    ("not among", "beyond the limit"),
)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("patches", nargs="+", type=Path, metavar="PATCH")
    arguments.add_argument("--tree", required=True, type=Path)
    arguments.add_argument("--base", default="HEAD")
    arguments.add_argument("--kconfig", default="base")
    arguments.add_argument("--most", type=int, default=1000)
    args = arguments.parse_args()
    context = Context(Places.of_user(), load_catalog(), Runner(Cancel()), lambda event: None)
    print(
        "| patch | candidates | lines | not compiled here | does not compile | equivalent | double | left | seconds |"
    )
    for path in args.patches:
        try:
            print(figures(context, path, args), flush=True)
        except OrchestrateError as error:
            print(f"| {path.stem} | {error.message} |", flush=True)
    return 0


def figures(context: Context, path: Path, args: argparse.Namespace) -> str:
    series = read_series(path)
    base, _ = tree_base(args.tree, args.base, Workplace(context.places.bases, context.runner, print))
    began = time.monotonic()
    mutants = generated_mutants(context, base, series).mutants
    kernel = Kernel(Source(str(args.tree), args.base), context.catalog.kconfig(args.kconfig), series, mutants=mutants)
    subject = Subject(kernel, Role.MUTATED, f"{args.kconfig}.mutated")
    found: list[tuple[str, str]] = []
    with tempfile.TemporaryDirectory() as logs:

        def screened(tree: Tree) -> tuple[tuple[str, str], ...]:
            found.extend(sift(context, stage, subject, tree, mutants, args.most, Path(logs)))
            return tuple(found)

        make_tree(context, stage, subject, Finders(lambda source: (base, True), not_asked), screened)
    counts = Counter(kind_of(why) for _, why in found)
    lines = len({(mutant.file, mutant.lines[0]) for mutant in mutants})
    seconds = time.monotonic() - began
    kinds = ("not compiled here", "does not compile", "equivalent", "double")
    cells = (path.stem, len(mutants), lines, *(counts[kind] for kind in kinds), len(mutants) - len(found))
    return f"| {' | '.join(map(str, cells))} | {seconds:.0f} |"


def kind_of(why: str) -> str:
    return next((kind for beginning, kind in KINDS if why.startswith(beginning)), "not compiled here")


def stage(name: str, work: Callable[[], Product[T]]) -> T:
    return work().value


def not_asked() -> tuple[object, object]:
    raise AssertionError("no guest is booted")


if __name__ == "__main__":
    sys.exit(main())
