"""Request + catalog -> plan. Pure: everything that can be wrong with a request is found here, before anything runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from orchestrator.declarations.catalog import Catalog
from orchestrator.declarations.names import named
from orchestrator.errors import UsageError
from orchestrator.model.case import Case
from orchestrator.model.kernel import USUAL_ARCH, USUAL_TOOLCHAIN, Kconfig, Source, Variant
from orchestrator.model.machine import Host, Machine
from orchestrator.model.request import Plan, Request
from orchestrator.model.series import Mutant, Series
from orchestrator.parse.configuration.whole_config import cpus_of
from orchestrator.words import counted

SMP = range(1, 17)  # up to CONFIG_NR_CPUS of the base kernel
MEMORY_MIB = range(128, 16385)  # a guest with less does not hold its own initramfs
LONGEST_S = 86400
MOST_JOBS = 1024
MOST_GENERATED = 1000
USUAL_SMP = 4  # CPUs of a guest where the host has as many: enough for three roles and a bystander to race
PERF = "perf"  # the case that --perf runs
SEEDS = range(2**64)  # what the cases read it into


def make_plan(
    request: Request,
    catalog: Catalog,
    series: Series | None,
    host: Host,
    mutants: tuple[Mutant, ...] = (),
    source: Source | None = None,
) -> Plan:
    """What to do for a request on this host. `source` is the base that was chosen for the series; None: the one that
    the request names. Raises UsageError, UnknownName."""
    _check_numbers(request)
    if series is None:
        _check_without_series(request)
    kconfigs = tuple(dict.fromkeys(catalog.kconfig(spec) for spec in request.kconfigs))
    cases = catalog.chosen_cases((PERF,) if request.perf else request.testcases, kconfigs)
    if not cases:
        raise UsageError("there is no test case to run", hint=f"{catalog.root}/testcases is empty")
    userlands = dict.fromkeys(case.userland for case in cases if case.userland)
    if len(userlands) > 1:
        raise UsageError(f"cases of several userlands in one run: {', '.join(userlands)}", hint="a guest has one disk")
    _check_mutants(request, catalog, mutants)
    if request.build_only:
        return _plan_of_builds(request, catalog, series, host, kconfigs, source)
    machine, *others = (_sized(one, request, host) for one in _machines(request, catalog))
    for one in (machine, *others):
        _check_fragments(kconfigs, one.arch)
        _check_cpus(kconfigs, one.smp)
    plan = Plan(
        request=request,
        source=source or requested_source(request),
        series=series,
        kconfigs=kconfigs,
        toolchains=request.toolchains,
        cases=cases,
        machine=machine,
        slots=1 if request.perf else request.jobs or slots(machine, host),  # what is measured has the host for itself
        mutants=mutants,
        compiler=host.compiler,
        others=tuple(others),
    )
    names = [variant.name for variant in plan.variants]
    if twice := next((name for name in names if names.count(name) > 1), ""):
        raise UsageError(
            f"two kernels would be called {twice}",
            hint="give the file of a kconfig, or the directory of a toolchain, another name",
        )
    return plan


def _plan_of_builds(
    request: Request,
    catalog: Catalog,
    series: Series | None,
    host: Host,
    kconfigs: tuple[Kconfig, ...],
    source: Source | None,
) -> Plan:
    """The kernels that are named, or without any those of data/builds.toml; no cases. Raises UnknownName."""
    if (request.kconfigs, request.toolchains, request.arches) == (("base",), (USUAL_TOOLCHAIN,), ()):
        builds = catalog.builds
    else:
        arches = tuple(catalog.arch(name).name for name in request.arches or (USUAL_ARCH,))
        for name in arches:
            _check_fragments(kconfigs, name)
        builds = tuple(
            Variant(kconfig.on(name), toolchain, name)
            for name in arches
            for toolchain in request.toolchains
            for kconfig in kconfigs
        )
    return Plan(
        request=request,
        source=source or requested_source(request),
        series=series,
        kconfigs=kconfigs,
        toolchains=request.toolchains,
        cases=(),
        machine=_sized(catalog.machine(catalog.arch(USUAL_ARCH).machine), request, host),
        builds=builds,
        compiler=host.compiler,
    )


def _machines(request: Request, catalog: Catalog) -> list[Machine]:
    """That of each architecture; a named machine says which architecture. Raises UnknownName, UsageError."""
    named = catalog.machine(request.machine) if request.machine else None
    found = []
    for name in dict.fromkeys(request.arches) or (named.arch if named else USUAL_ARCH,):
        arch = catalog.arch(name)
        if named and named.arch != name:
            raise UsageError(
                f"--machine {named.name}: is of {named.arch}, and not of {name}", hint="--arch alone chooses a machine"
            )
        if not arch.machine:
            raise UsageError(
                f"--arch {name}: kernels for it can be built, and no machine boots them",
                hint=f"with a machine: {', '.join(one.name for one in catalog.arches.values() if one.machine)}",
            )
        if name != USUAL_ARCH and request.perf:
            raise UsageError(f"--perf --arch {name}: instructions are counted on {USUAL_ARCH} alone")
        found.append(named or catalog.machine(arch.machine))
    return found


def _check_fragments(kconfigs: Sequence[Kconfig], arch: str) -> None:
    """Raises UsageError for a fragment that would change nothing, as it is for other architectures alone, and for the
    .config of another one."""
    for fragment in (fragment for kconfig in kconfigs for fragment in kconfig.fragments):
        if fragment.whole_of not in ("", arch):
            raise UsageError(
                f"--kconfig {fragment.name}: is a .config for {fragment.whole_of}, and the kernel for {arch}",
                hint=f"--arch {fragment.whole_of}",
            )
        if fragment.on_arch and not fragment.on(arch).symbols:
            names = " and ".join(name for name, _ in fragment.on_arch)
            raise UsageError(f"--kconfig {fragment.name}: is for {names} alone, and the kernel for {arch}")


def _check_cpus(kconfigs: Sequence[Kconfig], smp: int) -> None:
    """Raises UsageError for a whole .config whose kernel starts fewer CPUs than the guest has."""
    for whole in filter(None, (kconfig.whole for kconfig in kconfigs)):
        if 0 < (most := cpus_of(whole)) < smp:
            raise UsageError(
                f"--kconfig {whole.name}: its kernel has {counted(most, 'CPU')} at most (NR_CPUS), and the guest {smp}",
                hint=f"--smp {most}",
            )


def requested_source(request: Request) -> Source:
    """The base that a request names: a package, or a revision of a tree."""
    return Source(request.tree or "", request.base or ("HEAD" if request.tree else ""))


def slots(machine: Machine, host: Host) -> int:
    """How many guests the host has CPUs and memory for. Half of the memory is left to others and the page cache."""
    return max(1, min(host.cpus // machine.smp, host.memory_mib // 2 // machine.memory_mib))


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
    if request.jobs is not None and not 1 <= request.jobs <= MOST_JOBS:
        raise UsageError(f"--jobs {request.jobs}: must be 1 to {MOST_JOBS}")
    if not 0 <= request.generate <= MOST_GENERATED:
        raise UsageError(f"--generate {request.generate}: must be 1 to {MOST_GENERATED}")
    if not 0 <= request.with_mutants <= MOST_GENERATED:
        raise UsageError(f"--with-mutants {request.with_mutants}: must be 1 to {MOST_GENERATED}")
    if request.coverage_min is not None and not 0 < request.coverage_min <= 100:
        raise UsageError(f"--coverage-min {request.coverage_min:g}: must be more than 0 and at most 100 percent")
    if request.perf and request.accel == "kvm":
        raise UsageError("--perf counts instructions, which only the emulator can", hint="--accel tcg")
    if not 0 < request.margin < 1:
        raise UsageError(f"--margin {100 * request.margin:g}: must be more than 0 and less than 100 percent")
    if not 0 < request.error < 0.5:
        raise UsageError(f"--error {request.error:g}: must be more than 0 and less than 0.5")
    if request.seed not in SEEDS:
        raise UsageError(f"--seed {request.seed}: must be 0 to {SEEDS[-1]}")


def _check_without_series(request: Request) -> None:
    """Raises UsageError for what is about a series: of a patch, or of the commits of a tree."""
    about = (
        ("--with-mutants", request.with_mutants, "is about the lines that a patch changes"),
        ("--coverage-min", request.coverage_min, "is about the lines that a patch changes"),
        ("--each-patch", request.each_patch, "is about the patches of a series"),
        ("--perf", request.perf, "compares a series with its base"),
        ("--build-only", request.build_only, "compiles what a patch changes"),
    )
    for option, value, why in about:
        if value:
            raise UsageError(f"{option} {why}", hint="--patch PATH")


def _sized(machine: Machine, request: Request, host: Host) -> Machine:
    """The machine with the requested CPUs and memory; without a request it has more CPUs (up to 4) if the host has
    more. Raises UsageError."""
    smp = max(machine.smp, min(USUAL_SMP, host.cpus)) if request.smp is None else request.smp
    memory_mib = machine.memory_mib if request.memory_mib is None else request.memory_mib
    if smp not in SMP:
        raise UsageError(f"--smp {smp}: must be {SMP[0]} to {SMP[-1]}")
    if memory_mib not in MEMORY_MIB:
        raise UsageError(f"--memory {memory_mib}: must be {MEMORY_MIB[0]} to {MEMORY_MIB[-1]} MiB")
    return replace(machine, smp=smp, memory_mib=memory_mib)


def _check_mutants(request: Request, catalog: Catalog, mutants: tuple[Mutant, ...]) -> None:
    """Raises UnknownName for a mutant that does not exist, and for a case or kconfig that a mutant names wrongly."""
    known = {mutant.name: mutant for mutant in mutants}
    for name in () if request.generate else request.only_mutants:  # those that are yet to be written have no names
        named("mutant", name, known)
    for mutant in mutants:
        catalog.kconfig(mutant.kconfig)
        for name in mutant.cases:
            catalog.case(name)


def only_usual(case: Case, arch: str) -> str:
    """Why a case has no program for an architecture; empty when it has."""
    if arch == USUAL_ARCH or case.sources or case.boot:
        return ""
    return f"{'the kernel' if case.kselftest else case.userland}'s programs are made for {USUAL_ARCH} alone here"


def unmet_need(case: Case, symbols: frozenset[str], memory_mib: int, arch: str = USUAL_ARCH) -> str:
    """Why a guest cannot run a case; empty when it can."""
    if why := case.unfit or only_usual(case, arch):
        return why
    missing = [name for name in case.needs.symbols if name not in symbols]
    if missing:
        return f"the kernel lacks {', '.join(name.removeprefix('CONFIG_') for name in missing)}"
    if case.needs.memory_mib > memory_mib:
        return f"needs {case.needs.memory_mib} MiB, the guest has {memory_mib}"
    return ""
