from __future__ import annotations

import base64
import hashlib
import quopri
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import PatchUnreadable
from orchestrator.model.series import Series
from orchestrator.parse.patches.series import Choice, Parts, read_patches
from orchestrator.parse.patches.tag import read_tag

DATA = Path(__file__).parent.parent / "data" / "series"

DIFF = b"""\
diff --git a/mm/mmap.c b/mm/mmap.c
index 1111111..2222222 100644
--- a/mm/mmap.c
+++ b/mm/mmap.c
@@ -10,4 +10,5 @@ int f(void)
 \tint a;
-\tint b;
+\tint c;
+\tint d;
{space}
 \treturn a;
""".replace(b"{space}", b" ")


def diff(name: str = "mm/mmap.c", word: str = "c") -> bytes:
    return DIFF.replace(b"mm/mmap.c", name.encode()).replace(b"int c;", f"int {word};".encode())


def letter(
    subject: str,
    body: bytes = b"Why.\n---\n mm/mmap.c | 3 ++-\n\n" + DIFF + b"-- \n2.39.5\n",
    *headers: str,
    message_id: str = "",
    separator: str = "From mboxrd@z Thu Jan  1 00:00:00 1970",
) -> bytes:
    lines = [
        *([separator] if separator else []),
        "From: A Developer <dev@example.org>",
        "Date: Sun, 22 Nov 2026 14:00:19 +0000",
        f"Subject: {subject}",
        *([f"Message-ID: <{message_id}>"] if message_id else []),
        *headers,
    ]
    return "\n".join(lines).encode() + b"\n\n" + body + b"\n"


def part(number: int, total: int, version: str = "", word: str = "", extra: str = "", **rest: str) -> bytes:
    body = b"Why.\n---\n\n" + diff(word=word or f"c{number}") + b"-- \n2.39.5\n"
    return letter(f"[PATCH{version}{extra} {number}/{total}] mm: part {number}", body, **rest)


def mbox(*mails: bytes) -> Series:
    return read_patches([("thread.mbox", b"".join(mails))])


def refusal(*files: tuple[str, bytes]) -> PatchUnreadable:
    with pytest.raises(PatchUnreadable) as caught:
        read_patches(files)
    return caught.value


def subjects(series: Series) -> list[str]:
    return [patch.subject for patch in series.patches]


# --- what git format-patch writes


def format_patch_files() -> list[tuple[str, bytes]]:
    return [(f"v2/{path.name}", path.read_bytes()) for path in sorted((DATA / "v2").glob("*.patch"))]


def test_a_directory_of_format_patch_files_is_a_series() -> None:
    series = read_patches(format_patch_files())
    assert series.name == "v2"
    assert [(patch.number, patch.total, patch.version) for patch in series.patches] == [(1, 3, 2), (2, 3, 2), (3, 3, 2)]
    first, second, third = series.patches
    assert first.name == "v2-0001-mm-change-two-functions.patch"
    assert first.message_id.startswith("c94c652312ddd04d395b2ed8b60ebc2551d316b4.")
    assert second.subject == (
        "mm: rename, delete, add; ünïcode subject that is long enough to be folded over two lines by git format-patch"
    )
    assert second.files == (
        "include/linux/vma_new.h",
        "mm/empty.c",
        "mm/gone.c",
        "mm/mmap.c",
        "mm/old_name.c",
        "mm/new_name.c",
        "mm/tail.c",
    )
    assert third.files == ("Documentation/mm/logo.png", "mm/a b.c", "mm/ü.c")
    assert any("cover letter ignored" in note for note in series.notes)


def test_the_diff_starts_at_the_first_header_and_ends_before_the_signature() -> None:
    for patch in read_patches(format_patch_files()).patches:
        assert patch.diff.startswith(b"diff --git ")
        assert not re.search(rb"^-- $\n2\.39\.5", patch.diff, re.MULTILINE)
        assert b"base-commit" not in patch.diff
    assert b"\n+-- \n+-- not a signature\n" in read_patches(format_patch_files()).patches[0].diff


def test_the_same_series_as_mbox_has_the_same_digest() -> None:
    files = format_patch_files()
    joined = b"".join(data for _, data in reversed(files))
    from_mbox = read_patches([("thread.mbox", joined)])
    assert from_mbox.digest == read_patches(files).digest
    assert from_mbox.patches[0].name == "0001-mm-change-two-functions"


def test_the_digest_is_over_the_diffs_alone() -> None:
    one = read_patches([("a.patch", letter("[PATCH] mm: x", b"Why.\n---\n\n" + DIFF))])
    other = read_patches([("b.patch", DIFF)])
    assert one.digest == other.digest
    assert one.digest == hashlib.sha256(one.patches[0].sha256.encode() + b"\n").hexdigest()
    assert one.digest != read_patches([("a.patch", diff(word="z"))]).digest


