"""The values that flow between stages. Frozen, with tuples for sequences; imports nothing of ours.

Units are in the names: `_s` seconds, `_mib` mebibytes. Times called `at_s` are host-monotonic.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from pathlib import Path


class Outcome(IntEnum):
    """How something ended, in order of severity."""

    PASS = 0
    SKIP = 1
    IDLE = 2  # it ran, nothing went wrong, and it did not exercise what it is there for: proves nothing
    FAIL = 3
    TIMEOUT = 4
    CRASH = 5
    ERROR = 6

    @property
    def is_bad(self) -> bool:
        return self >= Outcome.IDLE


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """The one reducer of outcomes. Nothing at all is an ERROR: a run that ran nothing is never green."""
    return max(outcomes, default=Outcome.ERROR)


class Variant(Enum):
    """Which kernel: the base as it is, or with the series."""

    PATCHED = "patched"
    BASELINE = "baseline"
    MUTATED = "mutated"  # with the series and seeded bugs
    PREFIX = "prefix"  # with the first patches of the series


class Baseline(Enum):
    """When the unpatched kernel is tested too."""

    AUTO = "auto"  # when the patched one failed: is the failure new?
    ALWAYS = "always"
    NEVER = "never"


# --- what is to be tested


@dataclass(frozen=True)
class Patch:
    """One patch. `diff` is what git is given, `number`/`total` are None without an [n/m] in the subject."""

    name: str
    subject: str
    diff: bytes = field(repr=False)
    sha256: str
    files: tuple[str, ...]
    number: int | None = None
    total: int | None = None
    version: int = 1
    author: str = ""
    message_id: str = ""


@dataclass(frozen=True)
class Series:
    """Patches in the order in which they apply. `digest` is over the diffs alone: comments do not change a tree."""

    name: str
    patches: tuple[Patch, ...]
    digest: str
    notes: tuple[str, ...] = ()  # what intake ignored or guessed, for the user


class Observable(Enum):
    """Whether a run can tell the mutant from the series."""

    YES = "yes"
    NO = "no"  # it differs in the source, and no execution on this machine differs
    EQUIVALENT = "equivalent"  # it does not differ in what it does


@dataclass(frozen=True)
class Mutant:
    """One seeded bug. `digest` is over what changes the kernel and its boot: text for people does not count."""

    name: str
    group: str  # the class of bug
    breaks: str
    symptom: str
    kconfig: str
    cases: tuple[str, ...]
    delays: tuple[tuple[str, int], ...]  # delay point, microseconds
    observable: Observable
    argument: str  # why not, when not observable
    has_own_build: bool
    origin: str
    diff: bytes = field(repr=False)

    @property
    def digest(self) -> str:
        return hashlib.sha256(repr((self.delays, self.diff)).encode()).hexdigest()


@dataclass(frozen=True)
class Base:
    """The commit that a series applies to, in a git store of our own (which may borrow a user's objects)."""

    name: str
    commit: str
    origin: str  # for people: package and version, or tree and revision
    home: Path  # our directory for this base: the object store, worktrees, build directories


@dataclass(frozen=True)
class Fragment:
    """A kconfig fragment. `symbols` maps CONFIG_X to its value; "n" is `# CONFIG_X is not set`."""

    name: str
    path: Path
    symbols: tuple[tuple[str, str], ...]
    slowdown: float = 1.0  # how much longer everything takes: from its line "# slowdown: X"

    @property
    def enabled(self) -> frozenset[str]:
        """The symbols that it switches on."""
        return frozenset(name for name, value in self.symbols if value == "y")


@dataclass(frozen=True)
class Kconfig:
    """Fragments over tinyconfig, later ones win. `name` joins the names of those beyond base: debug+kasan."""

    name: str
    fragments: tuple[Fragment, ...]

    @property
    def slowdown(self) -> float:
        """By how much this kernel is slower than base: scales every limit in the guest."""
        return math.prod(fragment.slowdown for fragment in self.fragments)


@dataclass(frozen=True)
class Machine:
    """A kind of virtual machine: QEMU binary and arguments, console, kernel image and command line."""

    name: str
    arch: str
    qemu: str
    args: tuple[str, ...]
    image: str  # make target's product inside the build directory: the file that QEMU is given
    net_device: str
    cmdline: tuple[str, ...]
    smp: int
    memory_mib: int


@dataclass(frozen=True)
class Accel:
    """What executes the guest's instructions. `timeout_scale` multiplies every limit inside the guest."""

    name: str
    args: tuple[str, ...]
    timeout_scale: float
    cmdline: tuple[str, ...] = ()  # boot parameters; {tsc_khz} is the host's, and without one the parameter is left out


@dataclass(frozen=True)
class Needs:
    """What a test case cannot do without; a guest that lacks it skips the case and says so."""

    memory_mib: int = 0
    kconfig: tuple[str, ...] = ()  # with or without CONFIG_

    @property
    def symbols(self) -> tuple[str, ...]:
        """The same as fragments and a .config name them."""
        return tuple(f"CONFIG_{name.removeprefix('CONFIG_')}" for name in self.kconfig)


class Dialect(Enum):
    """How the output of a case's program is read."""

    KTAP = "ktap"  # our own programs': a line that is missing is a failure
    KSELFTEST = "kselftest"  # the exit status is the result (4: skipped); TAP in it, if any, are the subtests
    STRESS_NG = "stress-ng"  # its own words for passed, failed and skipped stressors, and its table of metrics


@dataclass(frozen=True)
class Case:
    """A test case: one program and its arguments, declared by a directory under testcases/.

    Its program is made of C sources of the directory, or is a selftest of the tree under test, or lies in the image
    of a distribution's userland. A directory that declares several cases is their `group`; their names are then
    GROUP.NAME.
    """

    name: str
    summary: str
    directory: Path
    sources: tuple[str, ...]
    args: tuple[str, ...]
    duration_s: float
    timeout_s: float  # beyond the duration, before scaling
    needs: Needs
    tags: tuple[str, ...]
    expects: tuple[str, ...] = ()  # expressions for titles of kernel reports that must come and are no failure
    group: str = ""
    dialect: Dialect = Dialect.KTAP
    kselftest: str = ""  # COLLECTION/PROGRAM below tools/testing/selftests
    userland: str = ""  # the image that holds the program
    program: str = ""  # the program's name in that image
    sysctls: tuple[tuple[str, str], ...] = ()  # settings of the guest's kernel while it runs: vm.overcommit_memory=1
    debugfs: tuple[tuple[str, str], ...] = ()  # the same below /sys/kernel/debug: failslab/ignore-gfp-wait=N
    cgroup: tuple[tuple[str, str], ...] = ()  # files of a memory cgroup that the program runs in: memory.max=16M
    unfit: str = ""  # why it is never run, and so reported as skipped


@dataclass(frozen=True)
class Userland:
    """A distribution's userland as an image: packages, and directories of theirs that no program here needs."""

    name: str
    packages: tuple[str, ...]
    drop: tuple[str, ...] = ()


@dataclass(frozen=True)
class Request:
    """What the user asked for, before anything is looked up. It is what request.json records."""

    patch: str | None = None
    tree: str | None = None
    base: str | None = None
    kconfigs: tuple[str, ...] = ("base",)
    testcases: tuple[str, ...] = ()  # empty: all
    machine: str = "q35"
    accel: str = "auto"
    duration_s: float | None = None  # None: each case's own
    seed: int = 1
    baseline: Baseline = Baseline.AUTO
    jobs: int = 1
    boot_timeout_s: float | None = None  # None: scaled from what a boot takes
    smp: int | None = None  # None: the machine's own
    memory_mib: int | None = None
    mutants: str | None = None  # a directory of seeded bugs
    only_mutants: tuple[str, ...] = ()  # empty: all
    budget_s: float | None = None  # no mutant is begun after so many seconds
    delays: bool = True  # apply the series' delay points, and set those that mutants ask for
    known_issues: str | None = None  # None: the file beside the series or in the tree, if there is one
    each_patch: bool = False  # build and boot behind each patch of the series too
    freeze: bool = False  # leave the guest paused at the first kernel report, hang or crash, and end there


@dataclass(frozen=True)
class Suite:
    """One kernel to build and test: a kconfig of a variant; of mutated ones, the seeded bug that is switched on; of a
    prefix, how many patches it has."""

    kconfig: Kconfig
    variant: Variant
    mutant: str = ""
    patches: int = 0

    @property
    def name(self) -> str:
        prefix = f"patch-{self.patches}" if self.patches else ""
        return f"{self.kconfig.name}.{self.mutant or prefix or self.variant.value}"


@dataclass(frozen=True)
class Plan:
    """What will be done. `series` is None when only the base is tested."""

    request: Request
    series: Series | None
    suites: tuple[Suite, ...]
    cases: tuple[Case, ...]
    machine: Machine
    accel_choice: str  # auto | kvm | tcg: the probe decides what auto is
    mutants: tuple[Mutant, ...] = ()  # all that the mutated kernels carry; a mutant's number is its place, from 1
    known: tuple[KnownIssue, ...] = ()

    @property
    def guests_at_once(self) -> int:
        return min(self.request.jobs, len(self.mutants) or len(self.suites))


# --- what the stages make


@dataclass(frozen=True)
class AppliedTree:
    """The base with (or without) the series, as a git tree object. `files` are those that the series touches."""

    base: Base
    tree: str
    files: tuple[str, ...]


@dataclass(frozen=True)
class KernelConfig:
    """A complete .config, in which every asked-for symbol was found. `symbols` are those that are set."""

    path: Path
    digest: str
    symbols: frozenset[str]


@dataclass(frozen=True)
class Kernel:
    """A built kernel. `build_id` is the GNU build id of vmlinux in hex, which the running guest must show too."""

    image: Path
    vmlinux: Path
    config: Path
    release: str
    build_id: str
    compiler: str
    warnings: tuple[str, ...] = ()  # of files that the series touches
    compiled: int = 0  # objects that make asked the compiler for; 0 when the product came from the store


@dataclass(frozen=True)
class Programs:
    """The cases as static programs, and the shared part of the guest's initramfs that holds them.

    `unbuilt` are cases whose program the tree under test could not build, each with the compiler's first error.
    """

    initramfs: Path
    digest: str
    unbuilt: tuple[tuple[str, str], ...] = ()


# --- what happened in the guest, as recorded


class Ending(Enum):
    """How the execution of one case ended, before anything is judged."""

    EXITED = "exited"
    TIMED_OUT = "timed-out"  # timeout(1) in the guest ended it, or our own limit did while the guest still answered
    GUEST_FROZE = "guest-froze"  # SSH stopped answering, QEMU lives, the kernel says nothing
    GUEST_DIED = "guest-died"  # panic, or the machine was reset
    HOST_LOST = "host-lost"  # QEMU was killed or failed: the host's doing
    STOPPED = "stopped"  # by us, at the kernel's first report: --freeze-on-failure
    UNMET = "needs-unmet"  # the kernel or the guest lacks what the case declares that it needs
    NOT_BUILT = "not-built"  # the tree under test does not build its program
    NO_GUEST = "no-guest"  # the guest before was lost and no other could be booted


class Condition(Enum):
    """What a guest was found to be like when a case did not end well; the values are its words for people."""

    TEST_SLOW = "the test is slow"
    TEST_HUNG = "the test hangs"
    USERSPACE_DEAD = "the guest's userspace is dead"
    CPU_HUNG = "the kernel hangs on a CPU"
    KERNEL_HUNG = "the kernel hangs"
    PANICKED = "the kernel panicked"
    QEMU_GONE = "QEMU is gone"
    QEMU_STOPPED = "QEMU does not run the guest"
    HOST_OVERLOADED = "the host is overloaded"

    @property
    def is_of_host(self) -> bool:
        """Whether it says nothing about the kernel."""
        return self in (Condition.QEMU_GONE, Condition.QEMU_STOPPED, Condition.HOST_OVERLOADED)


@dataclass(frozen=True)
class Count:
    """Something of the whole guest, counted before a case and after it had settled: slab objects, mounts."""

    name: str
    before: int
    after: int


@dataclass(frozen=True)
class CaseRun:
    """The record of one case: written as it happens, judged later by classify.

    `console_from`/`console_to` are byte offsets into the console log of guest number `guest`. `examined_at` is the one
    from which on the kernel answers our own questions, which are no part of what it said.
    """

    case: str
    ending: Ending
    guest: int = 0
    status: int | None = None  # exit status from the sentinel that the guest wrote; None when it wrote none
    duration_s: float = 0.0
    seed: int = 0
    stdout: str = ""  # paths relative to the run directory
    stderr: str = ""
    console: str = ""
    console_from: int = 0
    console_to: int = 0
    taint_before: int = 0
    taint_after: int = 0
    reason: str = ""  # why it was not run, or how the guest was lost
    stdout_dropped: int = 0  # bytes beyond the cap
    counts: tuple[Count, ...] = ()
    left: int = 0  # processes that outlived the program
    stuck: int = 0  # of those, the ones that could not be killed
    left_name: str = ""  # of one of them
    expects: tuple[str, ...] = ()  # what its declaration expects the kernel to report
    condition: Condition | None = None  # of the guest, when it was examined
    examined_at: int | None = None
    diagnosis: str = ""  # one sentence from the post-mortem of its memory
    dialect: Dialect = Dialect.KTAP
    earlier_s: float = 0.0  # what earlier tries of it took, in a hunt for a seeded bug


# --- what it means


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


class Mark(Enum):
    """What the series has to do with a line of code."""

    NONE = "none"
    FUNCTION = "function"  # it changed another line of the same function
    LINE = "line"  # it wrote this line


@dataclass(frozen=True)
class Place:
    """A line of source code that a kernel report speaks of. `file` is its name inside the kernel tree."""

    function: str
    file: str
    line: int
    text: str = ""  # the line itself; empty where the tree is not at hand
    mark: Mark = Mark.NONE
    patches: tuple[str, ...] = ()  # "6/9 SUBJECT": the patch that wrote the line, or those that changed the function


@dataclass(frozen=True)
class Frame:
    """A `function+0xoffset/0xsize` of a kernel report. `line` is counted from 1 in the report's text."""

    line: int
    function: str  # as the kernel printed it
    offset: int
    size: int
    is_reliable: bool = True  # False: marked "?", found on the stack but perhaps of an earlier call
    places: tuple[Place, ...] = ()  # the innermost inlined function first; empty where it could not be decoded


@dataclass(frozen=True)
class Stack:
    """Frames of a kernel report, the innermost first, as printed: func+0x14/0xa0."""

    name: str  # trace (what was running), alloc, free, queued, stored, locked
    frames: tuple[str, ...]


@dataclass(frozen=True)
class Splat:
    """One kernel report. Line numbers are 1-based in the scanned text; `offset` is the byte where it starts."""

    kind: str
    title: str
    outcome: Outcome  # FAIL or CRASH; PASS for what is worth showing and is no failure (an OOM kill)
    line_start: int
    line_end: int
    offset: int
    text: str = field(repr=False)
    frame: str = ""  # the guilty function: the first of its trace that is not plumbing
    corrupted: bool = False  # cut off, or lines of it are lost
    task: str = ""  # who was at work, as far as the report says so
    pid: int | None = None
    cpu: int | None = None
    time_s: float | None = None  # the log's own clock at its first line
    stacks: tuple[Stack, ...] = field(default=(), repr=False)
    known: str = ""  # why it is no failure: a known issue, or what the case expects
    frames: tuple[Frame, ...] = field(default=(), repr=False)
    file: str = ""  # path relative to the run directory: the whole report, decoded

    @property
    def label(self) -> str:
        """The title, and why it is no failure where it is known to be none."""
        return f"{self.title} (known: {self.known})" if self.known else self.title


@dataclass(frozen=True)
class LogReport:
    """What a log file says. `error` is why it could not be read; then nothing is known about it."""

    file: str
    form: str = ""  # in which form the log is kept: kernel/log_format.py
    reports: tuple[Splat, ...] = ()
    error: str = ""


@dataclass(frozen=True)
class KnownIssue:
    """A kernel report that is no news: it is shown, and is no failure of what is tested."""

    title: str  # expression for the whole title
    link: str  # where it is dealt with
    expires: str  # YYYY-MM-DD: from the day after on it counts again
    kconfigs: tuple[str, ...] = ()  # fragments, one of which the kernel must have; empty: any kernel
    base: str = ""  # kernel versions, both ends included: 6.10..6.12, 6.12, ..6.12; empty: any


@dataclass(frozen=True)
class CaseResult:
    """A judged case: `outcome` is the worst of the run itself (exit, hang, kernel log) and its subtests."""

    case: str
    outcome: Outcome
    run_outcome: Outcome  # of the run itself: exit status, liveness, kernel log
    message: str  # one line: why it is not a pass
    time_s: float
    subtests: tuple[Subtest, ...] = ()
    splats: tuple[Splat, ...] = ()
    metrics: tuple[Metric, ...] = ()
    console: str = field(default="", repr=False)  # excerpt of the case's own window
    stdout: str = ""  # path relative to the run directory
    stderr: str = ""
    also_on_base: bool = False  # the baseline fails here too: not the patch's doing
    is_host_fault: bool = False  # QEMU was killed or failed under it: says nothing about the patch
    console_log: str = ""  # path relative to the run directory: the text that the splats' line numbers count in
    diagnosis: str = ""  # one sentence: who waits for whom, from the post-mortem of the guest's memory
    evidence: tuple[str, ...] = ()  # paths relative to the run directory: what was found out about a hang or a crash
    earlier_s: float = 0.0  # what earlier tries of it took, in a hunt for a seeded bug


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
    splats: tuple[Splat, ...] = ()
    also_on_base: bool = False
    is_patch_fault: bool = False
    is_request_fault: bool = False
    log: str = ""  # path relative to the run directory: all that the stage wrote; where a guest ran, its console
    subtests: tuple[Subtest, ...] = ()  # of a stage that is a test itself


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
    def splats(self) -> tuple[Splat, ...]:
        """All kernel reports, of the stages and of the cases."""
        of_stages = [splat for stage in self.stages for splat in stage.splats]
        return (*of_stages, *(splat for case in self.cases for splat in case.splats))

    @property
    def outcome(self) -> Outcome:
        ran = [*(stage.outcome for stage in self.stages), *(case.outcome for case in self.cases)]
        if self.variant is Variant.PREFIX:
            return worst(ran)  # that it builds and boots is all that is asked of it
        if not any(case.outcome is not Outcome.SKIP for case in self.cases) and not any(o.is_bad for o in ran):
            return Outcome.ERROR
        return worst(ran)


class Verdict(Enum):
    """What the run says, with its exit status."""

    CLEAN = "nothing regressed"
    PATCH_AT_FAULT = "the patch is at fault"
    NO_VERDICT = "no verdict: the host, a tool or the base is at fault"
    BAD_REQUEST = "the request cannot be carried out"
    INTERRUPTED = "interrupted"
    ALL_KILLED = "every seeded bug was noticed"
    SURVIVED = "seeded bugs went unnoticed"

    @property
    def exit_status(self) -> int:
        return {
            Verdict.CLEAN: 0,
            Verdict.PATCH_AT_FAULT: 1,
            Verdict.BAD_REQUEST: 2,
            Verdict.NO_VERDICT: 3,
            Verdict.INTERRUPTED: 130,
            Verdict.ALL_KILLED: 0,
            Verdict.SURVIVED: 1,
        }[self]


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
