"""Who wrote the mails of a series to whom, as they stand in real and in hostile headers."""

from __future__ import annotations

import time

import pytest

from orchestrator.model.series import Envelope
from orchestrator.parse.patches.envelope import MOST_ADDRESSES, envelopes
from orchestrator.parse.patches.series import read_patches

HEAD = "From: A U Thor <author@example.org>\nSubject: [PATCH 0/2] mm: a\nMessage-ID: <m@example.org>\n"
DIFF = """
---
diff --git a/mm/vma.c b/mm/vma.c
--- a/mm/vma.c
+++ b/mm/vma.c
@@ -1 +1 @@
-a
+b
"""


def cover(more: str = "", head: str = HEAD) -> Envelope | None:
    return next(iter(envelopes(f"{head}{more}\ntext\n".encode("utf-8", "surrogateescape"), ())), None)


def test_a_thread_has_its_cover_letter_first_and_each_patch() -> None:
    mails = [
        "From: A <a@x.org>\nSubject: [PATCH v2 0/2] mm: both\nMessage-ID: <0@x.org>\nTo: linux-mm@kvack.org\n\ncover\n",
        f"From: A <a@x.org>\nSubject: [PATCH v2 1/2] mm: one\nMessage-ID: <1@x.org>\nIn-Reply-To: <0@x.org>\n{DIFF}",
        f"From: A <a@x.org>\nSubject: [PATCH v2 2/2] mm: two\nMessage-ID: <2@x.org>\nReferences: <0@x.org>\n"
        f"{DIFF.replace('vma.c', 'mmap.c')}",
    ]
    mbox = "".join(f"From mboxrd@z Thu Jan  1 00:00:00 1970\n{mail}\n" for mail in mails)
    found = read_patches([("v2.mbox", mbox.encode())]).mails
    assert [(one.part, one.message_id, one.references) for one in found] == [
        (0, "0@x.org", ()),
        (1, "1@x.org", ("0@x.org",)),
        (2, "2@x.org", ("0@x.org",)),
    ]
    assert found[0].subject == "[PATCH v2 0/2] mm: both"
    assert found[0].to == ("linux-mm@kvack.org",)


def test_addresses_are_taken_apart_before_they_are_decoded() -> None:
    found = cover('To: =?utf-8?q?Doe=2C_J=C3=B6rg?= <d@x.org>,\n "Q. R" <q@r.org>, linux-mm@kvack.org\nCc: D@X.org\n')
    assert found is not None
    assert found.to == ('"Doe, Jörg" <d@x.org>', '"Q. R" <q@r.org>', "linux-mm@kvack.org")
    assert found.copy == ("D@X.org",)


def test_what_is_no_address_is_left_out_and_each_is_there_once() -> None:
    found = cover("To: nobody, undisclosed-recipients:;, a@b.org, A@B.org, <x y@z.org>\n")
    assert found is not None
    assert found.to == ("a@b.org",)
    many = cover("To: " + ", ".join(f"a{number}@b.org" for number in range(1000)) + "\n")
    assert many is not None
    assert len(many.to) == MOST_ADDRESSES


def test_a_name_cannot_become_another_header() -> None:
    found = cover("To: =?utf-8?q?x=0D=0ABcc=3A_all=40x=2Eorg?= <a@b.org>\n")
    assert found is not None
    assert found.to == ('"xBcc: all@x.org" <a@b.org>',)


@pytest.mark.parametrize(
    "head", ["Subject: x\nMessage-ID: <m@x.org>\n", "From: a@b.org\nSubject: x\n", "", "From: \nMessage-ID: <a@b>\n"]
)
def test_what_cannot_be_answered_is_no_envelope(head: str) -> None:
    assert cover(head=head) is None


@pytest.mark.parametrize("junk", ["(", "<", ",", '"', "\\", "a@b,", ":;", "(a)", "=?utf-8?q?", "[", " "])
@pytest.mark.parametrize("name", ["To", "Cc", "From", "References"])
def test_long_and_unbalanced_headers_take_no_time(junk: str, name: str) -> None:
    head = HEAD if name != "From" else HEAD.partition("\n")[2]
    began_s = time.process_time()
    cover(f"{name}: {junk * (64_000 // len(junk))}\n", head)
    assert time.process_time() - began_s < 1
