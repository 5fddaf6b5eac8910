"""What --patch names: parts of a series, compressed files."""

from __future__ import annotations

import bz2
import gzip
import lzma
from pathlib import Path

import pytest

from orchestrator.declarations.catalog import load_catalog
from orchestrator.declarations.patches import absolute, read_series, unpacked
from orchestrator.errors import PatchUnreadable, UsageError
from orchestrator.parse.patches.patch_name import (
    Kind,
    Range,
    patch_name,
    read_parts,
    read_range,
    split_parts,
    thread_address,
    without_credentials,
)
from orchestrator.parse.patches.series import Choice, Parts

MAIL = """\
From x Mon Sep 17 00:00:00 2001
From: A <a@example.org>
Subject: [PATCH {number}/9] mm: part {number}

---
--- a/mm/{number}.c
+++ b/mm/{number}.c
@@ -1 +1 @@
-a
+b

"""


@pytest.fixture
def thread(tmp_path: Path) -> Path:
    path = tmp_path / "t.mbox"
    path.write_text("".join(MAIL.format(number=number) for number in (2, 3, 4)))
    return path


def test_parts_of_a_series_are_named_behind_it() -> None:
    assert split_parts("t.mbox#12/345") == ("t.mbox", Parts(range(12, 13), 345))
    assert split_parts("https://example.org/r/1/t.mbox.gz#3-5/9") == (
        "https://example.org/r/1/t.mbox.gz",
        Parts(range(3, 6), 9),
    )
    for whole in ("t.mbox", "https://example.org:80/12", "t.mbox#top", "a#1"):
        assert split_parts(whole) == (whole, None)
    for wrong in ("t#0/3", "t#4/3", "t#3-2/3"):
        with pytest.raises(UsageError, match="there is no part"):
            split_parts(wrong)


def test_a_part_is_tested_alone(thread: Path) -> None:
    catalog = load_catalog()
    assert [patch.number for patch in catalog.series(f"{thread}#3/9").patches] == [3]
    assert [patch.number for patch in catalog.series(f"{thread}#2-4/9").patches] == [2, 3, 4]
    with pytest.raises(PatchUnreadable, match="part 5/9 is not there"):
        catalog.series(f"{thread}#4-5/9")
    with pytest.raises(PatchUnreadable, match="incomplete") as caught:
        catalog.series(str(thread))
    alone = Choice(read_parts(caught.value.hint.partition("--part ")[2]))
    assert [patch.number for patch in catalog.series(str(thread), alone).patches] == [2]
    assert [patch.number for patch in catalog.series("vm_refcnt#6/9").patches] == [6]
    assert catalog.patch_path(f"{thread}#3/9") == thread