def test_files_are_taken_in_natural_name_order() -> None:
    files = [(f"{number}-x.patch", diff(word=f"n{number}")) for number in (10, 9, 1)]
    assert [patch.name for patch in read_patches(files, "s").patches] == ["1-x.patch", "9-x.patch", "10-x.patch"]


def test_name_order_wins_over_numbers_in_a_directory_and_is_said() -> None:
    series = read_patches([("0001-b.patch", part(2, 2)), ("0002-a.patch", part(1, 2))])
    assert subjects(series) == ["mm: part 2", "mm: part 1"]
    assert "name order" in " ".join(series.notes)


def test_one_more_patch_behind_a_series_needs_no_number() -> None:
    series = read_patches([("1.patch", letter("[PATCH 1/1] mm: part 1")), ("2.patch", letter("[PATCH] mm: more"))])
    assert (subjects(series), series.notes) == (["mm: part 1", "mm: more"], ())


# --- threads from an archive


def test_a_thread_is_ordered_by_number_and_replies_do_not_count() -> None:
    quoted = b"On Sunday you wrote:\n" + b"".join(b"> " + line + b"\n" for line in DIFF.split(b"\n"))
    series = mbox(
        letter("[PATCH v3 0/3] mm: cover", b"Blurb.\n mm/mmap.c | 2 +-\n" + DIFF, message_id="cover@x"),
        part(3, 3, " v3", extra=" RESEND", message_id="3@x"),
        letter("Re: [PATCH v3 3/3] mm: part 3", quoted, "In-Reply-To: <3@x>"),
        letter("Re: [PATCH v3 1/3] mm: part 1", b"How about this instead:\n\n" + diff(word="hm"), "In-Reply-To: <1@x>"),
        part(1, 3, " v3", message_id="1@x"),
        letter("what of this?", diff(word="hm2"), "In-Reply-To: <1@x>"),
        letter("[PATCH] fix-up", diff(word="hm3"), "In-Reply-To: <2@x>"),
        letter("AW: [PATCH v3 2/3] mm: part 2", b"Reviewed-by: R <r@example.org>\n", "In-Reply-To: <2@x>"),
        part(2, 3, " v3", message_id="2@x"),
    )
    assert subjects(series) == ["mm: part 1", "mm: part 2", "mm: part 3"]
    assert {patch.version for patch in series.patches} == {3}
    assert sum("ignored" in note for note in series.notes) == 6


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("[PATCH v2 RESEND 3/7] mm: x", (2, 3, 7)),
        ("[RFC PATCH v11 03/12] mm: x", (11, 3, 12)),
        ("[PATCHv4 1/1] mm: x", (4, 1, 1)),
        ("[PATCH 6.12 1/2] mm: x", (1, 1, 2)),
        ("[PATCH mm-unstable v5] mm: x", (5, None, None)),
        ("[mm?] [PATCH v2 02/03] mm: x", (2, 2, 3)),
        ("mm: x", (1, None, None)),
        ("[PATCH 1 of 2] mm: x", (1, 1, 2)),
        ("[PATCH 01of12 v3] mm: x", (3, 1, 12)),
        ("[PATCH v5.10 1/2] mm: x", (1, 1, 2)),
        ("[PATCH v5.10 v3 1/2] mm: x", (3, 1, 2)),
        ("[PATCH v6.1.y 1/2] mm: x", (1, 1, 2)),
        ("[PATCH v4.19-stable v2] mm: x", (2, None, None)),
        ("[PATCH v6.12-rc3] mm: x", (1, None, None)),
        ("[PATCH for-v6 2/3] mm: x", (1, 2, 3)),
        ("[PATCH v2.1 3/7] mm: x", (2, 3, 7)),
        ("[PATCH v3.1 3/7] mm: x", (3, 3, 7)),
        ("[RFCv2 PATCH 1/3] mm: x", (2, 1, 3)),
        ("[PATCH 2/2]: mm: x", (1, 2, 2)),
        ("[PATCH v3] - mm: x", (3, None, None)),
        ("[PATCH] : mm: x", (1, None, None)),
    ],
)
def test_subject_tags_are_read(subject: str, expected: tuple[int, int | None, int | None]) -> None:
    tag = read_tag(subject)
    assert (tag.version, tag.number, tag.total) == expected
    assert tag.title == "mm: x"


