"""JUnit XML, as CI servers read it: the only importer of junit_xml.

junit-xml builds the elements; the rest is done on its element tree, because alone it writes a `disabled` attribute
that no schema knows, leaves `time` out where it is 0, knows no reruns, and passes on characters that make the file
unreadable. The file is valid under the strict profile of junit-10.xsd: flat suites, no attribute or element beyond it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

from junit_xml import TestCase as XmlCase  # under other names: pytest collects classes that are called Test*
from junit_xml import TestSuite as XmlSuite

from orchestrator.evidence.cost import measured
from orchestrator.evidence.cost import told as costs
from orchestrator.evidence.coverage.told import places_never_hit, places_one_way, sentence, ways_sentence
from orchestrator.model.cost import Cost
from orchestrator.model.coverage import Coverage, Ways
from orchestrator.model.kernel import Role
from orchestrator.model.outcome import Outcome
from orchestrator.model.report import RunReport, SuiteReport
from orchestrator.reporters import text
from orchestrator.reporters.files import read_tail
from orchestrator.reporters.junit_entries import (
    Entry,
    LazyEntry,
    Limits,
    Output,
    keep,
    suite_items,
    unique,
    verdict_item,
)
from orchestrator.reporters.junit_files import RunFiles
from orchestrator.reporters.junit_names import is_under_test, suite_name
from orchestrator.reporters.junit_results import Element
from orchestrator.reporters.origin import origin_words

_MOST_STRUCTS = 10  # that have properties of their own
MAX_BYTES = 29_000_000
"""The smallest limit of the known readers is 30 MB for a file."""

# Tried in order until the file is small enough. The last one fits always: 2500 entries of less than 10 KiB and 300
# suites of less than 4 KiB are below MAX_BYTES. No text node comes near 10 MB, where libxml2 gives up.
_LEVELS = (
    Limits(console=65_536, detail=65_536, stdout=16_384, rerun=8_192),
    Limits(console=16_384, detail=16_384, stdout=4_096, rerun=4_096),
    Limits(console=4_096, detail=4_096, stdout=1_024, rerun=1_024, reruns=10),
    Limits(console=512, detail=512, stdout=128, rerun=256, reruns=5, entries=20_000),
    Limits(console=0, detail=0, stdout=0, rerun=0, reruns=0, entries=2_500, properties=0, attachments=False),
)
_MAX_SUITES = 300


def content(report: RunReport) -> bytes:
    """The whole file. The output of programs is read from the run directory, if it exists."""
    return document(report, outputs=read_outputs(report))


def document(report: RunReport, *, outputs: Mapping[str, Output] | None = None, max_bytes: int = MAX_BYTES) -> bytes:
    """The whole file; pure. `outputs` has the ends of the programs' outputs by their paths in the report. If the file
    would exceed `max_bytes`, texts are shortened. If that is not enough, entries are left out, passed ones first, and a
    property says so."""
    for limits in _LEVELS[:-1]:
        data = _document(report, outputs or {}, limits, max_bytes)
        if data is not None and len(data) <= max_bytes:
            return data
    return _document(report, outputs or {}, _LEVELS[-1], None) or b""


def read_outputs(report: RunReport) -> dict[str, Output]:
    """The end of each case's stdout that can be found in the run directory."""
    root, limit = Path(report.run_dir), _LEVELS[0].stdout
    found = {}
    for name in dict.fromkeys(case.stdout for suite in report.suites for case in suite.cases):
        tail, size = read_tail(root, name, limit)
        if tail:
            found[name] = Output(tail, size)
    return found


@dataclass(frozen=True)
class _Suite:
    """A suite with its unique name, what it has entries for, and how many were left out."""

    report: SuiteReport
    name: str
    items: list[LazyEntry]
    left_out: int = 0


