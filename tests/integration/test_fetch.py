"""Downloads from a real HTTP server on the loopback, which misbehaves in the ways that servers do."""

from __future__ import annotations

import gzip
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from orchestrator.errors import DownloadFailed, UsageError
from orchestrator.web.fetch import check_plain, fetch_text

BUFFERS = 32 << 20  # of two sockets
BODY = bytes(range(256)) * 4096  # 1 MiB, and no gzip

Answer = Callable[[BaseHTTPRequestHandler], None]


class Server:
    """Answers each request with the next of `answers`, and the last one for ever; counts them."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.scheme = "https" if tls else "http"
        self.answers: list[Answer] = []
        self.requests = 0
        self.stop = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.requests += 1
                answer = outer.answers.pop(0) if len(outer.answers) > 1 else outer.answers[0]
                answer(self)

            def log_message(self, format: str, *args: object) -> None:
                pass

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: object, client_address: object) -> None:
                """A client that hangs up in the middle is the point of some tests."""

        self._server = Quiet(("127.0.0.1", 0), Handler)
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def url(self, path: str = "/linux.tar.xz") -> str:
        return f"{self.scheme}://127.0.0.1:{self._server.server_address[1]}{path}"

    def close(self) -> None:
        self.stop.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    running = Server()
    yield running
    running.close()


def whole(body: bytes = BODY, **headers: str) -> Answer:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(body)

    return answer


def status(code: int, **headers: str) -> Answer:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(code)
        for name, value in {"Content-Length": "0", **headers}.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()

    return answer


def cut_after(count: int, body: bytes = BODY) -> Answer:
    """Promise everything, send `count` bytes, hang up."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body[:count])
        request.close_connection = True

    return answer


def get(server: Server, *, deadline_s: float = 20.0, max_bytes: int = 2 * len(BODY)) -> bytes:
    return fetch_text(server.url(), deadline_s=deadline_s, max_bytes=max_bytes)


def test_a_busy_server_is_asked_again(server: Server) -> None:
    server.answers = [status(503), status(503), whole()]
    assert get(server) == BODY
    assert server.requests == 3


def test_the_server_may_say_how_long_to_wait(server: Server) -> None:
    server.answers = [status(429, Retry_After="2"), whole()]
    started = time.monotonic()
    get(server)
    assert 2.0 <= time.monotonic() - started < 10.0


def test_a_server_that_stays_busy_is_given_up_with_its_status(server: Server) -> None:
    server.answers = [status(503)]
    with pytest.raises(DownloadFailed, match="5 attempts failed") as caught:
        get(server)
    assert "503" in caught.value.detail
    assert server.requests == 5


def test_a_missing_file_is_not_asked_for_again(server: Server) -> None:
    server.answers = [status(404)]
    with pytest.raises(DownloadFailed, match="404 Not Found"):
        get(server)
    assert server.requests == 1


def test_a_file_that_says_it_is_too_large_is_not_read(server: Server) -> None:
    server.answers = [whole()]
    with pytest.raises(DownloadFailed, match="is too large: 1048576 bytes, and at most 1000 bytes"):
        get(server, max_bytes=1000)


