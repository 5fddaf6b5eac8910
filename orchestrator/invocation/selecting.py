"""Which cases come first: what earlier runs learned, put into a plan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from orchestrator.context import Context
from orchestrator.jobs.learned import known
from orchestrator.model.kernel import USUAL_ARCH
from orchestrator.model.request import Plan
from orchestrator.model.selection import Choice, Selection
from orchestrator.model.series import Patch
from orchestrator.parse.code.relevance import in_order, select
from orchestrator.words import counted

TOLD = 3  # cases, and functions of a case, that one line names


def selected(context: Context, plan: Plan, patches: Sequence[Patch]) -> tuple[Plan, Selection]:
    """The plan with its cases in the order in which they are most likely to notice something about these patches; what
    was learned on the first kconfig decides, where it can be counted."""
    learned = known(context.places, context.catalog, plan.kconfigs[0].on(USUAL_ARCH), plan.cases)
    found = select(plan.cases, patches, learned)
    ordered = replace(
        plan, cases=in_order(plan.cases, found), order=order_words(found), learned=tuple(learned.values())
    )
    return ordered, found


def order_words(found: Selection) -> str:
    """Why the cases come in this order; empty where nothing speaks for any of them."""
    first = [choice for choice in found.choices if choice.is_proposed]
    if not first:
        return ""
    if not first[0].hits:
        return "order: cases that are named as what was changed come first; what they execute has not been learned"
    told = ", ".join(
        f"{choice.case} ({choice.share:.1f} of {len(found.changed)})" for choice in first[:TOLD] if choice.hits
    )
    changed = counted(len(found.changed), "changed function")
    return f"order: cases that execute the {changed} most often come first: {told}"


def reasons(choice: Choice, changed: Sequence[str]) -> str:
    """Why a case is proposed, or is not."""
    if choice.hits:
        others = len(choice.hits) - TOLD
        names = ", ".join(f"{name}()" for name in choice.hits[:TOLD]) + (f" and {others} more" if others > 0 else "")
        return (
            f"{choice.share:.1f}: executes {len(choice.hits)} of {counted(len(changed), 'changed function')}: {names}"
        )
    if choice.is_learned:
        return "executes none of the changed functions"
    return "named as what was changed; not learned" if choice.words else "not learned, and no word in common"


def lines(found: Selection) -> Iterator[tuple[str, ...]]:
    """A row for each case: whether it is proposed, its name, and why."""
    for choice in found.choices:
        yield "propose" if choice.is_proposed else "", choice.case, reasons(choice, found.changed)
