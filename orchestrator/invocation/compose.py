"""The composition root: arguments -> request, and the effects that stages are given."""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

from orchestrator.build.generated import generated_mutants
from orchestrator.build.product import Product
from orchestrator.build.toolchain import find_toolchain
from orchestrator.build.toolchains import check_toolchain
from orchestrator.context import Context, Places
from orchestrator.declarations.catalog import NOT, Catalog, load_catalog
from orchestrator.declarations.kconfigs import kconfig_parts
from orchestrator.declarations.known_issues import KNOWN_ISSUES, read_known_issues
from orchestrator.declarations.names import named
from orchestrator.declarations.patches import DELAYS, MUTANTS, absolute, read_mutants, read_series
from orchestrator.errors import CommandFailed, PatchDoesNotApply, ToolMissing, UsageError
from orchestrator.events import CommandRan, Listener, StageFinished, StageStarted
from orchestrator.guest.accel import Probe, choose
from orchestrator.host import resources
from orchestrator.host.process import Cancel, CommandResult, Runner
from orchestrator.host.real_path import at_home, real_path
from orchestrator.host.sandbox import Sandbox
from orchestrator.invocation.earlier import earlier_times
from orchestrator.invocation.executors import LOCAL, Executor, ExecutorOf, check_executor, executor
from orchestrator.invocation.intake import take
from orchestrator.invocation.needed import with_needed
from orchestrator.invocation.outputs import absolute_directory
from orchestrator.invocation.selecting import selected
from orchestrator.invocation.selftests import with_selftests_of
from orchestrator.jobs.build import Finders, Stage
from orchestrator.jobs.products import Products
from orchestrator.model.kernel import USUAL_TOOLCHAIN, Base, Source
from orchestrator.model.kernel_report import KnownIssue
from orchestrator.model.machine import Accel, Host, Machine
from orchestrator.model.outcome import Outcome
from orchestrator.model.request import GENERATED, Baseline, Plan, Request
from orchestrator.model.series import Mutant, Patch, Series
from orchestrator.model.subject import Subject
from orchestrator.parse.patches.series import series_of, with_patches
from orchestrator.plan import MOST_GENERATED, make_plan, requested_source
from orchestrator.reporters.progress import Progress
from orchestrator.settings.files import user_file
from orchestrator.settings.resolve import DEFAULT, OPTION
from orchestrator.source.bases import DEFAULT_BASE, Workplace, check_packaged, find_in_tree, packaged_base, tree_base
from orchestrator.source.commits import commit_series
from orchestrator.words import counted

PROGRAM = "orchestrate"
T = TypeVar("T")
K = TypeVar("K")


def _here(products: Products) -> AbstractContextManager[Executor]:
    return executor(products, LOCAL, Path())


@dataclass(frozen=True)
class Invocation:
    """The context, the plan, and the finders of what takes time to find."""

    context: Context
    plan: Plan
    find: Finders
    executor: ExecutorOf = _here


def invoke(args: argparse.Namespace, emit: Listener, *, with_mutants: bool = False) -> Invocation:
    """`with_mutants`: the plan includes the series' mutants. Finds everything that can be wrong with a request before
    anything runs. Raises UsageError and its subclasses."""
    catalog, places, cancel = load_catalog(), Places.of_user(args.settings.cache), Cancel()

    def announce(result: CommandResult) -> None:
        cwd = str(result.command.cwd or Path.cwd())
        emit(CommandRan(result.command.argv, cwd, result.status, result.time_s))

    who = getattr(args, "executor", None) or LOCAL
    identity = identity_for(args, who)
    asked = request_of(args)
    asked = replace(asked, insecure=asked.insecure or args.settings.plain_http == "anywhere")
    context = Context(places, catalog, Runner(cancel, announce), emit)
    sandbox = Sandbox(asked.sandbox, context.runner, context.warn)
    sandbox.check()
    context = replace(context, runner=Runner(cancel, announce, sandbox))
    taken = take(asked, catalog, context, Path.cwd(), usual_of(args))
    request, series = taken.request, taken.series
    find = find_finders(context, request)
    source = taken.source or requested_source(request)
    catalog = with_selftests_of(context, request, source, series, lambda wanted: find.base(wanted)[0])
    context = replace(context, catalog=catalog)
    if not getattr(args, "dry_run", False):
        is_free = args.found["kconfigs"].origin == DEFAULT and not request.build_only
        request, catalog, notes = with_needed(
            context, request, source, series, lambda wanted: find.base(wanted)[0], is_free=is_free
        )
        context = replace(context, catalog=catalog)
        series = replace(series, notes=(*series.notes, *notes)) if series else None
    mutants: tuple[Mutant, ...] = ()
    if with_mutants:
        request, series, mutants = choose_mutants(request, catalog, series)
    plan = make_plan(request, catalog, series, find_host(context), mutants, taken.source)
    check_base(plan.source, context)
    if series and not any(one[:1] != NOT for one in request.testcases):  # else the user's order counts
        plan, _ = selected(context, plan, series.patches)
    if request.generate:
        plan = replace(plan, mutants=write_mutants(context, plan, find))
    known = find_known_issues(request, catalog)
    return Invocation(context, replace(plan, known=known), find, partial(executor, named=who, identity=identity))


