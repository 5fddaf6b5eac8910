"""Checks of patches in a patchwork, by its REST interface (1.2 or later).

A check cannot be changed, and the same one twice is seen twice. So before one is made, and when it is unsure whether
one was made, patchwork is asked which it has.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from orchestrator.errors import NotSent
from orchestrator.host import bounded
from orchestrator.model.report import RunReport
from orchestrator.outbound.parcel import Parcel
from orchestrator.parse.patches.patchwork_hash import patchwork_hash
from orchestrator.reporters.checks import Check, State, checks
from orchestrator.reporters.elsewhere import is_regression
from orchestrator.reporters.table import REPORT
from orchestrator.web.api import Server
from orchestrator.words import counted

SCHEME = "Token"
PATCHES = "patches"  # of the run directory
LONGEST_URL = 200  # that patchwork takes
_TRIES = 2


@dataclass(frozen=True)
class Wanted:
    """How a patch is found: by its mail, else by its diff, which needs a project."""

    message_id: str
    hash: str
    project: str

    def __str__(self) -> str:
        return f"<{self.message_id}>" if self.message_id else f"hash {self.hash}"


def parcels(report: RunReport, run_dir: Path, server: Server, project: str, *, with_passes: bool) -> tuple[Parcel, ...]:
    """A check for each patch and kernel. Without the passes, one that is no regression is sent only to replace what
    was said before."""
    diffs = sorted((run_dir / PATCHES).glob("*.patch"))
    found = []
    for check in checks(report):
        wanted = _wanted(report, check.patch, diffs, project)
        if wanted:
            found.append(
                Parcel(
                    server.address,
                    f"patchwork {wanted} {check.context}",
                    check.news,
                    f"check {check.context} of patch {check.patch}: {check.state.value}",
                    REPORT,
                    _Sender(server, wanted, check),
                    only_change=not (with_passes or (check.state is State.FAIL and is_regression(report))),
                )
            )
    return tuple(found)


def _wanted(report: RunReport, number: int, diffs: Sequence[Path], project: str) -> Wanted | None:
    message_id = "".join(report.message_ids[number - 1 : number])
    if message_id or not project or not 0 < number <= len(diffs):
        return Wanted(message_id, "", project) if message_id else None
    return Wanted("", patchwork_hash(bounded.read_bytes(diffs[number - 1], bounded.RECORD)), project)


@dataclass(frozen=True)
class _Sender:
    """Makes one check."""

    server: Server
    wanted: Wanted
    check: Check

    def __call__(self) -> str:
        """Raises NotSent."""
        place = f"api/patches/{self._patch()}/checks/"
        for attempt in range(_TRIES):
            if self._is_there(place):
                return "it has this check already"
            try:
                return self._make(place)
            except NotSent as error:
                if not error.is_unsure or attempt == _TRIES - 1:
                    raise
        raise AssertionError("the last attempt returns or raises")

    def _patch(self) -> int:
        """The number of the patch there."""
        query = {"msgid": self.wanted.message_id} if self.wanted.message_id else {"hash": self.wanted.hash}
        if self.wanted.project:
            query["project"] = self.wanted.project
        rows = self._rows("api/patches/", query)
        # a message id is one patch of each project that it was sent to
        found: dict[int, dict[str, Any]] = {row["id"]: row for row in rows if isinstance(row.get("id"), int)}
        if not found:
            raise NotSent(
                f"{self.server.address} has no patch {self.wanted}", hint="is it the right server and project?"
            )
        if len(found) > 1:
            names = sorted({str((row.get("project") or {}).get("link_name", "?")) for row in found.values()})
            raise NotSent(
                f"{self.server.address} has {counted(len(found), 'patch')} {self.wanted}, of {', '.join(names)}",
                hint="patchwork_project (or --patchwork-project) names one of the projects",
            )
        (number,) = found
        return number

    def _is_there(self, place: str) -> bool:
        """Whether the latest check of this context says the same."""
        rows = self._rows(place, {"context": self.check.context, "per_page": "250"})
        latest = max(rows, key=lambda row: row["id"] if isinstance(row.get("id"), int) else 0, default=None)
        return latest is not None and (latest.get("state"), latest.get("description")) == (
            self.check.state.value,
            self.check.description,
        )

    def _make(self, place: str) -> str:
        body = {
            "state": self.check.state.value,
            "context": self.check.context,
            "description": self.check.description,
        }
        if self.check.target_url and len(self.check.target_url) <= LONGEST_URL:
            body["target_url"] = self.check.target_url
        answer = self.server.post(place, json.dumps(body).encode(), is_repeatable=False)
        if not answer.is_ok:
            raise NotSent(f"{self.server.address}: the server does not take the check: {answer.said}")
        told = answer.json()
        return f"check {told.get('id')}" if isinstance(told, dict) else "made"

    def _rows(self, place: str, query: dict[str, str]) -> list[dict[str, Any]]:
        answer = self.server.get(place, **query)
        rows = answer.json()
        if not answer.is_ok or not isinstance(rows, list):
            raise NotSent(
                f"{self.server.address}/{quote(place)}: no list of patchwork's: {answer.said}",
                hint="is it the address of a patchwork, without /api?",
            )
        return [row for row in rows if isinstance(row, dict)]
