"""A page -> HTML or JSON. Pure, but for the templates."""

from __future__ import annotations

import json
from collections.abc import Mapping

from orchestrator.dashboard.page import Page
from orchestrator.dashboard.site import WHOLE
from orchestrator.reporters.html.render import Look, render

LIVE = Look(("page.css", "dashboard.css"), "'self'")
STATIC = Look(("page.css", "dashboard.css"))


def html(page: Page, look: Look) -> bytes:
    """Without forms where nobody answers them."""
    shown = render("dashboard.html", look, page=page, whole=WHOLE, is_live=look == LIVE)
    return shown.encode("utf-8", "backslashreplace")


def as_json(page: Page, query: Mapping[str, str]) -> bytes:
    """`sections` by their id, each with its rows as objects: all of them, also where the HTML shows the first."""
    sections = {
        one.id: {
            "title": one.title,
            "rows": [dict(zip(one.data.columns, row, strict=True)) for row in one.data.rows],
        }
        for one in page.sections
    }
    facts = {name: cell.text for name, cell in page.facts}
    found = {"path": page.path, "title": page.title, "parameters": dict(query), "facts": facts, "sections": sections}
    return json.dumps(found, indent=1).encode("ascii") + b"\n"


def failure_json(title: str, words: str) -> bytes:
    return json.dumps({"error": title, "detail": words}).encode("ascii") + b"\n"


def failure(title: str, words: str, look: Look = LIVE) -> bytes:
    """What is shown instead of a page."""
    return html(Page("error", title, (), words), look)
