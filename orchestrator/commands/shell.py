"""orchestrate shell: boot a kernel and drop the user into the guest, or run one command there."""

from __future__ import annotations

import argparse
import shlex
import sys
import tempfile
from pathlib import Path

from orchestrator.commands.compose import open_session, stoppable
from orchestrator.commands.guests import benches
from orchestrator.errors import ToolMissing
from orchestrator.process import attach, find_program
from orchestrator.reporters.progress import Progress
from orchestrator.stages.boot import boot


def run(args: argparse.Namespace) -> int:
    """The exit status is the remote shell's or command's."""
    if find_program("ssh") is None:
        raise ToolMissing("ssh is not installed", hint="apt-get install openssh-client")
    session = open_session(args, Progress(sys.stderr, verbose=args.verbose))
    with tempfile.TemporaryDirectory(prefix="orchestrate-shell-") as where:
        with stoppable(session.context.runner.cancel):
            _, bench = next(benches(session))
            guest, identity = boot(session.context, bench, Path(where) / "guest")
        try:
            sys.stderr.write(
                f"{identity.release}, {bench.machine.smp} CPUs, {bench.machine.memory_mib} MiB, {bench.accel.name}; "
                f"the cases are in /cases; console: {guest.directory}/console.log (until you leave)\n"
            )
            terminal = ("-t",) if sys.stdin.isatty() and not args.words else ()
            words = (shlex.join(args.words),) if args.words else ()
            # in the user's terminal session, so that ^C and job control are the remote shell's
            return attach(guest.access.ssh(*words, options=terminal))
        finally:
            guest.close()
