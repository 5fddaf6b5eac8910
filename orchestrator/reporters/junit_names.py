"""What JUnit's suites and test cases are called. Histories hang on these names: the same test has the same pair of
classname and name in every run, of every version of every series, wherever the run stopped. Pure.

    SUITE = [NAME.]KCONFIG.ARCH.COMPILER of the kernel under test, with .baseline, .patch-3, .mutants, ... of others
    classname SUITE.stages             name build       a stage
    classname SUITE.stages.STAGE       name SUBTEST
    classname SUITE.cases              name CASE        the run of a case itself
    classname SUITE.cases.CASE         name SUBTEST
    classname SUITE.mutants            name MUTANT
    classname SUITE                    name verdict     where nothing else says why a run is not clean
"""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.model.kernel import USUAL_ARCH, USUAL_TOOLCHAIN, Role, variant_name
from orchestrator.model.report import RunReport, SuiteReport
from orchestrator.parse.compiler import short_name
from orchestrator.reporters import text

NAME_CHARS = 200
VERDICT = "verdict"


def suite_name(report: RunReport, suite: SuiteReport) -> str:
    """NAME is `--suite-name`. The compiler has no patch level in it: an update of the compiler starts no new
    history."""
    toolchain, arch = suite.facts.toolchain or USUAL_TOOLCHAIN, suite.facts.arch or report.arch
    variant = variant_name(suite.kconfig, toolchain, arch or USUAL_ARCH)
    requested = variant_name("", toolchain).lstrip(".")  # until the compiler has said its version
    compiler = short_name(suite.facts.compiler) or requested or short_name(report.compiler)
    parts = [report.suite_name, suite.kconfig, arch, compiler]
    if not is_under_test(suite, report.suites):
        parts.append(suite.name.removeprefix(f"{variant}."))
    return name(".".join(part for part in parts if part) or suite.name)


def is_under_test(suite: SuiteReport, suites: Sequence[SuiteReport]) -> bool:
    """Whether the run is about this kernel: the one with the whole series, or the base if there is no other."""
    if suite.role is Role.BASELINE:
        return all(other.role is Role.BASELINE for other in suites)
    return suite.role in (Role.PATCHED, Role.COMPILED)


def name(*parts: str) -> str:
    """The parts joined with dots, on one line that is not too long and not empty."""
    return text.one_line(".".join(parts), NAME_CHARS) or "unnamed"
