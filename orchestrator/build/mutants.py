"""applied tree + mutants -> one tree that carries all mutants, switched by a boot parameter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.build import schemata
from orchestrator.build.product import Product
from orchestrator.build.schemata import SWITCH, CannotSwitch
from orchestrator.context import Context
from orchestrator.model.kernel import AppliedTree
from orchestrator.model.series import Mutant
from orchestrator.source.git import Git
from orchestrator.source.objects import Trees
from orchestrator.storage import kept
from orchestrator.storage.manifest import file_digest
from orchestrator.storage.store import key, write_atomically
from orchestrator.words import counted

SWITCH_FILE = "mm/orchestrate_mutant.c"
SWITCH_SOURCE = f"""\
// SPDX-License-Identifier: GPL-2.0-only
/* Which mutant is on. 0, the default, is none: then every function runs its own body. */
#include <linux/cache.h>
#include <linux/export.h>
#include <linux/init.h>
#include <linux/kernel.h>

int {SWITCH} __ro_after_init;
EXPORT_SYMBOL_GPL({SWITCH});

static int __init switch_on(char *number)
{{
	int error = kstrtoint(number, 0, &{SWITCH});

	pr_info("{SWITCH}: %d is on\\n", {SWITCH});
	return error;
}}
early_param("{SWITCH}", switch_on);
"""
MAKEFILE = "mm/Makefile"
MAKEFILE_LINE = f"obj-y += {Path(SWITCH_FILE).stem}.o\n"
FILE, SCHEMA = "schemata.json", 1


@dataclass(frozen=True)
class SchemataFile:
    """What schemata.json says: ids of trees; `own` and `refused` by mutant."""

    tree: str
    files: tuple[str, ...]
    refused: tuple[tuple[str, str], ...]
    own: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Schemata:
    """`applied` carries all mutants but the refused ones (name, why). `own` are trees of mutants that cannot be
    switched, each on top of `applied`."""

    applied: AppliedTree
    refused: tuple[tuple[str, str], ...]
    own: tuple[tuple[str, AppliedTree], ...]

    def tree_of(self, mutant: str) -> AppliedTree:
        return dict(self.own).get(mutant, self.applied)


def parameter(number: int) -> str:
    """The boot parameter that switches a mutant on."""
    return f"{SWITCH}={number}"


def make_schemata(
    context: Context, applied: AppliedTree, mutants: Sequence[Mutant], left_out: frozenset[str] = frozenset()
) -> Product[Schemata]:
    """Put all mutants into one tree, but for those whose names are left out: their numbers stay theirs. A mutant that
    does not apply or cannot be switched is refused, not fatal."""
    taken = [(number, mutant) for number, mutant in enumerate(mutants, 1) if mutant.name not in left_out]
    product_key = key(
        "schemata",
        home=str(applied.base.home),
        tree=applied.tree,
        mutants=[(number, mutant.name, mutant.digest, mutant.has_own_build) for number, mutant in taken],
        schema=SCHEMA,
        how=file_digest(Path(schemata.__file__)) + file_digest(Path(__file__)),
    )
    git = Git(applied.base.home / "git", context.runner)
    known = context.store.read("schemata", product_key, lambda found: kept.load(SchemataFile, found / FILE, SCHEMA))
    if known and git.has(known.tree):  # else the base was imported anew since
        return Product(_schemata(applied, known), cached=True, note=_note(known))
    facts = _combine(Trees(applied.base, context.runner), applied.tree, taken)

    def fill(scratch: Path) -> None:
        write_atomically(scratch / FILE, kept.dumps(facts, SCHEMA))

    context.store.put("schemata", product_key, fill)
    detail = "\n".join(f"{name}: {why}" for name, why in facts.refused)
    return Product(_schemata(applied, facts), cached=False, note=_note(facts), detail=detail)


def _combine(trees: Trees, tree: str, mutants: Sequence[tuple[int, Mutant]]) -> SchemataFile:
    refused: list[tuple[str, str]] = []
    texts: dict[str, dict[int, str]] = {}  # file -> number -> the file as the mutant has it
    originals: dict[str, str] = {}
    for number, mutant in mutants:
        if mutant.has_own_build:
            continue
        mutated, why = trees.with_diff(tree, mutant.diff)
        try:
            changed = _texts(trees, tree, mutated, originals) if mutated else {}
            for name, text in changed.items():
                schemata.metamutant(originals[name], {number: text})
        except CannotSwitch as error:
            why = f"cannot be switched: {str(error).partition(': ')[2]} (Build: own builds it by itself)"
        if why:
            refused.append((mutant.name, why))
            continue
        for name, text in changed.items():
            texts.setdefault(name, {})[number] = text
    combined = {name: schemata.metamutant(originals[name], by_number) for name, by_number in texts.items()}
    combined[SWITCH_FILE] = SWITCH_SOURCE
    combined[MAKEFILE] = (trees.read(tree, MAKEFILE) or "") + MAKEFILE_LINE
    whole = trees.with_files(tree, combined)
    own: list[tuple[str, str]] = []
    for _, mutant in mutants:
        if mutant.has_own_build:
            mutated, why = trees.with_diff(whole, mutant.diff)
            if why:
                refused.append((mutant.name, why))
            else:
                own.append((mutant.name, mutated))
    return SchemataFile(whole, tuple(sorted(texts)), tuple(refused), tuple(own))


def _texts(trees: Trees, tree: str, mutated: str, originals: dict[str, str]) -> Mapping[str, str]:
    """The files that a mutant changes, as it has them. Raises CannotSwitch. Notes the originals."""
    texts = {}
    for name in trees.changed_files(tree, mutated):
        if name not in originals:
            original = trees.read(tree, name)
            if original is None:
                raise CannotSwitch(f": {name} is a new file")
            originals[name] = original
        text = trees.read(mutated, name)
        if text is None:
            raise CannotSwitch(f": {name} is removed")
        texts[name] = text
    return texts


def _schemata(applied: AppliedTree, facts: SchemataFile) -> Schemata:
    files = tuple(dict.fromkeys((*applied.files, *facts.files)))
    whole = replace(applied, tree=facts.tree, files=files)
    return Schemata(
        applied=whole,
        refused=facts.refused,
        own=tuple((name, replace(whole, tree=tree)) for name, tree in facts.own),
    )


def _note(facts: SchemataFile) -> str:
    refused = f", {len(facts.refused)} cannot be used" if facts.refused else ""
    return f"mutants in {counted(len(facts.files), 'file')}{refused}"
