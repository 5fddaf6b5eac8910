"""packages of the distribution -> an image that guests mount read-only.

Made without root: packages are downloaded and unpacked, not installed, and EROFS images are written from a directory.
Its name is made of the packages' versions, so that an upgrade of one makes another image.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from orchestrator.build.product import Product
from orchestrator.context import Context
from orchestrator.errors import CommandFailed, ToolMissing
from orchestrator.host.process import Command
from orchestrator.model.case import Userland
from orchestrator.storage.store import key
from orchestrator.words import counted

IMAGE = "image.erofs"
MOUNT_POINTS = ("proc", "sys", "dev", "tmp", "run")
LAYOUT = 1  # raise when the image would differ for the same packages
DOWNLOAD_S = 300.0
# 'http://…/stress-ng_0.15.06-2_amd64.deb' stress-ng_0.15.06-2_amd64.deb 2377640 SHA256:…
URI = re.compile(r"^'[^']+' (?P<file>\S+\.deb) \d+ (?P<hash>\S*)$", re.MULTILINE)
NEEDED = re.compile(r"\(NEEDED\)\s+Shared library: \[(?P<name>[^\]]+)\]")
LOADER = "ld-linux"  # found by its path, not by a search


def userland(context: Context, wanted: Userland) -> Product[Path]:
    """The image. Raises CommandFailed when packages cannot be had or lack a library, ToolMissing without mkfs.erofs."""
    if shutil.which("mkfs.erofs") is None:
        raise ToolMissing(
            "mkfs.erofs is not installed: it makes the guest's userland", hint="apt-get install erofs-utils"
        )
    files = _files(context, wanted)
    product_key = key("userland", packages=files, drop=wanted.drop, layout=LAYOUT)
    note = f"{wanted.name}: {counted(len(files), 'package')}"
    if found := context.store.get("userland", product_key):
        return Product(found / IMAGE, cached=True, note=note)

    def fill(scratch: Path) -> None:
        root, packages = scratch / "root", scratch / "packages"
        for directory in (root, packages):
            directory.mkdir()
        download = Command(("apt-get", "download", *wanted.packages), cwd=packages)
        result = context.runner.run(download, timeout_s=DOWNLOAD_S)
        if result.status != 0:
            raise CommandFailed("packages of the guest's userland cannot be downloaded", detail=result.tail())
        for package in sorted(packages.glob("*.deb")):
            context.runner.check(Command(("dpkg-deb", "--extract", os.fspath(package), os.fspath(root))))
        _trim(root, wanted)
        if missing := sorted(set(_missing(context, root))):
            raise CommandFailed(
                f"the userland {wanted.name} lacks libraries: {', '.join(missing)}",
                hint=f"name their packages in data/userlands/{wanted.name}.toml (apt-file search says which)",
            )
        fixed = ("-T0", "-U00000000-0000-0000-0000-000000000000", "--all-root")  # the same packages, the same image
        context.runner.check(Command(("mkfs.erofs", *fixed, os.fspath(scratch / IMAGE), os.fspath(root))))
        for directory in (root, packages):
            shutil.rmtree(directory)

    made = context.store.put("userland", product_key, fill)
    return Product(made / IMAGE, cached=False, note=note)


def _files(context: Context, wanted: Userland) -> list[str]:
    """Name, version and hash of each package, as the package lists of this host have them."""
    command = Command(("apt-get", "download", "--print-uris", *wanted.packages))
    result = context.runner.run(command, timeout_s=DOWNLOAD_S)
    found = [f"{match['file']} {match['hash']}" for match in URI.finditer(result.text)]
    if result.status != 0 or len(found) != len(wanted.packages):
        raise CommandFailed(
            "packages of the guest's userland are not in the package lists", detail=result.tail(), hint="apt-get update"
        )
    return sorted(found)


def _trim(root: Path, wanted: Userland) -> None:
    for name in wanted.drop:
        shutil.rmtree(root / name, ignore_errors=True)
    for name in MOUNT_POINTS:
        (root / name).mkdir(exist_ok=True)


def _missing(context: Context, root: Path) -> Iterator[str]:
    """Libraries that a program or a library in the image needs and that are not in it."""
    objects = [path for path in root.rglob("*") if path.is_file() and not path.is_symlink() and _is_elf(path)]
    have = {path.name for path in root.rglob("*.so*")}
    dynamic = context.runner.run(Command(("readelf", "--dynamic", *map(os.fspath, objects)))).text
    for match in NEEDED.finditer(dynamic):
        if match["name"] not in have and not match["name"].startswith(LOADER):
            yield match["name"]


def _is_elf(path: Path) -> bool:
    with path.open("rb") as handle:
        return handle.read(4) == b"\x7fELF"
