"""base + series -> mutants of the lines that the series changes."""

from __future__ import annotations

from orchestrator.build.apply import apply
from orchestrator.context import Context
from orchestrator.errors import UsageError
from orchestrator.model.kernel import Base
from orchestrator.model.series import Series
from orchestrator.mutation.generate import ChangedFile, Generated, generate
from orchestrator.mutation.vocabulary import load_vocabulary
from orchestrator.parse.code.changed_lines import hunks
from orchestrator.source.git import Git
from orchestrator.source.objects import Trees
from orchestrator.source.trees import base_tree


def generated_mutants(context: Context, base: Base, series: Series) -> Generated:
    """Mutants of the changed lines, the most informative first. Raises PatchDoesNotApply, and UsageError if there is
    none to be made."""
    git, trees = Git(base.home / "git", context.runner), Trees(base, context.runner)
    before, after = base_tree(base, context.runner), apply(context, base, series).value.tree
    prefixes = ("--src-prefix=a/", "--dst-prefix=b/")
    diff = git.check("diff-tree", "-r", "-p", "-U0", "--no-renames", "--no-ext-diff", *prefixes, before, after)
    files = [
        ChangedFile(name, trees.read(before, name) or "", text, changed)
        for name, changed in hunks(diff.stdout).items()
        if (text := trees.read(after, name)) is not None
    ]
    found = generate(files, load_vocabulary())
    if not found.mutants:
        detail = "\n".join(f"{place}: {why}" for place, why in found.unreadable)
        raise UsageError(
            f"no operator can make a mutant of what {series.name} changes: they edit statements in functions, but none "
            "that only logs, asserts or counts",
            hint="write some by hand: --mutants DIR",
            detail=detail,
        )
    return found
