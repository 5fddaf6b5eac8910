"""Downloads: the only importer of requests (and of urllib3 below it).

A pinned download is a URL with its sha256: it is kept under its hash, so that it is made once, and a half of one is
resumed. What has no known hash (a patch series from a mail archive) is read into memory.

The timeout of requests is one for each read, so a server that sends a byte now and then keeps it waiting for ever,
and the header lines have no other limit. So the transfer runs in a thread that we stop waiting for at the deadline.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import io
import re
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeVar
from urllib.parse import unquote, urlsplit

import requests
import urllib3

from orchestrator.errors import DiskFull, DownloadFailed, OrchestrateError, UsageError

T = TypeVar("T")

Progress = Callable[[int, int | None], None]
"""Called in the transfer's thread with the bytes that are there and the bytes expected (None when not told)."""

MAX_TEXT_BYTES = 64 * 1024 * 1024
"""A mail thread with a long series is some hundred KB."""

_CHUNK_BYTES = 256 * 1024
_READ_TIMEOUT_S = 20.0  # without one byte; the total is the deadline
_FRUITLESS_ATTEMPTS = 5  # in a row, without a new byte
_BACK_OFF_S = 0.5  # doubles with each fruitless attempt: 0.5, 1, 2, 4
_LONGEST_PAUSE_S = 30.0
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})  # HTTP statuses that may be different next time


def fetch(
    url: str,
    sha256: str,
    dest_dir: Path,
    *,
    deadline_s: float,
    max_bytes: int,
    progress: Progress | None = None,
) -> Path:
    """The file with this hash (64 hex digits), from `dest_dir` or else from `url`. Safe to call from many processes.

    Raises DownloadFailed (server, network, deadline, size, hash), DiskFull, UsageError (no http or https URL).
    """
    _check_url(url)
    if not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise ValueError(f"no sha256 in lower-case hex digits: {sha256!r}")
    final = dest_dir / f"{sha256[:16]}-{_file_name(url)}"
    part = final.with_name(f"{final.name}.part")
    transfer = _Transfer(url, max_bytes, progress)

    def work() -> Path:
        dest_dir.mkdir(parents=True, exist_ok=True)
        with _locked(final.with_name(f"{final.name}.lock"), transfer):
            if not _has_hash(final, sha256):
                with part.open("ab") as sink:  # not "wb": what an earlier run left is resumed
                    pass
                with part.open("r+b") as sink:
                    _fill(transfer, sink, sha256)
                part.replace(final)
        return final

    return _within(work, transfer, deadline_s)


def fetch_text(url: str, *, deadline_s: float, max_bytes: int = MAX_TEXT_BYTES) -> bytes:
    """The body of a patch or mbox, as bytes because a mail's encoding is its own; gzip is undone. Nothing is cached.

    `max_bytes` holds before and after decompression. Raises DownloadFailed, and UsageError for no http or https URL.
    """
    _check_url(url)
    transfer = _Transfer(url, max_bytes, None, refuse_html=True)

    def work() -> bytes:
        sink = io.BytesIO()
        transfer.run(sink, resume=False)
        return _unpacked(sink.getvalue(), url, max_bytes)

    return _within(work, transfer, deadline_s)


# --- one transfer


class _Retry(Exception):
    """This attempt failed in a way that the next one may not."""

    def __init__(self, why: str, pause_s: float = 0.0) -> None:
        super().__init__(why)
        self.pause_s = pause_s


