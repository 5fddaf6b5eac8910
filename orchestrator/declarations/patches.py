"""patches/: series and single patches by name, and the mutants beside them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from orchestrator.declarations.names import check_mutant_name
from orchestrator.errors import PatchUnreadable, UsageError
from orchestrator.fetch import fetch_text
from orchestrator.model.series import Mutant, Series
from orchestrator.parse import mutant
from orchestrator.parse.series import read_patches

MAX_PATCH_BYTES = 64 << 20
DOWNLOAD_S = 120.0
MUTANTS, DELAYS = "-mutants", "-delays"
NUMBERED = re.compile(r"\d+-")


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


def read_url(url: str) -> Series:
    """The patches of an mbox or patch on the web, gzip or not. Raises PatchUnreadable, DownloadFailed."""
    return read_patches([(url, fetch_text(url, deadline_s=DOWNLOAD_S))], url.rstrip("/").rpartition("/")[2])


def read_series(path: Path) -> Series:
    """The patches of a file, a directory of *.patch/*.diff, or an mbox. Raises PatchUnreadable."""
    if path.is_dir():
        files = sorted(p for p in path.iterdir() if p.suffix in (".patch", ".diff", ".mbox") and p.is_file())
        if not files:
            raise PatchUnreadable(f"{path}: no *.patch or *.diff in this directory")
    else:
        files = [path]
    contents = []
    for file in files:
        try:
            if file.stat().st_size > MAX_PATCH_BYTES:
                raise PatchUnreadable(f"{file}: larger than {MAX_PATCH_BYTES >> 20} MiB, which no patch is")
            contents.append((str(file), file.read_bytes()))
        except OSError as error:
            raise PatchUnreadable(f"{file}: {error.strerror}") from error
    return read_patches(contents, path.name if path.is_dir() else path.stem)


def read_mutants(directory: Path) -> tuple[Mutant, ...]:
    """The mutants of a directory, by name. Raises UsageError, BadDeclaration."""
    if not directory.is_dir():
        raise UsageError(f"{directory}: no such directory of mutants")
    paths = sorted(directory.glob("*.patch"))
    if not paths:
        raise UsageError(f"{directory}: no *.patch in this directory")
    for path in paths:
        check_mutant_name(path.stem, str(path))
    return tuple(mutant.read(path.stem, path.read_bytes()) for path in paths)
