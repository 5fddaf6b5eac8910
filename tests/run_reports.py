"""Reports of runs for the tests of what shows them: a small one with a run directory, a hostile one, a huge one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from orchestrator.model.evidence_files import DUMP
from orchestrator.model.kernel import Role
from orchestrator.model.kernel_report import Frame, KernelReport, Mark, SourceLine
from orchestrator.model.outcome import Outcome, Verdict
from orchestrator.model.report import (
    Answer,
    CaseResult,
    Comparison,
    Finding,
    RunReport,
    StageResult,
    Subtest,
    SuiteReport,
)

HOSTILE = "</pre></script><script>alert(1)</script><img src=x onerror=alert(1)>\x1b]0;x\x07\u202e\udcff&\"'{{ 7*7 }}"
SOURCE = SourceLine("f", "mm/vma.c", 3, "BUG_ON(x);", Mark.LINE, ("1/1 mm: break it",))
KASAN = KernelReport(
    "kasan", "KASAN: use-after-free in f", Outcome.CRASH, 12, 40, 999, "BUG: KASAN: the text\n f+0x1/0x2",
    frame="f", frames=(Frame(2, "f", 1, 2, True, (SOURCE,)),), file="base.patched/cases/fork/1/report-1.txt",
)  # fmt: skip
PATCH = b"""diff --git a/mm/vma.c b/mm/vma.c
--- a/mm/vma.c
+++ b/mm/vma.c
@@ -1,3 +1,4 @@
 one
 two
+\tBUG_ON(x);
 three
"""


def case(name: str, outcome: Outcome = Outcome.PASS, message: str = "", **more: object) -> CaseResult:
    return replace(CaseResult(name, outcome, outcome, message, 2.5), **more)  # type: ignore[arg-type]


def suite(*cases: CaseResult, kconfig: str = "base", role: Role = Role.PATCHED, **more: object) -> SuiteReport:
    made = SuiteReport(f"{kconfig}.{role.value}", kconfig, role, (), cases, "2026-11-28T10:00:00")
    return replace(made, **more)  # type: ignore[arg-type]


def report(*suites: SuiteReport, run_dir: str = "/nowhere", **more: object) -> RunReport:
    made = RunReport(
        "fix", "0" * 64, Verdict.PATCH_AT_FAULT, "fork crashed the kernel", suites, run_dir, "2026-11-28T10:00:00", 5.0,
        "host",
    )  # fmt: skip
    return replace(made, **more)  # type: ignore[arg-type]


REGRESSION = Comparison(Answer.REGRESSION, True, 0.03, 5, 0, 5, "failed 5 of 5 with the series and 0 of 5 without")
CRASHED = case("fork", Outcome.CRASH, KASAN.title, kernel_reports=(KASAN,), comparison=REGRESSION, seed=7)


def run_directory(tmp_path: Path) -> RunReport:
    (tmp_path / "patches").mkdir()
    (tmp_path / "patches/0001-mm-break-it.patch").write_bytes(PATCH)
    (tmp_path / "base.patched/cases/fork/1").mkdir(parents=True)
    (tmp_path / KASAN.file).write_text("the decoded report")
    (tmp_path / "base.patched/reproduce.sh").write_text("#!/bin/sh\n")
    hung = case(
        "hung", Outcome.TIMEOUT, "no output", diagnosis="writer waits for reader",
        evidence=("base.patched/postmortem.txt", f"base.patched/{DUMP}"), console_log="base.patched/console.log",
    )  # fmt: skip
    (tmp_path / "base.patched/postmortem.txt").write_text("who waits for whom: everybody")
    (tmp_path / "base.patched" / DUMP).write_text("dump")
    base = suite(role=Role.BASELINE, attempts=tuple(Finding("fork", Outcome.PASS, Outcome.PASS, "", 1.0) for _ in "ab"))
    first = suite(CRASHED, hung, case("thp"), stages=(StageResult("boot", Outcome.PASS, 1.0),))
    return report(first, base, run_dir=str(tmp_path), subjects=("mm: break it",), notes=("a note",))


def hostile_report(text: str) -> RunReport:
    line = SourceLine(text, text, 3, text, Mark.LINE, (f"1/1 {text}",))
    reported = KernelReport(
        text, text, Outcome.CRASH, 1, 2, 3, f"{text}\n{text}", frame=text,
        frames=(Frame(1, text, 1, 2, True, (line,)),), file=text,
    )  # fmt: skip
    bad = case(
        text, Outcome.CRASH, text, kernel_reports=(reported,), diagnosis=text, console=text, stdout=text, stderr=text,
        console_log=text, evidence=(f"{text}/postmortem.txt",), comparison=replace(REGRESSION, words=text),
        subtests=(Subtest(text, Outcome.FAIL, 1.0, text, (text,)),),
    )  # fmt: skip
    stage = StageResult(text, Outcome.FAIL, 1.0, text, text, text, console=text, log=text)
    made = suite(bad, stages=(stage,), attempts=(bad, bad))
    return report(
        replace(made, name=text, kconfig=text), run_dir=text, reason=text, series=text, notes=(text,), subjects=(text,),
        hostname=text, started=text, compiler=text, version=text,
    )  # fmt: skip


def many(count: int, bad: bool) -> RunReport:
    """A huge run. `bad`: each case has a report of 100 kB with a title of its own; the text is one for all, because
    28,000 of them are 2.7 GB."""
    text = "x" * 100_000

    def one(number: int) -> CaseResult:
        name = f"ltp.group-{number // 100}.case-{number}"
        kasan = replace(KASAN, title=f"KASAN {number}", text=text, frames=())
        return case(name, Outcome.CRASH, "crashed", kernel_reports=(kasan,)) if bad else case(name)

    return report(*(suite(*map(one, range(count // 2)), kconfig=kconfig) for kconfig in ("base", "debug")))