class _Transfer:
    """What the attempts for one URL share. `cancelled` is set when nobody waits any more."""

    def __init__(self, url: str, max_bytes: int, progress: Progress | None, *, refuse_html: bool = False) -> None:
        self.url = url
        self.max_bytes = max_bytes
        self.cancelled = threading.Event()
        self.received = 0
        self._progress = progress
        self._refuse_html = refuse_html

    def run(self, sink: BinaryIO, *, resume: bool) -> bool:
        """Fill `sink`, with as many attempts as it takes. True if what was in it before is part of the result."""
        fruitless = 0
        kept_old = sink.seek(0, io.SEEK_END) > 0
        with requests.Session() as session:
            while True:
                before = sink.seek(0, io.SEEK_END) if resume else 0
                try:
                    return self._attempt(session, sink, before) and kept_old
                except _Retry as failure:
                    why, pause_s = str(failure), failure.pause_s
                except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
                    why, pause_s = f"{type(error).__name__}: {error}", 0.0
                fruitless = 0 if resume and sink.tell() > before else fruitless + 1
                if fruitless >= _FRUITLESS_ATTEMPTS:
                    raise DownloadFailed(
                        f"cannot download {self.url}: {_FRUITLESS_ATTEMPTS} attempts failed",
                        hint="is the network there, and the proxy set?",
                        detail=why,
                    )
                back_off_s = _BACK_OFF_S * 2 ** max(0, fruitless - 1)
                if self.cancelled.wait(min(max(pause_s, back_off_s), _LONGEST_PAUSE_S)):
                    raise _gave_up(self)

    def _attempt(self, session: requests.Session, sink: BinaryIO, offset: int) -> bool:
        """True if the body was appended at `offset`, False if the server sent all of it again."""
        # identity: the hash is of the file as it is stored, and half of a compressed stream cannot be resumed.
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={offset}-"} if offset else {})
        with session.get(self.url, headers=headers, stream=True, timeout=_READ_TIMEOUT_S) as response:
            if offset and response.status_code == requests.codes.requested_range_not_satisfiable:
                if response.headers.get("Content-Range", "").strip() == f"bytes */{offset}":
                    return True  # we had it all
                sink.truncate(0)
                raise _Retry("the server has less than an earlier download left here")
            self._check(response)
            appended = offset > 0 and _starts_at(response, offset)
            sink.seek(offset if appended else 0)
            sink.truncate()
            self._copy(response, sink)
        return appended

    def _check(self, response: requests.Response) -> None:
        status = f"{response.status_code} {response.reason}"
        if response.status_code in _AGAIN:
            pause = response.headers.get("Retry-After", "")
            raise _Retry(f"the server answers {status}", float(pause) if re.fullmatch(r"[0-9]{1,4}", pause) else 0.0)
        if response.status_code not in (200, 206):
            raise DownloadFailed(
                f"cannot download {self.url}: the server answers {status}", hint="is the address right?"
            )
        if self._refuse_html and response.headers.get("Content-Type", "").lower().startswith("text/html"):
            raise DownloadFailed(
                f"{self.url} is a web page, not a patch",
                hint="give the address of the raw patch or of the thread's mbox",
            )

    def _copy(self, response: requests.Response, sink: BinaryIO) -> None:
        told = response.headers.get("Content-Length", "")
        start = sink.tell()
        expected = start + int(told) if re.fullmatch(r"[0-9]{1,18}", told) else None
        if expected is not None and expected > self.max_bytes:
            raise self._too_large(f"{expected} bytes")
        # read1 returns what has come; read would wait for a whole chunk however slowly it comes.
        while data := response.raw.read1(_CHUNK_BYTES, decode_content=False):
            if self.cancelled.is_set():
                raise _gave_up(self)
            if sink.tell() + len(data) > self.max_bytes:
                raise self._too_large("more")
            sink.write(data)
            self.received = sink.tell()
            if self._progress:
                self._progress(self.received, expected)
        sink.flush()
        if expected is not None and sink.tell() < expected:
            raise _Retry(f"the connection ended after {sink.tell()} of {expected} bytes")

    def _too_large(self, size: str) -> DownloadFailed:
        return DownloadFailed(
            f"{self.url} is too large: {size}, and at most {self.max_bytes} bytes are taken",
            hint="is it the right file?",
        )


def _fill(transfer: _Transfer, sink: BinaryIO, sha256: str) -> None:
    """Fill a .part file and check its hash: a wrong one may be due to an old beginning, so it is tried from 0 once."""
    for _ in range(2):
        is_resumed = transfer.run(sink, resume=True)
        found = _hash_of(sink)
        if found == sha256:
            return
        sink.truncate(0)  # never resume from bytes that are known to be wrong
        if not is_resumed:
            break
    raise DownloadFailed(
        f"{transfer.url} is not the file that was pinned: its sha256 is {found}, expected {sha256}",
        hint="the file was replaced at its origin, or a proxy answers in its place",
    )


def _starts_at(response: requests.Response, offset: int) -> bool:
    """Whether the body goes on where we are. A server may ignore Range and send everything: 200."""
    if response.status_code != requests.codes.partial_content:
        return False
    match = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""), re.ASCII)
    if match is None or int(match[1]) != offset:
        raise _Retry("the server answers with another range than it was asked for")
    return True


# --- the deadline, the lock, files


def _within(work: Callable[[], T], transfer: _Transfer, deadline_s: float) -> T:
    """The result of `work`, run in a thread that is left alone at the deadline: it ends with its next read."""
    results: list[T] = []
    failures: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            failures.append(DiskFull(f"no space for {transfer.url}: {error}") if full else error)
        except BaseException as error:  # noqa: BLE001 - raised again below, in the caller's thread
            failures.append(error)

    thread = threading.Thread(target=run, name=f"fetch {transfer.url}", daemon=True)
    thread.start()
    try:
        thread.join(deadline_s)
    finally:
        transfer.cancelled.set()  # also when Ctrl-C ended the join
    if failures:
        raise failures[0]
    if results:
        return results[0]
    raise DownloadFailed(
        f"cannot download {transfer.url}: {transfer.received} bytes came in {deadline_s:g} s",
        hint="the server or the network is slow; a pinned file goes on where it stopped",
    )


@contextmanager
def _locked(path: Path, transfer: _Transfer) -> Iterator[None]:
    """One download of a file at a time: a second process waits, and then finds the file."""
    with path.open("ab") as handle:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if transfer.cancelled.wait(0.1):
                    raise _gave_up(transfer) from None
        yield  # closing the file unlocks it


def _has_hash(path: Path, sha256: str) -> bool:
    try:
        with path.open("rb") as stream:
            return _hash_of(stream) == sha256
    except FileNotFoundError:
        return False


def _hash_of(stream: BinaryIO) -> str:
    stream.seek(0)
    digest = hashlib.sha256()
    while data := stream.read(1024 * 1024):
        digest.update(data)
    return digest.hexdigest()


def _gave_up(transfer: _Transfer) -> OrchestrateError:
    return DownloadFailed(f"cannot download {transfer.url}: given up after {transfer.received} bytes")


# --- pure


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        is_good = False
    if not is_good:
        raise UsageError(f"not an address to download from: {url}", hint="it begins with http:// or https://")


def _file_name(url: str) -> str:
    """The last part of the URL's path, of harmless characters; it keeps its suffix, which says what it is."""
    name = unquote(urlsplit(url).path).rstrip("/").rpartition("/")[2]
    return re.sub(r"[^A-Za-z0-9._+-]", "_", name)[-100:].lstrip(".") or "download"


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
