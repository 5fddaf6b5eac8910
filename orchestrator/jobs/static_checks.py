"""What compilers and checkers say about a patch that they did not say before it.

gcc with W=1 and sparse check the objects of the files that the patch touches. checkpatch checks its diff, not its
message, which a patch does not have here. The findings are information and no failure: checkpatch is often wrong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from orchestrator.build.product import Product
from orchestrator.build.toolchain import Toolchain
from orchestrator.build.warnings import checked_worktree, move_there, warnings
from orchestrator.context import Context
from orchestrator.host.process import Command, Confined, find_program
from orchestrator.model.kernel import AppliedTree, KernelConfig
from orchestrator.model.series import Patch
from orchestrator.model.static_finding import Severity, StaticFinding
from orchestrator.parse.static_findings import checkpatch_findings, new_findings

CHECKPATCH = "scripts/checkpatch.pl"
ORDER = list(Severity)


def static_findings(
    context: Context,
    applied_before: AppliedTree,
    applied_after: AppliedTree,
    patch: Patch,
    config: KernelConfig,
    toolchain: Toolchain,
    log: Path,
) -> tuple[StaticFinding, ...]:
    """The new findings: the compiler's first, each tool's worst first, and what was not checked last.

    `log` is the compiler's log; the output of the other tools is beside it. Raises CommandFailed and ToolMissing if the
    host is at fault.
    """
    sources = sorted(name for name in patch.files if name.endswith((".c", ".S")))
    with checked_worktree(context, applied_after.base) as lock:
        said: list[StaticFinding] = []
        if sources:
            before, after = (
                warnings(context, tree, sources, config, toolchain, lock, path)
                for tree, path in ((applied_before, log.with_name(f"{log.name}.before")), (applied_after, log))
            )
            said += new_findings([finding for finding in before if finding.severity is not Severity.NOT_RUN], after)
        elif any(name.endswith(".h") for name in patch.files):
            said.append(
                _not_run(toolchain.cc.split()[-1], "the patch touches no source file, and headers have no object")
            )
        said += _checkpatch(context, applied_after, patch)
    tools = tuple(dict.fromkeys(finding.tool for finding in said))  # as they came: compiler, sparse, checkpatch
    return tuple(sorted(said, key=lambda finding: _rank(finding, tools)))


def told(found: Sequence[StaticFinding]) -> Product[None]:
    """The findings as the result of a stage, which always passes: the number for each tool, and a line for each
    finding."""
    silent = [finding for finding in found if finding.severity is Severity.NOT_RUN]
    missing = [f"{finding.tool} not run ({finding.message})" for finding in silent]
    counts = Counter(finding.tool for finding in found if finding not in silent)
    new = ", ".join(f"{count} of {tool}" for tool, count in counts.items())
    note = "; ".join([f"new: {new}" if new else "nothing new", *missing])
    return Product(None, cached=False, note=note, detail="\n".join(finding.words for finding in found))


def _rank(finding: StaticFinding, tools: Sequence[str]) -> tuple[bool, int, int, str, int]:
    is_none = finding.severity is Severity.NOT_RUN
    return is_none, tools.index(finding.tool), ORDER.index(finding.severity), finding.file, finding.line


def _checkpatch(context: Context, applied: AppliedTree, patch: Patch) -> tuple[StaticFinding, ...]:
    if find_program("perl") is None:
        return (_not_run("checkpatch", "perl is not installed"),)
    tree = move_there(context, applied)
    if not (tree / CHECKPATCH).is_file():
        return (_not_run("checkpatch", f"the tree has no {CHECKPATCH}"),)
    options = ("--no-tree", "--terse", "--show-types", "--showfile", "--no-summary")
    command = Command(("perl", CHECKPATCH, *options, "-"), cwd=tree, confined=Confined(reads=(tree.parent,)))
    result = context.runner.run(command, stdin=patch.diff)
    found = checkpatch_findings(result.text)
    if result.status not in (0, 1) or (result.stderr and not found):
        return (_not_run("checkpatch", f"{CHECKPATCH} failed: {result.tail(1)}"),)
    return found


def _not_run(tool: str, why: str) -> StaticFinding:
    return StaticFinding(tool, "", 0, Severity.NOT_RUN, why)
