from __future__ import annotations

import time
from pathlib import Path

import pytest

from orchestrator.declarations.known_issues import read_known_issues
from orchestrator.declarations.yaml_text import NotYaml, load
from orchestrator.errors import BadDeclaration
from orchestrator.parse.expressions import is_title, problem, title_problem


@pytest.mark.parametrize("costly", ["(a+)+b", "(.*)*x", "(a|a)*b", "(a*)*b", ".*.*.*.*.*.*.*.*x"])
def test_titles_are_matched_in_linear_time(costly: str) -> None:
    began = time.process_time()
    assert not is_title(costly, "a" * 200)
    assert time.process_time() - began < 0.1


def test_an_expression_for_titles_has_no_look_around_and_matches_not_everything() -> None:
    assert is_title("WARNING in (foo|bar).*", "WARNING in bar_baz")
    assert not is_title("WARNING in foo", "WARNING in foo_bar")
    assert title_problem("WARNING in (?!foo).*")
    assert title_problem("(")
    assert title_problem(r"(a)\1")
    assert title_problem("a{5000}")
    assert title_problem("a" * 3000)
    assert "matches every title" in title_problem(".*")
    assert not title_problem("WARNING in foo")


@pytest.mark.parametrize(
    "costly",
    [
        "(a+)+b",
        "((a*)*)*b",
        "(a|b+)*",
        "(?:a+b)*",
        "(?:.a+)*",
        "(?:(?: a)+)+",
        "(a+){1000}",
        ".*.*.*.*b",
        r"\S+\D+.+.+",
    ],
)
def test_what_can_take_forever_is_refused_for_kinds_of_reports(costly: str) -> None:
    assert "can take" in problem(costly)


@pytest.mark.parametrize(
    "good",
    [r"BUG: (?P<b>[\w-]+(?: [\w-]+)*?) in ", "a+b+c+", ".*x.*y", r"\(+a", "[a(*]+b", "(?: a{3,12})*", "(ab)*"],
)
def test_what_is_fast_is_accepted_for_kinds_of_reports(good: str) -> None:
    assert problem(good) == ""


@pytest.mark.parametrize("reference", [r"(?P<x>a)(?P=x)", r"(a)\1", "(?P<x>a)?(?(x)b|c)"])
def test_a_reference_to_a_group_is_refused(reference: str) -> None:
    assert "refers back to a group" in problem(reference)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("- a\n- !!python/object:x {}\n", 2, "the tag tag:yaml.org,2002:python/object:x"),
        ("a: &a [x]\nb: *c\n", 2, "no value before it is called &c"),
        ("a: &a [*a]\n", 1, "no value before it is called &a"),
        ("[" * 100, 1, "nested deeper than 32 levels"),
        ("- a\n---\n- b\n", 2, "a second document"),
        ("a: 1\nb: 2\na: 3\n", 3, "the key a is there twice"),
        ("? [a]\n: b\n", 1, "a key that is no text"),
    ],
)
def test_yaml_that_is_refused_is_named_with_its_line(text: str, line: int, words: str) -> None:
    with pytest.raises(NotYaml) as refused:
        load(text)
    assert (refused.value.line, refused.value.what[: len(words)]) == (line, words)


def test_an_alias_counts_as_often_as_it_is_used() -> None:
    assert load("a: &a [x, '1']\nb: *a\nc: {d: *a}\n") == {"a": ["x", "1"], "b": ["x", "1"], "c": {"d": ["x", "1"]}}
    bomb = ["a0: &a0 [x]"] + [f"a{at}: &a{at} [{', '.join([f'*a{at - 1}'] * 9)}]" for at in range(1, 20)]
    with pytest.raises(NotYaml, match="more than 10000 values"):
        load("\n".join(bomb))


@pytest.mark.parametrize("day", ["2026-02-30", "2026-06-31", "2026-13-01"])
def test_a_day_that_does_not_exist_is_said_so(tmp_path: Path, day: str) -> None:
    path = tmp_path / "known-issues.yaml"
    path.write_text(f"- title: x\n  link: y\n  expires: {day}\n")
    with pytest.raises(BadDeclaration, match=rf"known-issues\.yaml: entry 1: expires: there is no {day}"):
        read_known_issues(path)
    path.write_text("- title: x\n  link: y\n  expires: 2026-06-30T00:00:00Z\n")
    with pytest.raises(BadDeclaration, match="expected a day like 2026-06-30"):
        read_known_issues(path)


def test_a_parenthesis_that_is_a_character_begins_no_condition() -> None:
    assert problem(r"\(?([a-z]+)\)?") == ""
    assert problem(r"(a)?(?(1)b|c)") != ""


def test_an_expression_that_a_later_python_reads_in_another_way_is_refused() -> None:
    assert "nested set" in problem("[[a]b]")
