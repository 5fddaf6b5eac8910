"""orchestrate select: which cases does a patch need, and why?"""

from __future__ import annotations

import argparse
from pathlib import Path

from orchestrator.arguments.options.reports import STDOUT
from orchestrator.codec import dumps
from orchestrator.errors import UsageError
from orchestrator.invocation.compose import invoke, listening
from orchestrator.invocation.selecting import lines, selected
from orchestrator.invocation.targets import check_target, write_target
from orchestrator.model.selection import Selection
from orchestrator.reporters import stream
from orchestrator.reporters.columns import columns, wrapped
from orchestrator.reporters.text import printable


def run(args: argparse.Namespace) -> int:
    if args.json:
        check_target(args.json)
    with listening(args) as emit:
        invocation = invoke(args, emit)
        series = invocation.plan.series
        if series is None:
            raise UsageError("cases are selected for a patch, and there is none", hint="--patch PATH")
        _, found = selected(invocation.context, invocation.plan, series.patches)
    if args.json:
        content = f"{dumps(found)}\n".encode()
        stream.data(content) if args.json == STDOUT else write_target(Path(args.json), content)
    if args.json != STDOUT:
        stream.out("".join(f"{line}\n" for line in table(found, stream.width())))
    return 0


def table(found: Selection, width: int | None) -> list[str]:
    """The cases in order, then the changed functions that no case is known to execute."""
    rows = [tuple(map(printable, row)) for row in lines(found)]
    missed = [printable(f"{name}()") for name in found.missed]
    if not found.changed:
        return [*columns(rows, width), "the patch changes no function that its diff names"]
    if not any(choice.is_learned for choice in found.choices):
        return [*columns(rows, width), "nothing was learned for this kconfig yet: a test under TCG learns it"]
    words = f"no case is known to execute {', '.join(missed)}" if missed else "each changed function is executed"
    return [*columns(rows, width), *wrapped(words, width)]
