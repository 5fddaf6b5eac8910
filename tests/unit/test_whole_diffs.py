"""Diffs that git would apply in part, elsewhere or not at all: what was cut off, made without context, or is a log."""

from __future__ import annotations

import base64
import re
import zlib

import pytest

from orchestrator.errors import PatchUnreadable
from orchestrator.parse.patches.series import read_patches

HUNK = "@@ -10,3 +10,4 @@\n a\n+b\n c\n d\n"
FILE = f"diff --git a/mm/mmap.c b/mm/mmap.c\nindex 1111111..2222222 100644\n--- a/mm/mmap.c\n+++ b/mm/mmap.c\n{HUNK}"
EMPTY = "diff --git a/mm/new.h b/mm/new.h\nnew file mode 100644\nindex 000000000000..e69de29bb2d1\n"
MODE = "diff --git a/scripts/x.pl b/scripts/x.pl\nold mode 100755\nnew mode 100644\n"
MOVE = "diff --git a/mm/a.h b/mm/b.h\nsimilarity index 100%\nrename from mm/a.h\nrename to mm/b.h\n"


def binary(data: bytes = bytes(range(256)) * 2) -> str:
    packed = zlib.compress(data)
    lines = [packed[at : at + 52] for at in range(0, len(packed), 52)]
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    text = "".join(f"{letters[len(line) - 1]}{base64.b85encode(line, pad=True).decode()}\n" for line in lines)
    head = "diff --git a/logo.bin b/logo.bin\nnew file mode 100644\nindex 0000000..1111111\nGIT binary patch\n"
    return f"{head}literal {len(data)}\n{text}\nliteral 0\nHcmV?d00001\n\n"


def read(text: str) -> str:
    return read_patches([("x.patch", text.encode())]).patches[0].diff.decode()


def refusal(text: str) -> PatchUnreadable:
    with pytest.raises(PatchUnreadable) as caught:
        read(text)
    return caught.value


def notes(text: str | bytes) -> tuple[str, ...]:
    data = text if isinstance(text, bytes) else text.encode()
    return read_patches([("x.patch", data)]).notes


@pytest.mark.parametrize("whole", [EMPTY, MODE, MOVE, binary(), EMPTY + MODE + FILE, FILE + MOVE + binary()])
def test_changes_without_hunks_are_whole(whole: str) -> None:
    assert read(whole) == whole


@pytest.mark.parametrize("cut", [MODE, EMPTY, MOVE, FILE])
def test_a_header_that_is_cut_anywhere_is_an_error_behind_a_whole_diff_too(cut: str) -> None:
    header = cut.partition("@@")[0]
    begin = header.index("\n") + 7
    end = header.rindex("\n") if "@@" not in cut else len(header) + 1
    for at in range(begin, end):
        part = header[:at]
        if re.search(r"(mode 100644|e69de29b?b?2?d?1?|rename to .*)\n?[index]*$", part):
            continue  # what a whole one may look like
        error = refusal(FILE + part)
        assert error.message.startswith("x.patch:"), part
        assert "git format-patch" in error.hint, part


def test_a_binary_patch_is_whole_or_an_error() -> None:
    whole = binary()
    for at in range(whole.index("literal"), whole.index("\n\n")):
        assert re.search("not whole|without content|not a line of", refusal(FILE + whole[:at]).message)
    assert read(whole.rstrip("\n")) == whole  # the end of the file was stripped


def test_a_removed_file_without_its_content_is_named() -> None:
    error = refusal("diff --git a/mm/vma.h b/mm/vma.h\ndeleted file mode 100644\nindex f7efbe4..0000000\n")
    assert "without its content" in error.message
    assert "--irreversible-delete" in error.hint


@pytest.mark.parametrize("hunk", ["@@ -12,0 +13 @@\n+b\n", "@@ -12 +11,0 @@\n-b\n", "@@ -12 +12 @@\n-b\n+c\n"])
def test_hunks_without_context_are_refused_as_git_puts_them_at_the_end_of_the_file(hunk: str) -> None:
    error = refusal(FILE.replace(HUNK, hunk))
    assert error.message.startswith("x.patch:5: mm/mmap.c: hunk @@ -12")
    assert "-U0" in error.hint


