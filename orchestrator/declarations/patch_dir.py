"""A directory of patches: what in it is one, and in which order.

Patches by their names; in the order of quilt's `series`, where that lies beside them; else the mails of a maildir, an
MH folder, or any mails that were saved one by one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import PatchUnreadable
from orchestrator.host import bounded
from orchestrator.host.real_path import real_path
from orchestrator.parse.patches.mail import as_mbox
from orchestrator.parse.patches.mail_limits import MOST_MAILS
from orchestrator.words import counted

PATCH_FILE = re.compile(r"\.(patch|diff|mbox)(\.(gz|xz|bz2|zst))?$")
QUILT = "series"
MAX_SERIES_BYTES = 1 << 20
MOST_MAIL_BYTES = 64 << 20  # of all mails of a directory
MAILDIR = ("cur", "new")
NAMED = 5  # files that one note names


@dataclass(frozen=True)
class Found:
    """The files that are patches, or the mails of a directory as one mbox. `is_ordered`: as they are to be applied."""

    files: tuple[Path, ...] = ()
    mbox: bytes = b""
    is_ordered: bool = False
    notes: tuple[str, ...] = ()


def find(directory: Path) -> Found:
    """Raises PatchUnreadable, OSError."""
    files = sorted(path for path in directory.iterdir() if PATCH_FILE.search(path.name) and path.is_file())
    if listed := _quilted(directory):
        others = [path.name for path in files if path not in listed]
        more = ", ..." if len(others) > NAMED else ""
        left_out = (f"not in {directory / QUILT}, so not tested: {', '.join(others[:NAMED])}{more}",) if others else ()
        return Found(listed, is_ordered=True, notes=(f"in the order of {directory / QUILT}", *left_out))
    if files:
        return Found(tuple(files))
    mbox = _mails(directory)
    if not mbox:
        raise PatchUnreadable(
            f"{directory}: no *.patch or *.diff in this directory, and no mails",
            hint="patches have such names; a kernel's tree is given with --tree",
        )
    return Found(mbox=mbox)


def _quilted(directory: Path) -> tuple[Path, ...]:
    """The files that quilt's `series` names, without its comments and options (-p1)."""
    series = directory / QUILT
    if not series.is_file():
        return ()
    lines = bounded.read_bytes(series, MAX_SERIES_BYTES).decode("utf-8", "surrogateescape").splitlines()
    words = [re.sub(r"(^|\s)#.*", "", line).split() for line in lines]
    names = [line[0] for line in words if line]
    for name in names:
        path = directory / name
        if not real_path(path).is_relative_to(real_path(directory)) or not path.is_file():
            raise PatchUnreadable(
                f"{series}: {name} is not in this directory",
                hint="correct the file, or remove it",
            )
    return tuple(directory / name for name in names)


def _mails(directory: Path) -> bytes:
    """All mails of a directory, or of a maildir, as one mbox; empty if there are none."""
    places = [directory, *(directory / name for name in MAILDIR)]
    files = [path for place in places if place.is_dir() for path in sorted(place.iterdir()) if _may_be_mail(path)]
    if len(files) > MOST_MAILS:
        raise PatchUnreadable(f"{directory}: {counted(len(files), 'file')}", hint="save the thread of the series alone")
    contents: list[bytes] = []
    for path in files:
        left = MOST_MAIL_BYTES - sum(map(len, contents))
        if path.stat().st_size > left:
            raise PatchUnreadable(f"{directory}: too large for mails", hint="save the thread of the series alone")
        contents.append(bounded.read_bytes(path, left))
    return as_mbox(contents)


def _may_be_mail(path: Path) -> bool:
    return not path.name.startswith(".") and path.is_file()
