"""orchestrate bisect: which commit of a tree broke a case?"""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

from orchestrator.codec import dumps
from orchestrator.commands.compose import Invocation, invoke, stoppable
from orchestrator.commands.rundir import claim
from orchestrator.commands.running import account
from orchestrator.commands.test import check_outputs
from orchestrator.errors import Interrupted, UsageError
from orchestrator.events import RunStarted
from orchestrator.jobs.products import Products
from orchestrator.model.outcome import Verdict
from orchestrator.questions.ask import ask, report_of
from orchestrator.questions.bisection import Bisection, Result
from orchestrator.reporters.progress import Progress
from orchestrator.reporters.text import printable
from orchestrator.source.history import History
from orchestrator.store import write_atomically

BISECTION = "bisection.json"


def run(args: argparse.Namespace) -> int:
    emit = Progress(sys.stderr, verbose=args.verbose)
    check_outputs(None, args.json)
    args.base, args.kconfig, args.testcase = args.bad, [args.kconfig], [args.testcase]
    invocation = invoke(args, emit)
    context, plan = invocation.context, invocation.plan
    history = History(Path(plan.source.tree), context.runner)
    question = _question(invocation, history, args)
    with stoppable(context.runner.cancel), claim(context, plan, args.output) as (run_dir, resumed):
        words = f"{question.good[:12]}..{question.bad[:12]}: {history.count([question.good], question.bad)} commits"
        emit(RunStarted(str(run_dir), (words, f"case: {question.case}"), resumed))
        products = Products(context, plan, run_dir, invocation.find)
        with account(run_dir) as ended:
            ask(question, products)
    if ended and not isinstance(ended[0], Interrupted):
        raise ended[0]
    if ended:
        return Verdict.INTERRUPTED.exit_status
    result = question.result(report_of(products))
    data = f"{dumps(result)}\n"
    write_atomically(run_dir / BISECTION, data.encode())
    if args.json and args.json != "-":
        write_atomically(Path(args.json), data.encode())
    shown = sys.stderr if args.json == "-" else sys.stdout
    shown.writelines(f"{printable(line)}\n" for line in lines(result, question, history))
    if args.json == "-":
        sys.stdout.write(data)
    return 0 if result.is_found else Verdict.NO_VERDICT.exit_status


def lines(result: Result, question: Bisection, history: History) -> list[str]:
    """What people read: each commit that was tried, then the answer."""
    shown = []
    for tried in result.tried:
        words = f"failed {tried.fails} of {tried.fails + tried.passes}" + (f" ({tried.why})" if tried.why else "")
        subject = history.commit(tried.commit).subject
        shown.append(f"  {tried.commit[:12]}  {tried.state.value:<16}  {words}  {subject}")
    if result.trouble:
        return [*shown, "", f"no answer: {result.trouble}"]
    if not result.is_found:
        what = f"one of {len(result.suspects)} commits, since those between cannot be tested"
        return [*shown, "", what, *(f"  {one}" for one in result.suspects)]
    commit = history.commit(result.suspects[0])
    return [
        *shown,
        "",
        f"first bad commit: {commit.id} (at least {1 - question.plan.request.error:.0%} sure)",
        f"  {commit.subject}",
        f"  {commit.author}",
        commit.fixes,
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
        raise UsageError(f"--testcase {args.testcase[0]} names {len(plan.cases)} cases, a bisection is about one")
    steps = 2 + math.ceil(math.log2(count + 1))
    return Bisection(plan, plan.kconfigs[0], plan.cases[0].name, good, bad, history.candidates, steps)
