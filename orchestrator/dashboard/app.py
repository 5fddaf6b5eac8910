"""The dashboard as an ASGI application: the only importer of Starlette.

A request is a view of one moment of the history. What it answers depends on the history, the address, our version and
today's date alone, so an ETag of these says that nothing has changed before anything is asked or drawn.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from orchestrator import __version__
from orchestrator.dashboard import show, site
from orchestrator.dashboard.guard import Guard, headers
from orchestrator.dashboard.page import BadParameter
from orchestrator.errors import HistoryUnavailable
from orchestrator.history.database import Database
from orchestrator.history.questions import QUESTIONS, Answer, Filter
from orchestrator.history.questions.ask import revision

HTML, JSON = "text/html; charset=utf-8", "application/json"
_MOST_QUERY = 2000  # characters


def application(database: Database, guard: Guard) -> ASGIApp:
    async def answer(request: Request) -> Response:
        return await run_in_threadpool(_answer, database, request)

    routes = [Route("/", answer), Route("/{path:path}", answer)]  # GET and HEAD, and nothing else
    return _Guarded(Starlette(routes=routes), guard)


class _Guarded:
    """In front of everything: who asks, and the headers of whatever is answered."""

    def __init__(self, inner: ASGIApp, guard: Guard) -> None:
        self._inner, self._guard = inner, guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        request = Request(scope)
        if self._guard.allows(request.headers.get("host", ""), request.headers.get("authorization", "")):
            await self._inner(scope, receive, _with_headers(send))
            return
        await _refusal(self._guard)(scope, receive, _with_headers(send))


def _refusal(guard: Guard) -> Response:
    if not guard.token:
        body = show.failure("Not here", "Without a token the dashboard answers as localhost alone.")
        return Response(body, 421, media_type=HTML)
    body = show.failure("A token is needed", "As a password, with any name of a user; or as a Bearer token.")
    return Response(body, 401, {"WWW-Authenticate": 'Basic realm="orchestrate", charset="UTF-8"'}, media_type=HTML)


def _with_headers(send: Send) -> Send:
    added = [(name.lower().encode(), value.encode()) for name, value in headers(show.LIVE.policy).items()]

    async def sending(message: Any) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *added]}
        await send(message)

    return sending


def _answer(database: Database, request: Request) -> Response:
    path = request.path_params.get("path", "") or "index.html"
    stem, dot, ending = path.rpartition(".")
    if not dot or ending not in ("html", "json") or (ending == "json" and not stem):
        return _missing(path)
    is_json = ending == "json" or _wants_json(request.headers.get("accept", ""))
    if len(request.url.query) > _MOST_QUERY:
        return _failed(414, "Too long", "The address is too long.", is_json)
    query = dict(request.query_params)
    try:
        with database.reading() as connection:
            tag = _tag(revision(connection), path, request.url.query, is_json)
            if tag in request.headers.get("if-none-match", ""):
                return Response(status_code=304, headers={"ETag": tag})

            def ask(question: str, **wanted: Any) -> Answer:
                return QUESTIONS[question](connection, Filter(**wanted))

            page = site.page(ask, stem, query)
    except BadParameter as error:
        return _failed(400, "That cannot be asked", str(error), is_json)
    except HistoryUnavailable as error:
        return _failed(503, "The history cannot be read", error.message, is_json)
    if page is None:
        return _missing(path, is_json)
    body = show.as_json(page, query) if is_json else show.html(page, show.LIVE)
    return Response(body, headers={"ETag": tag}, media_type=JSON if is_json else HTML)


def _missing(path: str, is_json: bool = False) -> Response:
    return _failed(
        404, "There is no such page", f"Nothing of this history is at /{path}. It may have been pruned.", is_json
    )


def _failed(status: int, title: str, words: str, is_json: bool) -> Response:
    body = show.failure_json(title, words) if is_json else show.failure(title, words)
    return Response(body, status, media_type=JSON if is_json else HTML)


def _wants_json(accept: str) -> bool:
    return JSON in accept and "text/html" not in accept


def _tag(number: int, *parts: Any) -> str:
    """An ETag: the same as long as the answer is."""
    made = repr((number, __version__, show.LIVE.policy, datetime.now(UTC).date(), parts))
    return f'"{hashlib.sha256(made.encode("utf-8", "surrogatepass")).hexdigest()[:32]}"'
