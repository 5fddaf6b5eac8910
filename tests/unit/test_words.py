"""Words: one of a thing is no plural, and what the field has a term for has no other name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import orchestrator
from orchestrator.words import counted, near

PACKAGE = Path(orchestrator.__file__).parent
# Words after a number in braces that are plurals of what can be one: units have none, a verb is no noun
NOUNS = (
    "case|character|CPU|file|kernel|kernel report|line|mutant|object|other|package|patch|process|program|report"
    "|result|symbol|task|test|tick|time|warning"
)
PLURAL = re.compile(rf"(?<!of )\{{[^{{}}]*\}} (?:{NOUNS})(?:e?s)\b")  # "1 of 3 cases" is right, and so is "of 1 cases"
# What the field calls schemata, build worktree, supervisor, kernel report, mutation run, diagnosis, culprit
OLD_TERMS = re.compile(r"\b(weav\w*|woven|lanes?|wardens?|splats?|hunts?|autops\w+|guilty)\b", re.IGNORECASE)
ASKED = re.compile(r"\b(?:if|elif) (?:len\([\w.]+\)|\w+) (?:> 1|== 1)")  # somebody has asked whether it is one


@pytest.mark.parametrize(
    ("count", "noun", "words"),
    [
        (0, "case", "0 cases"),
        (1, "patch", "1 patch"),
        (2, "patch", "2 patches"),
        (1, "process", "1 process"),
        (3, "process", "3 processes"),
        (21, "kernel report", "21 kernel reports"),
    ],
)
def test_a_number_with_its_noun(count: int, noun: str, words: str) -> None:
    assert counted(count, noun) == words


def test_nobody_writes_a_plural_behind_a_number_that_may_be_one() -> None:
    found = []
    for path in PACKAGE.rglob("*.py"):
        lines = path.read_text().splitlines()
        for number, line in enumerate(lines, 1):
            asked_above = ASKED.search("\n".join(lines[max(0, number - 3) : number]))
            if PLURAL.search(line) and not asked_above:
                found.append(f"{path.relative_to(PACKAGE)}:{number}: {line.strip()}")
    assert found == []


def test_terms_of_the_field_are_not_replaced_by_words_of_ours() -> None:
    root = PACKAGE.parent
    pages = [root / "README.md", *root.glob("docs/*.md"), *root.glob("testcases/**/*.[chm]*"), *PACKAGE.rglob("*.*")]
    found = [
        f"{path.relative_to(root)}:{number}: {line.strip()}"
        for path in pages
        if path.suffix in (".py", ".md", ".c", ".h", ".toml", ".json")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if OLD_TERMS.search(line)
    ]
    assert found == []


def test_near_names_are_asked_for_and_far_ones_are_not() -> None:
    assert near("debgu", ["debug", "kasan"]) == "did you mean debug?"
    assert near("fork-falt", ["fork-fault", "fork", "gup"]) == "did you mean fork-fault or fork?"
    assert near("xyzzy", ["debug"]) == ""
    assert near("", []) == ""
