"""orchestrate boot: build, boot, and say who answered."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from orchestrator.invocation.compose import invoke, listening, stoppable
from orchestrator.invocation.guests import gdb_line, guest_specs
from orchestrator.jobs.boot import boot
from orchestrator.reporters import stream
from orchestrator.reporters.text import printable


def run(args: argparse.Namespace) -> int:
    with listening(args) as emit:
        invocation = invoke(args, emit)
        context = invocation.context
        with stoppable(context.runner.cancel), tempfile.TemporaryDirectory(prefix="orchestrate-boot-") as where:
            for subject, spec in guest_specs(invocation):
                debug = gdb_line(spec) if args.gdb else None
                guest, who = boot(context, spec, Path(where) / subject.name, debug=debug)
                guest.close()
                words = (subject.name, who.release, f"{who.ready_s:.2f} s", spec.accel.name, who.build_id)
                stream.out("\t".join(map(printable, words)) + "\n")
    return 0
