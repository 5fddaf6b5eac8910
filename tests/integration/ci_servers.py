"""Servers of kernel CI on the loopback: they take and refuse what the real ones do, and fail on demand.

The facts are those of the servers' public sources: kcidb-ng (kcidb-restd-rs), patchwork (patchwork/api), SQUAD
(squad/api, squad/core/tasks).
"""

from __future__ import annotations

import json
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from kcidb_io.schema import LATEST

TOKEN = "s3cret-t0ken"
Reply = tuple[int, Any]  # HTTP status, and what becomes JSON
Trouble = Callable[[BaseHTTPRequestHandler], bool]  # whether what was asked is done all the same, without an answer


@dataclass
class CiServer:
    """`troubles` are met first, one by each request; None is none. `requests` are (method, path) as they came."""

    troubles: list[Trouble | None] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)
    address: str = ""

    def answer(self, method: str, path: str, query: dict[str, str], body: bytes, kind: str) -> Reply:
        raise NotImplementedError

    def is_authorized(self, header: str) -> bool:
        scheme, _, token = header.partition(" ")
        return scheme.lower() in ("bearer", "token") and token == TOKEN


@dataclass
class Kcidb(CiServer):
    """Keeps submissions. What it takes is valid JSON; its ingester validates later, which is done here at once."""

    submissions: list[dict[str, Any]] = field(default_factory=list)

    def answer(self, method: str, path: str, query: dict[str, str], body: bytes, kind: str) -> Reply:
        if (method, path) != ("POST", "/submit"):
            return 404, {}
        try:
            found = json.loads(body)
        except ValueError as error:
            return 400, {"id": "0", "status": "error", "message": str(error)}
        LATEST.validate_exactly(found)
        self.submissions.append(found)
        return 200, {"id": f"submission{len(self.submissions)}", "status": "ok", "message": "Received"}


@dataclass
class Patchwork(CiServer):
    """`patches` have id, msgid (with brackets), hash and project; checks are made for them."""

    patches: list[dict[str, Any]] = field(default_factory=list)
    checks: list[dict[str, Any]] = field(default_factory=list)

    def answer(self, method: str, path: str, query: dict[str, str], body: bytes, kind: str) -> Reply:
        if path == "/api/patches/":
            found = [one for one in self.patches if f"<{query.get('msgid', '')}>" == one["msgid"]
                     or query.get("hash", "").lower() == one["hash"]]  # fmt: skip
            found = [one for one in found if query.get("project") in (None, one["project"]["link_name"])]
            return 200, found
        match = re.fullmatch(r"/api/patches/(\d+)/checks/", path)
        if not match or int(match[1]) not in [one["id"] for one in self.patches]:
            return 404, {"detail": "Not found."}
        if method == "GET":
            return 200, [
                one for one in self.checks if one["patch"] == int(match[1]) and one["context"] == query["context"]
            ]
        given = json.loads(body)
        if given.get("state") not in ("pending", "success", "warning", "fail"):
            return 400, {"state": ["A check must have a state."]}
        if not re.fullmatch(r"[-a-zA-Z0-9_]{1,255}", given["context"]):
            return 400, {"context": ["Enter a valid slug"]}
        if len(given.get("target_url", "")) > 200:
            return 400, {"target_url": ["Ensure this field has no more than 200 characters."]}
        self.checks.append({**given, "id": 100 + len(self.checks), "patch": int(match[1])})
        return 201, self.checks[-1]


@dataclass
class Squad(CiServer):
    """Test runs by build and environment; a job_id is taken once in a build."""

    runs: list[dict[str, Any]] = field(default_factory=list)

    def answer(self, method: str, path: str, query: dict[str, str], body: bytes, kind: str) -> Reply:
        match = re.fullmatch(r"/api/submit/(~?[\w.-]+)/([\w.-]+)/([\w.-]+)/([\w.-]+)", path)
        if method != "POST" or not match or match[1] != "mm":
            return 404, "Not found"
        form = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + body, policy=policy.HTTP)
        fields = {}
        for part in form.iter_parts():  # type: ignore[attr-defined]
            fields[part.get_param("name", header="content-disposition")] = part.get_payload(decode=True).decode()
        tests, metrics, metadata = (json.loads(fields[name]) for name in ("tests", "metrics", "metadata"))
        for value in metrics.values():
            if not isinstance(value, list | int | float):
                return 400, f"{value} is not a valid metric"
        if "/" in metadata["job_id"]:
            return 400, 'job_id cannot contain the "/" character'
        if any(one["build"] == match[3] and one["metadata"]["job_id"] == metadata["job_id"] for one in self.runs):
            return 400, f"There is already a test run with job_id {metadata['job_id']}"
        self.runs.append(
            {"build": match[3], "environment": match[4], "tests": tests, "metrics": metrics, "metadata": metadata}
        )
        return 201, ""


def status(code: int, **headers: str) -> Trouble:
    """Answer with a status, and have done nothing."""

    def trouble(handler: BaseHTTPRequestHandler) -> bool:
        handler.send_response(code)
        for name, value in {"Content-Length": "0", **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        return False

    return trouble


def done_and_lost(handler: BaseHTTPRequestHandler) -> bool:
    """Do what was asked, and hang up without an answer."""
    return True


@contextmanager
def serving(server: CiServer) -> Iterator[CiServer]:
    """The server, running at its address."""

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            parts = urlsplit(self.path)
            server.requests.append((self.command, self.path))
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            trouble = server.troubles.pop(0) if server.troubles else None
            is_lost = trouble is not None and trouble(self)
            if trouble and not is_lost:
                return
            if not server.is_authorized(self.headers.get("Authorization", "")):
                reply: Reply = (401, {"detail": "Invalid token."})
            else:
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                kind = self.headers.get("Content-Type", "")
                reply = server.answer(self.command, unquote(parts.path), query, body, kind)
            if is_lost:
                self.close_connection = True
                return
            data = reply[1].encode() if isinstance(reply[1], str) else json.dumps(reply[1]).encode()
            self.send_response(reply[0])
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = _serve

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that hangs up is the point of some tests. What is wrong with what it sent fails the test."""
            if not isinstance(sys.exc_info()[1], ConnectionError):
                raise

    http = Quiet(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    server.address = f"http://127.0.0.1:{http.server_address[1]}"
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