def test_a_path_with_parts_means_the_same_from_anywhere(thread: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(thread.parent)
    assert absolute("t.mbox") == str(thread)
    assert absolute("t.mbox#3-4/9") == f"{thread}#3-4/9"
    assert absolute("vm_refcnt#6/9") == "vm_refcnt#6/9"
    odd = thread.with_name("t#3")
    odd.mkdir()
    thread.rename(odd / "9")
    assert absolute("t#3/9") == str(odd / "9"), "a file of that name comes first"


@pytest.mark.parametrize(("suffix", "pack"), [("gz", gzip.compress), ("xz", lzma.compress), ("bz2", bz2.compress)])
def test_compressed_files_are_read_as_they_are(thread: Path, suffix: str, pack: object) -> None:
    assert callable(pack)
    data = thread.read_bytes()
    packed = thread.with_name(f"t.mbox.{suffix}")
    packed.write_bytes(pack(data))
    series = read_series(packed, Choice(Parts(range(2, 5), 9)))
    assert (series.name, len(series.patches)) == ("t", 3)
    thread.unlink()
    assert len(read_series(thread.parent, Choice(Parts(range(2, 5), 9))).patches) == 3, "also in a directory"
    for damaged in (pack(data)[:-9], pack(data)[:20] + bytes(40)):
        with pytest.raises(PatchUnreadable, match="damaged compressed file"):
            unpacked("x", damaged)


def test_what_unpacks_to_too_much_is_refused() -> None:
    assert len(unpacked("large.gz", gzip.compress(bytes(16 << 20)))) == 16 << 20
    with pytest.raises(PatchUnreadable, match="unpacked larger than 16 MiB") as caught:
        unpacked("bomb.gz", gzip.compress(bytes((16 << 20) + 1)))
    assert "unpack it first; up to 64 MiB are read" in caught.value.hint


# --- what is named


@pytest.mark.parametrize(
    ("text", "kind", "what"),
    [
        ("main..HEAD", Kind.RANGE, "main..HEAD"),
        ("HEAD~3..", Kind.RANGE, "HEAD~3.."),
        ("..topic", Kind.RANGE, "..topic"),
        ("HEAD^!", Kind.RANGE, "HEAD^!"),
        ("v6.12..mm/topic-1", Kind.RANGE, "v6.12..mm/topic-1"),
        ("origin/mm-unstable..@{1}", Kind.RANGE, "origin/mm-unstable..@{1}"),
        ("20260105.12-3@host.example.org", Kind.MESSAGE, "20260105.12-3@host.example.org"),
        ("<a/b..c@host>", Kind.MESSAGE, "a/b..c@host"),
        ("Message-ID: <x@y>", Kind.MESSAGE, "x@y"),
        ("https://example.org/fix.patch", Kind.WEB, "https://example.org/fix.patch"),
        ("https://example.org/list/a@b/raw", Kind.WEB, "https://example.org/list/a@b/raw"),
        ("https://me@example.org/x.mbox", Kind.WEB, "https://me@example.org/x.mbox"),
        ("https://example.org/~me@home/x/y.mbox", Kind.WEB, "https://example.org/~me@home/x/y.mbox"),
        ("vm_refcnt", Kind.NAME, "vm_refcnt"),
        ("a@b", Kind.PATH, "a@b"),
        ("x..y", Kind.PATH, "x..y"),
    ],
)
def test_what_is_named(text: str, kind: Kind, what: str) -> None:
    found = patch_name(text, {"a@b", "x..y"}, {"vm_refcnt"})
    assert (found.kind, found.text, found.archive) == (kind, what, "")


@pytest.mark.parametrize("behind", ["", "/", "/T/", "/t/", "/T/#u", "/#m1234", "/t.mbox.gz"])
def test_a_page_of_an_archive_stands_for_the_thread_of_its_message(behind: str) -> None:
    found = patch_name(f"https://lists.example.org/linux-mm/a%2Fb+c@host{behind}", (), ())
    assert (found.kind, found.text, found.archive) == (Kind.MESSAGE, "a/b+c@host", "https://lists.example.org/linux-mm")
    assert thread_address(found.archive, found.text) == "https://lists.example.org/linux-mm/a%2Fb+c@host/t.mbox.gz"
    short = patch_name(f"https://lists.example.org/r/x@y{behind}", (), ())
    assert short.archive == "https://lists.example.org/all"


def test_a_password_in_an_address_is_not_for_reports() -> None:
    assert without_credentials("https://me:secret@example.org/a@b/x") == "https://example.org/a@b/x"
    assert without_credentials("https://example.org/all/a@b/") == "https://example.org/all/a@b/"


def test_parts_stand_behind_anything_that_is_named() -> None:
    for text in ("x@y", "https://example.org/t.mbox", "main..HEAD", "vm_refcnt"):
        found = patch_name(f"{text}#2-3/7", (), {"vm_refcnt"})
        assert (found.text, found.parts) == (text, Parts(range(2, 4), 7))


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("../fix.pach", "../fix.patch"),
        ("fix.pach", "fix.patch"),
        ("vm_refcont", "vm_refcnt"),
        ("main...topic", "main..topic"),
        ("...", "HEAD..HEAD"),
        ("lore.example.org/all/x@y/", "https://lore.example.org/all/x@y/"),
        ("ftp://example.org/x.patch", "http:// or https://"),
        ("https:/example.org/x.patch", "http:// or https://"),
        ("HEAD", "HEAD^!"),
        ("HEAD~2", "HEAD~2.."),
        ("v6.12-rc1", "v6.12-rc1.."),
        ("0123abcd", "0123abcd^!"),
        ("a b@host", "angle brackets"),
        ("fix @ host", "angle brackets"),
        ("nothing", "known names: vm_refcnt"),
        ("..", "known names"),
        ("", "known names"),
        ("x@yz.mbox", "known names"),
    ],
)
def test_a_near_miss_is_told_what_it_may_have_been(text: str, hint: str) -> None:
    with pytest.raises(PatchUnreadable) as caught:
        patch_name(text, (), {"vm_refcnt"}, ["fix.patch"])
    assert hint in caught.value.hint


def test_what_is_too_long_is_refused_at_once() -> None:
    for text in ("~" * 100_000, "a@{" * 40_000, "x" * 100_000 + "@y", "." * 100_000):
        with pytest.raises(PatchUnreadable, match="too long"):
            patch_name(text, (), ())


def test_the_ends_of_a_range() -> None:
    assert read_range("main..HEAD") == Range("main", "HEAD")
    assert read_range("main..") == Range("main", "")
    assert read_range("..topic") == Range("", "topic")
    assert read_range("topic~2^!") == Range("", "topic~2", alone=True)


@pytest.mark.parametrize("wrong", ["0", "3-2", "x", "1/2", "-1", "", "99999999999"])
def test_a_part_that_cannot_be_is_refused(wrong: str) -> None:
    with pytest.raises(UsageError, match="--part"):
        read_parts(wrong)
