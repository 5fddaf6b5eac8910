"""orchestrate shell: boot a kernel and drop the user into the guest, or run one command there."""

from __future__ import annotations

import argparse
import shlex
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from orchestrator.errors import GuestUnreachable, ToolMissing, UsageError
from orchestrator.guest.condition import RUNNING
from orchestrator.guest.guest import Access
from orchestrator.guest.left import find_left
from orchestrator.host.process import attach, find_program
from orchestrator.invocation.compose import invoke, listening, stoppable
from orchestrator.invocation.guests import gdb_line, guest_specs
from orchestrator.jobs.boot import boot
from orchestrator.judge.run import RUN
from orchestrator.reporters import stream
from orchestrator.words import counted


def run(args: argparse.Namespace) -> int:
    """The exit status is the remote shell's or command's."""
    if find_program("ssh") is None:
        raise ToolMissing("ssh is not installed", hint="apt-get install openssh-client")
    if args.words and (Path(args.words[0]) / RUN).is_file():
        return resume(Path(args.words[0]), args.words[1:])
    with tempfile.TemporaryDirectory(prefix="orchestrate-shell-") as where:
        with listening(args) as emit:
            invocation = invoke(args, emit)
            with stoppable(invocation.context.runner.cancel):
                _, spec = next(guest_specs(invocation))
                debug = gdb_line(spec) if args.gdb else None
                guest, identity = boot(invocation.context, spec, Path(where) / "guest", debug=debug)
        try:
            machine = spec.machine
            told = (
                f"{identity.release}, {counted(machine.smp, 'CPU')}, {machine.memory_mib} MiB, {spec.accel.name}; "
                f"the cases are in /cases; console: {guest.directory}/console.log (until you leave)\n"
            )
            if not args.quiet:
                stream.tell(told)
            return _attach(guest.access, args.words)
        finally:
            guest.close()


def resume(run_dir: Path, words: Sequence[str]) -> int:
    """Into the guest that a run left behind; it is paused again afterwards. Raises UsageError, GuestUnreachable."""
    left = find_left(run_dir)
    if left is None:
        raise UsageError(f"{run_dir}: no guest of this run is there any more")
    note = f"console: {left.directory}/console.log; `kill {left.pid}` ends the guest\n"
    state = left.resume()
    if state != RUNNING:
        hint = "`orchestrate postmortem RUN_DIR/KERNEL/CASE` shows what its memory holds"
        raise UsageError(f"the guest cannot be resumed: {state}; {note}".rstrip(), hint=hint)
    stream.tell(f"the guest runs again; {note}")
    try:
        return _attach(left.access, words, "-o", "ConnectTimeout=20")
    finally:
        try:
            left.stop()
        except GuestUnreachable:
            stream.tell("the guest is gone\n")
        else:
            stream.tell("the guest is paused again\n")


def _attach(access: Access, words: Sequence[str], *options: str) -> int:
    terminal = ("-t",) if sys.stdin.isatty() and not words else ()
    remote = (shlex.join(words),) if words else ()
    # in the user's terminal session, so that ^C and job control are the remote shell's
    return attach(access.ssh(*remote, options=(*terminal, *options)))
