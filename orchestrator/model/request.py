"""What the user asked for, and what will therefore be done."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from orchestrator.model.case import Case
from orchestrator.model.kernel import USUAL_TOOLCHAIN, Kconfig, Kernel, Source, Variant
from orchestrator.model.kernel_report import KnownIssue
from orchestrator.model.machine import Machine
from orchestrator.model.selection import Learned
from orchestrator.model.series import Mutant, Series

GENERATED = 30  # mutants that are written where nobody says how many
WRITTEN_S = 20.0  # of a budget for each of them: a boot and the first round of cases


class Baseline(Enum):
    """When the unpatched kernel is tested too."""

    AUTO = "auto"  # when the patched one failed: is the failure new?
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True)
class Request:
    """What the user requested, before names are resolved. run.json records it."""

    patch: str | None = None
    part: str | None = None  # of a series, alone: 3, or 2-4
    version: int | None = None  # of the versions of a series
    newest: bool = False  # the newest version, also one that was sent as a thread of its own
    dirty: bool | None = None  # test what a tree has uncommitted; None: where a range ends at its HEAD
    archive: str = ""  # where messages are looked up; empty: the default
    tree: str | None = None
    base: str | None = None
    kconfigs: tuple[str, ...] = ("base",)
    toolchains: tuple[str, ...] = (USUAL_TOOLCHAIN,)
    arches: tuple[str, ...] = ()  # empty: the machine's, else the usual one
    testcases: tuple[str, ...] = ()  # empty: all
    machine: str = ""  # empty: each architecture's own
    accel: str = "auto"  # or kvm, tcg: the probe decides what auto is
    duration_s: float | None = None  # None: each case's own
    seed: int = 1
    baseline: Baseline = Baseline.AUTO
    jobs: int | None = None  # guests at a time; None: as many as the host's CPUs and memory allow
    boot_timeout_s: float | None = None  # None: scaled from what a boot takes
    smp: int | None = None  # None: the machine's own
    memory_mib: int | None = None
    host_tests: tuple[str, ...] = ()  # tests on the host that run whatever the patch touches
    mutants: str | None = None  # a directory of mutants
    generate: int = 0  # so many mutants of the changed lines instead of a directory's
    with_mutants: int = 0  # so many mutants after a test in which nothing regressed
    only_mutants: tuple[str, ...] = ()  # empty: all
    budget_s: float | None = None  # of a mutation run: no mutant is begun later; of a test: no pair of reruns
    error: float = 0.05  # the probability of a wrong answer about a failure that is accepted
    strict: bool = False  # any failure fails the run, also one that the base has
    fresh_baseline: bool = False  # what earlier runs found out about the base does not count
    delays: bool = True  # apply the series' delay points, and set those that mutants ask for
    known_issues: str | None = None  # None: the file beside the series or in the tree, if there is one
    each_patch: bool = False  # build, boot and test behind each patch of the series too
    freeze: bool = False  # leave the guest paused at the first kernel report, hang or crash, and end there
    coverage: bool = True  # count the instructions of changed statements, where TCG runs the guests
    stalls: bool = True  # let CPUs stand still now and then where the series changes something, under TCG
    vma_writes: bool = True  # watch whether VMAs are written without their lock, under TCG
    build_only: bool = False  # compile what the series changes in many kernels, and boot none
    perf: bool = False  # measure what operations cost, instead of testing
    margin: float = 0.01  # the difference that matters there, as a ratio minus 1
    cost: bool = False  # compare the builds with and without the series
    coverage_min: float | None = None  # this and the next: no part of what is tested. The percentage that has to run
    insecure: bool = False  # fetch the patch by plain http, too
    sandbox: bool | None = None  # confine what the patch brings of programs; None: where bubblewrap works
    suite_name: str = ""  # this and the next: of RunReport
    attachments_root: str = ""
    ci_name: str = ""
    location: str = ""


@dataclass(frozen=True)
class Plan:
    """What will be done. `series` is None when only the base is tested."""

    request: Request
    source: Source
    series: Series | None
    kconfigs: tuple[Kconfig, ...]
    cases: tuple[Case, ...]
    machine: Machine
    slots: int = 1  # guests at a time
    mutants: tuple[Mutant, ...] = ()  # all that the mutated kernels carry; a mutant's number is its place, from 1
    known: tuple[KnownIssue, ...] = ()
    compiler: str = ""  # as in Host
    toolchains: tuple[str, ...] = (USUAL_TOOLCHAIN,)
    order: str = ""  # why the cases come in this order
    learned: tuple[Learned, ...] = ()  # what earlier runs saw the cases execute
    builds: tuple[Variant, ...] = ()  # with --build-only: the kernels, whatever is said above
    others: tuple[Machine, ...] = ()  # of the other architectures; `machine` is that of the first one

    @property
    def variants(self) -> tuple[Variant, ...]:
        """Each kconfig with the first toolchain, then with the next; then all of the next architecture."""
        return self.builds or tuple(
            Variant(kconfig.on(machine.arch), toolchain, machine.arch)
            for machine in (self.machine, *self.others)
            for toolchain in self.toolchains
            for kconfig in self.kconfigs
        )

    def kernel(self, variant: Variant) -> Kernel:
        """With the whole series."""
        return Kernel(self.source, variant.kconfig, self.series, arch=variant.arch, toolchain=variant.toolchain)

    def machine_of(self, kernel: Kernel) -> Machine:
        """What a kernel of the plan boots on."""
        return next(machine for machine in (self.machine, *self.others) if machine.arch == kernel.arch)
