"""patches/: series and single patches by name, and the mutants beside them."""

from __future__ import annotations

import bz2
import errno
import gzip
import io
import lzma
import re
import signal
import tempfile
import zlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from orchestrator.declarations import patch_dir
from orchestrator.declarations.names import check_mutant_name
from orchestrator.errors import DownloadFailed, NotFound, PatchUnreadable, UsageError
from orchestrator.host import bounded
from orchestrator.host.process import Cancel, Command, Runner, find_program
from orchestrator.host.real_path import real_path
from orchestrator.model.series import Mutant, Origin, Place, Series
from orchestrator.parse.patches import mutant
from orchestrator.parse.patches.patch_name import (
    PatchName,
    patch_name,
    split_parts,
    thread_address,
    without_credentials,
)
from orchestrator.parse.patches.series import ALL, Choice, read_patches

MAX_PATCH_BYTES = 64 << 20
MOST_UNPACKED = 16 << 20  # of a compressed one: the biggest release candidates are less, and so are long threads
DOWNLOAD_S = 120.0
MUTANTS, HOLDOUT, DELAYS = "-mutants", "-holdout", "-delays"
NUMBERED = re.compile(r"\d+-")
COMPRESSED = re.compile(r"\.(gz|xz|bz2|zst)$")
ZSTD = b"\x28\xb5\x2f\xfd"
ARCHIVE = "https://lore.kernel.org/all"  # where messages are looked up unless the user names another archive
OPENERS: Mapping[bytes, Callable[[BinaryIO], io.BufferedIOBase]] = {
    b"\x1f\x8b": lambda stream: gzip.GzipFile(fileobj=stream),
    b"\xfd7zXZ\0": lzma.LZMAFile,
    b"BZh": bz2.BZ2File,
}  # by the first bytes of a file


def named_patches(root: Path) -> Mapping[str, Path]:
    """Patches by name: NAME.patch, a directory of numbered patches (a series), or COLLECTION/NAME.patch."""
    found = {path.stem: path for path in sorted(root.glob("*.patch"))}
    for directory in sorted({path.parent for path in root.glob("*/*.patch")}):
        if directory.name.endswith((MUTANTS, HOLDOUT)):
            continue
        inside = sorted(directory.glob("*.patch"))
        if all(NUMBERED.match(path.name) for path in inside):
            found[directory.name] = directory
        else:
            found.update({f"{directory.name}/{path.stem}": path for path in inside})
    return found


def absolute(patch: str) -> str:
    """What --patch names, so that it means the same from anywhere: a path is made absolute. Raises UsageError."""
    if exists(patch):
        return str(real_path(patch))
    name, only = split_parts(patch)
    return f"{real_path(name)}#{only}" if only and exists(name) else patch


def name_of(patch: str, known: Collection[str]) -> PatchName:
    """What --patch names. Raises PatchUnreadable, UsageError."""
    paths = [path for path in (patch, split_parts(patch)[0]) if exists(path)]
    if not paths and (target := _leads_nowhere(patch)):
        raise PatchUnreadable(f"{patch}: a symbolic link to {target}, which is not there", hint="mend or remove it")
    try:
        nearby = [path.name for path in Path(patch).parent.iterdir() if patch_dir.PATCH_FILE.search(path.name)]
    except (OSError, ValueError):
        nearby = []
    return patch_name(patch, paths, known, nearby)


def exists(path: str) -> bool:
    """Whether a text is a path of something."""
    try:
        return bool(path) and Path(path).exists()
    except (OSError, ValueError):  # too long a name, a NUL
        return False


def _leads_nowhere(patch: str) -> str:
    """What a symbolic link points to; empty where there is none."""
    try:
        return str(Path(patch).readlink())
    except (OSError, ValueError):
        return ""


def read_url(url: str, choice: Choice = ALL) -> Series:
    """The patches of an mbox or patch on the web, compressed or not. Raises PatchUnreadable, DownloadFailed."""
    data = _fetched(url)
    series = read_patches([(url, data)], url.rstrip("/").rpartition("/")[2], choice)
    return replace(series, origin=Origin(Place.WEB, without_credentials(url)))


def fetch_thread(archive: str, message_id: str) -> bytes:
    """The mails of a message's thread, as an mbox, from an archive that public-inbox serves. Raises DownloadFailed,
    PatchUnreadable."""
    url = thread_address(archive, message_id)
    try:
        return _fetched(url)
    except NotFound as error:
        raise DownloadFailed(
            f"{archive} has no message <{message_id}>",
            hint="is the message id right, and has the mail reached this archive yet? --archive URL names another one",
            detail=error.message,
        ) from error


