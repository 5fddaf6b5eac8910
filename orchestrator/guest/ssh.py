"""Commands in the guest over SSH: the only importer of fabric and paramiko.

What fabric does by default and we must not: it accepts any host key, reads the user's ssh configuration and agent,
reads output in small pieces (quadratic time for megabytes), and cannot tell a server that was killed from a command
that was. Hence: a pinned key, an isolated configuration, big reads, and a sentinel written by the guest itself.
"""

from __future__ import annotations

import base64
import io
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import fabric
import invoke
import paramiko
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from orchestrator.errors import GuestUnreachable
from orchestrator.host.deadline import Deadline

# paramiko prints tracebacks of failed connection attempts to stderr unless its logger is told where to go
logging.getLogger("paramiko").addHandler(logging.NullHandler())
logging.getLogger("paramiko").propagate = False

CONNECT_S = 20.0  # one attempt: TCP, banner, key exchange, authentication, in an emulated guest
CHANNEL_S = 20.0
NO_STATUS = -1  # paramiko's word for a channel that closed before an exit status came
LOOK_EVERY_S = 0.1  # at the user and at the guest, while paramiko waits
T = TypeVar("T")
RETRIABLE = (paramiko.SSHException, paramiko.ssh_exception.NoValidConnectionsError, EOFError, OSError)
FINAL = (paramiko.BadHostKeyException, paramiko.AuthenticationException)
# paramiko's AuthenticationException also when the server has refused nobody, but did not answer
UNANSWERED = ("Authentication timeout.", "Authentication failed: transport shut down or saw EOF")


class _AtOnce(io.StringIO):
    """Input that is available as a whole: invoke asks for one character at a time, and sleeps after each."""

    def read(self, size: int | None = -1, /) -> str:
        return super().read()


class _BigReads(fabric.runners.Remote):  # type: ignore[misc]
    read_chunk_size = 1 << 16


@dataclass(frozen=True)
class ClientKey:
    """The key that logs in. `private` is OpenSSH's PEM, `public` the line for authorized_keys."""

    private: str
    public: str


def new_client_key() -> ClientKey:
    """An Ed25519 key for one guest: PEM without a passphrase, and the line for authorized_keys."""
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return ClientKey(pem.decode(), public.decode())


@dataclass(frozen=True)
class Reply:
    """What a remote command said. `status` is -1 when the connection ended before the command did."""

    status: int
    stdout: str
    stderr: str


