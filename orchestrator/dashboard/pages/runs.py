"""Runs: all of them, and one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urlencode

from orchestrator.dashboard.columns import NONE, VERDICTS, cell, location, section
from orchestrator.dashboard.page import Ask, BadParameter, Cell, Field, Page, Section
from orchestrator.history.questions import Answer
from orchestrator.model.outcome import Verdict

_EACH = 50
COLUMNS = "started, series, tree, verdict, at_fault: failures at fault, reason, host"


def runs(ask: Ask, query: Mapping[str, str]) -> Page:
    """A page of them. Raises BadParameter."""
    number = query.get("page", "1")
    if not (number.isascii() and number.isdecimal() and len(number) < 7 and int(number) > 0):
        raise BadParameter("page: expected 1, 2, ...")
    verdict, series, host = (query.get(name, "") for name in ("verdict", "series", "host"))
    if verdict and verdict not in VERDICTS:
        raise BadParameter(f"verdict: expected one of {', '.join(VERDICTS)}")
    at = int(number)
    found = ask("runs", verdict=verdict, series=series, host=host, last=_EACH + 1, skip=(at - 1) * _EACH)
    shown = Answer(found.columns, found.rows[:_EACH])
    links = []
    chosen = {name: value for name, value in (("verdict", verdict), ("series", series), ("host", host)) if value}
    if at > 1:
        links.append(Cell("later runs", _query("runs", {**chosen, "page": str(at - 1)})))
    if len(found.rows) > _EACH:
        links.append(Cell("earlier runs", _query("runs", {**chosen, "page": str(at + 1)})))
    verdicts = (("", "any"), *((one.name, one.value) for one in Verdict))
    return Page(
        "runs",
        "Runs",
        (section("runs", "Runs", shown, COLUMNS, empty="no such runs"),),
        fields=(
            Field("verdict", "Verdict", verdict, verdicts),
            Field("series", "Series (* and ? match)", series),
            Field("host", "Machine", host),
        ),
        links=tuple(links),
    )


def run(ask: Ask, name: str, path: str) -> Page:
    """One run: what did not pass first."""
    (found,) = _rows(ask("runs", run=name, exactly=True))
    results = ask("results", run=name, exactly=True)
    outcome = results.at("outcome")
    bad = Answer(results.columns, tuple(row for row in results.rows if row[outcome] not in ("PASS", "SKIP")))
    facts = [
        (head, cell(column, found))
        for column, head in (
            ("verdict", "verdict"),
            ("reason", "reason"),
            ("series", "series"),
            ("tree", "tree"),
            ("started", "started"),
            ("time_s", "took"),
            ("host", "machine"),
            ("location", "where it is"),
        )
    ]
    return Page(
        path,
        f"Run of {str(found['started'])[:16].replace('T', ' ')}",
        (
            section(
                "bad",
                "What did not pass",
                bad,
                "test, outcome, kernel, kind, answer: with and without the series, p, message",
            ),
            section(
                "reports",
                "Kernel reports",
                ask("reports", run=name, exactly=True),
                "title, test, kernel, times, function, file, known",
            ),
            section(
                "kernels",
                "Kernels",
                ask("kernels", run=name, exactly=True),
                "kernel, role, outcome, base, commit, release, patches, accelerator, machine, cpus, memory_mib",
            ),
            section("results", "All results", results, "test, outcome, kernel, kind, time_s", most=1000),
            section(
                "metrics",
                "Metrics",
                ask("metric", run=name, exactly=True),
                "test, name: metric, value, kernel",
                most=1000,
            ),
            _files(ask("files", run=name, exactly=True)),
        ),
        facts=tuple((head, replace(one, link="") if head == "verdict" else one) for head, one in facts if one != NONE),
    )


def _files(found: Answer) -> Section:
    """Links where the run's directory has an address; else their paths in it."""
    made = section("files", "Files", found, "path, test, directory: of the kernel in")
    if made.table is None:
        return made
    at = found.at("location")
    rows = tuple(
        (replace(cells[0], url=location(f"{row[at].rstrip('/')}/{cells[0].text}").url), *cells[1:])
        for cells, row in zip(made.table.rows, found.rows, strict=False)
    )
    return replace(made, table=replace(made.table, rows=rows))


def _rows(found: Answer) -> list[dict[str, object]]:
    return [dict(zip(found.columns, row, strict=True)) for row in found.rows]


def _query(path: str, values: Mapping[str, str]) -> str:
    return f"{path}?{urlencode(values)}"
