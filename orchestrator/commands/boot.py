"""orchestrate boot: build, boot, and say who answered."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from orchestrator.commands.compose import open_session, stoppable
from orchestrator.commands.guests import gdb_line, guest_specs
from orchestrator.jobs.boot import boot
from orchestrator.reporters import stream
from orchestrator.reporters.progress import Progress
from orchestrator.reporters.text import printable


def run(args: argparse.Namespace) -> int:
    session = open_session(args, Progress(sys.stderr, verbose=args.verbose))
    with stoppable(session.context.runner.cancel), tempfile.TemporaryDirectory(prefix="orchestrate-boot-") as where:
        for suite, spec in guest_specs(session):
            guest, identity = boot(
                session.context, spec, Path(where) / suite.name, debug=gdb_line(spec) if args.gdb else None
            )
            guest.close()
            words = (suite.name, identity.release, f"{identity.ready_s:.2f} s", spec.accel.name, identity.build_id)
            stream.out("\t".join(map(printable, words)) + "\n")
    return 0
