"""On which lines of a TOML file keys are, as far as that is found; never on a wrong one."""

from __future__ import annotations

import tomllib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.parse.toml_lines import key_lines

TEXT = '''\
# base = "no"
base = "x"
 "quoted key" = 1
text = """
jobs = 5
[not.a.table]
"""
one = 'a "b" c'

[cache]
place = "/x"  # place = 2
[[tool]]
name = "git"
[[tool]]
name = "gcc"
  why = "compiles"
[a."b"]
c = 1
'''


def test_keys_tables_and_arrays_of_tables_have_their_lines() -> None:
    tomllib.loads(TEXT)
    assert key_lines(TEXT) == {
        ("base",): 2,
        ("text",): 4,
        ("one",): 8,
        ("cache",): 10,
        ("cache", "place"): 11,
        ("tool", 0): 12,
        ("tool", 0, "name"): 13,
        ("tool", 1): 14,
        ("tool", 1, "name"): 15,
        ("tool", 1, "why"): 16,
        ("a", "b"): 17,
        ("a", "b", "c"): 18,
    }


def at(data: Any, place: tuple[str | int, ...]) -> Any:
    for step in place:
        data = data[step]
    return data


LINES = st.sampled_from([
    "a = 1", "b = 'x'", 'c = """', '"""', "d = '''", "'''", "[t]", "[[u]]", "[t.v]", "e.f = 2", "g = {h = 1}",
    "# i = 1", "", "j = [", "'k',", "]", "l = 'm = 1'",
])  # fmt: skip


@given(st.lists(LINES, max_size=12).map("\n".join))
def test_a_line_that_is_named_has_the_key(text: str) -> None:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    lines = text.splitlines()
    for place, number in key_lines(text).items():
        if place[-1] in ("a", "b", "c", "d", "g", "j", "l"):
            at(data, place)  # there is such a key
            assert lines[number - 1].startswith(f"{place[-1]} =")
