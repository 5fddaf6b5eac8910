"""Questions to the history. Each is a function: connection, filter -> a table. A new one is a function and a line
here."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.history.questions.ask import Answer, Filter, Question
from orchestrator.history.questions.flakes import flakes, matrix
from orchestrator.history.questions.groups import labels, machines, series, trees, versions
from orchestrator.history.questions.measures import change_points, coverage, metric, mutants, trends
from orchestrator.history.questions.news import news, tests
from orchestrator.history.questions.passes import passes
from orchestrator.history.questions.runs import files, kernels, results, runs
from orchestrator.history.questions.titles import known, reports, titles

__all__ = ["QUESTIONS", "RESTRICTED_BY", "Answer", "Filter", "Question"]

QUESTIONS: Mapping[str, Question] = {
    "news": news,
    "runs": runs,
    "results": results,
    "kernels": kernels,
    "files": files,
    "tests": tests,
    "passes": passes,
    "matrix": matrix,
    "flakes": flakes,
    "titles": titles,
    "reports": reports,
    "known": known,
    "metric": metric,
    "trends": trends,
    "changes": change_points,
    "mutants": mutants,
    "coverage": coverage,
    "trees": trees,
    "series": series,
    "versions": versions,
    "labels": labels,
    "machines": machines,
}

# Which questions a filter restricts, of those that do not restrict all; the others have no such column
RESTRICTED_BY: Mapping[str, frozenset[str]] = {
    "test": frozenset({
        "news", "results", "files", "tests", "passes", "matrix", "flakes", "titles", "reports", "metric", "trends",
        "changes",
    }),
    "kernel": frozenset({
        "news", "results", "kernels", "tests", "passes", "matrix", "flakes", "titles", "reports", "metric", "trends",
        "changes", "coverage", "labels",
    }),
    "metric": frozenset({"metric", "trends", "changes"}),
    "title": frozenset({"news", "titles", "reports", "known"}),
}  # fmt: skip
