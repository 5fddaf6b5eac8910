"""What the jobs of a run have made of each subject: journal, source, kernel and guest spec, each made once.

A failed stage is not repeated in the same run: every job that needs its product stops too.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar, cast

from orchestrator.build.apply import apply
from orchestrator.build.mutants import parameter
from orchestrator.build.product import Product
from orchestrator.build.toolchain import Toolchain
from orchestrator.context import Context
from orchestrator.errors import VmlinuxUnreadable
from orchestrator.guest.accel import qemu_version, with_clock
from orchestrator.guest.counters import Counting
from orchestrator.guest.vma_writes import VmaWatch
from orchestrator.jobs import learned
from orchestrator.jobs.base_results import recall, remember
from orchestrator.jobs.boot import GuestSpec
from orchestrator.jobs.build import (
    Built,
    Finders,
    Tree,
    check_accelerator,
    make_config,
    make_guest_spec,
    make_kernel,
    make_programs,
    make_tree,
    sift,
)
from orchestrator.jobs.coverage import counting, executed
from orchestrator.jobs.instructions import COUNTS, counting_instructions
from orchestrator.jobs.journal import Journal, Stopped
from orchestrator.jobs.reproduce import reproduce
from orchestrator.jobs.stalls import stalls
from orchestrator.jobs.vma_writes import vma_writes
from orchestrator.jobs.without_guest import Answers, without_guest
from orchestrator.judge.unexecuted import covered_first, unexecuted
from orchestrator.model.case import Programs
from orchestrator.model.coverage import Coverage
from orchestrator.model.kernel import Base, KernelConfig, Role, Source
from orchestrator.model.report import COVERAGE, INSTRUCTIONS, STALLS, VMA_WRITES
from orchestrator.model.request import Plan
from orchestrator.model.selection import Learned
from orchestrator.model.series import Series
from orchestrator.model.subject import Subject, patched

T = TypeVar("T")


@dataclass
class _Once:
    """Values that are made once. The lock is for two jobs that need the same value at the same time."""

    lock: threading.RLock = field(default_factory=threading.RLock)
    values: dict[str, object] = field(default_factory=dict)  # by what was made: the value, or why there is none

    def once(self, what: str, make: Callable[[], T]) -> T:
        with self.lock:
            if what not in self.values:
                try:
                    self.values[what] = make()
                except Stopped as stopped:
                    self.values[what] = stopped
            value = self.values[what]
        if isinstance(value, Stopped):
            raise value
        return cast(T, value)

    def forget(self, *what: str) -> None:
        with self.lock:
            for name in what:
                self.values.pop(name, None)


@dataclass
class _Made(_Once):
    """What belongs to one subject."""

    subject: Subject = field(kw_only=True)
    journal: Journal = field(kw_only=True)


class Products:
    """The products of one run. All methods raise Stopped if an earlier stage has no product. Thread-safe."""

    def __init__(
        self,
        context: Context,
        plan: Plan,
        run_dir: Path,
        find: Finders,
        covered: Mapping[str, Coverage] | None = None,
        *,
        is_synced: bool = True,
    ) -> None:
        """`covered`: by variant, what the cases were seen to execute of the series in another run directory.
        `is_synced`: journals outlive a power failure."""
        self._covered, self._is_synced = covered or {}, is_synced
        self.context, self.plan, self.run_dir = context, plan, run_dir
        self._find = find
        self._lock = threading.Lock()
        self._made: dict[str, _Made] = {}
        self._kernels: dict[tuple[str, str], _Once] = {}
        self._sifted: dict[str, tuple[dict[str, str], dict[str, str]]] = {}  # by variant: what other machines said
        self._counted: dict[str, bool] = {}  # by the subject whose code is counted: whether every function is

    def journal(self, subject: Subject) -> Journal:
        return self._of(subject).journal

    def tree(self, subject: Subject) -> Tree:
        made = self._of(subject)

        def base(source: Source) -> tuple[Base, bool]:
            found, was_there = self._find.base(source)
            _tell_base(found, made.journal)  # a series that does not apply was made for another one
            return found, was_there

        def stage(name: str, work: Callable[[], Product[T]]) -> T:
            value = made.journal.stage(name, work)
            if isinstance(value, Toolchain):  # reports are named by it, wherever the run stops
                made.journal.facts(compiler=value.compiler)
            return value

        def make() -> Tree:
            if not self.plan.request.build_only:
                check_accelerator(stage, self._find, self.plan.machine_of(subject.kernel))
            return make_tree(self.context, stage, subject, replace(self._find, base=base), worth_a_guest)

        def worth_a_guest(tree: Tree) -> tuple[tuple[str, str], ...]:
            most, logs = self.plan.request.generate, made.journal.home / "logs"
            if not most:
                return ()
            found = self._coverage_of(subject)
            idle = unexecuted(subject.kernel.mutants, found) if found else {}
            others = [mutant for mutant in subject.kernel.mutants if mutant.name not in idle]
            others = covered_first(others, found) if found else others
            return (*idle.items(), *sift(self.context, made.journal.stage, subject, tree, others, most, logs))

        return self._kernel(subject).once("tree", make)

    def config(self, subject: Subject) -> KernelConfig:
        journal = self.journal(subject)

        def make() -> KernelConfig:
            return make_config(self.context, journal.stage, subject, self.tree(subject), journal.home / "logs")

        return self._kernel(subject).once("config", make)

    def built(self, subject: Subject) -> Built:
        made = self._of(subject)

        def make() -> Built:
            tree, config, logs = self.tree(subject), self.config(subject), made.journal.home / "logs"
            return make_kernel(self.context, made.journal.stage, subject, tree, config, self.plan, logs)

        def tell() -> Built:
            built = self._kernel(subject).once("built", make)
            self._tell_built(subject, built, made.journal)
            return built

        return made.once("built", tell)

    def programs(self, subject: Subject) -> Programs:
        """Records also which cases need no guest."""
        made = self._of(subject)

        def make() -> Programs:
            self.config(subject)  # a tree that make or Kconfig refuses would be told as one without headers
            return make_programs(self.context, made.journal.stage, subject, self.tree(subject), self.plan)

        def tell() -> Programs:
            found = self._kernel(subject).once("programs", make)
            made.journal.settle(programs=found.digest)
            made.journal.needs_no_guest(self._answers(subject, found))
            return found

        return made.once("programs", tell)

    def without_guest(self, subject: Subject) -> Answers:
        """What attempts of its cases say that need no guest."""
        return self._answers(subject, self.programs(subject))

    def _answers(self, subject: Subject, programs: Programs) -> Answers:
        config, machine = self.config(subject), self.plan.machine_of(subject.kernel)
        return without_guest(self.plan.cases, config, programs, machine)

    def guest_spec(self, subject: Subject) -> GuestSpec:
        made = self._of(subject)

        def make() -> GuestSpec:
            programs, built = self.programs(subject), self.built(subject)
            spec = make_guest_spec(self.context, made.journal.stage, subject, built, programs, self.plan, self._find)
            spec = replace(spec, vma_writes=self._vma_writes(subject, built, spec))
            return replace(spec, stalls=self._stalls(subject, built, spec))

        def count(spec: GuestSpec, built: Built) -> GuestSpec:
            """The series' own statements are counted where the whole series is tested."""
            if self.plan.request.perf:
                spec = replace(spec, accel=with_clock(self.context.catalog.accel(COUNTS), spec.machine, None))
                return replace(spec, counting=self._counting_instructions(made, built, spec))
            if not self.plan.request.coverage or subject.role is not Role.PATCHED or not subject.kernel.series:
                return spec
            home, machine = made.journal.home, spec.machine
            kconfig, commit = subject.kernel.kconfig, built.tree.base.commit
            is_whole = not learned.is_whole(self.context, kconfig, self.plan.cases, commit)
            made_of = made.journal.stage(
                COVERAGE, lambda: counting(self.context, built, machine, spec.accel, home, is_whole=is_whole)
            )
            self._counted[subject.name] = is_whole
            return replace(spec, counting=made_of)

        def tell() -> GuestSpec:
            built, spec = self.built(subject), self._kernel(subject).once("guest spec", make)
            spec = count(replace(spec, cmdline=_parameters(subject)), built)
            # else the kernel does not lie where its vmlinux says; where it cannot move, it needs no telling
            if (spec.counting or spec.stalls or spec.vma_writes) and "CONFIG_RANDOMIZE_BASE" in built.config.symbols:
                spec = replace(spec, cmdline=(*spec.cmdline, "nokaslr"))
            made.journal.settle(mutant=subject.mutant, delays=" ".join(subject.delays))
            made.journal.facts(
                accelerator=spec.accel.name,
                machine=spec.machine.name,
                cpus=spec.machine.smp,
                memory_mib=spec.machine.memory_mib,
                slowdown=spec.slowdown,
                qemu=qemu_version(spec.machine.qemu, self.context.runner),
            )
            self.recall_base(subject)
            reproduce(self.plan, subject, built.tree.base, built.tree.toolchain, spec, self.run_dir)
            return spec

        return made.once("guest spec", tell)

    def _stalls(self, subject: Subject, built: Built, spec: GuestSpec) -> Counting | None:
        """Where the CPUs of a kernel's guests stand still."""
        request, journal, base = self.plan.request, self.journal(subject), built.tree.applied.base
        if not request.stalls or request.perf or self.plan.series is None or subject.role is Role.BISECTED:
            return None
        is_base = subject.kernel.series is None
        other = apply(self.context, base, self.plan.series).value.tree if is_base else base.commit
        return journal.stage(
            STALLS,
            lambda: stalls(self.context, built, other, spec.machine, spec.accel, journal.home, request.seed),
        )

    def _vma_writes(self, subject: Subject, built: Built, spec: GuestSpec) -> VmaWatch | None:
        """Which writes of VMAs are watched in a kernel's guests."""
        if not self.plan.request.vma_writes or self.plan.request.perf:
            return None
        journal = self.journal(subject)
        return journal.stage(
            VMA_WRITES, lambda: vma_writes(self.context, built, spec.machine, spec.accel, journal.home)
        )

    def _counting_instructions(self, made: _Made, built: Built, spec: GuestSpec) -> Counting:
        """Raises Stopped where it cannot be done: without it there is nothing to measure."""
        qemu, home = spec.machine.qemu, made.journal.home
        return made.journal.stage(
            INSTRUCTIONS, lambda: counting_instructions(self.context, built.tree.toolchain, qemu, spec.accel, home)
        )

    def renewed_guest_spec(self, subject: Subject) -> GuestSpec:
        """The guest spec again, after the store has dropped a damaged product: what it still has is not made again."""
        for made in (self._kernel(subject), self._of(subject)):
            made.forget("programs", "built", "guest spec")
        return self.guest_spec(subject)

    def recall_base(self, subject: Subject) -> None:
        """Record what earlier runs found out about the base of a subject whose guests are known."""
        if subject.role in (Role.PATCHED, Role.PER_PATCH) and not self.plan.request.fresh_baseline:
            request, kconfig, journal = self.plan.request, subject.kernel.kconfig, self.journal(subject)
            facts = journal.record.facts
            journal.recalled(recall(self.context, facts, kconfig, self.plan.cases, request.duration_s))

    def remember_bases(self) -> None:
        """Keep what this run found out about bases for later ones."""
        for subject, journal in [(made.subject, made.journal) for made in list(self._made.values())]:
            found = journal.report()
            is_base = subject.role is Role.BASELINE and subject.kernel.series is None
            if is_base and found.facts.accelerator:  # without any guest it is asked again in no time
                duration_s = self.plan.request.duration_s
                kconfig = subject.kernel.kconfig
                remember(self.context, found.facts, kconfig, self.plan.cases, duration_s, found.attempts)

    def learn(self) -> None:
        """Keep which functions the cases of this run executed."""
        for name, is_whole in self._counted.items():
            made = self._made[name]
            with suppress(VmlinuxUnreadable, Stopped):
                built, kconfig = self.built(made.subject), made.subject.kernel.kconfig
                found = executed(made.journal.record, made.journal.home, built.kernel.vmlinux)
                for case in self.plan.cases:
                    attempts = made.journal.record.attempts
                    took_s = sum(one.duration_s for one in attempts if one.case == case.name and one.coverage)
                    if (functions := found.get(case.name)) and took_s:
                        rates = tuple((name, round(count / took_s, 3)) for name, count in sorted(functions.items()))
                        news = Learned(case.name, built.tree.base.commit, rates, is_whole)
                        learned.learn(self.context, kconfig, case, news)

    def _coverage_of(self, mutated: Subject) -> Coverage | None:
        """What the cases executed of the series on the same variant, if this run measured it."""
        variant = mutated.kernel.variant
        made = self._made.get(patched(self.plan.kernel(variant)).name)
        return made.journal.report().coverage if made else self._covered.get(variant.name)

    def refused(self) -> dict[str, str]:
        """The mutants that could not be put into some kernel so far, with the reasons."""
        elsewhere = {name: why for refused, _ in self._sifted.values() for name, why in refused.items()}
        return elsewhere | {name: why for tree in self._trees() for name, why in tree.refused}

    def left_out(self, variant: str) -> dict[str, str]:
        """The generated mutants that are not worth a guest on a variant, as far as that is known, with the reasons."""
        _, elsewhere = self._sifted.get(variant, ({}, {}))
        return elsewhere | {name: why for tree in self._trees(variant) for name, why in tree.left_out}

    def told(self, subject: Subject, refused: dict[str, str], left_out: dict[str, str]) -> None:
        """What another machine found out about the mutants of a subject."""
        with self._lock:
            before = self._sifted.get(subject.kernel.variant.name, ({}, {}))
            self._sifted[subject.kernel.variant.name] = before[0] | refused, before[1] | left_out

    def _trees(self, variant: str = "") -> list[Tree]:
        made = [found.values.get("tree") for (name, _), found in list(self._kernels.items()) if variant in ("", name)]
        return [tree for tree in made if isinstance(tree, Tree)]

    def _kernel(self, subject: Subject) -> _Once:
        """What subjects of the same kernel share. Its stages stand in the journal of the first of them. Each variant
        has its own, even where two say the same."""
        with self._lock:
            return self._kernels.setdefault((subject.kernel.variant.name, subject.kernel.id), _Once())

    def _of(self, subject: Subject) -> _Made:
        with self._lock:
            if subject.name not in self._made:
                home = self.run_dir / subject.name
                journal = Journal(self.context, home, subject, self.plan.known, is_synced=self._is_synced)
                self._tell_plan(subject, journal)
                self._made[subject.name] = _Made(subject=subject, journal=journal)
            return self._made[subject.name]

    def _tell_plan(self, subject: Subject, journal: Journal) -> None:
        """Record what is known of a subject before any stage, and so also of one that no stage gets far with."""
        series = self.plan.series
        journal.facts(
            kconfig_files=subject.kernel.kconfig.files,
            arch=subject.kernel.arch,
            toolchain=subject.kernel.toolchain,
            patches=len(subject.kernel.series.patches) if subject.kernel.series else 0,
            patch=_last_patch(subject, series),
            series_digest=series.digest if series else "",  # of the whole: all kernels of a run are about it
            seed=self.plan.request.seed,
        )

    def _tell_built(self, subject: Subject, built: Built, journal: Journal) -> None:
        """Keep the kernel's configuration and what it was made of and with."""
        journal.home.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(built.config.path, journal.home / "config")
        journal.settle(build_id=built.kernel.build_id)
        _tell_base(built.tree.base, journal)
        journal.facts(
            tree=built.tree.applied.tree,
            compiler=built.kernel.compiler,
            kernel=built.kernel.release,
            product=built.kernel.image.parent.name,
            warnings=len(built.kernel.warnings),
        )


def _tell_base(base: Base, journal: Journal) -> None:
    journal.facts(base=base.origin, commit=base.commit, under=base.under, base_url=base.url, base_branch=base.branch)


def _parameters(subject: Subject) -> tuple[str, ...]:
    """Boot parameters that are the subject's own."""
    if subject.mutant is None:
        return subject.delays
    return (parameter(0 if subject.kernel.own_mutant else subject.mutant), *subject.delays)


def _last_patch(subject: Subject, series: Series | None) -> str:
    """What the kernel behind a patch is called."""
    behind = subject.kernel.series
    if behind is None or series is None or subject.role not in (Role.PATCHED, Role.PER_PATCH):
        return ""
    last = behind.patches[-1]
    return f"{len(behind.patches)}/{len(series.patches)} {last.subject or last.name}"