@pytest.mark.parametrize(
    ("subject", "tree"),
    [
        ("[PATCH v5.10 1/2] x", "5.10"),
        ("[PATCH 6.1.y v2] x", "6.1.y"),
        ("[PATCH linux-6.6 2/3] x", "6.6"),
        ("[PATCH v2 1/2] x", ""),
        ("[PATCH v2.1 1/2] x", ""),
        ("[PATCH v3.1 1/2] x", ""),
        ("[PATCH 3.2 1/2] x", "3.2"),
        ("[PATCH v3.2.y 1/2] x", "3.2.y"),
    ],
)
def test_the_tree_that_a_subject_names_is_no_version(subject: str, tree: str) -> None:
    assert read_tag(subject).tree == tree
    notes = mbox(letter(subject.replace("1/2", "1/1").replace("2/3", "1/1"))).notes
    assert any(f"is for {tree}" in note for note in notes) == bool(tree)


def test_missing_parts_are_named() -> None:
    error = refusal(("thread.mbox", part(1, 4) + part(3, 4)))
    assert "2/4, 4/4" in error.message


def test_one_part_of_many_is_refused_and_the_way_to_test_it_alone_is_named() -> None:
    error = refusal(("a b.mbox", part(12, 345)))
    assert error.message == "the series is incomplete: missing 1-11/345, 13-345/345"
    assert "--part 12" in error.hint


def test_parts_alone_are_what_was_asked_for() -> None:
    files = [("thread.mbox", part(4, 9) + part(2, 9) + part(3, 9) + part(3, 8))]
    series = read_patches(files, choice=Choice(Parts(range(3, 5), 9)))
    assert subjects(series) == ["mm: part 3", "mm: part 4"]
    assert "parts 3-4/9 alone" in series.notes
    assert subjects(read_patches(files, choice=Choice(Parts(range(2, 3))))) == ["mm: part 2"]
    for missing in (Parts(range(4, 6), 9), Parts(range(1, 2), 7), Parts(range(7, 8))):
        with pytest.raises(PatchUnreadable, match="is not there"):
            read_patches(files, choice=Choice(missing))


def test_two_versions_in_one_thread_are_named() -> None:
    error = refusal(("thread.mbox", part(1, 2) + part(2, 2) + part(1, 2, " v2") + part(2, 2, " v2")))
    assert "v1" in error.message
    assert "v2" in error.message
    assert "mm: part 1" in error.message


def test_a_new_version_that_answers_the_old_one_is_not_taken_for_a_fix_up() -> None:
    old = letter("[PATCH] mm: x", message_id="1@x")
    new = letter("[PATCH v2] mm: x", diff(word="z"), "In-Reply-To: <1@x>")
    assert "two versions" in refusal(("t.mbox", old + new)).message


def test_a_fix_up_that_answers_an_unnumbered_patch_is_ignored_and_said() -> None:
    series = mbox(
        letter("[PATCH] mm: x", message_id="1@x"), letter("[PATCH] fix", diff(word="z"), "In-Reply-To: <1@x>")
    )
    assert subjects(series) == ["mm: x"]
    assert any("fix" in note for note in series.notes)


def test_a_single_patch_sent_in_answer_to_something_else_counts() -> None:
    assert subjects(mbox(letter("[PATCH v2] mm: x", DIFF, "In-Reply-To: <old@x>"))) == ["mm: x"]


@pytest.mark.parametrize("back", [("1@x", "1@x"), ("1@x", "2@x"), ("0@x", "0@x")])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_a_thread_without_numbers_is_in_thread_order(back: tuple[str, str], order: tuple[int, int, int]) -> None:
    first = ["In-Reply-To: <0@x>"] if back == ("0@x", "0@x") else []
    replies = [first, *([f"In-Reply-To: <{name}>"] for name in back)]
    mails = []
    for number, headers in enumerate(replies, 1):
        mail = letter(f"[PATCH] mm: part {number}", diff(f"mm/{number}.c"), *headers, message_id=f"{number}@x")
        mails.append(mail.replace(b"14:00:19", f"14:00:2{number}".encode()))
    series = mbox(*(mails[number] for number in order))
    assert subjects(series) == ["mm: part 1", "mm: part 2", "mm: part 3"]


def test_mails_of_no_thread_keep_the_order_of_their_file() -> None:
    late = letter("[PATCH] mm: late", message_id="1@x").replace(b"14:00:19", b"15:00:00")
    assert subjects(mbox(late, letter("[PATCH] mm: early", diff("mm/x.c")))) == ["mm: late", "mm: early"]


def test_what_somebody_else_sends_in_answer_to_a_patch_is_ignored() -> None:
    other = letter("[PATCH] mm: y", diff("mm/y.c"), "In-Reply-To: <1@x>").replace(b"dev@", b"else@")
    series = mbox(letter("[PATCH] mm: x", message_id="1@x"), other)
    assert subjects(series) == ["mm: x"]
    assert any("mm: y" in note for note in series.notes)


