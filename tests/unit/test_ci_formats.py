"""What CI servers show of a run: Markdown, annotations of lines, SARIF, a badge. Foreign text in them is only text."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from urllib.parse import unquote
from xml.etree import ElementTree

import cmarkgfm
import pysarif
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.model.kernel import Role
from orchestrator.model.kernel_facts import KernelFacts
from orchestrator.model.kernel_report import Frame, KernelReport, SourceLine
from orchestrator.model.outcome import Outcome, Verdict
from orchestrator.model.report import STATIC_CHECKS, Answer, CaseResult, RunReport, StageResult
from orchestrator.reporters import badge, change_annotations, markdown, sarif
from orchestrator.reporters.pinpoint import Level, pinpoints
from tests.run_reports import CRASHED, HOSTILE, KASAN, REGRESSION, case, hostile_report, many, report, suite

EVIL = [
    "@torvalds #123 !4 ~bug <b>",
    "`` ` ```",
    "|a|b|",
    "a\n\n# head",
    "::error::x",
    "%0A",
    "---",
    "</details>",
    HOSTILE,
]
BUILD = StageResult(
    "build", Outcome.FAIL, 60.0, "the kernel does not compile: mm/vma.c:12:3: implicit declaration of function 'f'",
    detail="mm/vma.c:12:3: error: ...", is_patch_fault=True,
)  # fmt: skip
CHECKS = StageResult(
    STATIC_CHECKS, Outcome.PASS, 1.0, "new: 2 of gcc",
    detail="mm/a.c:3: warning: unused variable [-Wunused] [gcc]\nmm/b.h:9: check: LONG_LINE: too long [checkpatch]\n"
    "not run: the tree has no such file [sparse]",
)  # fmt: skip


def crash(**more: object) -> CaseResult:
    return replace(CRASHED, **more)  # type: ignore[arg-type]


def at(file: str, line: int) -> KernelReport:
    return replace(KASAN, frames=(Frame(2, "f", 1, 2, True, (SourceLine("f", file, line, "x();"),)),))


# --- the places


def test_a_place_is_that_of_the_line_that_the_series_wrote() -> None:
    (one,) = pinpoints(report(suite(CRASHED, facts=KernelFacts(patches=1))))
    assert (one.file, one.line, one.level, one.patch, one.patches) == ("mm/vma.c", 3, Level.ERROR, 1, 1)
    assert one.title == KASAN.title


@pytest.mark.parametrize(
    ("message", "place"),
    [
        (BUILD.message, ("mm/vma.c", 12)),
        ("the tree cannot be configured: mm/Kconfig:1349: unexpected 'menu' within if block", ("mm/Kconfig", 1349)),
        ("the kernel does not compile: link: ld: x.o: in function `f': undefined reference to `g'", None),
        ("0001-x.patch does not apply to linux-source-6.12 6.12.117-1: mm/mmap.c, hunk 1 (@@ -1 +1 @@)", None),
        ("Linux at 12:30: too late", None),
        ("no answer from localhost:22: connection refused", None),
        ("Makefile:1250: missing separator", ("Makefile", 1250)),
    ],
)
def test_a_stage_that_failed_names_its_place(message: str, place: tuple[str, int] | None) -> None:
    found = pinpoints(report(suite(stages=(replace(BUILD, message=message),))))
    assert [(one.file, one.line) for one in found] == ([place] if place else [])


def test_how_much_a_place_matters_depends_on_the_base() -> None:
    def level(answer: Answer) -> Level:
        settled = replace(REGRESSION, answer=answer)
        return pinpoints(report(suite(crash(comparison=settled))))[0].level

    assert level(Answer.REGRESSION) is Level.ERROR
    assert level(Answer.PRE_EXISTING) is Level.NOTE
    assert level(Answer.INCONCLUSIVE) is Level.WARNING


def test_what_is_known_or_no_failure_has_no_place() -> None:
    known = replace(KASAN, known="https://example.org/1")
    assert not pinpoints(report(suite(crash(kernel_reports=(known,)))))
    assert not pinpoints(report(suite(crash(outcome=Outcome.PASS, run_outcome=Outcome.PASS))))


def test_the_same_place_counts_once_and_as_the_worst() -> None:
    excused = crash(case="a", comparison=replace(REGRESSION, answer=Answer.PRE_EXISTING))
    (one,) = pinpoints(report(suite(excused, crash(case="b"))))
    assert (one.level, one.test) == (Level.ERROR, "b")


def test_static_findings_are_places_and_never_errors() -> None:
    found = pinpoints(report(suite(stages=(CHECKS,), role=Role.PER_PATCH, facts=KernelFacts(patches=2))))
    assert [(one.file, one.line, one.level, one.rule) for one in found] == [
        ("mm/a.c", 3, Level.WARNING, "gcc"),
        ("mm/b.h", 9, Level.NOTE, "checkpatch"),
    ]
    assert {one.patches for one in found} == {2}


# --- Markdown


class Rendered(HTMLParser):
    """GitHub's rendering: the elements, and the text that is not in code."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.inside: list[str] = []
        self.prose, self.code = "", ""
        options = cmarkgfm.cmark.Options.CMARK_OPT_UNSAFE  # as GitHub has it, which cleans the HTML afterwards
        self.feed(cmarkgfm.github_flavored_markdown_to_html(text, options=options))

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)
        self.inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self.inside and self.inside.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if {"code", "pre"} & {*self.inside}:
            self.code += data
        else:
            self.prose += data


