"""Requests to the servers that take results: JSON over HTTPS, with a token. Imports requests, as `fetch` does.

A token goes into one header and nowhere else: not into an address, an error, a log, or a request to another server. So
redirections are not followed, and requests takes no credentials from ~/.netrc.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3

from orchestrator import __version__
from orchestrator.errors import NotSent, UsageError
from orchestrator.web.abandon import Abandoned, within
from orchestrator.web.loopback import is_loopback

ATTEMPTS = 4
BACK_OFF_S = 0.5  # doubles with each attempt: 0.5, 1, 2
LONGEST_PAUSE_S = 30.0  # that a server may ask for
ATTEMPT_S = 120.0
_READ_TIMEOUT_S = 30.0  # without one byte
_MOST_BYTES = 1 << 20  # of an answer
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})  # HTTP statuses that may be different next time
_UNDONE = frozenset({429, 503})  # and of those the ones with which a server says that it did nothing
_LONGEST_SAID = 300  # characters of an answer that are repeated


@dataclass(frozen=True)
class Answer:
    """What a server says."""

    status: int
    text: str

    @property
    def is_ok(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> Any:
        """None where it is not JSON."""
        try:
            return json.loads(self.text)
        except (ValueError, RecursionError):
            return None

    @property
    def said(self) -> str:
        """Its first words, for an error."""
        words = " ".join(self.text.split())[:_LONGEST_SAID]
        return f"{self.status}: {words}" if words else str(self.status)


@dataclass(frozen=True)
class Server:
    """Where to, and as whom: `scheme` stands before the token in the Authorization header. `wait` sleeps; it may raise
    what ends everything."""

    address: str  # without / at its end
    scheme: str
    token: str
    wait: Callable[[float], None]

    def get(self, path: str, **query: str) -> Answer:
        """Raises NotSent."""
        return self._request("GET", path, is_repeatable=True, params=query)

    def post(self, path: str, body: bytes, *, is_repeatable: bool) -> Answer:
        """Post JSON. What is not repeatable is sent once more only if the server has certainly not done it; else
        NotSent says that it is unsure. Raises NotSent."""
        headers = {"Content-Type": "application/json"}
        return self._request("POST", path, is_repeatable=is_repeatable, data=body, headers=headers)

    def post_form(self, path: str, fields: Mapping[str, str]) -> Answer:
        """Post the fields of a form that may be sent twice. Raises NotSent."""
        files = {name: (None, text.encode()) for name, text in fields.items()}
        return self._request("POST", path, is_repeatable=True, files=files)

    def _request(self, method: str, path: str, *, is_repeatable: bool, **how: Any) -> Answer:
        why, pause_s = "", 0.0
        with requests.Session() as session:
            session.auth = self._authorize
            session.headers["User-Agent"] = f"orchestrate/{__version__}"
            for attempt in range(ATTEMPTS):
                if attempt:
                    self.wait(min(max(pause_s, BACK_OFF_S * 2 ** (attempt - 1)), LONGEST_PAUSE_S))
                try:
                    answer, pause_s = within(ATTEMPT_S, partial(_once, session, method, self._url(path), how), path)
                except (requests.RequestException, urllib3.exceptions.HTTPError, Abandoned) as error:
                    why, pause_s = _plain(error), 0.0
                    if not is_repeatable and not _is_unconnected(error):
                        raise NotSent(f"{self.address}: {why}", is_unsure=True) from None
                    continue
                if answer.status not in _AGAIN:
                    return self._checked(answer)
                why = f"the server answers {answer.said}"
                if not is_repeatable and answer.status not in _UNDONE:
                    raise NotSent(f"{self.address}: {why}", is_unsure=True)
        raise NotSent(
            f"{self.address}: {ATTEMPTS} attempts failed: {why}", hint="is the network there, and the proxy set?"
        )

    def _url(self, path: str) -> str:
        return f"{self.address}/{path}"

    def _authorize(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self.token:
            request.headers["Authorization"] = f"{self.scheme} {self.token}"
        return request

    def _checked(self, answer: Answer) -> Answer:
        if 300 <= answer.status < 400:
            raise NotSent(
                f"{self.address}: the server sends us elsewhere ({answer.said})",
                hint="a token goes to no other server by itself: is the address right, with https:// and all?",
            )
        if answer.status in (401, 403):
            raise NotSent(
                f"{self.address}: the server answers {answer.said}", hint="is the token right, and still valid?"
            )
        return answer


def check_transport(address: str, plain_http: str) -> None:
    """Refuse what would show a token to the network. `plain_http` is the setting of that name. Raises UsageError."""
    parts = urlsplit(address)
    if parts.scheme == "http" and plain_http != "anywhere" and not is_loopback(parts.hostname or ""):
        raise UsageError(
            f"{address}: without TLS anybody on the way reads the token",
            hint='https://, or the setting plain_http = "anywhere"',
        )


def _once(session: requests.Session, method: str, url: str, how: Mapping[str, Any]) -> tuple[Answer, float]:
    """One attempt: the answer, and the seconds that it asks us to wait."""
    with session.request(method, url, timeout=_READ_TIMEOUT_S, stream=True, allow_redirects=False, **how) as response:
        body = bytearray()
        for chunk in response.iter_content(65_536):
            body += chunk
            if len(body) > _MOST_BYTES:
                break
        pause = response.headers.get("Retry-After", "")
        seconds = float(pause) if re.fullmatch(r"[0-9]{1,4}", pause) else 0.0
        text = bytes(body[:_MOST_BYTES]).decode("utf-8", "replace")
        if 300 <= response.status_code < 400:
            text = f"{response.headers.get('Location', '')} {text}"
        return Answer(response.status_code, text), seconds


def _is_unconnected(error: BaseException) -> bool:
    """Whether no byte of the request can have arrived."""
    if isinstance(error, requests.ConnectTimeout):
        return True
    reason = error.args[0] if error.args else None
    cause = getattr(reason, "reason", reason)
    return isinstance(cause, urllib3.exceptions.NewConnectionError | urllib3.exceptions.NameResolutionError)


def _plain(error: BaseException) -> str:
    """The innermost reason: the outer ones repeat the address in several forms."""
    reason = error.args[0] if error.args else error
    cause = getattr(reason, "reason", reason)
    words = str(cause).rpartition(": ")[2] if isinstance(cause, urllib3.exceptions.HTTPError) else str(cause)
    return f"{type(error).__name__}: {words}"
