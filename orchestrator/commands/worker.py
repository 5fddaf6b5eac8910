"""orchestrate worker: this machine works for the clients of a scheduler."""

from __future__ import annotations

import argparse
import socket
import tempfile
from pathlib import Path

from orchestrator.cluster import identity
from orchestrator.cluster.announce import announcement
from orchestrator.cluster.fetched import Peers
from orchestrator.cluster.served import FileServer, Offered
from orchestrator.cluster.workshop import Workshop
from orchestrator.codec import dumps
from orchestrator.context import Context, Places
from orchestrator.declarations.catalog import load_catalog
from orchestrator.host.process import Cancel, Runner
from orchestrator.invocation.compose import find_accel, find_finders, identity_of, stoppable
from orchestrator.invocation.executors import extra
from orchestrator.model.kernel import USUAL_ARCH
from orchestrator.model.request import Request
from orchestrator.reporters import stream
from orchestrator.reporters.text import printable

SCRATCH = "workers"  # below the state's directory
MORE_THREADS = 64  # than it can have guests: a job that waits for a slot holds none


def run(args: argparse.Namespace) -> int:
    with extra():
        from orchestrator.cluster import transport
        from orchestrator.cluster.session import checked_address, own_address
    directory, cancel = identity_of(args), Cancel()
    identity.check(directory, "worker")
    scheduler = checked_address(args.scheduler)
    places, catalog = Places.of_user(args.settings.cache), load_catalog()
    host = args.host or own_address(scheduler)
    name = args.name or socket.gethostname()
    context = Context(places, catalog, Runner(cancel), lambda event: None)
    accel, _ = find_accel(Request(), catalog.machine(catalog.arch(USUAL_ARCH).machine), context)
    files = FileServer(Offered(), host, identity.tls_context(directory, "worker", is_server=True))
    about = announcement(context, name, accel.name, files.url)
    homes = places.state / SCRATCH
    homes.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=homes, prefix="worker-", ignore_cleanup_errors=True) as scratch:
        home = Path(scratch)
        tls = identity.tls_context(directory, "worker", is_server=False)
        with Peers(tls) as peers, stoppable(cancel):
            workshop = Workshop(places, catalog, find_finders, files, peers, home / "jobs")
            transport.run_worker(
                scheduler,
                host,
                directory,
                name,
                MORE_THREADS,
                lambda: dumps(about(), indent=None),
                workshop,
                home / "dask",
                cancel,
                lambda address: stream.out(f"worker {printable(name)}: {address.rpartition('//')[2]}\n"),
            )
    files.close()
    return 0
