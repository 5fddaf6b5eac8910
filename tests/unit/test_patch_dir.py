"""Directories of patches as they are met: format-patch, quilt, a maildir, saved mails."""

from __future__ import annotations

import mailbox
from pathlib import Path

import pytest

from orchestrator.declarations.patches import read_series
from orchestrator.errors import PatchUnreadable

HUNK = "@@ -10,3 +10,4 @@\n a\n+b{0}\n c\n d\n"
FILE = f"--- a/mm/mmap.c\n+++ b/mm/mmap.c\n{HUNK}"
MAIL = "From: A <a@b.example>\nSubject: [PATCH {0}/3] mm: {0}\nMessage-ID: <{0}@b.example>\n\nFrom here\n---\n" + FILE


def subjects(path: Path) -> list[str]:
    return [patch.subject for patch in read_series(path).patches]


def test_quilt_says_the_order(tmp_path: Path) -> None:
    for name in ("alpha.patch", "mid.patch", "zeta.patch", "old.patch"):
        (tmp_path / name).write_text(f"{name}\n\n{FILE.format(name)}")
    (tmp_path / "series").write_text("# mine\nzeta.patch\n\nalpha.patch -p1 # why\nmid.patch #x\n")
    series = read_series(tmp_path)
    assert [patch.name for patch in series.patches] == ["zeta.patch", "alpha.patch", "mid.patch"]
    assert series.notes == (
        f"in the order of {tmp_path}/series",
        f"not in {tmp_path}/series, so not tested: old.patch",
    )


@pytest.mark.parametrize("name", ["gone.patch", "../outside.patch", "/etc/passwd"])
def test_a_file_that_quilt_names_must_lie_there(tmp_path: Path, name: str) -> None:
    (tmp_path / "outside.patch").write_text(FILE)
    directory = tmp_path / "patches"
    directory.mkdir()
    (directory / "series").write_text(name)
    with pytest.raises(PatchUnreadable, match="is not in this directory"):
        read_series(directory)


@pytest.mark.parametrize("kind", [mailbox.Maildir, mailbox.MH])
def test_a_folder_of_a_mail_program_is_a_thread(tmp_path: Path, kind: type[mailbox.Mailbox[mailbox.Message]]) -> None:
    folder = kind(str(tmp_path / "folder"))
    for number in (2, 3, 1):
        folder.add(MAIL.format(number).encode())
    folder.close()
    assert subjects(tmp_path / "folder") == ["mm: 1", "mm: 2", "mm: 3"]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_saved_mails_are_a_thread_whatever_their_names(tmp_path: Path, end: str) -> None:
    for number in (1, 2, 3):
        (tmp_path / f"{9 - number}.eml").write_bytes(MAIL.format(number).replace("\n", end).encode())
    (tmp_path / "README").write_text("these are mails\n")
    assert subjects(tmp_path) == ["mm: 1", "mm: 2", "mm: 3"]
    assert b"\r" not in b"".join(patch.diff for patch in read_series(tmp_path).patches)


def test_a_directory_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "README").write_text("nothing\n")
    with pytest.raises(PatchUnreadable, match=r"no \*.patch or \*.diff in this directory, and no mails") as caught:
        read_series(tmp_path)
    assert "--tree" in caught.value.hint
