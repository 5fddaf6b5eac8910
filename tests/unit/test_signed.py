"""Patches that somebody signed with OpenPGP: read as they were before, with a word on the signature."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from orchestrator.declarations.patches import read_series
from orchestrator.model.series import Series
from orchestrator.parse.patches.signed import NOTE, without_armour
from tests.unit.test_series import DIFF, letter, mbox, refusal

DATA = Path(__file__).parent.parent / "data" / "mail"
SIGNATURE = b"-----BEGIN PGP SIGNATURE-----\n\niHUEARYKAB0WIQ\n=AbCd\n-----END PGP SIGNATURE-----\n"
TEXT = b"Why.\n---\n mm/mmap.c | 3 ++-\n\n" + DIFF + b"-- \n2.39.5\n"


def signed(text: bytes) -> bytes:
    lines = (b"- " + line if line.startswith((b"-", b"From ")) else line for line in text.split(b"\n"))
    return b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n" + b"\n".join(lines) + SIGNATURE


def right(series: Series) -> bool:
    return [patch.diff for patch in series.patches] == [DIFF] and series.notes.count(NOTE) == 1


@pytest.mark.parametrize("name", ["clearsigned.eml", "clearsigned-file.patch", "multipart-signed.eml"])
def test_what_gpg_signed_is_read_and_the_signature_is_said_to_be_unverified(name: str) -> None:
    series = read_series(DATA / name)
    assert right(series)
    letter = series.patches[0].letter
    assert letter.count(b"\n- a list that begins with a hyphen\n") == 1  # git takes the commit's text from it
    assert b"SIGNED MESSAGE" not in letter
    assert b"\n- ---" not in letter


def test_each_mail_of_a_thread_may_be_signed_and_it_is_said_once() -> None:
    other = TEXT.replace(b"int c", b"int e")
    mails = [letter(f"[PATCH {n}/2] mm: {n}", signed(text), message_id=f"{n}@x") for n, text in ((1, TEXT), (2, other))]
    series = mbox(*mails)
    assert [patch.number for patch in series.patches] == [1, 2]
    assert series.notes.count(NOTE) == 1


def test_below_an_encoding() -> None:
    body = base64.encodebytes(signed(TEXT))
    assert right(mbox(letter("[PATCH] mm: x", body, "Content-Transfer-Encoding: base64")))


def test_a_soft_break_of_quoted_printable_text_is_no_escape() -> None:
    long = b"Why, with a word that is so long that it was broken =\n- here, and goes on.\n"
    body = signed(TEXT).replace(b"Why.\n", long).replace(b"-- \n", b"--=20\n")
    series = mbox(letter("[PATCH] mm: x", body, "Content-Transfer-Encoding: quoted-printable"))
    assert right(series)
    assert long in series.patches[0].letter
    assert b"\n- here" not in without_armour(signed(b"int a =\n- here\n").replace(b"\n- - here", b"\n- here"))


def test_lines_keep_their_numbers() -> None:
    data = letter("[PATCH] mm: x", signed(TEXT.replace(b" \treturn a;\n", b"")))
    found = refusal(("fix.patch", data))
    line = int(found.message.split(":")[1])
    assert data.split(b"\n")[line - 1] == b"2.39.5"


def test_of_what_is_cut_off_or_quoted_nothing_is_undone() -> None:
    for text in (signed(TEXT).partition(b"-----BEGIN PGP SIGNATURE")[0], b"> " + signed(TEXT)):
        assert without_armour(text) is text or without_armour(text) == text


def test_an_encrypted_mail_is_named() -> None:
    text = b"-----BEGIN PGP MESSAGE-----\n\nhQIMA\n=AbCd\n-----END PGP MESSAGE-----\n"
    for data in (text, letter("[PATCH] mm: x", text)):
        assert "encrypted" in refusal(("x.patch", data)).message
