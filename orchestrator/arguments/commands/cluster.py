"""Commands that make many machines work for a run."""

from __future__ import annotations

from pathlib import Path

from orchestrator.arguments.command import Command, Group, option
from orchestrator.arguments.exit_status import REQUEST
from orchestrator.arguments.options.cluster import IDENTITY
from orchestrator.arguments.options.messages import VERBOSE

ADDRESS = option(
    "--host", metavar="ADDRESS", help="the address at which other machines reach this one (default: detected)"
)
ENDS = ((0, "stopped by Ctrl-C or SIGTERM"), REQUEST, (3, "the scheduler is gone, or something is missing here"))

CLUSTER = Command(
    "cluster",
    "make the certificates of a cluster",
    "Makes a certificate authority and certificates for the scheduler, the workers and the clients of a cluster. Only "
    "machines with a certificate can take part, and each of them can run programs on every worker.",
    (("orchestrate cluster init", "in ~/.config/orchestrate/cluster; copy everything but ca.key to each machine"),),
    (
        option("action", choices=("init",), metavar="ACTION", help="init"),
        option("directory", nargs="?", type=Path, metavar="DIR", completes="directory", help="where to write them"),
    ),
)

SCHEDULER = Command(
    "scheduler",
    "run the scheduler of a cluster",
    "Connects clients and workers. It stores nothing: if it dies, start it and the workers again, and repeat the "
    "interrupted command.",
    (("orchestrate scheduler", "on port 8786 of this machine"),),
    (),
    (
        Group(
            "machines",
            (
                option("--host", metavar="ADDRESS", default="0.0.0.0", help="where to listen (default: everywhere)"),
                option("--port", type=int, metavar="N", default=8786, help="the port (default: 8786; 0: any free one)"),
                IDENTITY,
                option(
                    "--silence",
                    type=float,
                    metavar="S",
                    default=30.0,
                    help="give up a worker that says nothing for S seconds (default: 30)",
                ),
            ),
        ),
        Group("messages", (VERBOSE,)),
    ),
    ENDS,
)

WORKER = Command(
    "worker",
    "work for a scheduler: build kernels, boot guests",
    "Does jobs for the clients of a scheduler on this machine, which must pass `orchestrate doctor`. It announces its "
    "architecture, accelerator, CPUs, memory, compilers, and what it has built. Whatever a job started ends with the "
    "worker.",
    (("orchestrate worker --scheduler build-farm:8786", "until it is stopped, or the scheduler is gone"),),
    (),
    (
        Group(
            "machines",
            (
                option(
                    "--scheduler",
                    required=True,
                    metavar="HOST:PORT",
                    help="the address that `orchestrate scheduler` prints",
                ),
                ADDRESS,
                option("--name", metavar="NAME", help="the worker's name (default: the host's name)"),
                IDENTITY,
            ),
        ),
        Group("messages", (VERBOSE,)),
    ),
    ENDS,
)

COMMANDS = (WORKER, SCHEDULER, CLUSTER)
