"""Where runs ran."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.dashboard.columns import section
from orchestrator.dashboard.page import Ask, Page


def machines(ask: Ask, query: Mapping[str, str]) -> Page:
    found = section(
        "machines",
        "Machines",
        ask("machines"),
        "host, runs, without_verdict: without a verdict, spoiled: attempts spoiled by the host, "
        "time_s: time, latest, first, guests, version: orchestrate",
        is_filtered=True,
    )
    return Page("machines", "Machines", (found,))
