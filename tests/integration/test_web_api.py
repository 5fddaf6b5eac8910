"""Requests to a server on the loopback that is slow, talkative or not there."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler

import pytest

from orchestrator.errors import NotSent
from orchestrator.web import api
from orchestrator.web.api import ATTEMPTS, Server
from tests.integration.ci_servers import TOKEN, Kcidb, done_and_lost, serving, status

BODY = b'{"version": {"major": 5}}'


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> Iterator[Kcidb]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(api, "BACK_OFF_S", 0.0)
    server = Kcidb()
    with serving(server):
        yield server


class Waits:
    """The pauses, without waiting."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def server(address: str, waits: Waits | None = None) -> Server:
    return Server(address, "Bearer", TOKEN, waits or Waits())


def refused(server: Server, *, is_repeatable: bool) -> NotSent:
    with pytest.raises(NotSent) as caught:
        server.post("submit", BODY, is_repeatable=is_repeatable)
    assert TOKEN not in f"{caught.value.message}{caught.value.hint}{caught.value.detail}"
    return caught.value


def drip(handler: BaseHTTPRequestHandler) -> bool:
    """An answer without an end, a byte now and then."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    with suppress(OSError):
        for _ in range(40):
            handler.wfile.write(b" ")
            time.sleep(0.1)
    return False


def flood(handler: BaseHTTPRequestHandler) -> bool:
    """An answer of 64 MiB."""
    handler.send_response(500)
    handler.send_header("Content-Length", str(64 << 20))
    handler.end_headers()
    with suppress(OSError):
        for _ in range(64):
            handler.wfile.write(b"x" * (1 << 20))
    return False


def test_a_server_without_an_end_is_given_up(there: Kcidb, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "ATTEMPT_S", 0.3)
    there.troubles = [drip] * ATTEMPTS
    started = time.monotonic()
    error = refused(server(there.address), is_repeatable=True)
    assert "4 attempts failed: Abandoned: no end in 0.3 s" in error.message
    assert time.monotonic() - started < 10
    assert len(there.requests) == ATTEMPTS


def test_what_may_have_arrived_is_not_repeated_by_itself(there: Kcidb, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "ATTEMPT_S", 0.3)
    for trouble in (drip, done_and_lost, status(500), status(504)):
        there.requests.clear()
        there.troubles = [trouble]
        assert refused(server(there.address), is_repeatable=False).is_unsure
        assert len(there.requests) == 1


def test_what_cannot_have_arrived_is_repeated(there: Kcidb) -> None:
    there.troubles = [status(503), status(429)]
    assert server(there.address).post("submit", BODY, is_repeatable=False).is_ok
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        waits = Waits()
        error = refused(server(f"http://127.0.0.1:{closed.getsockname()[1]}", waits), is_repeatable=False)
    assert not error.is_unsure
    assert len(waits.seconds) == ATTEMPTS - 1


def test_pauses_double_and_a_server_asks_for_some_within_reason(there: Kcidb, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "BACK_OFF_S", 0.5)
    there.troubles = [status(502), status(503, Retry_After="7"), status(503, Retry_After="9999")]
    waits = Waits()
    assert server(there.address, waits).post("submit", BODY, is_repeatable=True).is_ok
    assert waits.seconds == [0.5, 7.0, api.LONGEST_PAUSE_S]


def test_a_flood_is_not_kept(there: Kcidb) -> None:
    there.troubles = [flood] * ATTEMPTS
    error = refused(server(there.address), is_repeatable=True)
    assert len(error.message) < 1_000


@pytest.mark.parametrize("code", [301, 302, 307, 308])
def test_a_token_goes_to_no_other_server(there: Kcidb, code: int) -> None:
    other = Kcidb()
    with serving(other):
        there.troubles = [status(code, Location=f"{other.address}/submit")]
        error = refused(server(there.address), is_repeatable=True)
    assert other.requests == []
    assert other.address in error.message
