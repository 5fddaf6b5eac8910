"""Judged results: cases, stages, suites, and the report of a run."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from enum import Enum

from orchestrator.model.compilation import Compilation
from orchestrator.model.cost import Cost
from orchestrator.model.coverage import Coverage
from orchestrator.model.kernel import Role
from orchestrator.model.kernel_facts import KernelFacts
from orchestrator.model.kernel_report import KernelReport
from orchestrator.model.outcome import Outcome, Verdict, worst
from orchestrator.model.performance import Judged
from orchestrator.model.series import Envelope, Origin
from orchestrator.model.userspace import USERSPACE_TESTS

PROGRAMS, BUILD = "programs", "build"
BOOT = "boot"  # the stage whose log is the console
# stages beside the way to a guest
STATIC_CHECKS, COVERAGE, COST = "static-checks", "coverage", "cost"
STALLS = "stalls"  # of CPUs, where a series changes something
VMA_WRITES = "vma-writes"  # what is watched of them
HOST_TESTS = tuple(test.stage for test in USERSPACE_TESTS)
INSTRUCTIONS = "instructions"  # the way to a guest whose kernel's instructions are counted
COMPILE = "compile"  # of what a series changes, where no kernel is made
BESIDE = (*HOST_TESTS, STATIC_CHECKS, COVERAGE, COST, STALLS, VMA_WRITES)


class Answer(Enum):
    """What is known about a failure after both kernels were tested."""

    REGRESSION = "regression"
    PRE_EXISTING = "pre-existing"
    FIXED = "fixed"
    FLAKY_NO_WORSE = "flaky on both, no worse"
    FLAKY_AND_WORSE = "flaky and worse"
    INCONCLUSIVE = "inconclusive"


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
class Finding:
    """What one attempt shows: `outcome` is the worst of the run itself (exit, hang, kernel log) and its subtests."""

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
    is_host_fault: bool = False  # QEMU was killed or failed under it: says nothing about the patch
    console_log: str = ""  # path relative to the run directory: the text that the kernel_reports' line numbers count in
    diagnosis: str = ""  # one sentence: who waits for whom, from the post-mortem of the guest's memory
    evidence: tuple[str, ...] = ()  # paths relative to the run directory: what was found out about a hang or a crash
    only_reports: bool = False  # nothing is wrong with it but what the kernel reported meanwhile
    number: int = 1  # of the attempt
    pair: int = 0  # as in Attempt
    seed: int = 0
    is_not_run: bool = False  # it was planned, and nothing is known about it
    is_not_built: bool = False  # the tree under test does not build its program


@dataclass(frozen=True)
class Comparison:
    """What pairs of runs, one with the series and one without, say about a failure, in one sentence for people too.

    `p` bounds the probability that evidence as strong as this is ever seen while the claim is false. An answer that is
    not settled says where the evidence points, and its p is above what is accepted; about `more_pairs` more would
    settle it at the rates seen (None: it is settled, or nothing has failed again).
    """

    answer: Answer
    is_settled: bool
    p: float
    patched_failed: int
    base_failed: int
    pairs: int
    words: str
    more_pairs: int | None = None

    @property
    def excuses(self) -> bool:
        """Whether the series is not at fault for the failure, as far as is known."""
        return self.answer in (Answer.PRE_EXISTING, Answer.FLAKY_NO_WORSE)


@dataclass(frozen=True)
class BaseResult:
    """What earlier runs found out about a case on a base: the number of runs, and the marks of each failure
    (judge.signature)."""

    case: str
    runs: int
    failures: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class CaseResult(Finding):
    """A case on one kernel: the worst of its first attempts, and what further ones said."""

    comparison: Comparison | None = None  # None: it was not compared

    @classmethod
    def of(cls, finding: Finding) -> CaseResult:
        """The case is what one attempt shows."""
        return cls(**{entry.name: getattr(finding, entry.name) for entry in fields(Finding)})

    @property
    def also_on_base(self) -> bool:
        """The base fails here too: the series is not at fault, as far as is known."""
        return self.outcome.is_bad and self.comparison is not None and self.comparison.excuses


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
    also_on_base: bool = False  # the base fails here too: not the patch's doing
    is_patch_fault: bool = False
    is_request_fault: bool = False
    log: str = ""  # path relative to the run directory: all that the stage wrote; where a guest ran, its console
    subtests: tuple[Subtest, ...] = ()  # of a stage that is a test itself
    examined_at: int | None = None  # of a boot that hung: from this byte of the console on we asked the kernel
    only_reports: bool = False  # nothing is wrong with it but what the kernel reported meanwhile
    comparison: Comparison | None = None  # of a boot: None where it was not compared

    @property
    def is_end(self) -> bool:
        """The kernel got no further. A kernel that reports something while it boots has booted."""
        return self.outcome.is_bad and self.stage not in BESIDE and not self.only_reports


@dataclass(frozen=True)
class SuiteReport:
    """One kernel, which is one flat JUnit suite: the stages, then the cases."""

    name: str
    kconfig: str
    role: Role
    stages: tuple[StageResult, ...]
    cases: tuple[CaseResult, ...]
    started: str  # UTC, YYYY-MM-DDTHH:MM:SS
    facts: KernelFacts = field(default_factory=KernelFacts)
    attempts: tuple[Finding, ...] = ()  # all of them, in their order
    earlier_base: tuple[BaseResult, ...] = ()  # what earlier runs found out about its base
    coverage: Coverage | None = None  # of the statements that the series changed; None: not measured
    cost: Cost | None = None  # of the series, from two builds; None: not compared
    compilation: Compilation | None = None  # with --build-only
    without_guest: tuple[str, ...] = ()  # cases of which no attempt needs a guest: it lacks something, or their program
    performance: tuple[Judged, ...] = ()  # with --perf: its metrics, compared with the base's
    has_mutants: bool = False  # its cases are the mutants of a run, each passed when it was killed

    @property
    def kernel_reports(self) -> tuple[KernelReport, ...]:
        """All kernel reports, of the stages and of the first attempts of the cases."""
        of_stages = [report for stage in self.stages for report in stage.kernel_reports]
        return (*of_stages, *(report for case in self.cases for report in case.kernel_reports))

    @property
    def outcome(self) -> Outcome:
        """The worst outcome. A kernel without any test is an error, except behind a single patch, where building and
        booting it is enough, and with --build-only."""
        ran = [*(stage.outcome for stage in self.stages), *(case.outcome for case in self.cases)]
        tested = any(case.outcome is not Outcome.SKIP for case in self.cases)
        may_lack = self.role in (Role.PER_PATCH, Role.COMPILED)
        if not tested and not (may_lack and ran) and not any(o.is_bad for o in ran):
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
    subjects: tuple[str, ...] = ()  # of the patches
    message_ids: tuple[str, ...] = ()  # of the patches' mails, without brackets; "" where there is none
    commits: tuple[str, ...] = ()  # of the patches, in the user's own tree; "" where a patch is none
    origin: Origin | None = None  # where the series lay
    arch: str = ""  # what was to be built, also where no kernel came so far
    compiler: str = ""  # its own version line
    version: str = ""  # of orchestrate, that made the run
    suite_name: str = ""  # what stands in front of the names of JUnit's suites
    attachments_root: str = ""  # JUnit names attachments relative to this directory; empty: by absolute paths
    command: str = ""  # the line that began the run, to be pasted
    run_id: str = ""  # the same for a copy of the run directory; empty for old runs
    mails: tuple[Envelope, ...] = ()  # of the series, as in Series
    ci_name: str = ""  # what other systems call whoever runs this; empty: orchestrate
    location: str = ""  # address of a directory of run directories, without / at its end