def identity_for(args: argparse.Namespace, executor: str) -> Path:
    """The directory with the certificates of a cluster. Raises UsageError for an executor that nobody can work with,
    and for certificates without a cluster. It may be a setting, or a plan's."""
    identity = identity_of(args)
    check_executor(executor, identity, freeze=getattr(args, "freeze_on_failure", False))
    if executor == LOCAL and getattr(args, "identity", None):
        raise UsageError("--identity says nothing without a cluster", hint="--executor dask://HOST:PORT")
    return identity


def identity_of(args: argparse.Namespace) -> Path:
    """The directory with the certificates of a cluster."""
    settings = user_file(os.environ)
    usual = settings.parent / "cluster" if settings else Path("cluster")
    return real_path(at_home(getattr(args, "identity", None) or usual))


def find_finders(context: Context, request: Request) -> Finders:
    """The finders of a request, each of which finds a thing once."""
    return Finders(
        base=_once_each(lambda source: find_base(source, context)),
        accel=_once_each(lambda machine: find_accel(request, machine, context)),
    )


def find_host(context: Context) -> Host:
    """The CPUs, memory and compiler of this machine."""
    try:
        compiler = find_toolchain(context).value.compiler
    except (ToolMissing, CommandFailed):  # the toolchain's stage says so, where it belongs
        compiler = USUAL_TOOLCHAIN
    return Host(resources.cpus(), resources.available_memory_mib(), compiler)


def choose_mutants(
    request: Request, catalog: Catalog, series: Series | None
) -> tuple[Request, Series, tuple[Mutant, ...]]:
    """The series, with its delay points when there are any and they are wanted, and its mutants. A series without any
    has them generated, which the request then says. Raises UsageError."""
    if series is None:
        raise UsageError("mutants are mutants of a series", hint="--patch PATH")
    patch = request.patch or ""
    directory = Path(request.mutants) if request.mutants else catalog.beside(patch, MUTANTS)
    if directory is None or request.generate:
        return replace(request, generate=request.generate or GENERATED), series, ()
    delays = catalog.beside(patch, DELAYS) if request.delays else None
    return request, with_patches(series, read_series(delays)) if delays else series, read_mutants(directory)


def write_mutants(context: Context, plan: Plan, find: Finders) -> tuple[Mutant, ...]:
    """Mutants of the lines that the plan's series changes. Raises UsageError, PatchDoesNotApply, BaseUnavailable."""
    if plan.series is None:
        return ()
    made = generated_mutants(context, find.base(plan.source)[0], plan.series)
    for place, why in made.unreadable:
        context.warn(f"no mutants of {place}: {why}")
    known = {mutant.name: mutant for mutant in made.mutants}
    for name in plan.request.only_mutants:
        named("mutant", name, known)
    return made.mutants


def usual_of(args: argparse.Namespace) -> frozenset[str]:
    """Which of tree and base the user set once, and did not give now."""
    return frozenset(name for name in ("tree", "base") if args.found[name].origin not in (OPTION, DEFAULT))


def _number(args: argparse.Namespace, name: str) -> int:
    """Of mutants to write; 0: none was asked for. Raises UsageError for a 0 that was."""
    given: int | None = getattr(args, name, None)
    if given == 0:
        raise UsageError(f"--{name.replace('_', '-')} 0: must be 1 to {MOST_GENERATED}")
    return given or 0