def test_the_patch_of_a_reply_counts_when_there_is_no_other() -> None:
    report = letter("[syzbot] WARNING in foo", b"It crashed.\n", message_id="1@x")
    thanks = letter("Re: [syzbot] WARNING in foo", b"> It crashed.\nThanks.\n", "In-Reply-To: <1@x>")
    tested = letter("Re: [syzbot] WARNING in foo", b"#syz test\n\n" + DIFF, "In-Reply-To: <1@x>")
    for mails in ((tested,), (report, thanks, tested)):
        series = mbox(*mails)
        assert [patch.diff for patch in series.patches] == [DIFF]
        assert "the patch is in a reply: WARNING in foo" in series.notes
    part_of_many = letter("Re: [PATCH v3 1/3] mm: part 1", b"How about this?\n\n" + DIFF)
    assert [(p.number, p.version) for p in mbox(part_of_many).patches] == [(None, 3)]
    again = tested.replace(b"int c;", b"int e;").replace(b"Re: ", b"Re: Re: ")
    assert "several replies with a diff" in refusal(("t.mbox", report + tested + again)).message


def test_two_totals_are_two_series() -> None:
    assert "two series" in refusal(("t.mbox", part(1, 2) + part(2, 3))).message


def test_a_copy_of_a_mail_counts_once_but_two_different_parts_with_one_number_do_not() -> None:
    assert len(mbox(part(1, 2), part(2, 2), part(2, 2)).patches) == 2
    assert "same number: 2/2" in refusal(("t.mbox", part(1, 2) + part(2, 2) + part(2, 2, word="other"))).message


def test_a_numbered_part_without_a_diff_is_an_error() -> None:
    error = refusal(("t.mbox", part(1, 2) + letter("[PATCH 2/2] mm: lost", b"See attachment.\n")))
    assert error.message.startswith("t.mbox:")
    assert "mm: lost" in error.message


def test_only_a_cover_letter_is_an_error() -> None:
    error = refusal(("0000-cover-letter.patch", letter("[PATCH 0/2] mm: cover", b"Blurb.\n")))
    assert "no patch in it" in error.message
    assert "cover letter" in error.hint


def test_escaped_and_quoted_from_lines_do_not_split_a_mail() -> None:
    body = b"Why.\n\n>From here on it works.\nFrom there it does not.\n---\n\n" + DIFF + b"-- \n2.39.5\n"
    assert subjects(mbox(letter("[PATCH] mm: x", body))) == ["mm: x"]


# --- encodings


@pytest.mark.parametrize("eol", [b"\n", b"\r\n"])
@pytest.mark.parametrize("encoding", ["base64", "quoted-printable"])
def test_encoded_bodies_are_decoded(encoding: str, eol: bytes) -> None:
    text = (b"Gr\xc3\xbc\xc3\x9fe.\n---\n\n" + DIFF + b"-- \n2.39.5\n").replace(b"\n", eol)
    body = base64.encodebytes(text) if encoding == "base64" else quopri.encodestring(text)
    if eol == b"\r\n" and encoding == "quoted-printable":
        body = quopri.encodestring(text, quotetabs=True).replace(b"\r\n", b"=0D=0A=\n")
    mail = letter(
        "[PATCH] mm: x", body, "Content-Type: text/plain; charset=utf-8", f"Content-Transfer-Encoding: {encoding}"
    )
    assert mbox(mail).patches[0].diff == DIFF


def test_a_footer_with_other_line_ends_does_not_hide_the_canonical_ones() -> None:
    text = (b"Why.\n---\n\n" + DIFF + b"-- \n2.39.5\n").replace(b"\n", b"\r\n") + b"____\nlist footer\n"
    mail = letter("[PATCH] mm: x", base64.encodebytes(text), "Content-Transfer-Encoding: base64")
    assert mbox(mail).patches[0].diff == DIFF


def test_an_encoded_patch_for_a_file_that_has_crlf_keeps_it() -> None:
    text = DIFF.replace(b"\tint b;\n", b"\tint b;\r\n").replace(b"\tint c;\n", b"\tint c;\r\n")
    for sent in (text, text.replace(b"\n", b"\r\n")):
        mail = letter("[PATCH] mm: x", base64.encodebytes(sent), "Content-Transfer-Encoding: base64")
        assert mbox(mail).patches[0].diff == text


