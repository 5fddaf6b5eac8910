"""orchestrate watch: test a tree, and again on each save.

A run that a save makes out of date is superseded: it is stopped, and what it has compiled is kept. A save that changes
nothing that is tested (a file that git does not track, a file as it was) supersedes nothing.
"""

from __future__ import annotations

import argparse
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from orchestrator.commands.test import test
from orchestrator.commands.turns import State, Turns
from orchestrator.declarations.catalog import load_catalog
from orchestrator.errors import OrchestrateError, UsageError
from orchestrator.host.process import Cancel, Runner
from orchestrator.host.watching import check_watching, saves
from orchestrator.invocation.compose import Invocation, command_line, invoke, listening, request_of, stoppable, usual_of
from orchestrator.invocation.intake import tree_of
from orchestrator.invocation.outputs import Outputs, outputs_of
from orchestrator.invocation.selecting import selected
from orchestrator.model.outcome import Verdict
from orchestrator.model.report import RunReport
from orchestrator.model.request import Request
from orchestrator.model.series import Series
from orchestrator.reporters import stream, terminal
from orchestrator.reporters.complaint import complain
from orchestrator.reporters.text import printable
from orchestrator.source.checkout import tree_series


def run(args: argparse.Namespace) -> int:
    check_watching()
    outputs = outputs_of(args)
    outputs.check()
    request, turns = request_of(args), Turns()
    tree, wanted = tree_of(request, load_catalog(), Runner(Cancel()), Path.cwd(), usual_of(args))
    session = _Session(args, outputs, turns)

    def state() -> State:
        return _state(tree_series(tree, wanted, request.dirty, Runner(Cancel())), request)

    watcher = threading.Thread(target=_watch, args=(tree, turns, state), name=f"watch {tree}", daemon=True)
    with stoppable(turns):
        watcher.start()
        turns.watches.wait()
        try:
            while not turns.over.is_set():
                session.turn()
                if not turns.is_superseded:
                    session.tell(f"waiting for a save in {printable(str(tree))}; Ctrl-C ends")
                    turns.wait()
        finally:
            turns.set()
            watcher.join()
    if turns.trouble:
        raise turns.trouble
    return session.status


@dataclass
class _Session:
    """The runs of one watch. `status` is the exit status of the last one that was not superseded, `known` the digests
    of its patches."""

    args: argparse.Namespace
    outputs: Outputs
    turns: Turns
    status: int = 0
    known: frozenset[str] = frozenset()

    def turn(self) -> None:
        """Test what the tree holds, unless it has been tested."""
        self.turns.begin()
        try:
            self._test()
        except OrchestrateError as error:  # conflicts, nothing to test, a full disk: the next save may find it mended
            self.turns.forget()
            complain(error)
            self.status = error.fault.value

    def tell(self, words: str) -> None:
        if not self.args.quiet:
            stream.tell(f"{words}\n")

    def _test(self) -> None:
        with listening(self.args) as emit:
            found = self._tested(invoke(self.args, emit))
        if found is None:
            return
        report, run_dir = found
        if report.verdict is Verdict.INTERRUPTED and self.turns.is_superseded:
            self.turns.forget()
            self.tell("superseded by a save")
            return
        line = command_line(self.args)
        summary = partial(terminal.show, report, color=self.args.color, is_quiet=self.args.quiet, resume=line)
        self.status = self.outputs.deliver(run_dir, report.verdict.exit_status, summary)

    def _tested(self, invocation: Invocation) -> tuple[RunReport, Path] | None:
        """A run of what the tree holds; None if it has been tested."""
        plan = invocation.plan
        assert plan.series
        state = _state(plan.series, plan.request)
        if self.turns.is_tested(state):
            return None
        new = tuple(patch for patch in plan.series.patches if patch.sha256 not in self.known) or plan.series.patches
        ordered, _ = selected(invocation.context, plan, new)
        with self.turns.running(state, invocation.context.runner.cancel):
            found = test(replace(invocation, plan=ordered), self.args, self.outputs, None)
        if not self.turns.is_superseded:
            self.known = frozenset(patch.sha256 for patch in plan.series.patches)
        return found


def _state(series: Series, request: Request) -> State:
    base = series.origin.base if series.origin else ""
    return series.digest, request.base or base


def _watch(tree: Path, turns: Turns, state: Callable[[], State]) -> None:
    """In a thread of its own: tell of each save."""
    try:
        for has_changed in saves(tree, turns.over):
            turns.watches.set()
            if has_changed:
                found: State | None = None
                with suppress(UsageError):
                    found = state()
                turns.changed(found)
    except OrchestrateError as error:
        turns.trouble = error
        turns.set()
