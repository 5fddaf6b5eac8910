"""Patches from the web. Imports requests (and urllib3 below it), as `api` does.

The timeout of requests is one for each read, so a server that sends a byte now and then keeps it waiting for ever,
and the header lines have no other limit. So the transfer runs in a thread that we stop waiting for at the deadline.
"""

from __future__ import annotations

import re
import threading
import zlib
from urllib.parse import urlsplit

import requests
import urllib3

from orchestrator import __version__
from orchestrator.errors import DownloadFailed, NotFound, UsageError
from orchestrator.web.abandon import Abandoned, within
from orchestrator.web.loopback import is_loopback

MAX_TEXT_BYTES = 64 * 1024 * 1024
"""A mail thread with a long series is some hundred KB."""

_CHUNK_BYTES = 256 * 1024
_READ_TIMEOUT_S = 20.0  # without one byte; the total is the deadline
_ATTEMPTS = 5
_BACK_OFF_S = 0.5  # doubles with each attempt: 0.5, 1, 2, 4
_LONGEST_PAUSE_S = 30.0
_NOTHING_THERE = frozenset({404, 410})
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})  # HTTP statuses that may be different next time


def fetch_text(url: str, *, deadline_s: float, max_bytes: int = MAX_TEXT_BYTES) -> bytes:
    """The body of a patch or mbox, as bytes because a mail's encoding is its own; gzip is undone. Nothing is cached.

    `max_bytes` holds before and after decompression. Raises DownloadFailed, also where https leads to plain http, and
    UsageError for no http or https URL.
    """
    _check_url(url)
    transfer = _Transfer(url, max_bytes)
    return _unpacked(_within(transfer, deadline_s), url, max_bytes)


def check_plain(url: str, *, is_insecure: bool) -> None:
    """Refuse to fetch what will be run where anybody on the way can change it. `is_insecure`: the user agreed. Raises
    UsageError."""
    if not url.lower().startswith("http://") or is_insecure:
        return
    _check_url(url)
    parts = urlsplit(url)
    if not is_loopback(parts.hostname or ""):
        raise UsageError(
            f"http://{parts.hostname}: without TLS anybody on the way can change the patch, whose Makefiles are run",
            hint='https://, --insecure, or the setting plain_http = "anywhere"',
        )


# --- one transfer


class _Retry(Exception):
    """This attempt failed in a way that the next one may not."""

    def __init__(self, why: str, pause_s: float = 0.0) -> None:
        super().__init__(why)
        self.pause_s = pause_s