@pytest.mark.parametrize("kind", ["alternative", "mixed", "signed"])
def test_a_blank_line_of_context_at_the_end_of_a_part_is_not_lost(kind: str) -> None:
    text = DIFF.replace(b" \n \treturn a;\n", b" \treturn a;\n\n")
    body = b"--XX\nContent-Type: text/plain\n\n" + text + b"--XX\nContent-Type: text/html\n\n<p>\n--XX--\n"
    nested = b"--YY\nContent-Type: multipart/mixed; boundary=XX\n\n" + body + b"\n--YY--\n"
    for boundary, whole in (("XX", body), ("YY", nested)):
        header = f'Content-Type: multipart/{kind}; boundary="{boundary}"'
        assert mbox(letter("[PATCH] mm: x", whole, header)).patches[0].diff == text


def attachment(text: bytes, name: str, encoded: bool = True) -> bytes:
    coding = b"Content-Transfer-Encoding: base64\n" if encoded else b""
    head = f"--XX\nContent-Type: text/x-patch; name={name}\n".encode() + coding
    return head + b"\n" + (base64.encodebytes(text) if encoded else text) + b"\n"


def test_attached_mails_are_read_as_mails() -> None:
    """git format-patch writes a whole mail; its subject and number are what counts."""
    mixed = "Content-Type: multipart/mixed; boundary=XX"
    hello = b"--XX\nContent-Type: text/plain\n\nPlease look.\n"
    parts = [attachment(part(number, 2), f"000{number}.patch") for number in (2, 1)]
    two = mbox(letter("my patches", hello + b"".join(parts) + b"--XX--\n", mixed))
    assert [(patch.number, patch.subject) for patch in two.patches] == [(1, "mm: part 1"), (2, "mm: part 2")]
    alone = attachment(letter("[PATCH] mm: inner"), "x.patch")
    outer = letter("[PATCH 1/1] see attachment", hello + alone + b"--XX--\n", mixed, message_id="o@x")
    (inner,) = mbox(outer).patches
    assert (inner.subject, inner.number, inner.message_id) == ("mm: inner", 1, "o@x")
    forwarded = b"--XX\nContent-Type: message/rfc822\n\n" + letter("[PATCH] mm: f", separator="") + b"--XX--\n"
    assert subjects(mbox(letter("Fwd: mm: f", hello + forwarded, mixed))) == ["mm: f"]
    crlf = forwarded.replace(b"\tint b;\n", b"\tint b;\r\n").replace(b"\tint c;\n", b"\tint c;\r\n")
    assert b"\tint c;\r\n" in mbox(letter("Fwd: mm: f", hello + crlf, mixed)).patches[0].diff
    bare = attachment(DIFF, "x.patch")
    error = refusal(("t.eml", letter("[PATCH] two", hello + alone + bare + b"--XX--\n", mixed)))
    assert "several diffs" in error.message


RAFAL = "MAINTAINERS: add Rafał"


@pytest.mark.parametrize(
    ("raw", "title"),
    [
        (RAFAL.encode(), RAFAL),
        ("mm: Müller".encode("latin-1"), "mm: Müller"),
        (b"=?utf-8?q?MAINTAINERS=3A_add_Rafa=C5?= =?utf-8?q?=82?=", RAFAL),
        ("mm: für =?utf-8?b?UmFmYcWC?=".encode(), "mm: für Rafał"),
        (b"=?utf-8?q?MAINTAINERS=3A?=\n =?utf-8?q?_add_Rafa=C5=82?=", RAFAL),
        (b"mm: =?no-such-charset?q?x?=", "mm: =?no-such-charset?q?x?="),
    ],
)
def test_headers_are_read_encoded_or_raw(raw: bytes, title: str) -> None:
    assert subjects(mbox(letter("[PATCH] SUBJECT").replace(b"SUBJECT", raw))) == [title]


@pytest.mark.parametrize("disposition", ["inline", 'attachment; filename="x.patch"'])
def test_a_patch_in_a_part_of_a_multipart_mail_is_found(disposition: str) -> None:
    body = (
        b"--XX\nContent-Type: multipart/alternative; boundary=YY\n\n--YY\nContent-Type: text/plain\n\nHello.\n"
        b"--YY\nContent-Type: text/html\n\n<p>Hello.\n--YY--\n"
        b"--XX\nContent-Type: application/octet-stream; name=x.patch\nContent-Disposition: "
        + disposition.encode()
        + b"\n\n"
        + DIFF
        + b"\n--XX--\n"
    )
    if disposition == "inline":
        body = body.replace(b"application/octet-stream; name=x.patch", b"text/x-patch")
    assert mbox(letter("[PATCH] mm: x", body, "Content-Type: multipart/mixed; boundary=XX")).patches[0].diff == DIFF


def test_two_diffs_in_one_mail_are_not_guessed_about() -> None:
    piece = b"--XX\nContent-Type: text/x-patch\n\n" + DIFF + b"\n"
    mail = letter("[PATCH] mm: x", piece + piece + b"--XX--\n", "Content-Type: multipart/mixed; boundary=XX")
    assert "several diffs" in refusal(("m.eml", mail)).message


