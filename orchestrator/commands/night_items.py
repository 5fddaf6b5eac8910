"""The items of a night: what could be run, as far as one can tell without running it, and how one is run.

An item is an ordinary command (`test`, `mutants`, `bisect`) with a run directory inside that of the night.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.arguments.parser import parser
from orchestrator.build.toolchain import find_toolchain
from orchestrator.codec import encode
from orchestrator.commands.bisect import Bisected, as_of_test, bisect
from orchestrator.commands.mutants import mutate
from orchestrator.commands.test import test
from orchestrator.errors import ClusterUnavailable, Fault, Interrupted, OrchestrateError, WorkersUnfit
from orchestrator.host.os_errors import situation
from orchestrator.host.process import Cancel
from orchestrator.invocation.compose import Invocation, invoke, listening, request_of
from orchestrator.invocation.executors import LOCAL, Workforce
from orchestrator.invocation.outputs import Outputs
from orchestrator.invocation.rundir import case_digests, fragment_symbols
from orchestrator.judge.run import RUN
from orchestrator.model.night import BISECT, MUTANTS, Candidate, Item, NightItem, Parts
from orchestrator.model.outcome import Verdict
from orchestrator.nights.targets import Target
from orchestrator.nights.words import combinations, command_words
from orchestrator.runs.record import RunRecord, load_record
from orchestrator.settings.resolve import give
from orchestrator.source.bases import DEFAULT_BASE, check_packaged, find_in_tree
from orchestrator.storage.manifest import file_digest
from orchestrator.storage.store import key

DIGITS = 16  # of a digest: it tells the versions of one thing apart


class Stop:
    """Ctrl-C ends the night, and with it the runs that are going on; the end of a budget only the run that it is
    for."""

    def __init__(self) -> None:
        self.cancel = Cancel()
        self._runs: dict[str, Cancel] = {}  # by the names of their items
        self._late: set[str] = set()
        self._is_over = False

    def set(self) -> None:
        """For a signal's handler, so without a lock."""
        self.cancel.set()
        self.all_runs()

    def all_runs(self) -> None:
        """End the runs that are going on, and those that are about to begin."""
        self._is_over = True
        for run in list(self._runs.values()):
            run.set()

    def check(self) -> None:
        """Raises Interrupted when all runs are to end."""
        if self._is_over:
            raise Interrupted("interrupted", hint="run the same command again: it continues where it stopped")

    def late(self, item: str) -> None:
        """The time of an item is over."""
        self._late.add(item)
        if run := self._runs.get(item):
            run.set()

    def is_late(self, item: str) -> bool:
        return item in self._late

    @contextmanager
    def running(self, item: str, run: Cancel) -> Iterator[None]:
        self._runs[item] = run
        if self._is_over or self.is_late(item):
            run.set()
        try:
            yield
        finally:
            del self._runs[item]


@dataclass(frozen=True)
class Ended:
    """How the run of an item ended. `is_late`: it was stopped, as its time was over."""

    status: int
    verdict: str
    reason: str
    tested: Parts = ()
    is_late: bool = False
    bisected: Bisected | None = None


def parsed(words: Sequence[str], told: argparse.Namespace, output: Path | None = None) -> argparse.Namespace:
    """The arguments of an item's command line; what is `told` of its messages is the night's affair. Raises
    UsageError."""
    more = ("--output", str(output)) if output else ()
    args = parser().parse_args([*words, *more])
    give(args, (*words, *more), os.environ)
    args.executor = LOCAL  # the machines are the night's affair, too
    args.verbose, args.quiet, args.color = told.verbose, told.quiet, told.color
    if args.command == BISECT:
        as_of_test(args)
    return args


def candidates(targets: Iterable[Target], seed: int, told: argparse.Namespace, cancel: Cancel) -> Iterator[Candidate]:
    """Everything that could be run, with what it would test. What is wrong with a request is the candidate's trouble.
    Raises Interrupted."""
    for target in targets:
        entry = target.entry
        if target.trouble:
            yield Candidate(target.name, entry.name, target.name, "", "", (), entry.priority, trouble=target.trouble)
            continue
        for kind in combinations(entry):
            cancel.check()
            suite, words = kind.suite, command_words(target.words, kind, seed)
            one = Candidate(
                kind.item(target.name), entry.name, target.name, suite.name, kind.kconfig, words, entry.priority,
                every_s=suite.every_s, again_s=suite.again_s,
            )  # fmt: skip
            try:
                args = parsed(words, told)
                yield replace(one, tested=tested_of(invoke(args, lambda event: None), args))
            except (OrchestrateError, OSError) as error:
                yield replace(one, trouble=situation(error).message)


