"""Mails as they were met, in their smallest form: each file of tests/data/mail and what is in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.declarations.patches import read_series
from orchestrator.errors import PatchUnreadable
from orchestrator.parse.patches.patch_name import read_parts
from orchestrator.parse.patches.series import Choice

DATA = Path(__file__).parent.parent / "data" / "mail"
RIGHT = {
    "answer-without-re.mbox": ["mm: one", "mm: two"],
    "byte-order-mark.mbox": ["mm: saved by an editor"],
    "clearsigned-file.patch": ["mm: signed as a file"],
    "clearsigned.eml": ["mm: signed"],
    "colon-after-tag.mbox": ["mm: zero", "mm: one"],
    "debian-dep3.patch": ["mm: count retried faults"],
    "gzipped.mbox.gz": ["one", "two"],
    "hg-export.patch": ["mm: count retried faults"],
    "mime-last-blank-context.mbox": ["x: y"],
    "mm-commits.mbox": ["mm: count retried faults"],
    "multipart-signed.eml": ["mm: signed beside it"],
    "n-of-m-threaded.mbox": ["one", "two"],
    "quoted-cr-base64.mbox": ["sample"],
    "raw-utf8-headers.mbox": ["MAINTAINERS: add Rafał"],
    "single-reply-with-patch.mbox": ["WARNING in foo"],
    "stable-one-of-many.mbox": None,
    "tree-as-version.mbox": ["one", "two"],
    "unnumbered-threaded.mbox": ["one", "two"],
}


@pytest.mark.parametrize("name", sorted(path.name for path in DATA.iterdir()))
def test_what_is_in_a_mail(name: str) -> None:
    right = RIGHT[name]
    if right is None:
        with pytest.raises(PatchUnreadable, match="incomplete") as caught:
            read_series(DATA / name)
        assert caught.value.hint == "get the whole thread, or test a part alone: --part 12"
        assert len(read_series(DATA / name, Choice(read_parts("12"))).patches) == 1
        return
    series = read_series(DATA / name)
    assert series.foundation.trees == (("5.10",) if name.startswith("tree-as-version") else ())
    assert [patch.subject for patch in series.patches] == right
    assert all(b"\r\n" not in patch.diff for patch in series.patches)
    assert {patch.version for patch in series.patches} == {2 if right == ["sample"] else 1}


@pytest.mark.parametrize(
    ("name", "author"),
    [("mm-commits.mbox", "René Thor"), ("hg-export.patch", "Ann Other"), ("debian-dep3.patch", "Ann Other")],
)
def test_who_passed_a_patch_on_is_not_its_author(name: str, author: str) -> None:
    (patch,) = read_series(DATA / name).patches
    assert patch.letter.decode().startswith(f"From: {author} <")
    assert patch.files == ("mm/memory.c",)