def _fetched(url: str) -> bytes:
    from orchestrator.web.fetch import fetch_text  # here: what lists names and reads files needs no web client

    return unpacked(url, fetch_text(url, deadline_s=DOWNLOAD_S))


def read_thread(archive: str, message_id: str, data: bytes, choice: Choice = ALL) -> Series:
    """The series in the mails of a message's thread: the newest version, unless `choice` says another one. Raises
    PatchUnreadable."""
    url = thread_address(archive, message_id)
    series = read_patches([(url, data)], "", replace(choice, newest=True))
    name = re.sub(r"[^A-Za-z0-9._]+", "-", series.patches[0].subject).strip("-.")[:52] or "thread"
    return replace(series, name=name, origin=Origin(Place.ARCHIVE, message_id, without_credentials(archive)))


def read_series(path: Path, choice: Choice = ALL) -> Series:
    """The patches of a file, a directory of *.patch/*.diff/*.mbox or of mails, or an mbox, compressed or not.

    Raises PatchUnreadable.
    """
    try:
        found = patch_dir.find(path) if path.is_dir() else patch_dir.Found((path,))
    except OSError as error:
        raise PatchUnreadable(f"{error.filename or path}: {error.strerror}") from error
    contents = [(str(path), found.mbox)] if found.mbox else []
    for file in found.files:
        try:
            contents.append((str(file), unpacked(str(file), bounded.read_bytes(file, MAX_PATCH_BYTES))))
        except OSError as error:
            hint = "save it to a file first" if error.errno == errno.EINVAL else ""
            raise PatchUnreadable(f"{file}: {error.strerror}", hint=hint) from error
    name = path.name if path.is_dir() else Path(COMPRESSED.sub("", path.name)).stem
    series = read_patches(contents, name, choice, is_ordered=found.is_ordered)
    return replace(series, notes=(*found.notes, *series.notes), origin=Origin(Place.FILE, str(path)))


def unpacked(name: str, data: bytes) -> bytes:
    """What a gzip, xz, bzip2 or zstd file holds, and any other file as it is. Raises PatchUnreadable."""
    if data.startswith(ZSTD):
        return _unpacked_zstd(name, data)
    opener = next((opener for magic, opener in OPENERS.items() if data.startswith(magic)), None)
    if opener is None:
        return data
    try:
        with opener(io.BytesIO(data)) as stream:
            plain = stream.read(MOST_UNPACKED + 1)
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise PatchUnreadable(f"{name}: a damaged compressed file: {error}", hint="get it again") from error
    if len(plain) > MOST_UNPACKED:
        raise _too_large(name)
    return plain


def _too_large(name: str) -> PatchUnreadable:
    return PatchUnreadable(
        f"{name}: unpacked larger than {MOST_UNPACKED >> 20} MiB, which hardly any patch is",
        hint=f"if it is one: unpack it first; up to {MAX_PATCH_BYTES >> 20} MiB are read",
    )


def _unpacked_zstd(name: str, data: bytes) -> bytes:
    """By zstd(1), into a file that prlimit(1) keeps from growing: what it unpacks to can be without end."""
    if find_program("zstd") is None:
        raise PatchUnreadable(f"{name}: zstd is not installed", hint="apt-get install zstd, or decompress it first")
    with tempfile.TemporaryDirectory(prefix="orchestrate-zstd-") as scratch:
        packed, plain = Path(scratch) / "packed", Path(scratch) / "plain"
        packed.write_bytes(data)
        words = ("prlimit", f"--fsize={MOST_UNPACKED}", "--", "zstd", "-d", "-q", str(packed), "-o", str(plain))
        result = Runner(Cancel()).run(Command(words))
        if result.status == -signal.SIGXFSZ:
            raise _too_large(name)
        if result.status != 0:
            raise PatchUnreadable(f"{name}: a damaged compressed file: {result.tail(1)}", hint="get it again")
        return plain.read_bytes()


def read_mutants(directory: Path) -> tuple[Mutant, ...]:
    """The mutants of a directory, by name. Raises UsageError, BadDeclaration."""
    if not directory.is_dir():
        raise UsageError(f"{directory}: no such directory of mutants")
    paths = sorted(directory.glob("*.patch"))
    if not paths:
        raise UsageError(f"{directory}: no *.patch in this directory")
    for path in paths:
        check_mutant_name(path.stem, str(path))
    try:
        return tuple(mutant.parse(path.stem, bounded.read_bytes(path, bounded.DECLARATION)) for path in paths)
    except OSError as error:
        raise UsageError(f"{error.filename}: {error.strerror}") from error
