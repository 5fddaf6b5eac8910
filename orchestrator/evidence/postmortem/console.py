"""drgn at the user's terminal, on a case's dump. Run as a child: python -m ... VMLINUX DUMP CASE."""

from __future__ import annotations

import sys
from typing import Any

from drgn import Object
from drgn.cli import run_interactive
from drgn.helpers.linux.pid import find_task

from orchestrator.evidence.postmortem.extract import facts_of, open_dump
from orchestrator.evidence.postmortem.facts import GuestFacts
from orchestrator.evidence.postmortem.rules import diagnose, holders
from orchestrator.evidence.postmortem.text import render
from orchestrator.reporters import stream
from orchestrator.reporters.text import harmless

BANNER = """\
{diagnosis}
facts           what the rules know: facts.tasks, facts.mms, facts.mms[0].vmas, ...
report()        the whole post-mortem
holders(vma, mm)  tasks whose stacks show that they have a VMA of facts read-locked
vma(address), task(pid), mm(address)   the kernel's own structures
prog, and drgn's helpers for Linux"""


def main() -> None:
    vmlinux, dump, case = sys.argv[1:4]
    program = open_dump(vmlinux, dump)
    facts = facts_of(program, case)
    diagnosis = diagnose(facts, case)

    def names(standard: dict[str, Any]) -> dict[str, Any]:
        return {**standard, **_helpers(program, facts, diagnosis, case)}

    run_interactive(
        program, globals_func=names, banner_func=lambda _: harmless(BANNER.format(diagnosis=diagnosis or case))
    )


def _helpers(program: Any, facts: GuestFacts, diagnosis: str, case: str) -> dict[str, Any]:

    return {
        "facts": facts,
        "report": lambda: stream.out(render(facts, diagnosis, case)),
        "holders": lambda vma, mm: holders(facts, vma, mm),
        "vma": lambda address: Object(program, "struct vm_area_struct *", address),
        "mm": lambda address: Object(program, "struct mm_struct *", address),
        "task": lambda pid: find_task(program, pid),
    }


if __name__ == "__main__":
    main()