def test_a_mail_without_a_separator_line_is_read() -> None:
    assert subjects(mbox(letter("[PATCH] mm: x", separator=""))) == ["mm: x"]


# --- plain diffs

PLAIN = b"""\
--- {old}\t2026-11-22 10:00:00.000000000 +0000
+++ {new}\t2026-11-22 10:01:00.000000000 +0000
@@ -1,2 +1,2 @@
 int a;
-int b;
+int c;
"""


@pytest.mark.parametrize(
    ("old", "new", "header"),
    [
        ("a/mm/mmap.c", "b/mm/mmap.c", "--- a/mm/mmap.c"),
        ("mm/mmap.c.orig", "mm/mmap.c", "--- a/mm/mmap.c.orig"),
        ("mm/mmap.c", "mm/mmap.c", "--- a/mm/mmap.c"),
        ("linux-6.12.orig/mm/mmap.c", "linux-6.12/mm/mmap.c", "--- linux-6.12.orig/mm/mmap.c"),
        ("./mm/mmap.c", "./mm/mmap.c", "--- ./mm/mmap.c"),
    ],
)
def test_plain_diffs_with_and_without_prefixes_are_read(old: str, new: str, header: str) -> None:
    data = b"diff -u x y\n" + PLAIN.replace(b"{old}", old.encode()).replace(b"{new}", new.encode())
    series = read_patches([("x.diff", data)])
    assert series.patches[0].files == ("mm/mmap.c",)
    assert header.encode() + b"\t" in series.patches[0].diff
    assert any("-p0" in note for note in series.notes) == (old[:3] == "mm/")


def test_git_diff_without_prefixes_gets_them() -> None:
    series = read_patches([("noprefix.diff", (DATA / "noprefix.diff").read_bytes())])
    diff_text = series.patches[0].diff
    assert b"diff --git a/mm/old_name.c b/mm/new_name.c\nsimilarity" in diff_text
    assert b"rename from mm/old_name.c" in diff_text
    assert b"--- /dev/null\n+++ b/include/linux/vma_new.h\n" in diff_text
    assert "mm/empty.c" in series.patches[0].files
    assert any("-p0" in note for note in series.notes)


def test_git_show_output_keeps_its_subject() -> None:
    data = b"commit 0123456789abcdef\nAuthor: A <a@example.org>\nDate:   today\n\n    mm: x\n\n    Why.\n\n" + DIFF
    patch = read_patches([("show.txt", data)]).patches[0]
    assert patch.subject == "mm: x"


@pytest.mark.parametrize("name", ["/usr/src/linux/mm/mmap.c", "a/../../etc/passwd", "a/.git/config"])
def test_names_outside_the_tree_are_refused(name: str) -> None:
    data = PLAIN.replace(b"{old}", name.encode()).replace(b"{new}", name.encode())
    assert refusal(("x.diff", data)).hint or "not inside" in refusal(("x.diff", data)).message


# --- damage


def test_an_empty_file_and_a_text_without_a_diff_are_errors() -> None:
    assert "empty" in refusal(("x.patch", b" \n\n")).message
    assert "no diff" in refusal(("x.patch", b"Hello,\nplease apply --- thanks\n")).message
    assert "no diff" in refusal(("x.patch", letter("[PATCH] mm: x", b"Forgot it.\n"))).message
    assert "no patch files" in refusal().message


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (DIFF.decode().encode("utf-16"), "UTF-16"),
        (DIFF + b"\0", "NUL"),
        (b"\x1f\x8b\x08\x00abc", "compressed"),
        (b"<!DOCTYPE html><html><body><pre>diff</pre>", "HTML"),
    ],
)
def test_what_is_not_text_is_named(data: bytes, what: str) -> None:
    assert what in refusal(("x.patch", data)).message


def test_crlf_is_mailer_damage_with_its_line() -> None:
    mail = letter("[PATCH] mm: x", b"Why.\n---\n\n" + DIFF.replace(b"\n", b"\r\n"))
    error = refusal(("x.patch", mail))
    assert error.message == "x.patch:9: CRLF line ends"
    assert "raw" in error.hint


def test_a_patch_for_a_file_that_has_crlf_is_fine() -> None:
    text = DIFF.replace(b"\tint b;\n", b"\tint b;\r\n").replace(b"\tint c;\n", b"\tint c;\r\n")
    assert b"\r\n" in read_patches([("x.patch", text)]).patches[0].diff


