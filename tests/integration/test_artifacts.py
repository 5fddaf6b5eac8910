"""Files by digest over mutual TLS: real sockets on loopback, real certificates."""

from __future__ import annotations

import hashlib
import http.client
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from orchestrator.cluster import identity
from orchestrator.cluster.fetched import Peers, fetch, fetch_product, inside
from orchestrator.cluster.served import FileServer, Offered
from orchestrator.cluster.task import SMALL, SMALL_ALL, small_contents
from orchestrator.errors import DownloadFailed, HostRefused, UsageError
from orchestrator.model.artifact import Artifact, StoredProduct
from orchestrator.storage.manifest import artifacts, problem
from orchestrator.storage.store import Store

CONTENT = bytes(range(256)) * 20000


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("identity")
    identity.create(directory / "ours")
    return directory / "ours"


def tls(directory: Path, *, is_server: bool = False) -> ssl.SSLContext:
    return identity.tls_context(directory, "worker" if is_server else "client", is_server=is_server)


@pytest.fixture
def peers(certificates: Path) -> Iterator[Peers]:
    with Peers(tls(certificates)) as made:
        yield made


@pytest.fixture
def server(certificates: Path) -> Iterator[FileServer]:
    made = FileServer(Offered(), "127.0.0.1", tls(certificates, is_server=True))
    yield made
    made.close()


def offered(server: FileServer, home: Path, name: str = "image", content: bytes = CONTENT) -> Artifact:
    (home / name).parent.mkdir(parents=True, exist_ok=True)
    (home / name).write_bytes(content)
    file = Artifact(name, hashlib.sha256(content).hexdigest(), len(content))
    server.offered.offer(home, [file])
    return file


@pytest.mark.parametrize("content", [CONTENT, b"", b"x"])
def test_a_file_arrives(server: FileServer, peers: Peers, tmp_path: Path, content: bytes) -> None:
    file = offered(server, tmp_path / "there", content=content)
    fetch(file, [server.url], tmp_path / "here", peers)
    assert (tmp_path / "here").read_bytes() == content


def test_files_share_a_connection_until_something_goes_wrong(certificates: Path, tmp_path: Path) -> None:
    server = FileServer(Offered(), "127.0.0.1", tls(certificates, is_server=True))
    files = [offered(server, tmp_path / "there", f"file-{number}", bytes([number])) for number in range(4)]
    missing = Artifact("none", hashlib.sha256(b"none").hexdigest(), 4)
    with Peers(tls(certificates)) as open_ones:
        first = open_ones.at(server.url)
        for file in files[:2]:
            fetch(file, [server.url], tmp_path / file.name, open_ones)
        assert open_ones.at(server.url) is first
        assert (tmp_path / "file-1").read_bytes() == b"\1"
        with pytest.raises(DownloadFailed, match="none could not be fetched"):
            fetch(missing, [server.url], tmp_path / "none", open_ones)
        fetch(files[2], [server.url], tmp_path / "file-2", open_ones)
        kept = open_ones.at(server.url)
        assert kept is not first
        assert kept.sock is not None
        kept.sock.shutdown(socket.SHUT_RDWR)  # as a server does that has waited long enough
        fetch(files[3], [server.url], tmp_path / "file-3", open_ones)
        assert (tmp_path / "file-3").read_bytes() == b"\3"
    server.close()


def test_a_thread_has_one_connection_however_many_members_it_asks(
    server: FileServer, certificates: Path, tmp_path: Path
) -> None:
    other = FileServer(Offered(), "127.0.0.1", tls(certificates, is_server=True))
    files = [
        offered(one, tmp_path / "there", f"file-{number}", bytes([number]))
        for number, one in enumerate([server, other])
    ]
    with Peers(tls(certificates)) as open_ones:
        fetch(files[0], [server.url], tmp_path / "file-0", open_ones)
        first = open_ones.at(server.url)
        fetch(files[1], [other.url], tmp_path / "file-1", open_ones)
        assert first.sock is None
        last = open_ones.at(other.url)
        assert last.sock is not None
    assert last.sock is None
    other.close()


def test_what_broke_off_is_continued_not_begun_again(server: FileServer, peers: Peers, tmp_path: Path) -> None:
    file = offered(server, tmp_path / "there")
    # what is there already differs from the source, so the digest tells whether it was asked for again
    (tmp_path / ".here.part").write_bytes(b"\xff" * 1000)
    (tmp_path / "there/image").write_bytes(CONTENT)
    mixed = b"\xff" * 1000 + CONTENT[1000:]
    resumed = Artifact("image", hashlib.sha256(mixed).hexdigest(), len(mixed))
    server.offered.offer(tmp_path / "there", [resumed])
    fetch(resumed, [server.url], tmp_path / "here", peers)
    assert (tmp_path / "here").read_bytes() == mixed
    # a wrong beginning is noticed, and everything is fetched anew
    (tmp_path / ".again.part").write_bytes(b"\xff" * 1000)
    fetch(file, [server.url], tmp_path / "again", peers)
    assert (tmp_path / "again").read_bytes() == CONTENT