def _absolute_kconfig(spec: str) -> str:
    """The files of a kconfig by absolute paths."""

    def found(name: str) -> Path:
        return real_path(at_home(name))

    return "+".join(str(found(name)) if "/" in name else name for name in kconfig_parts(spec, found))


def request_of(args: argparse.Namespace) -> Request:
    """The request that arguments make; paths are made absolute, so that it means the same from anywhere."""
    return Request(
        patch=None if args.patch is None else absolute(args.patch),
        part=getattr(args, "part", None),
        version=version if isinstance(version := getattr(args, "version", None), int) else None,
        newest=isinstance(version, str),
        dirty=getattr(args, "dirty", None),
        archive=getattr(args, "archive", None) or "",
        tree=str(real_path(args.tree)) if args.tree else None,
        base=getattr(args, "base", None),
        kconfigs=tuple(map(_absolute_kconfig, args.kconfig)) or ("base",),
        toolchains=tuple(dict.fromkeys(map(check_toolchain, args.toolchain))) or (USUAL_TOOLCHAIN,),
        testcases=tuple(getattr(args, "testcase", ())),
        host_tests=tuple(dict.fromkeys(getattr(args, "host_test", ()))),
        arches=tuple(dict.fromkeys(getattr(args, "arch", ()))),
        machine=getattr(args, "machine", None) or Request.machine,
        accel=_accel(args),
        duration_s=getattr(args, "duration", None),
        seed=getattr(args, "seed", 1),
        baseline=Baseline.ALWAYS if getattr(args, "perf", False) else Baseline(getattr(args, "baseline", "never")),
        jobs=getattr(args, "jobs", None),
        boot_timeout_s=getattr(args, "boot_timeout", None),
        smp=getattr(args, "smp", None),
        memory_mib=getattr(args, "memory", None),
        mutants=str(real_path(args.mutants)) if getattr(args, "mutants", None) else None,
        generate=_number(args, "generate"),
        with_mutants=_number(args, "with_mutants"),
        only_mutants=tuple(getattr(args, "mutant", ())),
        budget_s=getattr(args, "budget", None),
        delays=not getattr(args, "no_delays", False),
        known_issues=str(real_path(args.known_issues)) if getattr(args, "known_issues", None) else None,
        each_patch=getattr(args, "each_patch", False),
        freeze=getattr(args, "freeze_on_failure", False),
        error=getattr(args, "error", Request.error),
        strict=getattr(args, "strict", False),
        fresh_baseline=getattr(args, "fresh_baseline", False),
        coverage=not getattr(args, "no_coverage", False),
        stalls=not getattr(args, "no_stalls", False),
        vma_writes=not getattr(args, "no_vma_writes", True),  # likewise
        build_only=getattr(args, "build_only", False),
        perf=getattr(args, "perf", False),
        margin=getattr(args, "margin", 100 * Request.margin) / 100,
        cost=not getattr(args, "no_cost", True),  # of those that have the option
        coverage_min=getattr(args, "coverage_min", None),
        insecure=getattr(args, "insecure", False),
        sandbox=getattr(args, "sandbox", None),
        suite_name=getattr(args, "suite_name", None) or "",
        attachments_root=absolute_directory(getattr(args, "attachments_root", None) or ""),
        ci_name=getattr(args, "ci_name", None) or "",
        location=getattr(args, "location", None) or "",
    )


def _accel(args: argparse.Namespace) -> str:
    """What counts instructions is the emulator, also where there is KVM."""
    asked = str(getattr(args, "accel", None) or Request.accel)
    return "tcg" if getattr(args, "perf", False) and asked == Request.accel else asked


def find_known_issues(request: Request, catalog: Catalog) -> tuple[KnownIssue, ...]:
    """The known issues of the request's file, else of the first file beside the series or in the tree.

    Raises UsageError, BadDeclaration.
    """
    if request.known_issues:
        return read_known_issues(Path(request.known_issues))
    series = catalog.patch_path(request.patch) if request.patch else None
    places = [series if series.is_dir() else series.parent] if series else []
    places += [Path(request.tree)] if request.tree else []
    path = next((place / KNOWN_ISSUES for place in places if (place / KNOWN_ISSUES).is_file()), None)
    return read_known_issues(path) if path else ()


def check_base(source: Source, context: Context) -> None:
    """Check what can be known of the base before anything is built. Raises UsageError, BaseUnavailable."""
    if source.tree:
        find_in_tree(Path(source.tree), source.revision, context.runner)
        return
    name = source.revision or DEFAULT_BASE
    if not name.startswith("linux-source-"):
        raise UsageError(
            f"--base {name}: not a base's name", hint=f"{DEFAULT_BASE}, or a revision together with --tree DIR"
        )
    check_packaged(name)


