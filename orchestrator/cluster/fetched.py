"""Files from other members of the cluster, by digest.

What breaks off is continued, and what has another digest than was announced is refused.
"""

from __future__ import annotations

import hashlib
import http.client
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from orchestrator.errors import DownloadFailed, HostRefused
from orchestrator.host.os_errors import situation
from orchestrator.model.artifact import Artifact, StoredProduct
from orchestrator.storage.manifest import file_digest
from orchestrator.storage.store import Store, writing

TRIES = 3  # of each source, one after the other
LIMIT_S = 30.0  # that a source may say nothing
PIECE = 1 << 20
Check = Callable[[], None]
NOTHING: Mapping[str, bytes] = MappingProxyType({})


class Peers:
    """Connections to members, which stay open from one file and job to the next: of small files, to shake hands costs
    more than the files. Each thread has one, to the member that it asked last: a client has hundreds of threads, and as
    many workers. Closed with its context, when no thread fetches any more."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._tls = tls
        self._open: dict[int, tuple[str, http.client.HTTPSConnection]] = {}  # by thread: to which source

    def __enter__(self) -> Peers:
        return self

    def __exit__(self, *_: object) -> None:
        for thread in list(self._open):
            self._open.pop(thread)[1].close()

    def at(self, source: str) -> http.client.HTTPSConnection:
        """One that is open, or will be with its first request."""
        thread = threading.get_ident()
        last = self._open.get(thread)
        if last and last[0] == source:
            return last[1]
        self.leave()
        where = urlsplit(source)
        made = http.client.HTTPSConnection(where.hostname or "", where.port, timeout=LIMIT_S, context=self._tls)
        self._open[thread] = source, made
        return made

    def leave(self) -> None:
        """Begin anew: what is under way is given up."""
        if last := self._open.pop(threading.get_ident(), None):
            last[1].close()


def fetch(
    file: Artifact,
    sources: Sequence[str],
    path: Path,
    peers: Peers,
    check: Check = lambda: None,
    contents: Mapping[str, bytes] = NOTHING,
) -> None:
    """Write a file's content to a path that does not exist yet. `contents` came already, by digest, and are believed no
    more than others; `sources` are asked in turn; `check` raises when there is no more use. Raises DownloadFailed when
    no source has it, HostRefused, DiskFull."""
    part = path.with_name(f".{path.name}.part")
    part.parent.mkdir(parents=True, exist_ok=True)
    content = contents.get(file.sha256)
    if content is not None and hashlib.sha256(content).hexdigest() == file.sha256:
        with writing(part):
            part.write_bytes(content)
            part.rename(path)
        return
    troubles: list[str] = []
    for _ in range(TRIES):
        for source in sources:
            check()
            try:
                came = _continue(file, source, part, peers, check)
            except (http.client.HTTPException, ssl.SSLError, ConnectionError, TimeoutError, _Refused) as error:
                troubles.append(f"{source}: {error or type(error).__name__}")
                continue
            except OSError as error:
                if error.errno is None or (error.filename is None and error.errno not in _LOCAL):
                    troubles.append(f"{source}: {error}")
                    continue
                raise situation(error, str(part)) from error
            if part.stat().st_size == file.size and (came or file_digest(part)) == file.sha256:
                part.rename(path)
                return
            troubles.append(f"{source}: the content of {file.name} is not what was announced")
            part.unlink()
    part.unlink(missing_ok=True)
    raise DownloadFailed(f"{file.name} could not be fetched", detail="\n".join(dict.fromkeys(troubles)))


def fetch_product(
    product: StoredProduct,
    sources: Sequence[str],
    store: Store,
    peers: Peers,
    check: Check = lambda: None,
    contents: Mapping[str, bytes] = NOTHING,
) -> Path:
    """A product of the store; its files move only if the store lacks it. Raises as fetch does, and HostRefused if the
    product would leave its directory."""

    def fill(scratch: Path) -> None:
        for file in product.files:
            fetch(file, sources, inside(scratch, file.name), peers, check, contents)

    inside(store.root, f"{product.stage}/{product.key}")
    digests = {file.name: file.sha256 for file in product.files}
    return store.get(product.stage, product.key) or store.put(product.stage, product.key, fill, digests)


def inside(home: Path, name: str) -> Path:
    """The path of a name below a directory. Raises HostRefused for a name that leads out of it."""
    parts = Path(name).parts
    if not parts or Path(name).is_absolute() or ".." in parts:
        raise HostRefused(f"{name!r} was announced as a file: it leads out of its directory")
    return home / name


class _Refused(Exception):
    """The source answers, and does not have it."""


_LOCAL = (28, 122, 30, 5)  # ENOSPC, EDQUOT, EROFS, EIO: write(2) names no file


def _continue(file: Artifact, source: str, part: Path, peers: Peers, check: Check) -> str:
    """Append what is missing, as far as the source goes. Returns the content's sha256 if all of it came now, else
    nothing."""
    have = part.stat().st_size if part.exists() else 0
    if have > file.size:
        part.unlink()
        have = 0
    if have == file.size:
        part.touch()
        return ""
    try:
        connection = peers.at(source)
        connection.request("GET", f"/{file.sha256}", headers={"Range": f"bytes={have}-"} if have else {})
        answer = connection.getresponse()
        if answer.status not in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT):
            raise _Refused(f"{answer.status} {answer.reason}")
        is_continued = answer.status == HTTPStatus.PARTIAL_CONTENT
        digest = hashlib.sha256()
        with part.open("ab" if is_continued else "wb") as sink:
            while piece := answer.read(PIECE):
                check()
                sink.write(piece)
                digest.update(piece)
                if sink.tell() > file.size:
                    raise _Refused("more bytes than were announced")
        if part.stat().st_size < file.size:
            raise ConnectionError("broke off")
        return "" if is_continued else digest.hexdigest()
    except BaseException:  # the rest of its answer would be taken for the next one
        peers.leave()
        raise