def test_a_wrong_content_is_refused(server: FileServer, peers: Peers, tmp_path: Path) -> None:
    file = offered(server, tmp_path / "there")
    (tmp_path / "there/image").write_bytes(CONTENT[:-1] + b"?")
    with pytest.raises(DownloadFailed) as refused:
        fetch(file, [server.url], tmp_path / "here", peers)
    assert "not what was announced" in refused.value.detail
    assert not [path for path in tmp_path.iterdir() if path.name != "there"]


def test_another_source_is_asked(server: FileServer, peers: Peers, tmp_path: Path) -> None:
    file = offered(server, tmp_path / "there")
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nobody = f"https://127.0.0.1:{closed.getsockname()[1]}"
    fetch(file, [nobody, server.url], tmp_path / "here", peers)
    assert (tmp_path / "here").read_bytes() == CONTENT


def test_a_source_that_cuts_is_asked_for_the_rest(peers: Peers, certificates: Path, tmp_path: Path) -> None:
    """Each connection carries 2 MB at most."""
    ranges: list[str] = []
    context = tls(certificates, is_server=True)
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(20)

    def serve() -> None:
        for _ in range(3):
            plain, _ = listener.accept()
            with context.wrap_socket(plain, server_side=True) as connection:
                request = connection.recv(65536).decode()
                start = int(request.partition("bytes=")[2].partition("-")[0] or 0)
                ranges.append(f"{start}")
                rest = CONTENT[start:]
                status = "206 Partial Content" if start else "200 OK"
                connection.sendall(f"HTTP/1.1 {status}\r\nContent-Length: {len(rest)}\r\n\r\n".encode())
                connection.sendall(rest[:2_000_000])

    thread = threading.Thread(target=serve)
    thread.start()
    file = Artifact("image", hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))
    fetch(file, [f"https://127.0.0.1:{listener.getsockname()[1]}"], tmp_path / "here", peers)
    thread.join()
    listener.close()
    assert (tmp_path / "here").read_bytes() == CONTENT
    assert ranges == ["0", "2000000", "4000000"]


def test_nothing_but_offered_digests_is_served(server: FileServer, certificates: Path, tmp_path: Path) -> None:
    file = offered(server, tmp_path / "there")
    (tmp_path / "there/secret").write_text("not offered")

    def status(path: str, **headers: str) -> int:
        asked = http.client.HTTPSConnection(*_place(server), context=tls(certificates), timeout=10)
        try:
            asked.request("GET", path, headers=headers)
            return asked.getresponse().status
        finally:
            asked.close()

    for path in ("/there/secret", "/../there/secret", f"/{tmp_path}/there/secret", "/", f"/{'0' * 64}", "//etc/passwd"):
        assert status(path) == 404
    assert status(f"/{file.sha256}", Range=f"bytes={len(CONTENT)}-") == 416
    server.offered.withdraw(tmp_path / "there", [file])
    assert status(f"/{file.sha256}") == 404


def test_what_two_offered_stays_until_both_withdraw(server: FileServer, tmp_path: Path) -> None:
    file = offered(server, tmp_path / "a")
    offered(server, tmp_path / "b")
    server.offered.withdraw(tmp_path / "a", [file])
    assert server.offered.find(file.sha256) == tmp_path / "b/image"
    server.offered.withdraw(tmp_path / "b", [file])
    assert server.offered.find(file.sha256) is None


def test_who_is_not_of_the_cluster_gets_nothing(
    peers: Peers, server: FileServer, certificates: Path, tmp_path: Path
) -> None:
    file = offered(server, tmp_path / "there")
    identity.create(tmp_path / "others")
    anonymous = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anonymous.check_hostname = False
    anonymous.load_verify_locations(certificates / identity.CA)
    for context in (tls(tmp_path / "others"), anonymous):
        with pytest.raises(DownloadFailed):
            fetch(file, [server.url], tmp_path / "here", Peers(context))
    with socket.create_connection(_place(server), timeout=5) as plain:
        plain.sendall(f"GET /{file.sha256} HTTP/1.1\r\n\r\n".encode())
        with suppress(ConnectionResetError):
            assert CONTENT[:100] not in plain.recv(65536)
    fetch(file, [server.url], tmp_path / "here", peers)  # it serves its own as before


