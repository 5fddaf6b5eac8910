"""Request + catalog -> plan. Pure: everything that can be wrong with a request is found here, before anything runs."""

from __future__ import annotations

from orchestrator.catalog import Catalog
from orchestrator.errors import UsageError
from orchestrator.model import Baseline, Case, Kconfig, Plan, Request, Series, Suite, Variant

ACCEL_CHOICES = ("auto", "kvm", "tcg")


def make_plan(request: Request, catalog: Catalog, series: Series | None) -> Plan:
    """What to do for a request. Raises UsageError, UnknownName."""
    if request.duration_s is not None and not 0 < request.duration_s <= 86400:
        raise UsageError(f"--duration {request.duration_s:g}: must be between 0 and 86400 seconds")
    if request.boot_timeout_s is not None and request.boot_timeout_s <= 0:
        raise UsageError(f"--boot-timeout {request.boot_timeout_s:g}: must be more than 0 seconds")
    if request.jobs < 1:
        raise UsageError(f"--jobs {request.jobs}: must be at least 1")
    kconfigs = tuple(dict.fromkeys(catalog.kconfig(spec) for spec in request.kconfigs))
    cases = tuple(dict.fromkeys(catalog.case(name) for name in request.testcases or catalog.testcases))
    if not cases:
        raise UsageError("there is no test case to run", hint=f"{catalog.root}/testcases is empty")
    return Plan(
        request=request,
        series=series,
        suites=_suites(kconfigs, series, request.baseline),
        cases=cases,
        machine=catalog.machine(request.machine),
        accel_choice=request.accel,
    )


def baseline_of(suite: Suite) -> Suite:
    """The same kconfig without the series."""
    return Suite(suite.kconfig, Variant.BASELINE)


def unmet_need(case: Case, symbols: frozenset[str], memory_mib: int) -> str:
    """Why a guest cannot run a case; empty when it can."""
    missing = [name for name in case.needs.kconfig if f"CONFIG_{name.removeprefix('CONFIG_')}" not in symbols]
    if missing:
        return f"the kernel lacks {', '.join(missing)}"
    if case.needs.memory_mib > memory_mib:
        return f"needs {case.needs.memory_mib} MiB, the guest has {memory_mib}"
    return ""


def _suites(kconfigs: tuple[Kconfig, ...], series: Series | None, baseline: Baseline) -> tuple[Suite, ...]:
    if series is None:
        return tuple(Suite(kconfig, Variant.BASELINE) for kconfig in kconfigs)
    variants = [Variant.PATCHED, *([Variant.BASELINE] if baseline is Baseline.ALWAYS else [])]
    return tuple(Suite(kconfig, variant) for kconfig in kconfigs for variant in variants)
