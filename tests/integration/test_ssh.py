"""SSH to servers that do not answer: who waits hears the user, and the deadline holds."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import paramiko
import pytest

from orchestrator.errors import GuestUnreachable, Interrupted
from orchestrator.guest import ssh
from orchestrator.guest.guest import Access
from orchestrator.guest.ssh import ClientKey, Link, new_client_key
from orchestrator.host.deadline import Deadline
from orchestrator.host.process import Cancel

SOON_S = 1.0  # what Ctrl-C may take to be heard


@pytest.fixture
def keys() -> tuple[ClientKey, ClientKey]:
    """The server's and the client's."""
    return new_client_key(), new_client_key()


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    """Takes connections, which is the kernel's doing, and says nothing: QEMU's forwarded port when no guest answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def link_to(server: socket.socket, keys: tuple[ClientKey, ClientKey]) -> Link:
    return Link(server.getsockname()[1], keys[0].public, keys[1])


def cancelled_after(seconds: float) -> Cancel:
    cancel = Cancel()
    threading.Timer(seconds, cancel.set).start()
    return cancel


def test_connecting_to_a_mute_server_hears_ctrl_c(listening: socket.socket, keys: tuple[ClientKey, ClientKey]) -> None:
    link, started_s = link_to(listening, keys), time.monotonic()
    with pytest.raises(Interrupted):
        link.connect(Deadline.after(30), cancelled_after(0.3).check)
    assert time.monotonic() - started_s < 0.3 + SOON_S
    link.close()


def test_connecting_to_a_mute_server_ends_at_the_deadline(
    listening: socket.socket, keys: tuple[ClientKey, ClientKey]
) -> None:
    link, started_s = link_to(listening, keys), time.monotonic()
    with pytest.raises(GuestUnreachable, match="SSH server did not answer in time"):
        link.connect(Deadline.after(1), lambda: None)
    assert 1 <= time.monotonic() - started_s < 1 + SOON_S
    link.close()


class Deaf(paramiko.ServerInterface):
    """Lets everybody in, takes every command and never runs one."""

    def __init__(self) -> None:
        self.asked = threading.Event()

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        return paramiko.common.AUTH_SUCCESSFUL

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.common.OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        self.asked.set()
        return True


class Undecided(Deaf):
    """Stops in the middle of letting somebody in."""

    def __init__(self) -> None:
        super().__init__()
        self.thawed = threading.Event()

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        self.thawed.wait(20)
        return paramiko.common.AUTH_FAILED


class Closed(Deaf):
    """Lets nobody in."""

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        return paramiko.common.AUTH_FAILED


class Rude(Deaf):
    """Takes the command and closes its channel without a word of how it ended."""

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        threading.Timer(0.2, channel.close).start()
        return super().check_channel_exec_request(channel, command)


class Frozen(Deaf):
    """Stops in the middle of taking a command: neither yes nor no, nor anything else from then on."""

    def __init__(self) -> None:
        super().__init__()
        self.thawed = threading.Event()

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        self.asked.set()
        return self.thawed.wait(20)


@pytest.fixture
def serve(
    listening: socket.socket, keys: tuple[ClientKey, ClientKey], tmp_path: Path
) -> Iterator[Callable[[Deaf], Link]]:
    """A connection to a server that behaves like this."""
    host_key = tmp_path / "host_key"
    host_key.write_text(keys[0].private)
    links = []

    def connected(server: Deaf, limit_s: float = 20) -> Link:
        def answer() -> None:
            transport = paramiko.Transport(listening.accept()[0])
            transport.add_server_key(paramiko.Ed25519Key.from_private_key_file(str(host_key)))
            transport.start_server(server=server)

        threading.Thread(target=answer, daemon=True).start()
        link = link_to(listening, keys)
        links.append(link)
        link.connect(Deadline.after(limit_s), lambda: None)
        return link

    yield connected
    for link in links:
        link.close()


def test_a_server_that_freezes_while_it_lets_us_in_has_refused_nobody(
    serve: Callable[..., Link], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssh, "CONNECT_S", 0.5)
    server = Undecided()
    with pytest.raises(GuestUnreachable, match="SSH server did not answer in time"):
        serve(server, 2.0)
    server.thawed.set()


def test_a_server_that_does_not_let_us_in_is_another(serve: Callable[..., Link]) -> None:
    with pytest.raises(GuestUnreachable, match="not the one we started"):
        serve(Closed())


def test_waiting_for_an_answer_hears_ctrl_c(serve: Callable[[Deaf], Link]) -> None:
    server, cancel = Deaf(), Cancel()
    link = serve(server)

    def check() -> None:
        if server.asked.is_set():
            cancel.set()
        cancel.check()

    with pytest.raises(Interrupted):
        link.ask("true", 30, check)


def test_an_answer_is_not_waited_for_longer_than_that(serve: Callable[[Deaf], Link]) -> None:
    link, started_s = serve(Deaf()), time.monotonic()
    with pytest.raises(GuestUnreachable, match="did not answer `true`"):
        link.ask("true", 1.0)
    assert time.monotonic() - started_s < 1 + SOON_S


def test_a_command_whose_channel_closes_without_a_status_was_not_answered(serve: Callable[[Deaf], Link]) -> None:
    with pytest.raises(GuestUnreachable, match="closed without an exit status"):
        serve(Rude()).ask("true", 5.0)


def test_a_server_that_freezes_while_it_takes_the_command_is_not_waited_for_either(
    serve: Callable[[Deaf], Link],
) -> None:
    server = Frozen()
    link, started_s = serve(server), time.monotonic()
    with pytest.raises(GuestUnreachable, match="did not answer `true`"):
        link.ask("true", 1.0)
    assert server.asked.is_set()
    assert time.monotonic() - started_s < 1 + SOON_S
    server.thawed.set()


@pytest.mark.parametrize("name", ["my runs", "100%h", 'a"b', "back\\slash"])
def test_openssh_reads_the_paths_that_it_is_given(tmp_path: Path, name: str) -> None:
    home = tmp_path / name
    home.mkdir()
    known_hosts, key_file = home / "known_hosts", home / "id_ed25519"
    key_file.write_text("")
    words = Access(22, key_file, known_hosts).ssh(options=("-G",))
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert f"userknownhostsfile {known_hosts}\n" in said
    assert f"identityfile {key_file}\n".replace("%", "%%") in said  # it is shown before it is expanded