class _Transfer:
    """What the attempts for one URL share. `cancelled` is set when nobody waits any more."""

    def __init__(self, url: str, max_bytes: int) -> None:
        self.url = url
        self.max_bytes = max_bytes
        self.cancelled = threading.Event()
        self.received = 0

    def body(self) -> bytes:
        """The body, with as many attempts as it takes. Raises DownloadFailed."""
        why = ""
        with requests.Session() as session:
            for attempt in range(_ATTEMPTS):
                try:
                    return self._attempt(session)
                except _Retry as failure:
                    why, pause_s = str(failure), failure.pause_s
                except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
                    why, pause_s = f"{type(error).__name__}: {error}", 0.0
                is_last = attempt == _ATTEMPTS - 1
                if not is_last and self.cancelled.wait(min(max(pause_s, _BACK_OFF_S * 2**attempt), _LONGEST_PAUSE_S)):
                    raise self._given_up()
        raise DownloadFailed(
            f"cannot download {self.url}: {_ATTEMPTS} attempts failed",
            hint="is the network there, and the proxy set?",
            detail=why,
        )

    def _attempt(self, session: requests.Session) -> bytes:
        # identity: gzip is undone by us, within the limit
        headers = {"Accept-Encoding": "identity", "User-Agent": f"orchestrate/{__version__}"}
        with session.get(self.url, headers=headers, stream=True, timeout=_READ_TIMEOUT_S) as response:
            self._check(response)
            return self._body(response)

    def _check(self, response: requests.Response) -> None:
        hops = [urlsplit(hop.url or "") for hop in (*response.history, response)]
        if hops[0].scheme == "https" and any(hop.scheme == "http" for hop in hops):
            plain = next(hop for hop in hops if hop.scheme == "http")
            raise DownloadFailed(f"{self.url} leads to plain http: {plain.geturl()}", hint="download it by other means")
        status = f"{response.status_code} {response.reason}"
        if response.status_code in _AGAIN:
            pause = response.headers.get("Retry-After", "")
            raise _Retry(f"the server answers {status}", float(pause) if re.fullmatch(r"[0-9]{1,4}", pause) else 0.0)
        if response.status_code != requests.codes.ok:
            kind = NotFound if response.status_code in _NOTHING_THERE else DownloadFailed
            raise kind(f"cannot download {self.url}: the server answers {status}", hint="is the address right?")
        if response.headers.get("Content-Type", "").lower().startswith("text/html"):
            raise DownloadFailed(
                f"{self.url} is a web page, not a patch",
                hint="give the address of the raw patch or of the thread's mbox",
            )

    def _body(self, response: requests.Response) -> bytes:
        told = response.headers.get("Content-Length", "")
        expected = int(told) if re.fullmatch(r"[0-9]{1,18}", told) else None
        if expected is not None and expected > self.max_bytes:
            raise self._too_large(f"{expected} bytes")
        body = bytearray()
        # read1 returns what has come; read would wait for a whole chunk however slowly it comes.
        while data := response.raw.read1(_CHUNK_BYTES, decode_content=False):
            if self.cancelled.is_set():
                raise self._given_up()
            if len(body) + len(data) > self.max_bytes:
                raise self._too_large("more")
            body += data
            self.received = len(body)
        if expected is not None and len(body) < expected:
            raise _Retry(f"the connection ended after {len(body)} of {expected} bytes")
        return bytes(body)

    def _too_large(self, size: str) -> DownloadFailed:
        return DownloadFailed(
            f"{self.url} is too large: {size}, and at most {self.max_bytes} bytes are taken",
            hint="is it the right file?",
        )

    def _given_up(self) -> DownloadFailed:
        return DownloadFailed(f"cannot download {self.url}: given up after {self.received} bytes")


def _within(transfer: _Transfer, deadline_s: float) -> bytes:
    """The body, from a thread. At the deadline the thread is abandoned; it ends with its next read."""
    try:
        return within(deadline_s, transfer.body, f"fetch {transfer.url}")
    except Abandoned:
        raise DownloadFailed(
            f"cannot download {transfer.url}: {transfer.received} bytes came in {deadline_s:g} s",
            hint="the server or the network is slow: download it by other means, and give the file",
        ) from None
    finally:
        transfer.cancelled.set()  # also when Ctrl-C ended it


# --- pure


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        is_good = False
    if not is_good:
        raise UsageError(f"not an address to download from: {url}", hint="it begins with http:// or https://")


def _unpacked(data: bytes, url: str, max_bytes: int) -> bytes:
    """`data` without gzip: that of a .gz file, and that which a server adds on the way though nobody asked."""
    for _ in range(2):
        if not data.startswith(b"\x1f\x8b"):
            break
        data = _gunzipped(data, url, max_bytes)
    return data


def _gunzipped(data: bytes, url: str, max_bytes: int) -> bytes:
    parts: list[bytes] = []
    room = max_bytes + 1
    while data.startswith(b"\x1f\x8b") and room > 0:  # a .gz file may have several members
        unzip = zlib.decompressobj(zlib.MAX_WBITS | 16)
        try:
            parts.append(unzip.decompress(data, room))
        except zlib.error as error:
            raise DownloadFailed(f"{url} is a damaged gzip file: {error}") from error
        room -= len(parts[-1])
        if room > 0 and not unzip.eof:
            raise DownloadFailed(f"{url} is a truncated gzip file")
        data = unzip.unused_data
    if room <= 0:
        raise DownloadFailed(f"{url} is too large: more than {max_bytes} bytes once unpacked")
    return b"".join(parts)
