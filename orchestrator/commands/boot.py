"""orchestrate boot: build, boot, and say who answered."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from orchestrator.commands.compose import open_session, stoppable
from orchestrator.commands.guests import benches, gdb_line
from orchestrator.reporters.progress import Progress
from orchestrator.stages.boot import boot


def run(args: argparse.Namespace) -> int:
    session = open_session(args, Progress(sys.stderr, verbose=args.verbose))
    with stoppable(session.context.runner.cancel), tempfile.TemporaryDirectory(prefix="orchestrate-boot-") as where:
        for suite, bench in benches(session):
            guest, identity = boot(
                session.context, bench, Path(where) / suite.name, debug=gdb_line(bench) if args.gdb else None
            )
            guest.close()
            words = (suite.name, identity.release, f"{identity.ready_s:.2f} s", bench.accel.name, identity.build_id)
            sys.stdout.write("\t".join(words) + "\n")
    return 0