def test_an_endless_file_is_read_up_to_the_limit_only(server: Server) -> None:
    def endless(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        while not server.stop.is_set():
            request.wfile.write(BODY)
            sent[0] += len(BODY)

    sent = [0]
    server.answers = [endless]
    with pytest.raises(DownloadFailed, match="is too large"):
        get(server, max_bytes=3_000_000)
    assert sent[0] < 3_000_000 + BUFFERS


def test_a_dripping_body_ends_at_the_deadline(server: Server) -> None:
    def drip(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(len(BODY)))
        request.end_headers()
        for byte in BODY:
            request.wfile.write(bytes([byte]))
            if server.stop.wait(0.1):
                return

    server.answers = [drip]
    started = time.monotonic()
    with pytest.raises(DownloadFailed, match="bytes came in 1 s"):
        get(server, deadline_s=1.0)
    assert time.monotonic() - started < 3.0


def test_dripping_header_lines_end_at_the_deadline_too() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            connection, _ = listener.accept()
            with connection:
                for byte in b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 200:
                    connection.sendall(bytes([byte]))
                    time.sleep(0.05)

        threading.Thread(target=drip, daemon=True).start()
        started = time.monotonic()
        with pytest.raises(DownloadFailed, match="0 bytes came in 1 s"):
            fetch_text(f"http://127.0.0.1:{listener.getsockname()[1]}/a", deadline_s=1.0)
        assert time.monotonic() - started < 3.0


def test_nobody_at_the_address_is_a_download_failure() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(DownloadFailed, match="5 attempts failed") as caught:
        fetch_text(f"http://127.0.0.1:{port}/a", deadline_s=20)
    assert "refused" in caught.value.detail


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/a", "file:///etc/passwd", "patch.mbox", "http://", "http://[::1/a"])
def test_only_http_addresses_are_taken(url: str) -> None:
    with pytest.raises(UsageError, match="not an address"):
        fetch_text(url, deadline_s=1)


# --- patches by URL

MAIL = b"From: a\nSubject: [PATCH] x\n\n\xff no utf-8\n" * 100


def test_a_patch_comes_as_the_bytes_that_were_sent(server: Server) -> None:
    server.answers = [status(503), cut_after(10, MAIL), whole(MAIL)]
    assert fetch_text(server.url("/t.mbox"), deadline_s=20) == MAIL


@pytest.mark.parametrize(
    "headers", [{"Content_Type": "application/gzip"}, {"Content_Encoding": "gzip"}], ids=["file", "transport"]
)
def test_gzip_is_undone_however_it_is_declared(server: Server, headers: dict[str, str]) -> None:
    server.answers = [whole(gzip.compress(MAIL[:500]) + gzip.compress(MAIL[500:]), **headers)]
    assert fetch_text(server.url("/t.mbox.gz"), deadline_s=20) == MAIL


def test_a_gzip_file_under_gzip_transport_is_undone_twice(server: Server) -> None:
    server.answers = [whole(gzip.compress(gzip.compress(MAIL)), Content_Encoding="gzip")]
    assert fetch_text(server.url("/t.mbox.gz"), deadline_s=20) == MAIL


@pytest.mark.parametrize(
    ("body", "message"),
    [
        # mtime: the bytes are part of the test's name, which must be the same in every worker
        (gzip.compress(MAIL, mtime=0)[:-10], "truncated gzip"),
        (b"\x1f\x8b" + b"junk" * 10, "damaged gzip"),
        (gzip.compress(b"\0" * 10_000_000, mtime=0), "more than 100000 bytes once unpacked"),
        (b"x" * 100_001, "is too large"),
    ],
)
def test_a_body_that_is_no_patch_is_refused(server: Server, body: bytes, message: str) -> None:
    server.answers = [whole(body)]
    with pytest.raises(DownloadFailed, match=message):
        fetch_text(server.url(), deadline_s=20, max_bytes=100_000)


def test_a_web_page_is_named_as_such(server: Server) -> None:
    server.answers = [whole(b"<html>please wait</html>", Content_Type="text/html; charset=utf-8")]
    with pytest.raises(DownloadFailed, match="a web page, not a patch") as caught:
        fetch_text(server.url(), deadline_s=20)
    assert "mbox" in caught.value.hint


def test_a_text_that_is_cut_each_time_is_given_up(server: Server) -> None:
    server.answers = [cut_after(10, MAIL)]
    with pytest.raises(DownloadFailed, match="5 attempts failed"):
        fetch_text(server.url(), deadline_s=20)


# --- without TLS


def test_plain_http_is_for_this_machine_unless_the_user_agrees() -> None:
    for url in ("http://localhost/a", "http://127.0.0.1:8000/a", "http://[::1]/a", "https://example.org/a", "/a/file"):
        check_plain(url, is_insecure=False)
    for url in ("http://example.org/a", "HTTP://user:word@example.org/a", "http://127.0.0.1.example.org/a"):
        check_plain(url, is_insecure=True)
        with pytest.raises(UsageError, match="without TLS") as caught:
            check_plain(url, is_insecure=False)
        assert "--insecure" in caught.value.hint
        assert "word" not in caught.value.message


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """Of a server that clients trust."""
    key, certificate = tmp_path / "key", tmp_path / "certificate"
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=test", "-days", "2"]
    more = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*words, *more], check=True, capture_output=True)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def test_https_may_not_lead_to_plain_http(server: Server, tls: ssl.SSLContext) -> None:
    server.answers = [whole()]
    secure = Server(tls)
    secure.answers = [moved_to(server.url())]
    try:
        with pytest.raises(DownloadFailed, match="leads to plain http"):
            fetch_text(secure.url(), deadline_s=20)
        secure.answers = [whole()]
        assert fetch_text(secure.url(), deadline_s=20) == BODY
    finally:
        secure.close()


def moved_to(url: str) -> Answer:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(302)
        request.send_header("Location", url)
        request.send_header("Content-Length", "0")
        request.end_headers()

    return answer
