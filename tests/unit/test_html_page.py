"""report.html: what it says, in which order, that it is one closed file, and that no text of a guest becomes markup."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.arguments.parser import parser
from orchestrator.declarations.patches import read_series
from orchestrator.model.coverage import Coverage, FileCoverage, LineState, StatementCoverage
from orchestrator.model.evidence_files import DUMP
from orchestrator.model.outcome import Outcome, Verdict
from orchestrator.model.report import Answer, Comparison, RunReport, SuiteReport
from orchestrator.model.series import Origin, Place
from orchestrator.reporters.html import failed, links, page, render, reported, view
from orchestrator.reporters.html.covered import covered
from tests.run_reports import (
    CRASHED,
    HOSTILE,
    KASAN,
    REGRESSION,
    case,
    hostile_report,
    many,
    report,
    run_directory,
    suite,
)
from tests.unit import coverages


class Reader(HTMLParser):
    """A page as elements: tag and attributes, with the text inside of each."""

    VOID = frozenset({"meta", "link", "br", "input", "img", "hr"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", "".join(self.words))

    def all(self, name: str) -> list[str]:
        return [value for _, attributes in self.elements if (value := attributes.get(name)) is not None]


def read(run: RunReport) -> Reader:
    reader = Reader(page.content(run).decode())
    assert reader.open == []
    return reader


def test_the_verdict_is_first_and_all_the_evidence_is_there(tmp_path: Path) -> None:
    shown = read(run_directory(tmp_path))
    wanted = [
        "the patch is at fault", "fix", "fork crashed the kernel", "1 crashed, 1 timed out, 1 passed", "Why",
        "mm/vma.c:3", "BUG_ON(x);", "a note", "Results", "failed 0 of 2", "What did not pass",
        "failed 5 of 5 with the series", "writer waits for reader", "who waits for whom: everybody", "Kernel reports",
        "written by 1/1 mm: break it", "BUG: KASAN: the text", "With and without the series", "5 of 5", "0 of 5",
        "Patches", "1/1 mm: break it", "1 marked", "KASAN: use-after-free in f (fork on base.patched)", "Reproduce",
    ]  # fmt: skip
    at = 0
    for words in wanted:
        found = shown.text.find(words, at)
        assert found >= 0, f"{words!r} is not behind {shown.text[max(0, at - 80) : at]!r}"
        at = found
    command = "orchestrate test patches --kconfig base --testcase fork --seed 7"
    assert command in shown.text
    asked = parser().parse_args(command.split()[1:])
    assert (asked.patch, asked.kconfig, asked.testcase, asked.seed) == ("patches", ["base"], ["fork"], 7)
    assert len(read_series(tmp_path / asked.patch).patches) == 1


def test_the_line_that_made_the_run_is_there_to_be_pasted() -> None:
    assert (
        "The whole run again: orchestrate test 'a b'.patch" in read(report(command="orchestrate test 'a b'.patch")).text
    )


def test_where_the_series_lay_is_said() -> None:
    origin = Origin(Place.ARCHIVE, "20261128@example.org", "https://archive.example.org")
    assert "<20261128@example.org> and its thread, from https://archive" in read(report(origin=origin)).text


def test_files_that_are_there_are_linked_to_and_others_only_named(tmp_path: Path) -> None:
    shown = read(run_directory(tmp_path))
    links = [link for link in shown.all("href") if not link.startswith(("#", "data:"))]
    assert f"./{KASAN.file}" in links
    assert "./base.patched/reproduce.sh" in links
    assert "./base.patched/postmortem.txt" in links
    assert all((tmp_path / link).is_file() for link in links)
    assert not any(link.endswith(("console.log", DUMP)) for link in links)  # not there; a dump is for drgn
    assert "kernel log" in shown.text


def test_nothing_outside_of_the_run_directory_is_read_or_linked_to(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "postmortem.txt").write_text("secret")
    outside = case("fork", Outcome.TIMEOUT, "hung", evidence=("../postmortem.txt",), stdout="/etc/passwd")
    shown = read(report(suite(outside), run_dir=str(tmp_path / "run")))
    assert "secret" not in shown.text
    assert not [link for link in shown.all("href") if ".." in link or "passwd" in link]


def test_each_anchor_that_is_linked_to_is_there_once(tmp_path: Path) -> None:
    shown = read(run_directory(tmp_path))
    ids = shown.all("id")
    assert len(set(ids)) == len(ids)
    assert {link[1:] for link in shown.all("href") if link.startswith("#")} <= {*ids}
    labels = {*shown.all("aria-labelledby")}
    assert labels <= {*ids}


def test_the_page_is_closed(tmp_path: Path) -> None:
    """No request leaves it: by its content, and by its own policy, which has the hashes of what is in it."""
    text = page.content(run_directory(tmp_path)).decode()
    shown = Reader(text)
    (policy,) = [attributes["content"] for _, attributes in shown.elements if attributes.get("http-equiv")]
    assert policy is not None
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for tag in ("style", "script"):
        (inside,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert not [tag for tag, attributes in shown.elements if {"src", "style", "onclick", "action"} & {*attributes}]
    assert not re.search(r"url\(|@import|https?://", text)


@pytest.mark.parametrize("text", [HOSTILE, "javascript:alert(1)", "//evil/x", "\x00", "a\nb", "-->", "]]>", "%s{}"])
def test_hostile_text_stays_text(text: str) -> None:
    shown = read(hostile_report(text))
    assert len([tag for tag, _ in shown.elements if tag == "script"]) == 1
    assert not [tag for tag, _ in shown.elements if tag == "img"]
    assert not [name for _, attributes in shown.elements for name in attributes if name.startswith("on")]
    for link in shown.all("href"):
        assert link.startswith(("#", "./", "data:,")), link
    raw = page.content(hostile_report(text)).decode()
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", raw)
    if text == HOSTILE:
        assert "{{ 7*7 }}" in shown.text
        assert "\\x1b]0;x\\x07\\u202e\\xff" in shown.text


@given(st.text(max_size=60))
def test_any_text_gives_a_page(text: str) -> None:
    read(hostile_report(text))


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_patch_gives_a_page(name: str, text: str) -> None:
    files = links.RunFiles(((name, text.encode("utf-8", "surrogatepass")),))
    shown = view.page(report(suite(CRASHED)), files)
    Reader(render.render("report.html", page=shown, summary_of=view.summary_of))


@pytest.mark.parametrize("verdict", list(Verdict))
def test_every_verdict_has_its_words_and_a_tone(verdict: Verdict) -> None:
    assert verdict.value in read(report(suite(case("fork")), verdict=verdict)).text


def test_a_run_without_any_kernel_has_a_page() -> None:
    assert "No kernel was begun." in read(report(verdict=Verdict.NO_VERDICT)).text


def test_a_failure_that_the_base_has_is_no_reason_and_is_shown() -> None:
    known = Comparison(Answer.PRE_EXISTING, True, 0.03, 3, 3, 3, "failed 3 of 3 with the series and 3 of 3 without")
    run = report(
        suite(case("old", Outcome.FAIL, "as ever", comparison=known), case("new", Outcome.FAIL, comparison=REGRESSION))
    )
    shown = view.page(run, links.RunFiles())
    assert [one.name for one in shown.at_fault] == ["new"]
    assert [one.name for one in shown.failures] == ["new", "old"]


def test_a_killed_mutant_is_no_pass_and_a_survivor_is_the_reason() -> None:
    mutants = suite(case("m1", message="killed by fork"), case("m2", Outcome.FAIL, "nothing noticed it"))
    run = report(replace(mutants, has_mutants=True), verdict=Verdict.SURVIVED)
    assert "1 killed, 1 survived" in read(run).text


@pytest.mark.parametrize(("bad", "limit"), [(False, 4_000_000), (True, 12_000_000)])
def test_a_run_of_28000_cases_has_a_page_that_can_be_mailed(bad: bool, limit: int) -> None:
    data = page.content(many(28_000, bad))
    assert len(data) < limit
    text = data.decode()
    assert text.count('<th scope="row">ltp.') >= 14_000  # every case has its row
    if bad:
        assert f"and {28_000 - failed.MOST_FAILURES} more" in text
        assert f"and {14_000 - reported.MOST_REPORTS} more titles" in text


def test_the_diff_says_which_lines_ran() -> None:
    patch = "--- a/mm/memory.c\n+++ b/mm/memory.c\n@@ -9,1 +9,15 @@\n one();\n" + "".join(
        f"+line{number}();\n" for number in range(10, 24)
    )
    files = links.RunFiles(patches=(("a.patch", patch.encode()),))
    shown = view.page(coverages.report(coverages.suite()), files)
    (file,) = shown.patches[0].files
    kinds = {line.line: [note.kind for note in line.notes] for line in file.lines if line.notes}
    assert kinds == {10: ["covered"], 11: ["covered"], 20: ["not-covered"], 21: ["not-covered"], 22: ["not-covered"]}
    assert [line.line for line in file.lines for note in line.notes if note.words] == [20], "once for a statement"
    assert shown.is_covered
    assert not view.page(coverages.report(coverages.suite(None)), files).is_covered


def test_one_kernel_that_ran_a_line_is_enough() -> None:
    def kernel(statement: StatementCoverage, name: str) -> SuiteReport:
        return coverages.suite(Coverage((FileCoverage("mm/memory.c", (statement,)),), ("boot",)), name)

    ran = coverages.statement(20, LineState.HIT, last=22, hits=2)
    both = coverages.report(kernel(coverages.MISSED, "a"), kernel(ran, "b"))
    assert [(note.line, note.kind) for note in covered(both)] == [(20, "covered"), (21, "covered"), (22, "covered")]
