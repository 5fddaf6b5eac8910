"""Kernel reports by their title, and known issues."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.dashboard.columns import section
from orchestrator.dashboard.page import Ask, Page
from orchestrator.history.questions import Answer


def titles(ask: Ask, query: Mapping[str, str]) -> Page:
    found = section(
        "titles",
        "Titles of kernel reports",
        ask("titles"),
        "title, first_seen, last_seen, times, runs, kernels, known: known issue",
        most=1000,
        is_filtered=True,
    )
    return Page("titles", "Kernel reports", (found,))


def title(ask: Ask, name: str, path: str) -> Page:
    reports = ask("reports", title=name, exactly=True, last=500)
    return Page(
        path,
        name,
        (
            section(
                "seen",
                "When",
                ask("titles", title=name, exactly=True),
                "first_seen, last_seen, times, runs, kernels, known",
            ),
            section(
                "reports",
                "Where it was seen",
                reports,
                "started, kernel, test, series, tree, release, times, function, file, patch",
            ),
        ),
    )


def known(ask: Ask, query: Mapping[str, str]) -> Page:
    found = section(
        "known",
        "Known issues",
        _named(ask("known")),
        "state, expression, expires, last_seen, runs, link",
        most=1000,
        is_filtered=True,
    )
    words = "An issue that expired counts as a failure again; one that was never seen may go from the list."
    return Page("known", "Known issues", (found,), words)


def _named(found: Answer) -> Answer:
    """What an issue has for a title is an expression."""
    return Answer(tuple("expression" if name == "title" else name for name in found.columns), found.rows)
