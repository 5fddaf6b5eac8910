"""Foreign text becomes valid XML and harmless on a terminal, and is cut with a note of how much."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.reporters import text

ANY = st.text(st.one_of(st.characters(), st.characters(categories=["Cs"]), st.sampled_from("\0\x1b\r\n\t\x85\ufffe")))


def is_xml(character: str) -> bool:
    """The Char production of XML 1.0, as its text gives it; the carriage return, which readers change, apart."""
    code = ord(character)
    return code in (0x9, 0xA) or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or 0x10000 <= code <= 0x10FFFF


@pytest.mark.parametrize(
    ("given_text", "shown"),
    [
        ("plain é 😀\ttab\nline", "plain é 😀\ttab\nline"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\r\nb\r\r\nc\n", "a\nb\nc\n"),
        ("50%\r100%", "50%\\x0d100%"),
        ("\0\x08\x0b\x1f", "\\x00\\x08\\x0b\\x1f"),
        ("\ud800", "\\ud800"),
        (b"\xff\xe9".decode("utf-8", "surrogateescape"), "\\xff\\xe9"),
        ("\ufffe\uffff", "\\ufffe\\uffff"),
        ("[[ATTACHMENT|/etc/passwd]]", "[ [ATTACHMENT|/etc/passwd]]"),
        ("[[PROPERTY|a=b]] [[x]] a[[0]]", "[ [PROPERTY|a=b]] [[x]] a[[0]]"),
    ],
)
def test_what_xml_cannot_hold_is_shown(given_text: str, shown: str) -> None:
    assert text.visible(given_text) == shown


@given(ANY)
def test_visible_text_is_xml_and_stays_as_it_is(foreign: str) -> None:
    once = text.visible(foreign)
    assert all(is_xml(character) for character in once)
    assert text.visible(once) == once


@given(ANY)
def test_printable_text_has_nothing_that_a_terminal_obeys(foreign: str) -> None:
    shown = text.printable(foreign)
    assert not {unicodedata.category(character) for character in shown} & {"Cc", "Cs"}
    assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029")


def test_printable_text_keeps_runs_of_spaces_because_commands_are_pasted() -> None:
    assert text.printable("grep 'a  b'\n\tfile ") == "grep 'a  b' file"


@given(ANY, st.integers(3, 50))
def test_one_line_is_one_line_of_at_most_so_many_characters(foreign: str, limit: int) -> None:
    line = text.one_line(foreign, limit)
    assert len(line) <= limit
    assert line == " ".join(line.split())


@given(ANY, st.integers(0, 200))
def test_cut_texts_stay_within_the_limit_beside_the_note(foreign: str, limit: int) -> None:
    for cut in (text.tail(foreign, limit), text.middle(foreign, limit)):
        kept = [line for line in cut.split("\n") if "characters cut" not in line]
        assert len("\n".join(kept).encode("utf-8")) <= limit + 1  # the line feed before middle's note


@given(ANY)
def test_what_fits_is_not_cut(foreign: str) -> None:
    assert text.tail(foreign, 10_000) == text.middle(foreign, 10_000) == text.visible(foreign)


def test_a_tail_begins_at_a_line_and_counts_what_is_missing() -> None:
    lines = [f"line {number}" for number in range(1000)]
    whole = "\n".join(lines)
    note, *kept = text.tail(whole, 400, "/run/console.log").split("\n")
    assert kept == lines[-len(kept) :]
    cut = len(whole) - len("\n".join(kept))
    assert note == f"[... {cut} of {len(whole)} characters cut; all of it is in /run/console.log]"


def test_the_middle_is_cut_out_so_that_both_ends_can_be_read() -> None:
    cut = text.middle("BEGIN " + "x" * 10_000 + " END", 100)
    assert cut.startswith("BEGIN ")
    assert cut.endswith(" END")
    assert "[... 9910 of 10010 characters cut]" in cut


def test_twenty_megabytes_of_controls_are_cut_before_they_are_shown() -> None:
    cut = text.tail("\0\x1b" * 10_000_000, 65_536)
    assert len(cut) < 65_700
