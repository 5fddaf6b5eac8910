"""A client's session on a cluster: a connection, a file server of its own, and a check that all versions agree."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.cluster import identity, transport
from orchestrator.cluster.connection import Connection
from orchestrator.cluster.fetched import Peers
from orchestrator.cluster.placement import read_announcement
from orchestrator.cluster.remote import Remote, Shared
from orchestrator.cluster.served import FileServer, Offered
from orchestrator.errors import ClusterUnavailable, UsageError
from orchestrator.jobs.products import Products
from orchestrator.version import version


@dataclass(frozen=True)
class Cluster:
    """What a client has of a cluster, for one run or several at a time."""

    connection: Connection
    files: FileServer
    peers: Peers
    shared: Shared = field(default_factory=Shared)

    def remote(self, products: Products) -> Remote:
        """The executor of a run. Raises ToolMissing, CommandFailed."""
        return Remote(self.connection, products, self.files, self.peers, self.shared)

    def machines(self) -> int:
        """The workers of our version that are there. Raises ClusterUnavailable."""
        told = (read_announcement(text, version()) for text in self.connection.announced().values())
        return sum(one.about is not None for one in told)


@contextmanager
def joined(address: str, directory: Path) -> Iterator[Cluster]:
    """Raises UsageError, ClusterUnavailable."""
    identity.check(directory, "client")
    scheduler = checked_address(address)
    connection = Connection(scheduler, directory)
    try:
        theirs, ours = connection.scheduler_version(), transport.version()
        if theirs != ours:
            raise ClusterUnavailable(
                f"the scheduler at {scheduler} runs distributed {theirs}, and this is {ours}",
                hint="install the same version of orchestrate[cluster] on all machines",
            )
        files = FileServer(Offered(), own_address(scheduler), identity.tls_context(directory, "client", is_server=True))
        try:
            with Peers(identity.tls_context(directory, "client", is_server=False)) as peers:
                yield Cluster(connection, files, peers)
        finally:
            files.close()
    finally:
        connection.close()


def checked_address(address: str) -> str:
    """HOST:PORT. Raises UsageError."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise UsageError(f"{address}: no address of a scheduler", hint="HOST:PORT, as `orchestrate scheduler` says it")
    return address


def own_address(scheduler: str) -> str:
    """The address of this machine by which the scheduler, and so whoever reaches it, reaches us."""
    host, _, port = scheduler.rpartition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:  # sends nothing
        try:
            probe.connect((host, int(port)))
        except OSError as error:
            raise ClusterUnavailable(f"{scheduler} cannot be reached: {error.strerror or error}") from error
        return str(probe.getsockname()[0])
