"""Files for other members of the cluster: GET /SHA256, with Range, over mutual TLS.

Only what was offered is served, by its digest: no path of the file system can be asked for. A file that has another
size than when it was offered is refused; the receiver checks the digest anyway.
"""

from __future__ import annotations

import re
import shutil
import ssl
import threading
from collections import Counter
from collections.abc import Iterable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from orchestrator.model.artifact import Artifact

RANGE = re.compile(r"bytes=(\d{1,18})-\Z")
LIMIT_S = 60.0  # that a receiver may say or take nothing


class Offered:
    """The files that may be asked for. Thread-safe: the same content may be offered several times."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._paths: dict[str, Counter[Path]] = {}

    def offer(self, home: Path, files: Iterable[Artifact]) -> None:
        with self._lock:
            for file in files:
                self._paths.setdefault(file.sha256, Counter())[home / file.name] += 1

    def withdraw(self, home: Path, files: Iterable[Artifact]) -> None:
        with self._lock:
            for file in files:
                paths = self._paths.get(file.sha256, Counter())
                paths[home / file.name] -= 1
                self._paths[file.sha256] = +paths
                if not self._paths[file.sha256]:
                    del self._paths[file.sha256]

    def find(self, sha256: str) -> Path | None:
        with self._lock:
            paths = list(self._paths.get(sha256, ()))
        return next((path for path in paths if path.is_file()), None)


class FileServer:
    """Serves what is offered, in threads of its own, until it is closed."""

    def __init__(self, offered: Offered, host: str, tls: ssl.SSLContext) -> None:
        self.offered = offered

        class Handler(_Handler):
            files = offered

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def finish_request(self, request: Any, address: Any) -> None:
                # here, in the request's own thread: one who does not shake hands keeps nobody else waiting
                request.settimeout(LIMIT_S)
                try:
                    with tls.wrap_socket(request, server_side=True) as secure:
                        super().finish_request(secure, address)
                except (OSError, ssl.SSLError):
                    return  # the other end says why it went

        self._server = Server((host, 0), Handler)
        self.url = f"https://{host}:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, name="artifacts", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    files: Offered
    protocol_version = "HTTP/1.1"
    timeout = LIMIT_S
    disable_nagle_algorithm = True  # else a small file waits for the receiver's delayed ACK of its header, 40 ms

    def do_GET(self) -> None:
        path = self.files.find(self.path.removeprefix("/"))
        if path is None:
            self._refuse(HTTPStatus.NOT_FOUND)
            return
        try:
            source = path.open("rb")
        except OSError:
            self._refuse(HTTPStatus.NOT_FOUND)
            return
        with source:
            size = source.seek(0, 2)
            begins = RANGE.match(self.headers.get("Range", ""))
            start = int(begins[1]) if begins else 0
            if start > size or (start == size and begins and size):
                self._refuse(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
                return
            source.seek(start)
            self.send_response(HTTPStatus.PARTIAL_CONTENT if begins else HTTPStatus.OK)
            self.send_header("Content-Length", str(size - start))
            if begins:
                self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
            self.end_headers()
            shutil.copyfileobj(source, self.wfile, 1 << 20)

    def _refuse(self, status: HTTPStatus) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: who asked for what is nobody's question, and only one module prints."""