TAGS = {"h3", "p", "code", "pre", "table", "thead", "tbody", "tr", "th", "td", "ul", "li", "details", "summary", "sub"}


def test_the_summary_has_the_verdict_the_failures_and_the_lines() -> None:
    shown = Rendered(markdown.content(report(suite(CRASHED, case("thp")), notes=("a note",))).decode())
    assert "the patch is at fault" in shown.prose
    for words in ("fork crashed the kernel", "base.patched", "mm/vma.c:3", "BUG_ON(x);", KASAN.title, "a note",
                  "regression: failed 5 of 5", "BUG: KASAN: the text"):  # fmt: skip
        assert words in shown.code, words
    assert {*shown.tags} == TAGS


@pytest.mark.parametrize("text", EVIL)
def test_foreign_text_is_code_in_markdown(text: str) -> None:
    shown = Rendered(markdown.content(hostile_report(text)).decode())
    assert {*shown.tags} <= TAGS
    assert not re.search(r"[@#!~]\w|[<>|]", shown.prose)
    tables = shown.tags.count("table")
    assert tables == 2
    assert shown.tags.count("tr") == 2 + 3  # a head each, one kernel, one stage and one case


@given(st.text(max_size=80))
def test_any_text_is_code_in_markdown(text: str) -> None:
    shown = Rendered(markdown.content(hostile_report(text)).decode())
    assert {*shown.tags} <= TAGS
    assert shown.tags.count("td") == 4 + 2 * 5


@pytest.mark.parametrize("bad", [False, True])
def test_the_summary_of_a_huge_run_fits_a_comment(bad: bool) -> None:
    data = markdown.content(many(28_000, bad))
    assert len(data) <= markdown.MAX_BYTES
    assert len(data.decode()) < 65_536
    if bad:
        assert "more failures" in data.decode()


# --- annotations

COMMAND = re.compile(r"::(error|warning|notice)(?: (?P<properties>[^:]+))?::(?P<data>.*)")


def commands(run: RunReport) -> list[tuple[str, dict[str, str], str]]:
    """As GitHub's runner reads them."""
    found = []
    for line in change_annotations.content(run).decode().removesuffix("\n").split("\n"):
        match = COMMAND.fullmatch(line)
        assert match, line
        pairs = (part.partition("=") for part in (match["properties"] or "").split(","))
        found.append((match[1], {key: unquote(value) for key, _, value in pairs if key}, unquote(match["data"])))
    return found