@pytest.mark.parametrize("hunk", ["@@ -0,0 +1 @@\n+b\n", "@@ -1 +0,0 @@\n-b\n", "@@ -1,2 +1 @@\n-b\n-c\n+d\n"])
def test_a_whole_file_has_no_context(hunk: str) -> None:
    assert read(FILE.replace(HUNK, hunk))


def test_a_log_of_several_commits_is_refused_as_its_newest_is_first() -> None:
    one = f"commit 1111111\nAuthor: A <a@b.example>\nDate:   Sun Nov 22 14:00:19 2026 +0000\n\n    mm: one\n\n{FILE}"
    assert read(one)
    error = refusal(f"{one}\n{one.replace('commit 1', 'commit 2')}")
    assert "second commit" in error.message
    assert "git format-patch" in error.hint


def test_text_between_diffs_is_said() -> None:
    text = "File a/mm/vma.h is a regular file while file b/mm/vma.h is a symbolic link\n"
    assert notes(FILE + text + FILE)[0].startswith("x.patch: not in the diff: 'File a/mm/vma.h")
    assert notes(f"{FILE}\nand second:\n{FILE}") == ("x.patch: 1 line between its diffs left out: 'and second:'",)
    assert notes(f"{FILE}diff -u a b\nIndex: mm/x.c\n{'=' * 67}\n{FILE}") == ()


def test_a_file_that_ends_in_a_line_is_asked_about() -> None:
    assert notes(FILE.rstrip("\n")) == ("x.patch: ends in the middle of a line: is it whole?",)


@pytest.mark.parametrize("end", ["---8<---\nThanks\n", "-- >8 --\n\n+1\n", "-- \n2.39\n"])
def test_a_diff_ends_at_scissors_and_signatures(end: str) -> None:
    assert read(FILE + end) == FILE
    assert "second diff follows" in refusal(FILE + end + FILE).message


def test_prefixes_of_the_users_own_are_told_from_directories() -> None:
    text = binary().replace("a/logo", "old/logo").replace("b/logo", "new/logo")
    assert read_patches([("x.patch", text.encode())]).patches[0].files == ("logo.bin",)


@pytest.mark.parametrize(("old", "new"), [("./linux.orig", "./linux"), ("../l.orig", "../l"), ("../linux-6.12", ".")])
def test_where_diff_ran_is_of_no_matter(old: str, new: str) -> None:
    text = f"diff -Nurp {old}/mm/mmap.c {new}/mm/mmap.c\n--- {old}/mm/mmap.c\n+++ {new}/mm/mmap.c\n{HUNK}"
    assert read_patches([("x.patch", text.encode())]).patches[0].files == ("mm/mmap.c",)


def test_colours_are_named() -> None:
    text = "".join(f"\x1b[1m{line}\x1b[m\n" for line in FILE.splitlines())
    assert "--no-color" in refusal(text).hint
    assert "--no-color" in refusal(f"From: A <a@b.example>\nSubject: [PATCH] x\n\nWhy.\n---\n{text}").hint


def test_the_line_ends_of_a_saved_mail_are_undone_and_said() -> None:
    mail = f"From: A <a@b.example>\nSubject: [PATCH] x\n\nWhy.\n---\n{FILE}-- \n2.39\n"
    for text in (mail, FILE):
        saved = text.replace("\n", "\r\n")
        assert read(saved) == FILE
        assert notes(saved) == ("x.patch: CRLF line ends converted, which all of its lines have",)


@pytest.mark.parametrize("charset", ["iso-8859-1", "gb18030", "iso-2022-jp-2", "utf-16"])
def test_what_a_mail_program_converted_is_utf8_again(charset: str) -> None:
    text = FILE.replace("+b", "+ü")
    body = base64.encodebytes(f"Why.\n---\n{text}".encode(charset))
    head = (
        f"From: A <a@b.example>\nSubject: [PATCH] x\nMIME-Version: 1.0\nContent-Type: text/plain; charset={charset}\n"
    )
    data = f"{head}Content-Transfer-Encoding: base64\n\n".encode() + body
    assert read_patches([("x.patch", data)]).patches[0].diff.decode() == text
    assert notes(data) == (f"converted from {charset} to UTF-8: x",)
