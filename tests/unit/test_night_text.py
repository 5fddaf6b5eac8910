"""The summary of a night: order, hostile text, limits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

from orchestrator.model.night import Change, Culprit, Item, News, NightRecord, Priority, State
from orchestrator.reporters.night_junit import junit
from orchestrator.reporters.night_text import headline, markdown, summary

ITEM = Item("mm/new default base q35", "mm", ("test",), Priority.NORMAL, "new commits", State.DONE, status=1)
NEWS = [News(change, ITEM.name, "base.x86_64.gcc", f"case-{change.name}", "FAIL", "x", "2026-11-27T02:00:00")
        for change in reversed(Change)]  # fmt: skip
RECORD = NightRecord(
    "2026-11-28-abc", "p", "2026-11-28T01:00:00", 3600, (), (ITEM,), news=tuple(NEWS), finished=True, spent_s=61.0
)  # fmt: skip
CULPRIT = Culprit(
    ITEM.name, "uffd", "", "c" * 40, "mm: break it", f'Fixes: {"c" * 12} ("mm: break it")', 0.95, "orchestrate test"
)


def test_new_failures_come_first() -> None:
    for text in ("\n".join(summary(RECORD)), markdown(RECORD)):
        places = [text.index(f"case-{change.name}") for change in Change]
        assert places == sorted(places)
    assert headline(RECORD) == (
        "2026-11-28-abc: 1 new failure, 1 fixed, 1 still failing, 1 inconclusive; 1 of 1 item ran in 61 s"
    )


def test_the_commit_has_its_fixes_line_and_how_to_reproduce() -> None:
    text = "\n".join(summary(replace(RECORD, culprits=(CULPRIT,))))
    assert f"uffd is broken by {'c' * 40} (at least 95% sure)" in text
    assert f'\n  Fixes: {"c" * 12} ("mm: break it")\n' in text
    assert '`Fixes: cccccccccccc ("mm: break it")`' in markdown(replace(RECORD, culprits=(CULPRIT,)))
    lost = replace(CULPRIT, commit="", answer="the good commit is none")
    assert "not bisected: uffd" in "\n".join(summary(replace(RECORD, culprits=(lost,))))


def test_what_was_left_out_or_has_no_verdict_is_told_and_an_interrupted_night_says_so() -> None:
    items = [
        replace(ITEM, name=f"{state.name} default base q35", state=state, why=f"why {state.name}", status=None)
        for state in State
    ]
    items.append(replace(ITEM, name="broken default base q35", status=3, reason="the disk is full"))
    record = replace(RECORD, items=tuple(items), news=(), finished=False)
    for text in ("\n".join(summary(record)), markdown(record)):
        for words in ("why LEFT_OUT", "why FAILED", "why SKIPPED", "the disk is full", "interrupted"):
            assert words in text


def test_foreign_text_is_no_markup() -> None:
    hostile = "@root | `x` <b>\n# head"
    news = replace(NEWS[0], change=Change.NEW, message=hostile, test=hostile)
    text = markdown(replace(RECORD, news=(news,), items=(replace(ITEM, why=hostile),), notes=(hostile,)))
    for line in text.splitlines():
        assert not line.startswith("# head")
        outside = "".join(line.split("`` ")[0::2]) if "`` " in line else line
        assert "@root" not in outside.split("``")[0]


def test_a_thousand_news_are_counted() -> None:
    record = replace(RECORD, news=tuple(replace(NEWS[-1], test=f"t{number}") for number in range(1000)))
    assert "and 800 more" in markdown(record)


def test_junit_shows_every_item_and_an_interrupted_night_is_not_green(tmp_path: Path) -> None:
    path = tmp_path / "junit.xml"
    path.write_text('<testsuites><testsuite name="base.x" tests="2" failures="1"/></testsuites>')
    items = [replace(ITEM, name=state.name, state=state, directory=str(tmp_path), status=0) for state in State]
    root = ElementTree.fromstring(junit(replace(RECORD, items=tuple(items))))
    found = {case.get("name"): [child.tag for child in case] for case in root[0]}
    assert found == {
        "PLANNED": ["error"], "RUNNING": ["error"], "DONE": [], "STOPPED": ["error"], "FAILED": ["error"],
        "SKIPPED": ["skipped"], "LEFT_OUT": ["skipped"],
    }  # fmt: skip
    assert [one.get("name") for one in root[1:]] == [
        "PLANNED.base.x",
        "RUNNING.base.x",
        "DONE.base.x",
        "STOPPED.base.x",
    ]
    assert root.get("tests") == str(len(State) + 2 * 4)
    assert root.get("errors") == "4"
    path.write_text("<damaged")
    root = ElementTree.fromstring(junit(replace(RECORD, items=(replace(ITEM, directory=str(tmp_path)),))))
    assert [child.tag for child in root[0][0]] == ["failure"]
