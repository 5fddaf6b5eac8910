"""Patches from the source of a web page: the escapes are named, and nothing is undone."""

from __future__ import annotations

import html

import pytest

from orchestrator.parse.patches.html_escapes import HINT, html_escapes
from orchestrator.parse.patches.series import read_patches
from tests.unit.test_series import DIFF, letter, refusal

CODE = DIFF.replace(b"int c;", b"int c = a < b && b > a;")
ESCAPED = html.escape(CODE.decode()).encode()


def test_a_diff_of_escaped_lines_is_taken_as_it_is() -> None:
    """It may be meant: `&amp;` is the address of amp. git says whether it applies."""
    [patch] = read_patches([("x.patch", ESCAPED)]).patches
    assert patch.diff == ESCAPED


@pytest.mark.parametrize("around", [b"<div>%b</div>", b'<span class="head">%b</span><br/>'])
def test_html_around_a_diff_is_named_with_its_escapes(around: bytes) -> None:
    page = b"\n".join(around % line for line in ESCAPED.splitlines())
    for data in (page, letter("[PATCH] mm: x", page)):
        found = refusal(("x.patch", data))
        assert "HTML around a diff: 1 line has HTML escapes, as &lt;" in found.message
        assert found.hint == HINT


def test_a_damaged_diff_with_escapes_says_so_too() -> None:
    found = refusal(("x.patch", ESCAPED.replace(b" \tint a;\n", b"")))
    assert "1 line has HTML escapes" in found.message
    assert found.hint == HINT


@pytest.mark.parametrize("code", ["a && b", "x = &lt;", "p = &amp[3];", "&ltr;", "&#;", "&quot"])
def test_what_is_an_escape(code: str) -> None:
    assert bool(html_escapes(code.encode())) is (code == "x = &lt;")