def find_base(source: Source, context: Context) -> tuple[Base, bool]:
    """The base, and whether an earlier run had imported it. Raises UsageError, BaseUnavailable."""
    at = Workplace(context.places.bases, context.runner, context.say)
    if not source.tree:
        base, was_there = packaged_base(source.revision or DEFAULT_BASE, at)
    else:
        base, notes = tree_base(Path(source.tree), source.revision, at)
        was_there = False  # it is looked up each time
        for note in notes:
            context.warn(note)
    return on_top(base, source.below, context.runner), was_there


def on_top(base: Base, patches: tuple[Patch, ...], runner: Runner) -> Base:
    """The base with patches that belong to it. Raises UsageError if they do not apply."""
    if not patches:
        return base
    try:
        commits = commit_series(base, series_of("below", patches, ()), runner)
    except PatchDoesNotApply as error:
        raise UsageError(
            f"what the series is based on: {error.message}", hint="another base: --base REV", detail=error.detail
        ) from error
    origin = f"{base.origin} with {counted(len(patches), 'patch')} that the series requires"
    return replace(base, commit=commits[-1], origin=origin, under=base.commit)


def find_accel(request: Request, machine: Machine, context: Context) -> tuple[Accel, Probe]:
    """Raises UsageError when --accel kvm cannot be had."""
    kvm, tcg, remembered = context.catalog.accel("kvm"), context.catalog.accel("tcg"), context.places.cache / "probes"
    accel, evidence = choose(request.accel, kvm, tcg, machine, context.runner, remembered)
    if request.accel == "auto" and accel.name == "tcg":
        words = f"{evidence.in_short}; emulating (TCG), which is slower; limits are longer"
        context.warn(words, evidence.evidence if evidence.evidence != evidence.in_short else "")
    return accel, evidence


def command_line(args: argparse.Namespace) -> str:
    """The command as it was given, to be pasted from anywhere: it may hold relative paths."""
    program = sys.argv[0] if Path(sys.argv[0]).name == PROGRAM else PROGRAM
    line = shlex.join((program, *args.command_line))
    return f"cd {shlex.quote(str(Path.cwd()))} && {line}"


@contextmanager
def listening(args: argparse.Namespace, about: str = "") -> Iterator[Progress]:
    """Show the progress of a command on stderr. `about` begins its lines where several things go on at once."""
    with Progress(sys.stderr, verbose=args.verbose, quiet=args.quiet, about=about) as progress:
        progress.expect(earlier_times(Places.of_user(args.settings.cache)))
        yield progress


class Stoppable(Protocol):
    """What can be asked to stop."""

    def set(self) -> None: ...


@contextmanager
def stoppable(cancel: Stoppable) -> Iterator[None]:
    """Ctrl-C and SIGTERM request a stop. Every wait checks for it, ends what it started, and the record is kept."""

    def stop(signum: int, frame: object) -> None:
        cancel.set()

    signums = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    # one that is ignored stays so: nohup, and jobs that a script put in the background
    heard = [signum for signum in signums if signal.getsignal(signum) is not signal.SIG_IGN]
    before = {signum: signal.signal(signum, stop) for signum in heard}
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


def announced(context: Context, subject: Subject) -> Stage:
    """Stages that are announced and not recorded; their errors pass through."""

    def stage(name: str, work: Callable[[], Product[T]]) -> T:
        context.emit(StageStarted(subject.name, name))
        started_s = time.monotonic()
        product = work()
        time_s = time.monotonic() - started_s
        context.emit(StageFinished(subject.name, name, Outcome.PASS, time_s, product.cached, product.note))
        return product.value

    return stage


def _once(make: Callable[[], T]) -> Callable[[], T]:
    """The same value for every kernel. The lock keeps two jobs from probing twice."""
    each = _once_each(lambda _: make())
    return lambda: each(None)


def _once_each(make: Callable[[K], T]) -> Callable[[K], T]:
    """The same, for each of several arguments."""
    lock = threading.Lock()
    made: dict[K, T] = {}

    def get(about: K) -> T:
        with lock:
            if about not in made:
                made[about] = make(about)
            return made[about]

    return get
