"""A night as one JUnit file: the suites of its runs, under the names of their items, and a suite of the items
themselves, so that what did not run is seen."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from orchestrator.model.night import RAN, WAITING, Item, NightRecord, State
from orchestrator.model.outcome import Verdict
from orchestrator.reporters.table import JUNIT
from orchestrator.reporters.text import one_line

_CHARS = 1000
_COUNTS = ("tests", "failures", "errors", "skipped")


def junit(record: NightRecord) -> bytes:
    """Reads the JUnit files of the runs. A run without one is an error of its item."""
    root = Element("testsuites", name=f"night {record.id}")
    own = SubElement(root, "testsuite", name="night", timestamp=record.started)
    for item in record.items:
        suites = _suites(item)
        for suite in suites:
            suite.set("name", f"{item.name}.{suite.get('name', '')}")
            root.append(suite)
        _case(own, item, has_suites=bool(suites))
    cases = own.findall("testcase")
    for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        own.set(name, str(sum(case.find(tag) is not None for case in cases)))
    own.set("tests", str(len(cases)))
    for name in _COUNTS:
        root.set(name, str(sum(_number(suite.get(name)) for suite in root.findall("testsuite"))))
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))


def _suites(item: Item) -> list[Element]:
    path = Path(item.directory, JUNIT)
    if item.state not in (*RAN, *WAITING) or not item.directory or not path.is_file():
        return []
    try:
        return ElementTree.parse(path).getroot().findall("testsuite")
    except (OSError, ElementTree.ParseError):
        return []


def _case(to: Element, item: Item, *, has_suites: bool) -> None:
    """An item passes if it ran and its runs say the rest."""
    name = one_line(item.name, _CHARS)
    case = SubElement(to, "testcase", name=name, classname="night", time=f"{item.spent_s:.3f}")
    why = one_line(item.reason or item.why, _CHARS)
    if item.state is State.SKIPPED:
        SubElement(case, "skipped", message=one_line(item.why, _CHARS))
    elif item.state is State.LEFT_OUT:
        SubElement(case, "skipped", message=f"left out: {one_line(item.why, _CHARS)}")
    elif item.state is State.DONE and item.status == Verdict.PATCH_AT_FAULT.exit_status and not has_suites:
        SubElement(case, "failure", message=why)
    elif item.state is not State.DONE or item.status not in (0, 1):
        SubElement(case, "error", message=why or item.state.value)


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else 0
