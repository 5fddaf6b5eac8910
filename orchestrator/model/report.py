"""What it all means: judged cases, stages and suites."""

from __future__ import annotations

from dataclasses import dataclass, field

from orchestrator.model.kernel import Variant
from orchestrator.model.kernel_report import KernelReport
from orchestrator.model.outcome import Outcome, Verdict, worst

BOOT = "boot"  # the stage whose log is the console


@dataclass(frozen=True)
class Metric:
    name: str
    value: float
    unit: str


@dataclass(frozen=True)
class Subtest:
    """One KTAP result line. `name` is the path of nested names joined with a dot."""

    name: str
    outcome: Outcome
    time_s: float = 0.0
    message: str = ""
    diagnostics: tuple[str, ...] = ()
    metrics: tuple[Metric, ...] = ()


@dataclass(frozen=True)
class CaseResult:
    """A judged case: `outcome` is the worst of the run itself (exit, hang, kernel log) and its subtests."""

    case: str
    outcome: Outcome
    run_outcome: Outcome  # of the run itself: exit status, liveness, kernel log
    message: str  # one line: why it is not a pass
    time_s: float
    subtests: tuple[Subtest, ...] = ()
    kernel_reports: tuple[KernelReport, ...] = ()
    metrics: tuple[Metric, ...] = ()
    console: str = field(default="", repr=False)  # excerpt of the case's own window
    stdout: str = ""  # path relative to the run directory
    stderr: str = ""
    also_on_base: bool = False  # the baseline fails here too: not the patch's doing
    is_host_fault: bool = False  # QEMU was killed or failed under it: says nothing about the patch
    console_log: str = ""  # path relative to the run directory: the text that the kernel_reports' line numbers count in
    diagnosis: str = ""  # one sentence: who waits for whom, from the post-mortem of the guest's memory
    evidence: tuple[str, ...] = ()  # paths relative to the run directory: what was found out about a hang or a crash
    earlier_s: float = 0.0  # what earlier tries of it took, in a mutation run for a mutant
    only_reports: bool = False  # nothing is wrong with it but what the kernel reported meanwhile


@dataclass(frozen=True)
class StageResult:
    """How a stage of a suite ended. `cached`: its product came from the store."""

    stage: str
    outcome: Outcome
    time_s: float
    message: str = ""
    hint: str = ""
    detail: str = field(default="", repr=False)
    cached: bool = False
    console: str = field(default="", repr=False)
    kernel_reports: tuple[KernelReport, ...] = ()
    also_on_base: bool = False
    is_patch_fault: bool = False
    is_request_fault: bool = False
    log: str = ""  # path relative to the run directory: all that the stage wrote; where a guest ran, its console
    subtests: tuple[Subtest, ...] = ()  # of a stage that is a test itself
    examined_at: int | None = None  # of a boot that hung: from this byte of the console on we asked the kernel
    only_reports: bool = False  # nothing is wrong with it but what the kernel reported meanwhile


@dataclass(frozen=True)
class SuiteReport:
    """One flat JUnit suite: the stages, then the cases."""

    name: str
    kconfig: str
    variant: Variant
    stages: tuple[StageResult, ...]
    cases: tuple[CaseResult, ...]
    started: str  # UTC, YYYY-MM-DDTHH:MM:SS
    properties: tuple[tuple[str, str], ...] = ()

    @property
    def kernel_reports(self) -> tuple[KernelReport, ...]:
        """All kernel reports, of the stages and of the cases."""
        of_stages = [kernel_report for stage in self.stages for kernel_report in stage.kernel_reports]
        return (*of_stages, *(kernel_report for case in self.cases for kernel_report in case.kernel_reports))

    @property
    def outcome(self) -> Outcome:
        ran = [*(stage.outcome for stage in self.stages), *(case.outcome for case in self.cases)]
        if self.variant is Variant.PREFIX:
            return worst(ran)  # that it builds and boots is all that is asked of it
        if not any(case.outcome is not Outcome.SKIP for case in self.cases) and not any(o.is_bad for o in ran):
            return Outcome.ERROR
        return worst(ran)


@dataclass(frozen=True)
class RunReport:
    """Everything that the reporters show."""

    series: str
    series_digest: str
    verdict: Verdict
    reason: str  # one sentence with the evidence for the verdict
    suites: tuple[SuiteReport, ...]
    run_dir: str
    started: str
    time_s: float
    hostname: str
    notes: tuple[str, ...] = ()
