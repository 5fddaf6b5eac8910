"""What is tested: trees, and series with their versions."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.dashboard.columns import section, where
from orchestrator.dashboard.page import Ask, Page, Section
from orchestrator.dashboard.pages.runs import COLUMNS
from orchestrator.history.questions import Answer
from orchestrator.history.standing import BAD
from orchestrator.reporters.summary import Tone

_RUNS = 50


def trees(ask: Ask, query: Mapping[str, str]) -> Page:
    found = section(
        "trees",
        "Trees",
        ask("trees"),
        "tree, verdict: latest verdict, latest, reason, runs, tips: without a series, series_count: series, first",
        is_filtered=True,
    )
    return Page("trees", "Trees", (found,))


def tree(ask: Ask, name: str, path: str) -> Page:
    tests, runs = ask("tests", tree=name, exactly=True), ask("runs", tree=name, last=_RUNS, exactly=True)
    return Page(
        path,
        name,
        (
            failing(tests),
            section("runs", f"The latest {_RUNS} runs", runs, COLUMNS.replace(" tree,", "")),
            section(
                "versions",
                "Series on this tree",
                ask("versions", tree=name, exactly=True),
                "series, full_name: name, verdict, latest, runs, reason",
            ),
            section(
                "bases",
                "Bases",
                _bases(ask("kernels", tree=name, last=500, exactly=True)),
                "commit, base, kernel, outcome, started: latest run",
            ),
        ),
        "The tree's own results are those without a series.",
    )


def series(ask: Ask, query: Mapping[str, str]) -> Page:
    found = section(
        "series",
        "Series",
        ask("series"),
        "series, verdict: latest verdict, newest: newest version, versions, runs, trees, latest, reason",
        is_filtered=True,
        most=1000,
    )
    return Page("series", "Series", (found,))


def one_series(ask: Ask, name: str, path: str) -> Page:
    return Page(
        path,
        name,
        (
            section(
                "versions",
                "Versions",
                ask("versions", series=name, exactly=True),
                "full_name: name, revision: version, verdict, tree, runs, first, latest, digest, reason",
            ),
            failing(ask("tests", series=name, exactly=True)),
            section(
                "coverage",
                "Changed statements that were executed",
                ask("coverage", series=name, exactly=True),
                "started, revision: version, kernel, covered, hit, counted, tree",
            ),
            section(
                "mutants",
                "Mutants",
                ask("mutants", series=name, exactly=True),
                "started, score, killed, survived, skipped, error",
            ),
            section("runs", f"The latest {_RUNS} runs", ask("runs", series=name, last=_RUNS, exactly=True), COLUMNS),
        ),
    )


def failing(tests: Answer) -> Section:
    """Of how tests stand: those that fail."""
    return section(
        "failing",
        "What fails now",
        where(tests, "outcome", *BAD),
        "test, outcome, kernel, series, tree, fails_since, last_pass, latest",
        tone=Tone.BAD,
    )


def _bases(kernels: Answer) -> Answer:
    """The latest of each commit and kernel."""
    commit, kernel = kernels.at("commit"), kernels.at("kernel")
    found = {(row[commit], row[kernel]): row for row in reversed(kernels.rows) if row[commit]}
    return Answer(kernels.columns, tuple(sorted(found.values(), key=lambda row: row[0], reverse=True)))