def tested_of(invocation: Invocation, args: argparse.Namespace) -> Parts:
    """What a run tests, by name: it is new if one of these is. How it is run (seed, budget) is no part of it."""
    plan, context = invocation.plan, invocation.context
    if plan.source.tree:
        base = find_in_tree(Path(plan.source.tree), plan.source.revision, context.runner).commit
    else:
        package = check_packaged(plan.source.revision or DEFAULT_BASE)
        base = f"{package.name}-{package.stat().st_size}"
    libraries = {context.catalog.library(case) for case in plan.cases if case.sources}
    library = [file_digest(path) for root in sorted(libraries) for path in sorted(root.iterdir()) if path.is_file()]
    compilers = [find_toolchain(context, name).value.compiler for name in plan.request.toolchains]
    asked = replace(
        request_of(args), patch=None, part=None, version=None, tree=None, base=None, kconfigs=(), toolchains=(),
        testcases=(), machine="", seed=0, budget_s=None, jobs=None, suite_name="", attachments_root="",
    )  # fmt: skip
    parts = {
        "base": base,
        "below": _digest([patch.sha256 for patch in plan.source.below]) if plan.source.below else "",
        "series": plan.series.digest[:DIGITS] if plan.series else "",
        "kconfig": _digest(fragment_symbols(plan)),
        "compiler": _digest(compilers),
        "cases": _digest([case_digests(plan), library]),
        "guest": f"{plan.machine.name}-{plan.machine.smp}x{plan.machine.memory_mib}",
        "options": _digest(encode(asked)),
    }
    return tuple((name, value) for name, value in parts.items() if value)


def _digest(value: object) -> str:
    return key("night", value=value)[:DIGITS]


def run_item(
    item: Item, night: str, output: Path, who: Workforce, stop: Stop, told: argparse.Namespace, about: str = ""
) -> Ended:
    """Run an item; `about` begins what it says. Whatever goes wrong is how it ended, and stops no other. Raises
    Interrupted if the night ends, ClusterUnavailable if its machines are gone."""
    tested: Parts = item.tested
    try:
        args = parsed(item.words, told, output)
        with listening(args, about) as emit:
            invocation = replace(invoke(args, emit, with_mutants=item.command == MUTANTS), executor=who.executor)
            tested = tested_of(invocation, args)
            with stop.running(item.name, invocation.context.runner.cancel):
                ended = _run(invocation, args, NightItem(night, item.name, tested), who, stop)
            return replace(ended, tested=tested)
    except Interrupted:
        stop.check()
        return Ended(Fault.INTERRUPT.value, Verdict.INTERRUPTED.name, "its time was over", tested, is_late=True)
    except (OrchestrateError, OSError) as error:
        if isinstance(error, ClusterUnavailable) and not isinstance(error, WorkersUnfit):
            raise
        why = situation(error)
        return Ended(why.fault.value, _verdict(why.fault), why.message, tested)
    except Exception as error:  # noqa: BLE001, a bug that one item meets is no reason to run no other
        fault = Fault.INFRASTRUCTURE
        return Ended(fault.value, _verdict(fault), f"{type(error).__name__}: {error}", tested)


def _run(invocation: Invocation, args: argparse.Namespace, item: NightItem, who: Workforce, stop: Stop) -> Ended:
    """Raises Interrupted for a run that goes on another time and for a bisection that was stopped, and what ended a run
    outside of all stages."""
    if args.command == BISECT:
        found = bisect(invocation, args)
        verdict = Verdict.CLEAN if found.result.is_found else Verdict.NO_VERDICT
        reason = found.result.trouble or f"{len(found.result.tried)} commits were tested"
        return Ended(verdict.exit_status, verdict.name, reason, bisected=found)
    if args.command == MUTANTS:
        report = mutate(invocation, args, Outputs(), item)[0].report
    else:
        report = test(invocation, args, Outputs(), item)[0]
    # a verdict that is certain ends no run: what was to be done is done when it goes on
    is_whole = load_record(RunRecord, Path(report.run_dir) / RUN).finished
    is_late = not is_whole and stop.is_late(item.item)
    if not is_whole and not is_late:
        stop.check()
        if who.machines:
            who.machines()  # if they are gone, that ended it
    return Ended(report.verdict.exit_status, report.verdict.name, report.reason, is_late=is_late)


def _verdict(fault: Fault) -> str:
    names = {
        Fault.USER: Verdict.BAD_REQUEST,
        Fault.PATCH: Verdict.PATCH_AT_FAULT,
        Fault.INFRASTRUCTURE: Verdict.NO_VERDICT,
        Fault.INTERRUPT: Verdict.INTERRUPTED,
    }
    return names[fault].name
