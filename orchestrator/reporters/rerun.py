"""The command that runs one test of a run again: on the same kernel, with the same seed. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import PurePath

from orchestrator.declarations.kconfigs import kconfig_name
from orchestrator.model.kernel import USUAL_ARCH, USUAL_TOOLCHAIN, Role, variant_name
from orchestrator.model.kernel_facts import KernelFacts
from orchestrator.model.report import CaseResult, StageResult, SuiteReport


def rerun_here(suite: SuiteReport, item: StageResult | CaseResult) -> str:
    """In the run directory, on the machine of the run. Empty where no option names the base: patches that the series
    requires went below it, which is what reproduce.sh does."""
    if suite.facts.under:
        return ""
    patch = {Role.BASELINE: [], Role.PER_PATCH: ["patches", "--each-patch"]}.get(suite.role, ["patches"])
    kconfig = _kconfig(suite, suite.facts.kconfig_files)
    return shlex.join(_words(patch, _base(suite.facts), kconfig, suite, item, suite.facts.toolchain))


def rerun_elsewhere(suite: SuiteReport, item: StageResult | CaseResult, message_id: str) -> tuple[Sequence[str], ...]:
    """The words of each command, for somebody who has the mails and the base: directories of this machine are no
    other's. What the series requires is found in its mails, where no --base says otherwise."""
    facts, before, base = suite.facts, [], list[str]()
    if facts.base_tree:
        commit, base = facts.known_commit[:12], ["--tree", "LINUX"]
        if facts.under:
            before = [["git", "-C", "LINUX", "checkout", "--detach", commit]]
        else:
            base += ["--base", commit]
    elif not facts.under:
        base = _base(facts)
    kconfig = _kconfig(suite, [f"./{PurePath(path).name}" for path in facts.kconfig_files])
    toolchain = variant_name("", facts.toolchain).lstrip(".")
    return (*before, _words([message_id], base, kconfig, suite, item, toolchain))


def _words(
    patch: Sequence[str],
    base: Sequence[str],
    kconfig: str,
    suite: SuiteReport,
    item: StageResult | CaseResult,
    toolchain: str,
) -> Sequence[str]:
    facts = suite.facts
    words = ["orchestrate", "test", *patch, *base, "--kconfig", kconfig]
    words += ["--arch", facts.arch] if facts.arch not in ("", USUAL_ARCH) else []
    words += ["--toolchain", toolchain] if facts.toolchain not in ("", USUAL_TOOLCHAIN) else []
    if isinstance(item, CaseResult):
        words += ["--testcase", item.case]
        words += ["--seed", str(item.seed)] if item.seed else []
    return words


def _kconfig(suite: SuiteReport, files: Sequence[str]) -> str:
    """As --kconfig takes it: what is a file, by its path."""
    paths = {kconfig_name(PurePath(path)): path for path in files}
    return "+".join(paths.get(name, name) for name in suite.kconfig.split("+"))


def _base(facts: KernelFacts) -> list[str]:
    """Of a package, or of a tree."""
    if tree := facts.base_tree:
        return ["--tree", tree, "--base", facts.commit]
    return ["--base", facts.base.partition(" ")[0]] if facts.base else []
