"""JUnit XML, as CI servers read it: the only importer of junit_xml.

junit-xml builds the elements; the rest is done on its element tree, because alone it writes a `disabled` attribute
that no schema knows, leaves `time` out where it is 0, and passes on characters that make the file unreadable.
The file is valid under the strict profile of junit-10.xsd: flat suites, no attribute or element beyond it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

from junit_xml import TestCase as XmlCase  # under other names: pytest collects classes that are called Test*
from junit_xml import TestSuite as XmlSuite

from orchestrator.model.kernel import Role
from orchestrator.model.report import RunReport, SuiteReport
from orchestrator.reporters import text
from orchestrator.reporters.files import read_tail
from orchestrator.reporters.junit_entries import (
    Entry,
    Item,
    Kind,
    Limits,
    Output,
    Places,
    keep,
    suite_items,
    suite_name,
    unique,
)
from orchestrator.store import write_atomically

MAX_BYTES = 29_000_000
"""The smallest limit of the known readers is 30 MB for a file."""

# Tried in order until the file is small enough. The last one fits always: 3000 entries of less than 8 KiB and 300
# suites of less than 4 KiB are below MAX_BYTES. No text node comes near 10 MB, where libxml2 gives up.
_LEVELS = (
    Limits(console=65_536, detail=65_536, stdout=16_384),
    Limits(console=16_384, detail=16_384, stdout=4_096),
    Limits(console=4_096, detail=4_096, stdout=1_024),
    Limits(console=512, detail=512, stdout=128, entries=20_000),
    Limits(console=0, detail=0, stdout=0, entries=3_000, properties=0, attachments=False),
)
_MAX_SUITES = 300
_MAX_TIME_S = 1e9


def document(
    report: RunReport,
    *,
    attachments_root: Path | None = None,
    outputs: Mapping[str, Output] | None = None,
    max_bytes: int = MAX_BYTES,
) -> bytes:
    """The whole file, pure. `outputs` has the ends of the programs' outputs, by the path that the report names.

    `[[ATTACHMENT|path]]` is absolute, or relative to `attachments_root`. Where everything would be more than
    `max_bytes`, texts are cut shorter; only then are entries left out, passed ones first, and a property says so.
    """
    places = Places(report.run_dir, attachments_root)
    for limits in _LEVELS[:-1]:
        data = _document(report, places, outputs or {}, limits, max_bytes)
        if data is not None and len(data) <= max_bytes:
            return data
    return _document(report, places, outputs or {}, _LEVELS[-1], None) or b""


def write(report: RunReport, path: Path, *, attachments_root: Path | None = None) -> None:
    """Write the file, whole or not at all. What programs printed is read from the run directory, if it is there."""
    write_atomically(path, document(report, attachments_root=attachments_root, outputs=read_outputs(report)))


def read_outputs(report: RunReport) -> dict[str, Output]:
    """The end of each case's stdout that can be found in the run directory."""
    root, limit = Path(report.run_dir), _LEVELS[0].stdout
    found = {}
    for name in dict.fromkeys(case.stdout for suite in report.suites for case in suite.cases):
        tail, size = read_tail(root, name, limit)
        if tail:
            found[name] = Output(tail, size)
    return found


def _document(
    report: RunReport, places: Places, outputs: Mapping[str, Output], limits: Limits, max_bytes: int | None
) -> bytes | None:
    """The file; None as soon as it is sure to become larger than `max_bytes`."""
    root = ElementTree.Element("testsuites", name="orchestrate")
    size = 0
    taken: set[tuple[str, str]] = set()
    for suite, name, items, left_out in _suites(report, places, outputs, limits):
        entries = []
        for entry in unique((item.entry() for item in items), taken):
            size += entry.size
            if max_bytes is not None and size > max_bytes:
                return None
            entries.append(entry)
        root.append(_suite(report, suite, name, entries, _properties(report, suite, left_out)[: limits.properties]))
    for count in ("tests", "failures", "errors"):
        root.set(count, str(sum(int(element.get(count, "0")) for element in root)))
    root.set("time", f"{sum(float(element.get('time', '0')) for element in root):.3f}")
    ElementTree.indent(root, " ")
    data: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return data + b"\n"


