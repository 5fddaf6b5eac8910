"""orchestrate bisect: which commit of a tree broke a case?"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TextIO

from orchestrator.codec import dumps
from orchestrator.errors import Interrupted, UsageError
from orchestrator.events import RunStarted
from orchestrator.invocation.compose import Invocation, command_line, invoke, listening, stoppable
from orchestrator.invocation.outputs import outputs_of
from orchestrator.invocation.rundir import claim
from orchestrator.invocation.running import account
from orchestrator.jobs.products import Products
from orchestrator.model.outcome import Verdict
from orchestrator.questions.ask import ask, report_of
from orchestrator.questions.bisection import Bisection, BisectionState
from orchestrator.reporters import stream
from orchestrator.reporters.text import printable
from orchestrator.source.history import History
from orchestrator.storage.store import write_atomically
from orchestrator.words import counted

BISECTION = "bisection.json"


def run(args: argparse.Namespace) -> int:
    outputs = outputs_of(args, BISECTION)
    outputs.check()
    if args.tree is None:
        raise UsageError("there is no tree to bisect", hint="--tree DIR, or the setting tree (`orchestrate config`)")
    as_of_test(args)
    with listening(args) as emit:
        invocation = invoke(args, emit)
        with stoppable(invocation.context.runner.cancel):
            try:
                found = bisect(invocation, args)
            except Interrupted:
                stream.tell(f"INTERRUPTED; what continues it:\n  {command_line(args)}\n")
                return Verdict.INTERRUPTED.exit_status
    status = 0 if found.result.is_found else Verdict.NO_VERDICT.exit_status
    return outputs.deliver(found.run_dir, status, partial(show_answer, found.result, found.question, found.history))


def as_of_test(args: argparse.Namespace) -> None:
    """The arguments as a request is made of them."""
    args.base, args.testcase = args.bad, [args.testcase]
    args.kconfig, args.toolchain = [args.kconfig], [args.toolchain]
    args.arch = [args.arch] if args.arch else []


@dataclass(frozen=True)
class Bisected:
    """A bisection that is over, and where."""

    result: BisectionState
    question: Bisection
    history: History
    run_dir: Path


def bisect(invocation: Invocation, args: argparse.Namespace) -> Bisected:
    """Bisect in a run directory, and write the answer there. Raises Interrupted, and whatever ended it early."""
    context, plan = invocation.context, invocation.plan
    history = History(Path(plan.source.tree), context.runner)
    question = _question(invocation, history, args)
    about = f"bisect {question.good}..{question.bad}"
    with claim(context, plan, about, args.output, command_line(args)) as (run_dir, resumed):
        commits = counted(history.count([question.good], question.bad), "commit")
        words = f"{question.good[:12]}..{question.bad[:12]}: {commits}"
        context.emit(RunStarted(str(run_dir), (words, f"case: {question.case}"), resumed))
        products = Products(context, plan, run_dir, invocation.find)
        with account(run_dir) as ended, invocation.executor(products) as who:
            ask(question, products, who.carry_out)
    if ended:
        raise ended[0]
    result = question.result(report_of(products))
    write_atomically(run_dir / BISECTION, f"{dumps(result)}\n".encode())
    return Bisected(result, question, history, run_dir)


def show_answer(result: BisectionState, question: Bisection, history: History, to: TextIO) -> None:
    stream.tell("".join(f"{line}\n" for line in answer_lines(result, question, history)), to)


def answer_lines(result: BisectionState, question: Bisection, history: History) -> list[str]:
    """For people: each tested commit, then the answer."""
    shown = []
    for tried in result.tried:
        words = f"failed {tried.fails} of {tried.fails + tried.passes}" + (
            f" ({printable(tried.why)})" if tried.why else ""
        )
        subject = printable(history.commit(tried.commit).subject)
        shown.append(f"  {tried.commit[:12]}  {tried.state.value:<16}  {words}  {subject}")
    if result.trouble:
        return [*shown, "", f"no answer: {printable(result.trouble)}"]
    if not result.is_found:
        what = f"one of {counted(len(result.suspects), 'commit')}, since those between cannot be tested"
        return [*shown, "", what, *(f"  {one}" for one in result.suspects)]
    commit = history.commit(result.suspects[0])
    return [
        *shown,
        "",
        f"first bad commit: {commit.id} (at least {1 - question.plan.request.error:.0%} sure)",
        f"  {printable(commit.subject)}",
        f"  {printable(commit.author)}",
        printable(commit.fixes),
    ]


def _question(invocation: Invocation, history: History, args: argparse.Namespace) -> Bisection:
    """Raises UsageError."""
    good, bad = history.resolve(args.good), history.resolve(args.bad)
    if not history.is_ancestor(good, bad):
        raise UsageError(f"{args.good} is no ancestor of {args.bad}", hint="the good commit comes first: GOOD BAD")
    count = history.count([good], bad)
    if count == 0:
        raise UsageError(f"there is no commit between {args.good} and {args.bad}")
    plan = invocation.plan
    if len(plan.cases) != 1:
        raise UsageError(
            f"--testcase {args.testcase[0]} names {counted(len(plan.cases), 'case')}, a bisection is about one"
        )
    steps = 2 + math.ceil(math.log2(count + 1))
    return Bisection(plan, plan.variants[0], plan.cases[0].name, good, bad, history.candidates, steps)