def test_a_line_at_fault_is_annotated() -> None:
    ((level, where, said),) = commands(report(suite(CRASHED)))
    assert level == "error"
    assert where == {"file": "mm/vma.c", "line": "3", "title": KASAN.title}
    assert "written by 1/1 mm: break it" in said


def test_a_verdict_without_a_place_is_annotated_too() -> None:
    found = commands(report(suite(case("fork", Outcome.FAIL, "exit status 1"))))
    assert found == [("error", {"title": "the patch is at fault"}, "fork crashed the kernel")]
    assert change_annotations.content(report(suite(case("fork")), verdict=Verdict.CLEAN)) == b""


@pytest.mark.parametrize("text", EVIL)
def test_foreign_text_is_no_command(text: str) -> None:
    for _, where, _ in commands(hostile_report(text)):
        assert {*where} <= {"file", "line", "title"}


def test_no_more_are_written_than_are_shown() -> None:
    cases = [crash(case=f"c{n}", kernel_reports=(at("mm/x.c", n + 1),)) for n in range(25)]
    found = commands(report(suite(*cases)))
    assert len(found) == change_annotations.MOST
    assert found[-1][1]["title"] == "16 more"


# --- SARIF


def test_sarif_is_read_by_another_reader() -> None:
    run = report(suite(CRASHED, stages=(BUILD, CHECKS)))
    read = pysarif.load_from_json(sarif.content(run).decode()).runs[0]
    assert read.tool.driver.name == "orchestrate"
    found = [
        (one.level, one.locations[0].physical_location.artifact_location.uri,
         one.locations[0].physical_location.region.start_line, read.tool.driver.rules[one.rule_index].id)
        for one in read.results
    ]  # fmt: skip
    assert found == [
        ("error", "mm/vma.c", 12, "build"),
        ("error", "mm/vma.c", 3, "kasan"),
        ("warning", "mm/a.c", 3, "gcc"),
        ("note", "mm/b.h", 9, "checkpatch"),
    ]


@pytest.mark.parametrize("text", EVIL)
def test_sarif_of_foreign_text_is_sound(text: str) -> None:
    document = json.loads(sarif.content(hostile_report(text)))
    (run,) = document["runs"]
    assert document["version"] == "2.1.0"
    for result in run["results"]:
        assert result["ruleId"] == run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"]
        assert result["level"] in ("error", "warning", "note")
        assert result["message"]["text"]
        place = result["locations"][0]["physicalLocation"]
        assert re.fullmatch(r"[A-Za-z0-9_.~/%-]+", place["artifactLocation"]["uri"])
        assert place["region"]["startLine"] >= 1


def test_a_fingerprint_stays_when_the_line_moves_and_differs_between_failures() -> None:
    def fingerprints(*places: KernelReport) -> list[str]:
        made = report(suite(*(crash(case=str(n), kernel_reports=(one,)) for n, one in enumerate(places))))
        return [
            result["partialFingerprints"]["orchestrate/v1"] for result in sarif.document(made)["runs"][0]["results"]
        ]

    assert fingerprints(at("mm/x.c", 3)) == fingerprints(at("mm/x.c", 90))
    assert len({*fingerprints(at("mm/x.c", 3), at("mm/y.c", 3))}) == 2


# --- the badge


@pytest.mark.parametrize("verdict", list(Verdict))
def test_a_badge_for_each_verdict(verdict: Verdict) -> None:
    image = ElementTree.fromstring(badge.badge("vm_refcnt", verdict))
    assert image.tag == "{http://www.w3.org/2000/svg}svg"
    assert "vm_refcnt: " in (image.get("aria-label") or "")
    fills = [one.get("fill") or "" for one in image.iter("{http://www.w3.org/2000/svg}rect")]
    assert min(contrast(fill) for fill in fills) >= 4.5


def contrast(colour: str) -> float:
    """Of white text on it, as WCAG counts."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)


@given(st.text(max_size=60))
def test_any_name_gives_a_badge(text: str) -> None:
    image = ElementTree.fromstring(badge.content(report(series=text)))
    assert len(list(image.iter("{http://www.w3.org/2000/svg}text"))) == 2
