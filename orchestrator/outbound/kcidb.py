"""Submission of a document to kcidb-ng's REST service: POST /submit with a JWT. What is wrong with a document is found
out later, by its ingester: GET /status?id= says so. Its objects are known by their ids, so it may be sent twice."""

from __future__ import annotations

import hashlib
from pathlib import Path

from orchestrator.errors import NotSent
from orchestrator.model.report import RunReport
from orchestrator.outbound.parcel import Parcel
from orchestrator.reporters.elsewhere import ci_name, run_id
from orchestrator.reporters.table import KCIDB
from orchestrator.web.api import Server

SCHEME = "Bearer"


def parcels(report: RunReport, run_dir: Path, server: Server) -> tuple[Parcel, ...]:
    """The document in the run directory; none of a run that has none."""
    path = run_dir / KCIDB
    if not path.is_file():
        return ()
    data = path.read_bytes()
    return (
        Parcel(
            server.address,
            f"kcidb {ci_name(report)} {run_id(report)}",
            hashlib.sha256(data).hexdigest(),
            f"KCIDB document ({len(data):,} bytes)",
            KCIDB,
            lambda: submit(server, data),
        ),
    )


def submit(server: Server, data: bytes) -> str:
    """Raises NotSent."""
    answer = server.post("submit", data, is_repeatable=True)
    told = answer.json()
    if not answer.is_ok or not isinstance(told, dict) or told.get("status") != "ok":
        raise NotSent(f"{server.address}: the server does not take the document: {answer.said}")
    return f"submission {told.get('id')}; {server.address}/status?id={told.get('id')} says what became of it"
