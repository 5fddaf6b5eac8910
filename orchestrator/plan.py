"""Request + catalog -> plan. Pure: everything that can be wrong with a request is found here, before anything runs."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.catalog import Catalog
from orchestrator.declarations.names import find
from orchestrator.errors import UsageError
from orchestrator.model.case import Case
from orchestrator.model.kernel import Kconfig, Variant
from orchestrator.model.machine import Machine
from orchestrator.model.request import Baseline, Plan, Request, Suite
from orchestrator.model.series import Mutant, Series
from orchestrator.parse.series import first

SMP = range(1, 17)  # up to CONFIG_NR_CPUS of the base kernel
MEMORY_MIB = range(128, 16385)  # a guest with less does not hold its own initramfs
LONGEST_S = 86400
SEEDS = range(2**64)  # what the cases read it into
ACCEL_CHOICES = ("auto", "kvm", "tcg")


def make_plan(request: Request, catalog: Catalog, series: Series | None, mutants: tuple[Mutant, ...] = ()) -> Plan:
    """What to do for a request. Raises UsageError, UnknownName."""
    _check_numbers(request)
    kconfigs = tuple(dict.fromkeys(catalog.kconfig(spec) for spec in request.kconfigs))
    named = [case for name in request.testcases for case in catalog.cases(name)]
    cases = tuple(dict.fromkeys(named or catalog.default_cases(kconfigs)))
    if not cases:
        raise UsageError("there is no test case to run", hint=f"{catalog.root}/testcases is empty")
    userlands = dict.fromkeys(case.userland for case in cases if case.userland)
    if len(userlands) > 1:
        raise UsageError(f"cases of several userlands in one run: {', '.join(userlands)}", hint="a guest has one disk")
    _check_mutants(request, catalog, mutants)
    return Plan(
        request=request,
        series=series,
        suites=_suites(kconfigs, series, request, with_mutants=bool(mutants)),
        cases=cases,
        machine=_sized(catalog.machine(request.machine), request),
        accel_choice=request.accel,
        mutants=mutants,
    )


def _check_numbers(request: Request) -> None:
    """Raises UsageError."""
    times = (
        ("--duration", request.duration_s),
        ("--boot-timeout", request.boot_timeout_s),
        ("--budget", request.budget_s),
    )
    for option, seconds in times:
        if seconds is not None and not 0 < seconds <= LONGEST_S:
            raise UsageError(f"{option} {seconds:g}: must be more than 0 and at most {LONGEST_S} seconds")
    if request.jobs < 1:
        raise UsageError(f"--jobs {request.jobs}: must be at least 1")
    if request.seed not in SEEDS:
        raise UsageError(f"--seed {request.seed}: must be 0 to {SEEDS[-1]}")


def _sized(machine: Machine, request: Request) -> Machine:
    """The machine with as many CPUs and as much memory as asked for. Raises UsageError."""
    smp = machine.smp if request.smp is None else request.smp
    memory_mib = machine.memory_mib if request.memory_mib is None else request.memory_mib
    if smp not in SMP:
        raise UsageError(f"--smp {smp}: must be {SMP[0]} to {SMP[-1]}")
    if memory_mib not in MEMORY_MIB:
        raise UsageError(f"--memory {memory_mib}: must be {MEMORY_MIB[0]} to {MEMORY_MIB[-1]} MiB")
    return replace(machine, smp=smp, memory_mib=memory_mib)


def _check_mutants(request: Request, catalog: Catalog, mutants: tuple[Mutant, ...]) -> None:
    """Raises UnknownName for a mutant that is not there, and for a case or kconfig that a mutant names wrongly."""
    known = {mutant.name: mutant for mutant in mutants}
    for name in request.only_mutants:
        find("mutant", name, known)
    for mutant in mutants:
        catalog.kconfig(mutant.kconfig)
        for name in mutant.cases:
            catalog.case(name)


def baseline_of(suite: Suite) -> Suite:
    """The same kconfig without the series."""
    return Suite(suite.kconfig, Variant.BASELINE)


def unmet_need(case: Case, symbols: frozenset[str], memory_mib: int) -> str:
    """Why a guest cannot run a case; empty when it can."""
    if case.unfit:
        return case.unfit
    missing = [name for name in case.needs.symbols if name not in symbols]
    if missing:
        return f"the kernel lacks {', '.join(name.removeprefix('CONFIG_') for name in missing)}"
    if case.needs.memory_mib > memory_mib:
        return f"needs {case.needs.memory_mib} MiB, the guest has {memory_mib}"
    return ""


def series_of(suite: Suite, plan: Plan) -> Series | None:
    """What a suite's kernel has beyond the base."""
    if suite.variant is Variant.BASELINE or plan.series is None:
        return None
    return first(plan.series, suite.patches) if suite.patches else plan.series


def cases_of(suite: Suite, plan: Plan) -> tuple[Case, ...]:
    """What is run on a kernel: of one that has only the first patches, that it boots."""
    return () if suite.variant is Variant.PREFIX else plan.cases


def _suites(
    kconfigs: tuple[Kconfig, ...], series: Series | None, request: Request, *, with_mutants: bool
) -> tuple[Suite, ...]:
    if with_mutants:
        return tuple(Suite(kconfig, Variant.MUTATED) for kconfig in kconfigs)
    if series is None:
        return tuple(Suite(kconfig, Variant.BASELINE) for kconfig in kconfigs)
    variants = [Variant.PATCHED, *([Variant.BASELINE] if request.baseline is Baseline.ALWAYS else [])]
    prefixes = range(1, len(series.patches)) if request.each_patch else range(0)
    return (
        *(Suite(kconfig, variant) for kconfig in kconfigs for variant in variants),
        *(Suite(kconfig, Variant.PREFIX, patches=count) for kconfig in kconfigs for count in prefixes),
    )
