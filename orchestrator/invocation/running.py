"""Answer a question in a run directory, and write the report and its files: whatever happens, what was found is
reported."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from orchestrator.errors import Fault, Interrupted, OrchestrateError, UsageError
from orchestrator.events import RunFinished
from orchestrator.evidence.decode import decode, decode_suites
from orchestrator.host import load
from orchestrator.host.deadline import Budget
from orchestrator.host.os_errors import situation
from orchestrator.invocation.compose import Invocation, write_mutants
from orchestrator.jobs.coverage import EMULATOR
from orchestrator.jobs.products import Products
from orchestrator.judge import mutation_run, run
from orchestrator.model.kernel import USUAL_ARCH, Role
from orchestrator.model.outcome import Verdict
from orchestrator.model.report import RunReport
from orchestrator.model.request import Plan
from orchestrator.questions.ask import ask
from orchestrator.questions.builds import Builds
from orchestrator.questions.mutation import Mutation, budget_of, why_not_run
from orchestrator.questions.performance import Performance
from orchestrator.questions.question import Question
from orchestrator.questions.regression import Regression
from orchestrator.reporters.complaint import complain
from orchestrator.reporters.table import write_files
from orchestrator.runs.record import MutationRecord, RunRecord, finish, load_record, save_record

RERUNS_S = 900.0  # what a test spends on pairs of runs by itself


def run_test(invocation: Invocation, run_dir: Path) -> RunReport:
    """Does the series break anything? Raises what ended the run outside of all stages, after the report is written."""
    context, plan = invocation.context, invocation.plan
    products = Products(context, plan, run_dir, invocation.find)
    budget = Budget(plan.request.budget_s or RERUNS_S)

    def report(interrupted: bool) -> RunReport:
        result = run.judge_run(run_dir, interrupted=interrupted)
        with suppress(Interrupted):  # of a run that is stopped `orchestrate report` can decode the reports later
            result = decode(context.places, context.runner, result, run_dir)
        result = mutation_run.with_mutants(result, run_dir)
        write_files(result, run_dir)
        return result

    with account(run_dir) as ended:
        with invocation.executor(products) as who:
            ask(_question(replace(plan, slots=who.slots), budget), products, who.carry_out)
        products.remember_bases()
        products.learn()
        if plan.request.with_mutants:
            _add_mutants(invocation, run_dir)
    return _told(invocation, run_dir, ended, report)


def _question(plan: Plan, budget: Budget) -> Question:
    if plan.request.build_only:
        return Builds(plan)
    return (Performance if plan.request.perf else Regression)(plan, budget.is_over)


def _add_mutants(invocation: Invocation, run_dir: Path) -> None:
    """A mutation run within a test in which nothing regressed, on its first variant. Raises what ended it."""
    context, plan, home = invocation.context, invocation.plan, run_dir / mutation_run.NESTED
    judged = run.judge_run(run_dir)
    if judged.verdict is not Verdict.CLEAN:
        context.warn(f"no mutants: they say something only where nothing fails ({judged.verdict.value})")
        return
    request = replace(plan.request, generate=plan.request.with_mutants)
    plan = replace(plan, request=request, kconfigs=plan.kconfigs[:1], toolchains=plan.toolchains[:1], others=())
    try:
        plan = replace(plan, mutants=write_mutants(context, plan, invocation.find))
    except UsageError as error:
        context.warn(f"no mutants: {error.message}")
        return
    ending = f".{Role.PATCHED.value}"
    covered = {suite.name.removesuffix(ending): suite.coverage for suite in judged.suites if suite.coverage}
    products = Products(context, plan, home, invocation.find, covered)
    question = Mutation(plan, lambda: False, products.refused, products.left_out, covered=covered)
    record = partial(_mutation_record, replace(invocation, plan=plan), question, products)
    if not (home / run.RUN).is_file():  # else it is resumed
        began = load_record(RunRecord, run_dir / run.RUN)
        save_record(replace(began, request=request, time_s=0.0, lost_s=0.0, id=""), home / run.RUN)
    save_record(record(), home / mutation_run.MUTATION_RUN)
    with account(home) as ended, invocation.executor(products) as who:
        ask(question, products, who.carry_out)
    save_record(record(), home / mutation_run.MUTATION_RUN)
    if ended:
        raise ended[0]


def _counts(invocation: Invocation) -> bool:
    """Whether it can be counted what the guests execute."""
    machine = invocation.plan.machine
    return machine.arch == USUAL_ARCH and invocation.find.accel(machine)[0].name == EMULATOR


def run_mutation(invocation: Invocation, run_dir: Path) -> mutation_run.MutationReport:
    """Does the suite notice mutants? Raises as run_test does."""
    context, plan = invocation.context, invocation.plan
    products = Products(context, plan, run_dir, invocation.find)
    budget_s = budget_of(plan)
    is_over = Budget(budget_s).is_over if budget_s else lambda: False
    measures = bool(plan.request.generate and plan.request.coverage) and _counts(invocation)
    question = Mutation(plan, is_over, products.refused, products.left_out, measures)
    record = partial(_mutation_record, invocation, question, products)
    save_record(record(), run_dir / mutation_run.MUTATION_RUN)
    reports: list[mutation_run.MutationReport] = []

    def report(interrupted: bool) -> RunReport:
        save_record(record(), run_dir / mutation_run.MUTATION_RUN)
        lines = partial(decode_suites, context.places, context.runner, run_dir)
        try:
            result = mutation_run.judge_mutation_run(run_dir, interrupted=interrupted, decode=lines)
        except Interrupted:
            result = mutation_run.judge_mutation_run(run_dir, interrupted=interrupted)
        mutation_run.write_mutation_run(result, run_dir)
        reports.append(result)
        return result.report

    with account(run_dir) as ended, invocation.executor(products) as who:
        ask(replace(question, at_once=who.slots if budget_s else 0), products, who.carry_out)
        products.learn()
    _told(invocation, run_dir, ended, report)
    return reports[-1]


@contextmanager
def account(run_dir: Path) -> Iterator[list[BaseException]]:
    """Adds the time of the run to its record. Yields a list that receives what ended the run early."""
    began = load.clocks_now()
    ended: list[BaseException] = []
    try:
        yield ended
    except Exception as error:  # noqa: BLE001, raised again when the report is written
        ended.append(error)
    finish(run_dir / run.RUN, began, is_interrupted=bool(ended))


def _told(
    invocation: Invocation, run_dir: Path, ended: list[BaseException], report: Callable[[bool], RunReport]
) -> RunReport:
    """Write the report. Raises what ended the run, unless the user interrupted it, or something is certain about the
    patch all the same: then that decides, and what ended the run is only said."""
    error = ended[0] if ended else None
    is_interrupted = isinstance(error, Interrupted)
    trouble = "" if error is None or is_interrupted else _words(error)
    fault = error.fault if isinstance(error, OrchestrateError) else Fault.INFRASTRUCTURE
    path = run_dir / run.RUN
    save_record(replace(load_record(RunRecord, path), trouble=trouble, trouble_fault=fault), path)
    try:
        result = report(is_interrupted)
    except Exception as another:
        if trouble and error:
            raise error from another  # what came first explains more
        raise
    event = RunFinished(result.verdict.value, result.reason, result.time_s, str(run_dir))
    invocation.context.emit(event)
    if trouble and error:
        if result.verdict is not Verdict.PATCH_AT_FAULT:
            raise error
        complain(error)
    return result


def _words(error: BaseException) -> str:
    if isinstance(error, OrchestrateError | OSError):
        return situation(error).message
    return f"{type(error).__name__}: {error}"


def _mutation_record(invocation: Invocation, question: Mutation, products: Products) -> MutationRecord:
    plan = invocation.plan
    names = tuple(variant.name for variant in plan.variants)
    kconfigs = tuple(kconfig.name for kconfig in plan.kconfigs)
    left_out = [products.left_out(name) for name in names]
    unworthy = {name: why for found in left_out for name, why in found.items() if all(name in one for one in left_out)}
    reasons = {mutant.name: why_not_run(mutant, plan, kconfigs) for mutant in plan.mutants} | unworthy
    used_up = f"the budget of {budget_of(plan):g} s was used up: the same command goes on"
    reasons |= dict.fromkeys(question.over_budget, used_up)
    return MutationRecord(
        mutants=plan.mutants,
        kconfigs=names,
        cases=tuple(case.name for case in plan.cases),
        refused=tuple(products.refused().items()),
        not_run=tuple((name, why) for name, why in reasons.items() if why),
    )