class Link:
    """A connection to one guest."""

    def __init__(self, port: int, host_key: str, key: ClientKey) -> None:
        """`host_key` is the guest's public key as OpenSSH writes it: "ssh-ed25519 AAAA..."."""
        config = fabric.Config(overrides={"load_ssh_configs": False, "runners": {"remote": _BigReads}}, lazy=True)
        self._connection = fabric.Connection(
            "127.0.0.1",
            user="root",
            port=port,
            config=config,
            connect_timeout=CONNECT_S,
            connect_kwargs={
                "pkey": paramiko.Ed25519Key.from_private_key(io.StringIO(key.private)),
                "look_for_keys": False,
                "allow_agent": False,
                "banner_timeout": CONNECT_S,
                "auth_timeout": CONNECT_S,
                "channel_timeout": CHANNEL_S,
            },
        )
        kind, data = host_key.split()[:2]
        known = self._connection.client.get_host_keys()
        known.add(f"[127.0.0.1]:{port}", kind, paramiko.Ed25519Key(data=base64.b64decode(data)))
        self._connection.client.set_missing_host_key_policy(paramiko.RejectPolicy())

    def connect(self, deadline: Deadline, check_alive: Callable[[], None]) -> None:
        """Try until it works. `check_alive` raises when there is nothing left to wait for.

        Raises GuestUnreachable: at the deadline, or at once for a wrong host key or a refused login.
        """
        last: BaseException | None = None

        def check() -> None:
            check_alive()
            if deadline.expired:
                raise last or TimeoutError("no answer to the first attempt")

        while not deadline.expired:
            check_alive()
            try:
                self._attended(self._connection.open, check)
            except (*FINAL, *RETRIABLE) as error:
                if isinstance(error, FINAL) and str(error) not in UNANSWERED:
                    raise GuestUnreachable(f"the guest's SSH server is not the one we started: {error}") from error
                last = error
                self._connection.close()
                time.sleep(0.05)
            else:
                return
        raise GuestUnreachable(
            f"the guest's SSH server did not answer in time ({last or 'no attempt was possible'})",
            hint="the console log shows how far init came; the network device may be missing from the kernel",
        )

    def ask(self, command: str, timeout_s: float = CHANNEL_S, check_alive: Callable[[], None] = lambda: None) -> Reply:
        """A short command whose answer is text. Raises GuestUnreachable, and what `check_alive` raises meanwhile.

        `timeout_s` is for all of it. fabric's own will not do: it begins when the server has confirmed that it runs the
        command, for which paramiko waits without end although a guest can freeze in between; and where its timer has
        closed the channel but not ended yet, a command that timed out is a result like any other.
        """

        def execute() -> fabric.Result:
            return self._connection.run(command, hide=True, warn=True, in_stream=False)

        try:
            result = self._attended(execute, check_alive, Deadline.after(timeout_s))
        except (invoke.ThreadException, *RETRIABLE) as error:
            raise GuestUnreachable(f"the guest did not answer `{command}`: {error}") from error
        if result.exited == NO_STATUS:
            raise GuestUnreachable(f"the guest did not answer `{command}`: the channel closed without an exit status")
        return Reply(result.exited, result.stdout, result.stderr)

    def run(self, command: str, stdout: Path, stderr: Path, stdin: str = "") -> Reply:
        """A long command whose output goes to files as it comes. Ends early, with status -1, when `cut` is called."""
        with (
            stdout.open("w", errors="replace", buffering=1) as out,
            stderr.open("w", errors="replace", buffering=1) as err,
        ):
            try:
                result = self._connection.run(
                    command, warn=True, in_stream=_AtOnce(stdin), out_stream=out, err_stream=err
                )
            except (invoke.Failure, invoke.ThreadException, *RETRIABLE):
                return Reply(NO_STATUS, "", "")
        return Reply(result.exited, "", result.stderr)

    def ping(self) -> threading.Event:
        """Ask the SSH server for a sign of life; the event is set when it comes.

        A frozen guest keeps its TCP connection, and paramiko's own keepalive never waits for an answer: only an
        answer proves life.
        """
        answered = threading.Event()
        transport = self._connection.transport

        def request() -> None:
            try:
                # any answer will do; dropbear refuses the name, which is an answer
                transport.global_request("keepalive@openssh.com", wait=True)
            except (paramiko.SSHException, EOFError, OSError):
                return
            if transport.is_active():
                answered.set()

        if transport is not None:
            threading.Thread(target=request, name="ping", daemon=True).start()
        return answered

    def cut(self) -> None:
        """Drop the connection, under a running command or while it is being made."""
        transport = self._connection.client.get_transport()
        if transport is not None:
            transport.close()

    def close(self) -> None:
        self.cut()
        self._connection.close()

    def _attended(self, work: Callable[[], T], check: Callable[[], None], deadline: Deadline | None = None) -> T:
        """Run `work`, which blocks, in a thread. `check` is called meanwhile, and an exception of it ends both. Raises
        TimeoutError at the deadline; then the thread ends with the connection."""
        done: Future[T] = Future()

        def do() -> None:
            try:
                done.set_result(work())
            except BaseException as error:  # noqa: BLE001, it is raised again where it is waited for
                done.set_exception(error)

        threading.Thread(target=do, name="ssh", daemon=True).start()
        while not wait((done,), LOOK_EVERY_S).done:
            try:
                check()
            except BaseException:
                self.cut()
                raise
            if deadline and deadline.expired:
                raise TimeoutError("no answer in time")
        return done.result()
