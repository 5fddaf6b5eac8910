"""orchestrate scheduler: where clients and workers of a cluster meet."""

from __future__ import annotations

import argparse

from orchestrator.cluster import identity
from orchestrator.errors import UsageError
from orchestrator.host.process import Cancel
from orchestrator.invocation.compose import identity_of, stoppable
from orchestrator.invocation.executors import extra
from orchestrator.reporters import stream


def run(args: argparse.Namespace) -> int:
    with extra():
        from orchestrator.cluster import transport
    directory, cancel = identity_of(args), Cancel()
    identity.check(directory, "scheduler")
    if args.silence < 1:
        raise UsageError(f"--silence {args.silence:g}: a worker says something each second")
    with stoppable(cancel):
        transport.run_scheduler(
            args.host,
            args.port,
            directory,
            cancel,
            lambda address: stream.out(f"scheduler: {address.rpartition('//')[2]}\n"),
            args.silence,
        )
    return 0
