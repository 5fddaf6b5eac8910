"""One job, done here. What it finds out goes to the journal of its subject."""

from __future__ import annotations

from orchestrator.build.apply import apply
from orchestrator.build.product import Product
from orchestrator.build.toolchain import find_toolchain
from orchestrator.errors import ToolMissing
from orchestrator.jobs import cost, host_test, static_checks
from orchestrator.jobs.boot import GuestSpec
from orchestrator.jobs.compile_changed import compilation
from orchestrator.jobs.journal import Stopped
from orchestrator.jobs.products import Products
from orchestrator.jobs.session import GuestSession
from orchestrator.model.job import (
    Build,
    CompareBuilds,
    CompileChanged,
    Configure,
    HostTest,
    Job,
    MakePrograms,
    Session,
    StaticChecks,
)
from orchestrator.model.outcome import Outcome
from orchestrator.model.report import COMPILE, COST, STATIC_CHECKS
from orchestrator.model.userspace import USERSPACE_TESTS


def perform(job: Job, products: Products) -> None:
    """Do a job. Raises Interrupted, and errors that are no OrchestrateError; a stage that fails is recorded."""
    try:
        match job:
            case Configure():
                products.config(job.subject)
            case MakePrograms():
                products.programs(job.subject)
            case Build():
                products.built(job.subject)
            case HostTest():
                _test_on_host(job, products)
            case StaticChecks():
                _check(job, products)
            case CompareBuilds():
                _compare_builds(job, products)
            case CompileChanged():
                _compile(job, products)
            case Session():
                _hold(job, products)
    except Stopped:
        pass


def _test_on_host(job: HostTest, products: Products) -> None:
    context, journal, tree = products.context, products.journal(job.subject), products.tree(job.subject)
    base = apply(context, tree.base, None).value
    log = journal.home / f"logs/{job.test}.log"
    tools = find_toolchain(context).value  # whatever the kernel is built with
    test = next(one for one in USERSPACE_TESTS if one.stage == job.test)
    journal.stage(job.test, lambda: host_test.userspace(context, test, tree.applied, base, tools, log))


def _check(job: StaticChecks, products: Products) -> None:
    context, journal, series = products.context, products.journal(job.subject), job.subject.kernel.series
    if series is None:
        return
    tree, config = products.tree(job.subject), products.config(job.subject)
    log = journal.home / f"logs/{STATIC_CHECKS}.log"

    def work() -> Product[None]:
        before = apply(context, tree.base, job.before.series).value
        found = static_checks.static_findings(
            context, before, tree.applied, series.patches[-1], config, tree.toolchain, log
        )
        return static_checks.told(found)

    journal.stage(STATIC_CHECKS, work)


def _compare_builds(job: CompareBuilds, products: Products) -> None:
    context, journal, built = products.context, products.journal(job.subject), products.built(job.subject)
    machine = products.plan.machine_of(job.subject.kernel)
    journal.stage(COST, lambda: cost.cost(context, job.subject, built, machine, journal.home))


def _compile(job: CompileChanged, products: Products) -> None:
    """A kernel whose compiler is not installed is skipped: the others say something all the same."""
    context, journal, kernel = products.context, products.journal(job.subject), job.subject.kernel
    if kernel.series is None:
        return
    series = kernel.series
    try:
        find_toolchain(context, kernel.toolchain, kernel.arch)
    except ToolMissing as error:
        why = f"{error.message}; {error.hint}"
        journal.stage("toolchain", lambda: Product(None, cached=False, outcome=Outcome.SKIP, note=why))
        return
    tree, each = products.tree(job.subject), products.plan.request.each_patch
    journal.stage(COMPILE, lambda: compilation(context, job.subject, tree, series, journal.home, each_patch=each))


def _hold(job: Session, products: Products) -> None:
    """Halves of pairs that need no guest need no kernel either. The first test of a kernel boots it, whatever its cases
    need: that is a test too."""
    journal, answers = products.journal(job.subject), products.without_guest(job.subject)
    if job.attempts and all(planned.pair and planned.case in answers for planned in job.attempts):
        for planned in job.attempts:
            journal.give_up(planned, *answers[planned.case])
        return
    spec, config = products.guest_spec(job.subject), products.config(job.subject)

    def renew() -> GuestSpec:
        return products.renewed_guest_spec(job.subject)

    GuestSession(products.context, spec, config, products.plan.request, job, journal, renew, answers).run()
