"""patches/: series and single patches by name, and the mutants beside them."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

from orchestrator.declarations.names import check_mutant_name
from orchestrator.errors import PatchUnreadable, UsageError
from orchestrator.fetch import fetch_text
from orchestrator.model.series import Mutant, Series
from orchestrator.parse import mutant
from orchestrator.parse.series import Parts, read_patches

MAX_PATCH_BYTES = 64 << 20
DOWNLOAD_S = 120.0
MUTANTS, DELAYS = "-mutants", "-delays"
NUMBERED = re.compile(r"\d+-")
PARTS = re.compile(r"#(?P<first>\d+)(?:-(?P<last>\d+))?/(?P<total>\d+)$")
PATCH_FILE = re.compile(r"\.(patch|diff|mbox)(\.(gz|xz|bz2))?$")
COMPRESSED = re.compile(r"\.(gz|xz|bz2)$")
OPENERS: Mapping[bytes, Callable[[BinaryIO], io.BufferedIOBase]] = {
    b"\x1f\x8b": lambda stream: gzip.GzipFile(fileobj=stream),
    b"\xfd7zXZ\0": lzma.LZMAFile,
    b"BZh": bz2.BZ2File,
}  # by the first bytes of a file


def named_patches(root: Path) -> Mapping[str, Path]:
    """Patches by name: NAME.patch, a directory of numbered patches (a series), or COLLECTION/NAME.patch."""
    found = {path.stem: path for path in sorted(root.glob("*.patch"))}
    for directory in sorted({path.parent for path in root.glob("*/*.patch")}):
        if directory.name.endswith(MUTANTS):
            continue
        inside = sorted(directory.glob("*.patch"))
        if all(NUMBERED.match(path.name) for path in inside):
            found[directory.name] = directory
        else:
            found.update({f"{directory.name}/{path.stem}": path for path in inside})
    return found


def split_parts(patch: str) -> tuple[str, Parts | None]:
    """What --patch names, and which parts of it alone: t.mbox#12/345, t.mbox#3-5/9. Raises UsageError."""
    match = PARTS.search(patch)
    if match is None:
        return patch, None
    first, last, total = int(match["first"]), int(match["last"] or match["first"]), int(match["total"])
    if not 1 <= first <= last <= total:
        raise UsageError(f"--patch {patch}: there is no part {match[0][1:]}")
    return patch[: match.start()], Parts(range(first, last + 1), total)


def absolute(patch: str) -> str:
    """What --patch names, so that it means the same from anywhere: a path is made absolute. Raises UsageError."""
    if Path(patch).exists():
        return str(Path(patch).resolve())
    name, only = split_parts(patch)
    return f"{Path(name).resolve()}#{only}" if only and Path(name).exists() else patch


def read_url(url: str, only: Parts | None = None) -> Series:
    """The patches of an mbox or patch on the web, compressed or not. Raises PatchUnreadable, DownloadFailed."""
    data = unpacked(url, fetch_text(url, deadline_s=DOWNLOAD_S))
    return read_patches([(url, data)], url.rstrip("/").rpartition("/")[2], only)


def read_series(path: Path, only: Parts | None = None) -> Series:
    """The patches of a file, a directory of *.patch/*.diff/*.mbox, or an mbox, compressed or not.

    Raises PatchUnreadable.
    """
    if path.is_dir():
        files = sorted(p for p in path.iterdir() if PATCH_FILE.search(p.name) and p.is_file())
        if not files:
            raise PatchUnreadable(f"{path}: no *.patch or *.diff in this directory")
    else:
        files = [path]
    contents = []
    for file in files:
        try:
            if file.stat().st_size > MAX_PATCH_BYTES:
                raise PatchUnreadable(f"{file}: larger than {MAX_PATCH_BYTES >> 20} MiB, which no patch is")
            contents.append((str(file), unpacked(str(file), file.read_bytes())))
        except OSError as error:
            raise PatchUnreadable(f"{file}: {error.strerror}") from error
    return read_patches(contents, path.name if path.is_dir() else Path(COMPRESSED.sub("", path.name)).stem, only)


def unpacked(name: str, data: bytes) -> bytes:
    """What a gzip, xz or bzip2 file holds, and any other file as it is. Raises PatchUnreadable."""
    opener = next((opener for magic, opener in OPENERS.items() if data.startswith(magic)), None)
    if opener is None:
        return data
    try:
        with opener(io.BytesIO(data)) as stream:
            plain = stream.read(MAX_PATCH_BYTES + 1)
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise PatchUnreadable(f"{name}: a damaged compressed file: {error}", hint="get it again") from error
    if len(plain) > MAX_PATCH_BYTES:
        raise PatchUnreadable(f"{name}: unpacked larger than {MAX_PATCH_BYTES >> 20} MiB, which no patch is")
    return plain


def read_mutants(directory: Path) -> tuple[Mutant, ...]:
    """The mutants of a directory, by name. Raises UsageError, BadDeclaration."""
    if not directory.is_dir():
        raise UsageError(f"{directory}: no such directory of mutants")
    paths = sorted(directory.glob("*.patch"))
    if not paths:
        raise UsageError(f"{directory}: no *.patch in this directory")
    for path in paths:
        check_mutant_name(path.stem, str(path))
    return tuple(mutant.parse(path.stem, path.read_bytes()) for path in paths)