def _suites(
    report: RunReport, places: Places, outputs: Mapping[str, Output], limits: Limits
) -> Iterator[tuple[SuiteReport, str, list[Item], int]]:
    """Each suite with its unique name, what it has entries for, and how many were left out."""
    # A run that stopped before its first suite still says so in one that is empty but for the error.
    suites = report.suites or (SuiteReport("run", "", Role.PATCHED, (), (), report.started),)
    suites = suites if limits.entries is None else suites[:_MAX_SUITES]
    names: set[tuple[str, str]] = set()
    for suite in suites:
        plain = Entry("", suite_name(report, suite), 0.0)
        (name,) = (entry.name for entry in unique([plain], names))
        items = suite_items(report, suite, name, places, outputs, limits)
        kept = items if limits.entries is None else keep(items, max(1, limits.entries // len(suites)))
        yield suite, name, kept, len(items) - len(kept)


def _suite(
    report: RunReport, suite: SuiteReport, name: str, entries: list[Entry], properties: list[tuple[str, str]]
) -> ElementTree.Element:
    built = XmlSuite(
        name,
        [_case(entry) for entry in entries],
        hostname=text.one_line(report.hostname, 200),
        timestamp=_timestamp(suite.started),
        properties=dict(properties),
    )
    element: ElementTree.Element = built.build_xml_doc()
    element.attrib.pop("disabled", None)
    times_s = [*(stage.time_s for stage in suite.stages), *(case.time_s for case in suite.cases)]
    total_s = sum(_seconds(time_s) for time_s in times_s)
    element.set("time", f"{total_s:.3f}")  # not the sum of the entries: a run's time holds its subtests'
    for case, entry in zip(element.iter("testcase"), entries, strict=True):
        case.set("time", f"{_seconds(entry.time_s):.3f}")
        for skipped in case.iter("skipped"):
            skipped.attrib.pop("type", None)  # junit-xml's constant, which tells nothing
    return element


def _case(entry: Entry) -> XmlCase:
    case = XmlCase(entry.name, entry.classname, stdout=entry.out, stderr=entry.err)
    if entry.kind is Kind.FAILURE:
        case.add_failure_info(entry.message, entry.body, entry.type)
    elif entry.kind is Kind.ERROR:
        case.add_error_info(entry.message, entry.body, entry.type)
    elif entry.kind is Kind.SKIPPED:
        case.add_skipped_info(entry.message)
    return case


def _properties(report: RunReport, suite: SuiteReport, left_out: int) -> list[tuple[str, str]]:
    """Ours first; a property of the suite's own with the same name wins."""
    known = {
        "series": report.series,
        "series_digest": report.series_digest,
        "verdict": report.verdict.name,
        "reason": report.reason,
        "run_dir": report.run_dir,
        "kconfig": suite.kconfig,
        "role": suite.role.value,
    }
    if left_out:
        known["left_out"] = f"{left_out} test cases, to keep this file small; report.json has them all"
    named = [
        (text.one_line(name, 200) or "unnamed", value)
        for name, value in {**known, **dict(suite.facts.properties())}.items()
    ]
    return [(name, text.one_line(value, 500)) for name, value in named]


def _seconds(time_s: float) -> float:
    """A time that every reader takes: finite, not negative, below 32 years."""
    return min(max(time_s, 0.0), _MAX_TIME_S) if math.isfinite(time_s) else 0.0


def _timestamp(started: str) -> str:
    """UTC without a zone, in whole seconds: the form that all readers parse. Empty, and so left out, if it is none."""
    if not re.match(r"\d{4}-\d\d-\d\d", started, re.ASCII):
        return ""
    try:
        moment = datetime.fromisoformat(started)
        utc = moment.astimezone(UTC) if moment.tzinfo else moment
    except (ValueError, OverflowError):
        return ""
    return utc.replace(tzinfo=None, microsecond=0).isoformat()