def test_a_wrapped_line_is_reported_with_file_hunk_and_line() -> None:
    damaged = DIFF.replace(b"+\tint c;\n", b"+\tint\nc;\n")
    error = refusal(("x.patch", letter("[PATCH] mm: x", b"Why.\n---\n\n" + damaged)))
    assert error.message.startswith("x.patch:17: mm/mmap.c: hunk @@ -10,4 +10,5 @@ has a line that is not of a diff")
    assert "wrapped" in error.hint


def test_a_truncated_hunk_and_lines_beyond_a_hunk_are_reported() -> None:
    assert "ends early" in refusal(("x.patch", DIFF[: DIFF.index(b"+\tint d")])).message
    assert "beyond what" in refusal(("x.patch", DIFF + b"+\tint e;\n")).message
    two_hunks = DIFF.replace(b"+\tint d;\n", b"") + DIFF[DIFF.index(b"@@") :]
    assert (
        "hunk @@ -10,4 +10,5 @@ ends early, after 4 of 4 old and 4 of 5 new lines" in refusal(("x", two_hunks)).message
    )


STUFFED = (
    DIFF.replace(b"\n ", b"\n  ")
    .replace(b"-\tint b;\n", b"  \tint z;\n-\tint b;\n")
    .replace(b"-10,4 +10,5", b"-10,5 +10,6")
)


def flowed(diff: bytes, delsp: str = "no") -> Series:
    header = f"Content-Type: text/plain; format=flowed; delsp={delsp}"
    return read_patches([("x.patch", letter("[PATCH] mm: x", b"Why.\n---\n" + diff + b"-- \n2.39.5\n", header))])


@pytest.mark.parametrize(("delsp", "space"), [("no", b""), ("yes", b" ")])
def test_flowed_text_is_undone(delsp: str, space: bytes) -> None:
    right = DIFF.replace(b"-\tint b;\n", b" \tint z;\n-\tint b;\n").replace(b"-10,4 +10,5", b"-10,5 +10,6")
    assert flowed(STUFFED, delsp).patches[0].diff == right
    wrapped = STUFFED.replace(b"+\tint d;", b"+\tint " + space + b"\nd;")
    assert flowed(wrapped, delsp).patches[0].diff == right
    assert any("format=flowed undone" in note for note in flowed(STUFFED).notes)


def test_a_diff_that_only_says_that_it_is_flowed_is_left_alone() -> None:
    assert flowed(DIFF).patches[0].diff == DIFF


def test_an_html_mail_is_named() -> None:
    mail = letter("[PATCH] mm: x", b"<pre>diff --git</pre>", "Content-Type: text/html")
    assert "HTML mail" in refusal(("x.eml", mail)).message


def test_damage_in_a_decoded_body_says_that_its_lines_are_counted_there() -> None:
    body = base64.encodebytes(DIFF.replace(b"+\tint c;\n", b""))
    mail = letter("[PATCH] mm: x", body, "Content-Transfer-Encoding: base64")
    assert "decoded text of 'mm: x':" in refusal(("x.eml", mail)).message


def test_a_binary_file_without_content_and_a_merge_diff_are_refused() -> None:
    binary = b"diff --git a/mm/x.png b/mm/x.png\nindex 1..2 100644\nBinary files a/mm/x.png and b/mm/x.png differ\n"
    assert "--binary" in refusal(("x.patch", binary)).hint
    merge = b"diff --cc mm/x.c\nindex 1,2..3\n--- a/mm/x.c\n+++ b/mm/x.c\n@@@ -1,1 -1,1 +1,1 @@@\n  x\n"
    assert "combined diff" in refusal(("x.patch", merge)).message


def test_a_second_diff_behind_the_signature_is_not_dropped_silently() -> None:
    assert "second diff" in refusal(("x.patch", DIFF + b"-- \n2.39.5\n\n" + diff("mm/x.c"))).message


def test_a_diff_that_ends_with_an_empty_context_line_and_no_signature_is_whole() -> None:
    text = DIFF.replace(b" \n \treturn a;\n", b" \treturn a;\n \n")
    assert text.endswith(b"\n \n")
    for tail in (b"", b"\n", b"-- \n2.39.5\n\n"):
        assert read_patches([("x.patch", text + tail)]).patches[0].diff == text


def test_a_footer_of_a_mailing_list_is_not_part_of_the_diff() -> None:
    series = read_patches([("x.patch", DIFF + b"\n_______________\nlist mailing list\nhttp://example.org/\n")])
    assert series.patches[0].diff == DIFF


@given(st.integers(min_value=5, max_value=len(DIFF.split(b"\n")) - 2))
def test_losing_any_line_of_a_hunk_is_noticed(index: int) -> None:
    lines = DIFF.split(b"\n")
    del lines[index]
    assert refusal(("x.patch", b"\n".join(lines))).message.startswith("x.patch:")


