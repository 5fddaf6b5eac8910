"""The items of a night: what could be run, as far as one can tell without running it, and how one is run.

An item is an ordinary command (`test`, `mutants`, `bisect`) with a run directory inside that of the night.
"""

from __future__ import annotations

import argparse
import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.arguments.parser import parser
from orchestrator.build.toolchain import find_toolchain
from orchestrator.codec import encode
from orchestrator.commands.bisect import Bisected, as_of_test, bisect
from orchestrator.commands.compose import Invocation, invoke, listening, request_of
from orchestrator.commands.mutants import mutate
from orchestrator.commands.outputs import Outputs
from orchestrator.commands.rundir import case_digests, fragment_symbols
from orchestrator.commands.test import test
from orchestrator.errors import Fault, Interrupted, OrchestrateError
from orchestrator.judge.run import RUN
from orchestrator.manifest import file_digest
from orchestrator.model.night import BISECT, MUTANTS, Candidate, Item, NightItem, Parts
from orchestrator.model.outcome import Verdict
from orchestrator.nights.targets import Target
from orchestrator.nights.words import combinations, command_words
from orchestrator.os_errors import situation
from orchestrator.process import Cancel
from orchestrator.record import RunRecord, load_record
from orchestrator.settings.resolve import give
from orchestrator.source.bases import DEFAULT_BASE, check_packaged, find_in_tree
from orchestrator.store import key

DIGITS = 16  # of a digest: it tells the versions of one thing apart


class Stop:
    """Ctrl-C ends the night, and with it the run that is going on; the end of a budget only the latter."""

    def __init__(self) -> None:
        self.cancel = Cancel()
        self._run: Cancel | None = None

    def set(self) -> None:
        self.cancel.set()
        if self._run:
            self._run.set()

    @contextmanager
    def running(self, run: Cancel, limit_s: float) -> Iterator[threading.Event]:
        """A run that may take so long. Yields what is set if it took longer, and was stopped."""
        is_late = threading.Event()

        def stop() -> None:
            is_late.set()
            run.set()

        timer = threading.Timer(min(limit_s, threading.TIMEOUT_MAX), stop)
        timer.daemon = True
        self._run = run
        if self.cancel.is_set:
            run.set()
        timer.start()
        try:
            yield is_late
        finally:
            timer.cancel()
            self._run = None


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


def run_item(item: Item, night: str, output: Path, limit_s: float, stop: Stop, told: argparse.Namespace) -> Ended:
    """Run an item. Whatever goes wrong is how it ended, and stops no other. Raises Interrupted if the night ends."""
    is_late = threading.Event()
    tested: Parts = item.tested
    try:
        args = parsed(item.words, told, output)
        with listening(args) as emit:
            invocation = invoke(args, emit, with_mutants=item.command == MUTANTS)
            tested = tested_of(invocation, args)
            with stop.running(invocation.context.runner.cancel, limit_s) as is_late:
                return replace(_run(invocation, args, NightItem(night, item.name, tested), is_late), tested=tested)
    except Interrupted:
        stop.cancel.check()
        return Ended(Fault.INTERRUPT.value, Verdict.INTERRUPTED.name, "its time was over", tested, is_late=True)
    except (OrchestrateError, OSError) as error:
        why = situation(error)
        return Ended(why.fault.value, _verdict(why.fault), why.message, tested)
    except Exception as error:  # noqa: BLE001, a bug that one item meets is no reason to run no other
        fault = Fault.INFRASTRUCTURE
        return Ended(fault.value, _verdict(fault), f"{type(error).__name__}: {error}", tested)


def _run(invocation: Invocation, args: argparse.Namespace, item: NightItem, is_late: threading.Event) -> Ended:
    """Raises Interrupted for a bisection that was stopped, and what ended a run outside of all stages."""
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
    if not is_whole and not is_late.is_set():
        raise Interrupted("interrupted")
    return Ended(report.verdict.exit_status, report.verdict.name, report.reason, is_late=not is_whole)


def _verdict(fault: Fault) -> str:
    names = {
        Fault.USER: Verdict.BAD_REQUEST,
        Fault.PATCH: Verdict.PATCH_AT_FAULT,
        Fault.INFRASTRUCTURE: Verdict.NO_VERDICT,
        Fault.INTERRUPT: Verdict.INTERRUPTED,
    }
    return names[fault].name
