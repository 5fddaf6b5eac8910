"""What a kernel selftest printed and how it exited -> results. Pure.

The exit status is the result, as for the kernel's own runner (tools/testing/selftests/kselftest/runner.sh): 0 passed,
4 skipped. What it printed says which part: TAP as ktap.py reads it, with or without a version line or a result for
each planned test, or the words of the userfaultfd tests, which print none.
"""

from __future__ import annotations

import re
from dataclasses import replace

from orchestrator.model.outcome import Outcome
from orchestrator.model.report import Subtest
from orchestrator.parse.results import ktap
from orchestrator.parse.results.ktap import KtapReport

SKIPPED = 4
# "Testing wp-fork on anon... done", "... skipped [reason: huge page size is 0]", "... failed [reason: ...]"
UFFD = re.compile(
    r"^Testing (?P<name>.{1,300}?)\.\.\. (?P<how>done|skipped|failed)(?: \[reason: (?P<why>[^\n]{0,1000}?)\]?)?$",
    re.MULTILINE,
)
_UFFD_OUTCOMES = {"done": Outcome.PASS, "skipped": Outcome.SKIP, "failed": Outcome.FAIL}
TOTALS = re.compile(r"^# (?:Totals|Planned tests != run tests)\b")


def parse(stdout: str, stderr: str, status: int | None) -> KtapReport:
    """`problems` are empty unless the program failed and no subtest says why; `status` None: it did not end."""
    report = ktap.parse(stdout)
    # planned tests that a program never came to say nothing: why it ended early is in its status and last words
    subtests = tuple(subtest for subtest in report.subtests if not ktap.is_missing(subtest)) or tuple(_uffd(stdout))
    problems: tuple[str, ...] = ()
    failed = any(not subtest.outcome.is_ok for subtest in subtests)
    if status is not None and 0 < status <= 128 and status != SKIPPED and not failed:
        said = _last_words(stdout, stderr)
        problems = (f"exit status {status}: {said}" if said else f"exit status {status}, without a word",)
    skipped = next((s.message for s in subtests if s.outcome is Outcome.SKIP and s.message), "")
    return replace(
        report,
        subtests=subtests,
        problems=problems,
        is_ktap=True,
        skip_reason=report.skip_reason or skipped or _last_words(stdout, stderr),
    )


def _uffd(stdout: str) -> list[Subtest]:
    return [Subtest(m["name"], _UFFD_OUTCOMES[m["how"]], message=m["why"] or "") for m in UFFD.finditer(stdout)]


def _last_words(stdout: str, stderr: str) -> str:
    """The last line that says something: selftests give their reason just before they leave."""
    lines = [line.strip() for line in [*stdout.splitlines(), *stderr.splitlines()]]
    said = [line for line in lines if line and not TOTALS.match(line) and not line.startswith("orchestrate-sentinel")]
    return said[-1][:300] if said else ""