_PIECES = [
    DIFF,
    letter("[PATCH 1/2] x"),
    letter("Re: y"),
    b"From a Thu Jan  1 00:00:00 1970\n",
    b"diff --git ",
    b"--- a/x\n",
]
_PIECES += [
    b"+++ b/x\n",
    b"@@ -1 +1 @@\n",
    b"-- \n",
    b"GIT binary patch\nliteral 5\n",
    b"\r\n",
    b'"',
    b"Content-Type: multipart/mixed\n",
]


@given(st.lists(st.one_of(st.sampled_from(_PIECES), st.binary(max_size=40)), max_size=8))
def test_whatever_the_bytes_intake_gives_a_series_or_says_why_not(pieces: list[bytes]) -> None:
    try:
        series = read_patches([("x", b"".join(pieces))])
    except PatchUnreadable:
        return
    assert series.patches
    assert all(patch.files and patch.diff for patch in series.patches)


def test_a_forwarded_mail_that_cannot_be_written_again_has_no_patch() -> None:
    inner = b"Content-Type: message/rfc822\n\nContent-Type: multipart/mixed\n\n\xef\xbf\xbd\n"
    data = b"From: a@b\nSubject: [PATCH] x\nContent-Type: multipart/mixed; boundary=b\n\n--b\n" + inner + b"\n--b--\n"
    with pytest.raises(PatchUnreadable, match="no diff in it"):
        read_patches([("f.patch", data)])


@pytest.mark.parametrize(
    ("subject", "words"),
    [
        ("[PATCH 1/9999999999] x", "part of a series of 99999"),
        (f"[PATCH 1/{'9' * 900}] x", "part of a series of 99999"),
    ],
)
def test_a_series_of_more_parts_than_anybody_writes_is_refused(subject: str, words: str) -> None:
    diff = "--- a/mm/x.c\n+++ b/mm/x.c\n@@ -1 +1 @@\n-a\n+b\n"
    data = f"From: a@b\nSubject: {subject}\n\n{diff}".encode()
    with pytest.raises(PatchUnreadable, match=words):
        read_patches([("f.patch", data)])


def test_parts_in_parts_are_followed_as_deep_as_a_mail_has_them() -> None:
    head = b"From: a@b\nSubject: [PATCH] x\n\n" + b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (at, at) for at in range(3000)
    )
    with pytest.raises(PatchUnreadable, match=r"f\.patch:\d+: no mail that somebody wrote: more than 40 multiparts"):
        read_patches([("f.patch", head)])


@pytest.mark.parametrize("word", ["=?utf-7?q?+2AA-?=", "=?nothing?q?a?=", "=?idna?q?=FF?=", "=?undefined?q?a?="])
def test_a_subject_in_any_charset_is_text(word: str) -> None:
    diff = "--- a/mm/x.c\n+++ b/mm/x.c\n@@ -1 +1 @@\n-a\n+b\n"
    series = read_patches([("f.patch", f"From: a@b\nSubject: [PATCH] {word} x\n\n{diff}".encode())])
    assert series.patches[0].subject.encode("utf-8")


@pytest.mark.parametrize("header", ["format*; format*0=x", "format*=x; format*1=y"])
def test_a_mail_that_the_library_cannot_take_apart_is_named(header: str) -> None:
    data = f"From: a@b\nSubject: [PATCH] x\nContent-Type: text/plain; {header}\n\nx\n".encode()
    with pytest.raises(PatchUnreadable, match=r"f\.patch"):
        read_patches([("f.patch", data)])


def test_a_file_name_keeps_the_space_at_its_end() -> None:
    """git puts a tab behind a name with spaces; a space without one came on the way."""
    text = b"diff --git a/mm/x.c  b/mm/x.c \n--- a/mm/x.c \t\n+++ b/mm/x.c \t\n@@ -1 +1 @@\n-a\n+b\n"
    (patch,) = read_patches([("x.diff", text)]).patches
    assert (patch.files, patch.diff) == (("mm/x.c ",), text)
    came = text.replace(b"x.c  b/mm/x.c \n", b"x.c b/mm/x.c\n").replace(b" \t\n", b" \n")
    assert read_patches([("x.diff", came)]).patches[0].files == ("mm/x.c",)


def test_a_mail_of_more_parts_than_anybody_sends_is_refused() -> None:
    head = b"From: a@b\nSubject: [PATCH] x\nContent-Type: multipart/mixed; boundary=b\n\n"
    with pytest.raises(PatchUnreadable, match="2000 lines between parts in one mail"):
        read_patches([("x.patch", head + b"--b\n\nx\n" * 2000)])
