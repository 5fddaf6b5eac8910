"""What is wrong in a YAML file is named with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.declarations.files import read_yaml
from orchestrator.declarations.known_issues import read_known_issues
from orchestrator.declarations.schema import line_of
from orchestrator.declarations.yaml_text import read
from orchestrator.errors import BadDeclaration

TEXT = """\
a: 1
b:
  c: [x, y]
  d:
  - e: 1
    f: {g: 1}
  -
    - q
z: &l [1, 2]
y: *l
"""


def test_each_key_and_each_value_of_a_list_has_its_line() -> None:
    lines = read(TEXT).lines
    assert {place: lines[place] for place in [("a",), ("b",), ("b", "c", 1), ("b", "d", 0, "f", "g")]} == {
        ("a",): 1, ("b",): 2, ("b", "c", 1): 3, ("b", "d", 0, "f", "g"): 6,
    }  # fmt: skip
    assert (lines[("b", "d", 0)], lines[("b", "d", 1)], lines[("b", "d", 1, 0)]) == (5, 7 + 1, 8)


def test_what_an_alias_stands_for_is_where_the_alias_is() -> None:
    assert line_of(("y", 1), read(TEXT).lines) == 10


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- title: a\n  link: l\n  expires: 2026-01-01\n  lnik: x\n", ":4: unknown key entry 1: lnik"),
        ("- title: a\n  expires: 2026-01-01\n- tittle: b\n", "line 3: unknown key entry 2: tittle"),
        ("- title: a\n  link: l\n  expires: [1]\n", ":3: entry 1: expires: "),
    ],
)
def test_a_wrong_key_of_a_list_is_named_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "known-issues.yaml"
    path.write_text(text)
    with pytest.raises(BadDeclaration) as caught:
        read_known_issues(path)
    assert words in caught.value.message


def test_a_missing_key_is_where_its_mapping_is(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("one: 1\ntwo: x\n")
    with pytest.raises(BadDeclaration, match=r"x\.yaml:2: two: expected an integer"):
        read_yaml(dict[str, int], path)
