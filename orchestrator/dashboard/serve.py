"""The dashboard at an address: the only importer of uvicorn."""

from __future__ import annotations

import socket
from collections.abc import Callable

import uvicorn

from orchestrator.dashboard.app import application
from orchestrator.dashboard.guard import Guard
from orchestrator.errors import UsageError
from orchestrator.history.database import Database

_AT_ONCE = 64  # requests; more are told to come again
_WAITING = 128


def serve(database: Database, guard: Guard, host: str, port: int, tell: Callable[[str], None]) -> None:
    """Answer until SIGINT or SIGTERM. `tell` is given the address once it is listened to. Raises UsageError where it
    cannot be."""
    listens = listener(host, port)
    shown = f"[{host}]" if ":" in host else host
    tell(f"http://{shown}:{listens.getsockname()[1]}/")
    config = uvicorn.Config(
        application(database, guard), log_config=None, access_log=False, server_header=False, lifespan="off",
        limit_concurrency=_AT_ONCE, timeout_keep_alive=15, timeout_graceful_shutdown=5, proxy_headers=False,
    )  # fmt: skip
    uvicorn.Server(config).run(sockets=[listens])


def listener(host: str, port: int) -> socket.socket:
    """A TCP socket that listens. Raises UsageError where it cannot."""
    if not 0 <= port < 1 << 16:  # socket takes it modulo 65536
        raise UsageError(f"cannot listen on {host} port {port}: ports are 0 to 65535", hint="--port N")
    try:
        [(family, kind, protocol, _, address), *_] = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        # Only where the protocol is named does asyncio set TCP_NODELAY. Without it a page, which is written after its
        # header, waits up to 40 ms for the client's delayed acknowledgement.
        listens = socket.socket(family, kind, protocol)
        listens.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listens.bind(address)
        listens.listen(_WAITING)
    except (OSError, UnicodeError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"cannot listen on {host} port {port}: {reason}", hint="--host ADDRESS, --port N") from error
    return listens
