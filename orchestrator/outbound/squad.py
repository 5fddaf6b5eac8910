"""Submission of results to a SQUAD server: POST /api/submit/GROUP/PROJECT/BUILD/ENVIRONMENT with the fields of a form.
It takes a job_id once, so what is sent twice is there once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

from orchestrator.codec import parse
from orchestrator.errors import NotSent
from orchestrator.host import bounded
from orchestrator.outbound.parcel import Parcel
from orchestrator.reporters.elsewhere import digest
from orchestrator.reporters.table import SQUAD
from orchestrator.web.api import Server
from orchestrator.words import counted

SCHEME = "Token"
_DUPLICATE = "already a test run with job_id"


def parcels(run_dir: Path, server: Server, project: str) -> tuple[Parcel, ...]:
    """The submissions in the run directory; `project` is GROUP/PROJECT."""
    path = run_dir / SQUAD
    if not path.is_file():
        return ()
    found = parse(bounded.read_bytes(path, bounded.RECORD))
    assert isinstance(found, list)
    return tuple(_parcel(one, server, project) for one in found)


def _parcel(found: Any, server: Server, project: str) -> Parcel:
    place = "/".join(quote(part, safe="~") for part in (*project.split("/"), found["build"], found["environment"]))
    fields = {name: json.dumps(found[name], sort_keys=True) for name in ("tests", "metrics", "metadata")}
    return Parcel(
        server.address,
        f"squad {place} {found['metadata']['job_id']}",
        digest(*fields.values()),
        f"results of {found['environment']}: {counted(len(found['tests']), 'test')}, "
        f"{counted(len(found['metrics']), 'metric')}",
        SQUAD,
        lambda: submit(server, place, fields),
    )


def submit(server: Server, place: str, fields: dict[str, str]) -> str:
    """Raises NotSent."""
    answer = server.post_form(f"api/submit/{place}", fields)
    if answer.status == 400 and _DUPLICATE in answer.text:
        return "it has this run already"
    if not answer.is_ok:
        raise NotSent(
            f"{server.address}: the server does not take the results: {answer.said}",
            hint="do the group and the project exist there?" if answer.status == 404 else "",
        )
    return f"build {place}"
