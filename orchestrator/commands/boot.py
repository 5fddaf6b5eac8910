"""orchestrate boot: build, boot, and say who answered."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from orchestrator.commands.compose import invoke, stoppable
from orchestrator.commands.guests import gdb_line, guest_specs
from orchestrator.jobs.boot import boot
from orchestrator.reporters import stream
from orchestrator.reporters.progress import Progress
from orchestrator.reporters.text import printable


def run(args: argparse.Namespace) -> int:
    invocation = invoke(args, Progress(sys.stderr, verbose=args.verbose))
    with stoppable(invocation.context.runner.cancel), tempfile.TemporaryDirectory(prefix="orchestrate-boot-") as where:
        for subject, spec in guest_specs(invocation):
            guest, identity = boot(
                invocation.context, spec, Path(where) / subject.name, debug=gdb_line(spec) if args.gdb else None
            )
            guest.close()
            words = (subject.name, identity.release, f"{identity.ready_s:.2f} s", spec.accel.name, identity.build_id)
            stream.out("\t".join(map(printable, words)) + "\n")
    return 0
