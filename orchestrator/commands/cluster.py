"""orchestrate cluster: the certificates of a cluster."""

from __future__ import annotations

import argparse

from orchestrator.cluster import identity
from orchestrator.host.real_path import at_home, real_path
from orchestrator.invocation.compose import identity_of
from orchestrator.reporters import stream
from orchestrator.reporters.text import printable


def run(args: argparse.Namespace) -> int:
    directory = real_path(at_home(args.directory)) if args.directory else identity_of(args)
    identity.create(directory)
    stream.out(f"{printable(str(directory))}: copy it to each machine, except {identity.CA_KEY}\n")
    return 0
