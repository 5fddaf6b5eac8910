"""What the text of a mail says about the patch in it: headers of its own, scissors, the base that it is for."""

from __future__ import annotations

import pytest

from orchestrator.model.series import Foundation
from orchestrator.parse.patches.mail import below_scissors
from orchestrator.parse.patches.scissors import is_scissors
from orchestrator.parse.patches.series import read_patches
from tests.unit.test_series import DIFF, letter, mbox, subjects


def text(words: str) -> bytes:
    return words.encode() + b"\n---\n\n" + DIFF + b"-- \n2.39.5\n"


@pytest.mark.parametrize(
    ("body", "title"),
    [
        ("From: Ann Other <ann@example.org>\nSubject: [PATCH] mm: hers\n\nWhy.", "mm: hers"),
        ("\n\nFrom: Ann <a@example.org>\nDate: Mon, 5 Jan 2026 10:00:00 +0000\nSubject: mm: hers\n\nWhy.", "mm: hers"),
        ("Subject: [PATCH] mm: hers, so long\n that it was folded\n\nWhy.", "mm: hers, so long that it was folded"),
        ("Subject: =?UTF-8?q?mm:_Rafa=C5=82?=\n\nWhy.", "mm: Rafał"),
        ("From: Ann Other <ann@example.org>\n\nWhy.", "mm: mine"),
        ("Why.\n\nSubject: to debate", "mm: mine"),
        ("Subject:\n\nWhy.", "mm: mine"),
        ("Hello,\nsee below.\n\n-- >8 --\nFrom: Ann <ann@example.org>\nSubject: [PATCH] mm: hers\n\nWhy.", "mm: hers"),
        ("Hello,\n\n- - - - 8< - - - -\nWhy.", "mm: mine"),
    ],
)  # fmt: skip
def test_a_patch_that_is_passed_on_has_its_own_title(body: str, title: str) -> None:
    assert subjects(mbox(letter("[PATCH] mm: mine", text(body)))) == [title]


def test_a_mail_without_a_subject_is_called_after_its_file() -> None:
    assert subjects(mbox(letter("", text("Why.")))) == ["thread"]


def test_its_own_number_and_version_count_where_the_mail_has_none() -> None:
    own = "Subject: [PATCH v3 {number}/2] mm: part {number}\n\nWhy."
    mails = [letter("forwarded", text(own.format(number=number)), message_id=f"{number}@x") for number in (2, 1)]
    found = mbox(*mails)
    assert subjects(found) == ["mm: part 1", "mm: part 2"]
    assert {patch.version for patch in found.patches} == {3}


@pytest.mark.parametrize(("number", "titles"), [(" 2/2", ["mm: one", "mm: two"]), ("", ["mm: two"])])
def test_a_part_that_was_sent_again_as_a_revision_takes_the_place_of_the_older_one(
    number: str, titles: list[str]
) -> None:
    mails = [
        letter(f"[PATCH v2{number}] mm: two", text("Why."), message_id="2@x"),
        letter(f"[PATCH v2.1{number}] mm: two", text("Again."), "In-Reply-To: <2@x>", message_id="3@x"),
    ]
    if number:
        mails.insert(0, letter("[PATCH v2 1/2] mm: one", text("Why."), message_id="1@x"))
    found = mbox(*mails)
    assert subjects(found) == titles
    assert found.patches[-1].message_id == "3@x"
    assert "v2.1 takes the place of an older revision: mm: two" in found.notes


def test_a_reply_with_scissors_is_a_patch_of_its_own() -> None:
    body = "> quoted\n\nLike this?\n\n-- >8 --\nSubject: [PATCH] mm: like this\n\nWhy."
    found = mbox(letter("Re: mm is broken", text(body), "In-Reply-To: <a@b>"))
    assert subjects(found) == ["mm: like this"]
    assert any("above the scissors line was left out" in note for note in found.notes)


def test_the_text_of_a_part_is_read_in_its_own_charset() -> None:
    body = "Subject: [PATCH] mm: Rafał\n\nWhy.".encode("iso-8859-2") + b"\n---\n\n" + DIFF
    found = mbox(letter("[PATCH] x", body, "Content-Type: text/plain; charset=iso-8859-2"))
    assert subjects(found) == ["mm: Rafał"]
    odd = mbox(letter("[PATCH] x", body, "Content-Type: text/plain; charset=nonsense"))
    assert subjects(odd) == ["mm: Rafa³"]


@pytest.mark.parametrize(
    "line",
    ["-- >8 --", "--- 8< ---", "---------------- >8 ----", "-- 8< -- cut here -- 8< --", "--- %< ---", "  ---->8---  "],
)
def test_scissors(line: str) -> None:
    assert is_scissors(line)


@pytest.mark.parametrize(
    "line",
    ["", "---", "----------", "a >8 b", ">8", "x >8 is more than eight of them, this is prose --", "-" * 300 + ">8"],
)
def test_no_scissors(line: str) -> None:
    assert not is_scissors(line)


def test_scissors_below_the_text_are_none() -> None:
    assert below_scissors(["a", "-- >8 --", "b", "-- >8 --", "c"]) == 4
    assert below_scissors(["a", "---", "-- >8 --"]) == 0


# --- the base


COMMIT, PATCH_ID = "0123456789abcdef" * 2 + "01234567", "a" * 40


def series_with(cover: str, behind: str = "", version: str = "") -> Foundation:
    patch = b"Why.\n---\n\n" + DIFF + b"-- \n2.39.5\n\n" + behind.encode()
    return mbox(
        letter(f"[PATCH{version} 0/1] all", cover.encode(), message_id="0@x"),
        letter(f"[PATCH{version} 1/1] mm: x", patch, message_id="1@x"),
    ).foundation


def test_what_a_cover_letter_says_of_the_base() -> None:
    found = series_with(
        f"Why.\n\nBased-on: <other@x>\n\nbase-commit: {COMMIT}\nprerequisite-patch-id: {PATCH_ID}\n"
        f"prerequisite-patch-id: {'b' * 40}\nprerequisite-message-id: <third@x>\n"
    )
    assert found == Foundation(COMMIT, (PATCH_ID, "b" * 40), ("other@x", "third@x"))


def test_a_patch_alone_says_it_behind_its_diff() -> None:
    assert series_with("Why.", f"base-commit: {COMMIT}\n").base_commit == COMMIT
    alone = read_patches([("x.patch", letter("[PATCH] mm: x", text("Why.") + f"\nbase-commit: {COMMIT}\n".encode()))])
    assert alone.foundation.base_commit == COMMIT


def test_based_on_takes_addresses_and_bare_ids() -> None:
    assert series_with("Based-on: https://lists.example.org/r/a.b@x").based_on == ("a.b@x",)
    assert series_with("Based-on: 20260105.1@x (mm: another series)").based_on == ("20260105.1@x",)


def test_what_is_quoted_or_of_another_version_does_not_count() -> None:
    assert series_with(f"> base-commit: {COMMIT}") == Foundation()
    old = letter("[PATCH 0/1] all", f"base-commit: {COMMIT}".encode(), message_id="old@x")
    new = letter("[PATCH v2 1/1] mm: x", text("Why."), message_id="1@x")
    assert mbox(old, new).foundation == Foundation()


def test_the_trees_of_the_subjects_are_kept() -> None:
    assert series_with("Why.", version=" v6.1").trees == ("6.1",)
    assert series_with("Why.", version=" 5.15.y v2").trees == ("5.15.y",)
