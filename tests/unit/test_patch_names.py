"""What --patch names: parts of a series, compressed files."""

from __future__ import annotations

import bz2
import gzip
import lzma
import shlex
from pathlib import Path

import pytest

from orchestrator.catalog import load_catalog
from orchestrator.declarations import patches
from orchestrator.declarations.patches import absolute, read_series, split_parts, unpacked
from orchestrator.errors import PatchUnreadable, UsageError
from orchestrator.parse.series import Parts

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
    (way_on,) = shlex.split(caught.value.hint.partition("--patch ")[2])
    assert [patch.number for patch in catalog.series(way_on).patches] == [2]
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
    series = read_series(packed, Parts(range(2, 5), 9))
    assert (series.name, len(series.patches)) == ("t", 3)
    thread.unlink()
    assert len(read_series(thread.parent, Parts(range(2, 5), 9)).patches) == 3, "also in a directory"
    for damaged in (pack(data)[:-9], pack(data)[:20] + bytes(40)):
        with pytest.raises(PatchUnreadable, match="damaged compressed file"):
            unpacked("x", damaged)


def test_what_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patches, "MAX_PATCH_BYTES", 1 << 20)
    with pytest.raises(PatchUnreadable, match="unpacked larger than 1 MiB"):
        unpacked("bomb.gz", gzip.compress(bytes((1 << 20) + 1)))
