"""Nights that never were: reports of runs for the tests, the benchmark and the pictures of the dashboard.

Two trees every night, three series in some versions, three kernels, two machines. Among them: a case that began to fail
last night, one that has failed for weeks, one that was mended, flaky ones, a title seen for the first time, results
that are missing, a metric whose level fell, mutation runs and coverage. The same arguments make the same nights.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from orchestrator.history.database import Database
from orchestrator.history.keep import keep
from orchestrator.history.rows import rows_of
from orchestrator.judge.mutants import Detector, Kill, Matrix, MutantRow, MutantStatus
from orchestrator.model.coverage import Coverage, FileCoverage, LineState, StatementCoverage
from orchestrator.model.kernel import Role
from orchestrator.model.kernel_facts import KernelFacts
from orchestrator.model.kernel_report import KernelReport, KnownIssue
from orchestrator.model.outcome import Outcome, Verdict
from orchestrator.model.report import Answer, CaseResult, Comparison, Metric, RunReport, StageResult, SuiteReport

BEGIN = datetime(2026, 8, 1, 22, 0, 0)
TREES = (("git://git.example.org/mm.git", "mm-unstable"), ("git://git.example.org/linux.git", "master"))
SERIES = ("vm-refcnt", "mm-folio-batches", "maple-tree-rcu")
KCONFIGS = ("base", "debug", "kasan")
NAMES = ("fork-fault", "split-merge", "gup", "thp", "mremap-integrity", "stack-brk", "uffd", "reclaim", "proc-maps",
         "vma-reuse", "discard", "scale", "mprotect-oracle", "fault-vs-munmap")  # fmt: skip
KNOWN = (
    KnownIssue("WARNING in mas_wr_walk", "https://lore.example.org/r/1", "2027-01-01"),
    KnownIssue("KCSAN: data-race in lru_add.*", "https://lore.example.org/r/2", "2026-10-01"),
)


@dataclass(frozen=True)
class Night:
    """A run of a night. `number` counts the nights from 0, `slot` what runs in one."""

    number: int
    last: int
    slot: int
    cases: int

    @property
    def is_tip(self) -> bool:
        return self.slot < 2 * len(TREES)

    @property
    def tree(self) -> tuple[str, str]:
        return TREES[self.slot % len(TREES)]

    @property
    def kconfig(self) -> str:
        return KCONFIGS[self.slot // len(TREES) % len(KCONFIGS)]

    @property
    def series(self) -> str:
        if self.is_tip:
            return ""
        return f"v{1 + self.number * 4 // (self.last + 1)}-{SERIES[self.slot % len(SERIES)]}"


def fill(database: Database, runs: int, *, cases: int = 14, per_night: int = 10) -> None:
    """Keep so many runs, `per_night` of them in each night."""
    last = (runs - 1) // per_night
    for at in range(runs):
        night = Night(at // per_night, last, at % per_night, cases)
        report, matrix = run(night)
        location = f"https://ci.example.org/runs/{at}" if at % 3 else f"/srv/runs/{at}"
        keep(database, rows_of(f"{at:032x}", report, location=location, matrix=matrix, known=KNOWN))


def run(night: Night) -> tuple[RunReport, Matrix | None]:
    chance = random.Random(f"{night}")
    started = BEGIN + timedelta(days=night.number, minutes=45 * night.slot)
    url, branch = night.tree
    facts = KernelFacts(
        base=f"{url} {branch}", commit=f"{night.number * 7919:012x}{'0' * 28}", base_url=url, base_branch=branch,
        arch="x86_64", compiler="gcc (Debian 12.2.0-14+deb12u1) 12.2.0", release=f"6.12.{night.number}",
        accelerator="tcg", machine="q35", cpus=2, memory_mib=1024, patches=0 if night.is_tip else 9,
    )  # fmt: skip
    cases = tuple(_cases(night, chance))
    stages = (StageResult("build", Outcome.PASS, 300.0), StageResult("boot", Outcome.PASS, 1.7))
    role = Role.BASELINE if night.is_tip else Role.PATCHED
    bad = next((one for one in cases if one.outcome.is_bad and one.outcome is not Outcome.ERROR), None)
    matrix = _mutants(night, chance) if night.series and night.number % 7 == 0 else None
    suite = SuiteReport(
        f"{night.kconfig}.{role.value}", night.kconfig, role, stages, cases, f"{started:%Y-%m-%dT%H:%M:%S}", facts,
        coverage=None if night.is_tip else _coverage(night, chance),
    )  # fmt: skip
    verdict = Verdict.CLEAN if bad is None else Verdict.PATCH_AT_FAULT
    if any(one.outcome is Outcome.ERROR for one in cases):
        verdict = Verdict.NO_VERDICT
    made = RunReport(
        night.series, f"{night.series}".ljust(64, "0") if night.series else "", verdict,
        f"{bad.case} {bad.message}" if bad else f"{len(cases)} cases passed on {suite.name}", (suite,), "/nowhere",
        suite.started, 600.0 + chance.random() * 300, f"builder-{1 + night.slot % 2}", arch="x86_64",
        compiler=facts.compiler, version="0.1.0",
    )  # fmt: skip
    return made, matrix


def _cases(night: Night, chance: random.Random) -> Iterator[CaseResult]:
    is_last = night.number == night.last
    for number in range(night.cases):
        name = NAMES[number] if number < len(NAMES) else f"ltp.mm-{number}"
        ops = 1e6 * (1 + number % 5) * chance.gauss(1, 0.02)
        if name == "scale" and night.number > night.last * 2 // 3:
            ops *= 0.85
        case = CaseResult(name, Outcome.PASS, Outcome.PASS, "", 5.2, metrics=(Metric("faults", ops, "ops/s"),))
        if name == "fork-fault" and is_last and night.slot in (0, 4):
            yield _crashed(case, "KASAN: use-after-free in vma_start_read")
        elif name == "uffd" and is_last and night.slot == 1:
            yield replace(
                case, outcome=Outcome.ERROR, run_outcome=Outcome.ERROR, message="", is_not_run=True, metrics=()
            )
        elif name == "thp" and is_last and night.slot == 3:
            yield replace(case, outcome=Outcome.ERROR, run_outcome=Outcome.ERROR, message="QEMU was killed", metrics=(),
                          is_host_fault=True)  # fmt: skip
        elif name == "reclaim" and night.slot == 1 and night.number > night.last - 20:
            yield replace(case, outcome=Outcome.TIMEOUT, run_outcome=Outcome.TIMEOUT, message="no output for 60 s")
        elif name == "gup" and night.slot == 2 and night.last - 5 < night.number < night.last:
            yield replace(case, outcome=Outcome.FAIL, run_outcome=Outcome.FAIL, message="exit status 1")
        elif name == "discard" and night.slot == 0 and is_last:
            continue  # nobody said why
        elif name in ("split-merge", "ltp.mm-40", "ltp.mm-77") and chance.random() < 0.15:
            yield _crashed(case, "WARNING in mas_wr_walk", Outcome.FAIL)
        else:
            yield case


def _crashed(case: CaseResult, title: str, outcome: Outcome = Outcome.CRASH) -> CaseResult:
    report = KernelReport(title.split(":")[0].lower(), title, outcome, 12, 40, 9.5, f"{title}\n f+0x1/0x2", frame="f")
    found = Comparison(Answer.REGRESSION, True, 0.03, 5, 0, 5, "failed 5 of 5 with the series and 0 of 5 without")
    return replace(
        case, outcome=outcome, run_outcome=outcome, message=title, kernel_reports=(report,), comparison=found
    )


def _coverage(night: Night, chance: random.Random) -> Coverage:
    hit = min(34, 24 + night.number * 12 // (night.last + 1) - chance.randrange(2))
    states = [LineState.HIT] * hit + [LineState.NEVER_HIT] * (34 - hit)
    lines = tuple(StatementCoverage(at, at, (at,), "x();", "f", state) for at, state in enumerate(states, 1))
    return Coverage((FileCoverage("mm/vma.c", lines),), ("fork-fault",))


def _mutants(night: Night, chance: random.Random) -> Matrix:
    def row(number: int) -> MutantRow:
        if chance.random() < 0.55 + 0.35 * night.number / (night.last + 1):
            kill = Kill(night.kconfig, "split-merge", Detector.KERNEL_REPORT, "", 2.0)
            return MutantRow(f"m{number}", "locking", MutantStatus.KILLED, "", kill)
        return MutantRow(f"m{number}", "locking", MutantStatus.SURVIVED, "nothing noticed it")

    return Matrix(tuple(row(number) for number in range(20)), (night.kconfig,), NAMES)