def test_one_who_says_nothing_keeps_nobody_waiting(server: FileServer, peers: Peers, tmp_path: Path) -> None:
    file = offered(server, tmp_path / "there")
    with socket.create_connection(_place(server)):
        fetch(file, [server.url], tmp_path / "here", peers)


def test_a_product_moves_once_and_is_sealed_where_it_arrives(server: FileServer, peers: Peers, tmp_path: Path) -> None:
    there, here = Store(tmp_path / "there"), Store(tmp_path / "here")

    def make(scratch: Path) -> None:
        (scratch / "deep").mkdir()
        (scratch / "image").write_bytes(CONTENT)
        (scratch / "deep/config").write_text("CONFIG_MMU=y\n")

    home = there.put("build", "abc", make)
    product = StoredProduct("build", "abc", artifacts(home))
    server.offered.offer(home, product.files)
    got = fetch_product(product, [server.url], here, peers)
    assert artifacts(got) == artifacts(home)
    assert fetch_product(product, [], here, peers) == got


def test_small_files_come_with_the_result_and_are_believed_no_more_than_others(
    server: FileServer, peers: Peers, tmp_path: Path
) -> None:
    files = [offered(server, tmp_path / "there", f"{size}", bytes(size)) for size in (0, 100, SMALL, SMALL + 1)]
    contents = small_contents((tmp_path / "there" / file.name, file) for file in files)
    assert list(contents) == [file.sha256 for file in files[:3]]
    for file in files[:3]:
        fetch(file, [], tmp_path / f"here/{file.name}", peers, contents=contents)
        assert (tmp_path / f"here/{file.name}").read_bytes() == bytes(file.size)
    product = StoredProduct("configure", "abc", tuple(files))
    home = fetch_product(product, [server.url], Store(tmp_path / "store"), peers, contents=contents)
    assert {file.name for file in artifacts(home)} == {file.name for file in files}
    assert problem(home, by_hash=True) == ""
    contents[files[1].sha256] = b"another"
    fetch(files[1], [server.url], tmp_path / "again", peers, contents=contents)
    assert (tmp_path / "again").read_bytes() == bytes(100)
    with pytest.raises(DownloadFailed):
        fetch(files[1], [], tmp_path / "refused", peers, contents=contents)


def test_small_files_come_with_the_result_as_far_as_there_is_room(tmp_path: Path) -> None:
    files = []
    for number in range(SMALL_ALL // SMALL + 2):
        content = bytes([number]) * (SMALL if number else 1)
        (tmp_path / f"{number}").write_bytes(content)
        files.append((tmp_path / f"{number}", Artifact("", hashlib.sha256(content).hexdigest(), len(content))))
    files.insert(0, (tmp_path / "gone", Artifact("", "0" * 64, 1)))
    found = small_contents(files)
    assert sum(map(len, found.values())) == (SMALL_ALL // SMALL - 1) * SMALL + 1
    assert "0" * 64 not in found


@pytest.mark.parametrize("name", ["../out", "/etc/passwd", "a/../../out", ""])
def test_no_name_leads_out_of_its_directory(tmp_path: Path, name: str) -> None:
    with pytest.raises(HostRefused):
        inside(tmp_path, name)
    product = StoredProduct("build", "abc", (Artifact(name, "0" * 64, 1),))
    with pytest.raises((HostRefused, DownloadFailed)):
        fetch_product(product, [], Store(tmp_path / "here"), Peers(ssl.create_default_context()))


def test_an_identity_is_made_once_and_checked(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no identity"):
        identity.check(tmp_path / "a", "worker")
    for name in ("a", "b"):
        identity.create(tmp_path / name)
        for role in identity.ROLES:
            identity.check(tmp_path / name, role)
            assert identity.member(tmp_path / name, role).stat().st_mode & 0o077 == 0
    with pytest.raises(UsageError, match="already"):
        identity.create(tmp_path / "a")
    identity.member(tmp_path / "b", "worker").replace(tmp_path / "a/worker.pem")
    with pytest.raises(UsageError, match="no certificate of"):
        identity.check(tmp_path / "a", "worker")
    (tmp_path / "a/worker.pem").write_text("nonsense")
    with pytest.raises(UsageError, match="no certificate of"):
        identity.check(tmp_path / "a", "worker")


def _place(server: FileServer) -> tuple[str, int]:
    host, _, port = server.url.removeprefix("https://").partition(":")
    return host, int(port)
