"""Where reports go, and the names in them."""

from __future__ import annotations

from pathlib import Path

from orchestrator.arguments.command import Group, Option, option

STDOUT = "-"  # the name of a file that is none

OUTPUT = option(
    "--output",
    type=Path,
    metavar="DIR",
    completes="directory",
    help="the run directory (default: a new one, or that of the same request if it was interrupted)",
)
JUNIT = option("--junit", metavar="FILE", completes="file", help="write the JUnit report here too; - is stdout")
OTHERS = (
    option(
        "--markdown",
        metavar="FILE",
        completes="file",
        help="write a summary in Markdown here too, for a comment or $GITHUB_STEP_SUMMARY; - is stdout",
    ),
    option(
        "--annotations",
        metavar="FILE",
        completes="file",
        help="write the lines at fault as commands of GitHub Actions here too; - is stdout",
    ),
    option("--sarif", metavar="FILE", completes="file", help="write the lines at fault as SARIF here too; - is stdout"),
)
# `report` uses the names of the run unless they are given again
NAMES = (
    option(
        "--suite-name", metavar="NAME", may_be_empty=True, help="add the prefix NAME. to the names of JUnit's suites"
    ),
    option(
        "--attachments-root",
        metavar="DIR",
        may_be_empty=True,
        completes="directory",
        help="write JUnit's attachments relative to DIR, for GitLab its project directory (default: absolute paths, "
        "for Jenkins)",
    ),
)


CI_NAME = option(
    "--ci-name",
    metavar="NAME",
    help="what other systems call you: KCIDB's origin, the context of patchwork checks (default: orchestrate)",
)
LOCATION = option("--location", metavar="URL", help="the URL of the directory in which others find the run directories")
ELSEWHERE = Group(
    "reports for other systems",
    (
        option("--kcidb", metavar="FILE", completes="file", help="write a KCIDB document here too; - is stdout"),
        option("--squad", metavar="FILE", completes="file", help="write what SQUAD takes here too; - is stdout"),
        option(
            "--reply",
            metavar="FILE",
            completes="file",
            help="write an answer to the series, an mbox, here too; - is stdout. `orchestrate send` sends it",
        ),
        CI_NAME,
        LOCATION,
    ),
)
COVERAGE_FILES = (
    option(
        "--lcov",
        metavar="FILE",
        completes="file",
        help="write the coverage of the changed lines as an lcov tracefile here too; - is stdout",
    ),
    option("--cobertura", metavar="FILE", completes="file", help="write it as Cobertura XML here too; - is stdout"),
)


def json(what: str = "the JSON report") -> Option:
    return option("--json", metavar="FILE", completes="file", help=f"write {what} as JSON here too; - is stdout")


def reports(what: str) -> Group:
    """The reports of a run; `what` its JSON file holds."""
    return Group("reports", (OUTPUT, JUNIT, json(what), *OTHERS, *NAMES))