def _document(report: RunReport, outputs: Mapping[str, Output], limits: Limits, max_bytes: int | None) -> bytes | None:
    """The file; None as soon as it is sure to become larger than `max_bytes`."""
    root = ElementTree.Element("testsuites", name="orchestrate")
    size = time_ms = 0
    taken: set[tuple[str, str]] = set()
    for suite in _suites(report, outputs, limits):
        entries = []
        for entry in unique((item.entry() for item in suite.items), taken):
            size += entry.size
            if max_bytes is not None and size > max_bytes:
                return None
            entries.append(entry)
        element, suite_ms = _suite(report, suite, entries, limits)
        time_ms += suite_ms
        root.append(element)
    for count in ("tests", "failures", "errors"):
        root.set(count, str(sum(int(element.get(count, "0")) for element in root)))
    root.set("time", _time(time_ms))
    ElementTree.indent(root, " ")
    data: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return data + b"\n"


def _suites(report: RunReport, outputs: Mapping[str, Output], limits: Limits) -> list[_Suite]:
    places = RunFiles(report.run_dir, report.attachments_root)
    # A run that stopped before its first suite still says so in one that is empty but for the error.
    suites = report.suites or (SuiteReport("run", "", Role.PATCHED, (), (), report.started),)
    suites = suites if limits.entries is None else suites[:_MAX_SUITES]
    names = [entry.name for entry in unique((Entry("", suite_name(report, suite), 0.0) for suite in suites), set())]
    items = [
        suite_items(report, suite, name, places, outputs, limits) for suite, name in zip(suites, names, strict=True)
    ]
    if report.verdict.exit_status and not any(item.is_bad for of_suite in items for item in of_suite):
        at = _unfinished(suites)
        items[at].append(verdict_item(report, names[at]))
    if limits.entries is None:
        return [_Suite(*each) for each in zip(suites, names, items, strict=True)]
    most = max(1, limits.entries // len(suites))
    return [
        _Suite(suite, name, keep(of_suite, most), max(0, len(of_suite) - most))
        for suite, name, of_suite in zip(suites, names, items, strict=True)
    ]


def _unfinished(suites: Sequence[SuiteReport]) -> int:
    """The first suite under test in which nothing passed, else the first one under test, else the first."""
    tested = [at for at, suite in enumerate(suites) if is_under_test(suite, suites)]
    none_passed = [at for at in tested if not any(case.outcome is Outcome.PASS for case in suites[at].cases)]
    return next(iter((*none_passed, *tested)), 0)


def _suite(report: RunReport, suite: _Suite, entries: list[Entry], limits: Limits) -> tuple[ElementTree.Element, int]:
    """The element, and the sum of the times of its test cases in milliseconds."""
    built = XmlSuite(
        suite.name,
        [_case(entry) for entry in entries],
        hostname=text.one_line(report.hostname, 200),
        timestamp=_timestamp(suite.report.started),
        properties=dict(_properties(report, suite)[: limits.properties]),
    )
    element: ElementTree.Element = built.build_xml_doc()
    element.attrib.pop("disabled", None)
    time_ms = 0
    for case, entry in zip(element.iter("testcase"), entries, strict=True):
        entry_ms = round(entry.time_s * 1000)
        time_ms += entry_ms
        case.set("time", _time(entry_ms))
        for skipped in case.iter("skipped"):
            skipped.attrib.pop("type", None)  # junit-xml's constant, which tells nothing
        at = len([child for child in case if child.tag in (kind.value for kind in Element)])
        case[at:at] = [
            _rerun(rerun.element, rerun.type, rerun.message, rerun.trace, rerun.out) for rerun in entry.reruns
        ]
    element.set("time", _time(time_ms))
    return element, time_ms


def _case(entry: Entry) -> XmlCase:
    case = XmlCase(entry.name, entry.classname, stdout=entry.out, stderr=entry.err)
    if entry.result.kind is Element.FAILURE:
        case.add_failure_info(entry.message, entry.body, entry.result.type)
    elif entry.result.kind is Element.ERROR:
        case.add_error_info(entry.message, entry.body, entry.result.type)
    elif entry.result.kind is Element.SKIPPED:
        case.add_skipped_info(entry.message, entry.body)
    return case


def _rerun(name: str, kind: str, message: str, trace: str, out: str) -> ElementTree.Element:
    """The form that surefire has had since 2.22.1: text in elements of its own, which is all that Jenkins reads."""
    element = ElementTree.Element(name, message=message, type=kind)
    for tag, said in (("stackTrace", trace), ("system-out", out)):
        if said:
            ElementTree.SubElement(element, tag).text = said
    return element


def _properties(report: RunReport, suite: _Suite) -> list[tuple[str, str]]:
    """Properties of the run, then of the kernel, then of the patches, which may be many."""
    of_run = {
        "series": report.series,
        "series_digest": report.series_digest,
        "orchestrate": report.version,
        "verdict": report.verdict.name,
        "reason": report.reason,
        "run_dir": report.run_dir,
        "kconfig": suite.report.kconfig,
        "role": suite.report.role.value,
        "arch": report.arch,
        "compiler": report.compiler,
    }
    if report.origin:
        of_run["origin"] = origin_words(report.origin)
        of_run["uncommitted"] = ", ".join(report.origin.uncommitted)
    if suite.left_out:
        of_run["left_out"] = f"{suite.left_out} test cases, to keep this file small; report.json has them all"
    of_patches: dict[str, str] = {}
    for number, subject in enumerate(report.subjects, 1):
        of_patches[f"patch.{number}"] = subject
        of_patches[f"patch.{number}.message_id"] = "".join(report.message_ids[number - 1 : number])
        of_patches[f"patch.{number}.commit"] = "".join(report.commits[number - 1 : number])
    known = {
        **of_run,
        **dict(suite.report.facts.properties()),
        **_of_coverage(suite.report.coverage),
        **_of_cost(suite.report.cost),
        **{f"perf.{one.name}": measured.words(one) for one in suite.report.performance},
        **of_patches,
    }
    return [(name, text.one_line(value, 500)) for name, value in known.items() if value]


def _of_coverage(found: Coverage | None) -> dict[str, str]:
    """What ran of the changed statements. The last one may be cut; the file of the coverage stage has them all."""
    if found is None:
        return {}
    return {
        "coverage": sentence(found),
        "coverage.percent": "" if found.percent is None else f"{found.percent:.1f}",
        "coverage.hit": str(found.hit),
        "coverage.counted": str(found.counted),
        "coverage.never_hit": ", ".join(places_never_hit(found)),
        **_of_ways(found),
    }


def _of_ways(found: Coverage) -> dict[str, str]:
    said = {"coverage.conditions": ways_sentence(found)}
    if found.no_ways:
        return said
    return {
        **said,
        "coverage.conditions.all_ways": str(found.conditions(Ways.ALL)),
        "coverage.conditions.some_ways": str(found.conditions(Ways.SOME)),
        "coverage.some_ways_only": ", ".join(places_one_way(found)),
    }


def _of_cost(found: Cost | None) -> dict[str, str]:
    """What changed between the builds, and nothing of what did not. Long ones are cut; the file of the cost stage has
    everything."""
    if found is None:
        return {}
    structs = {f"cost.{one.name.replace(' ', '.')}": costs.struct_words(one) for one in found.structs[:_MOST_STRUCTS]}
    slabs = {
        f"cost.slab.{one.struct.removeprefix('struct ')}": costs.slab_words(one) for one in found.slabs[:_MOST_STRUCTS]
    }
    return {
        "cost": costs.sentence(found),
        **structs,
        **slabs,
        **{f"cost.{one.name.replace(' ', '_')}": costs.growth(one) for one in found.totals},
        "cost.functions": ", ".join(costs.growth(one) for one in found.functions),
        "cost.variables": ", ".join(costs.growth(one) for one in found.data),
        "cost.stack_frames": ", ".join(costs.growth(one) for one in found.stacks),
        "cost.exports": "; ".join(map(costs.export_words, found.exports)),
    }


def _time(milliseconds: int) -> str:
    return f"{milliseconds // 1000}.{milliseconds % 1000:03d}"


def _timestamp(started: str) -> str:
    """UTC without a zone, in whole seconds: the form that all readers parse. An invalid one is empty, and is left
    out."""
    if not re.match(r"\d{4}-\d\d-\d\d", started, re.ASCII):
        return ""
    try:
        moment = datetime.fromisoformat(started)
        utc = moment.astimezone(UTC) if moment.tzinfo else moment
    except (ValueError, OverflowError):
        return ""
    return utc.replace(tzinfo=None, microsecond=0).isoformat()
