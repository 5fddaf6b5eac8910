"""busybox and dropbear for an architecture other than the host's, with their libraries, from Debian packages.

apt gets a state of its own in a scratch directory, in which nothing is installed and the host is of that architecture:
so it needs no root, leaves the host's dpkg as it is, and finds the packages that these depend on by itself. The
repositories are the host's own; where they have nothing of the architecture, the suite of data/archs at the same place.
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
from orchestrator.guest.initramfs import Userland
from orchestrator.host.process import Command
from orchestrator.model.arch import Arch
from orchestrator.parse.busybox import applets_of
from orchestrator.storage.store import key

PACKAGES = ("busybox-static", "dropbear-bin")
BUSYBOX, DROPBEAR = "busybox", "dropbear"
LAYOUT = 1  # raise when the product would differ for the same packages
DOWNLOAD_S = 300.0
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
INTERPRETER = re.compile(r"\[Requesting program interpreter: (?P<path>/[^\]]+)\]")
NEEDED = re.compile(r"\(NEEDED\)\s+Shared library: \[(?P<name>[^\]]+)\]")
_CONFIG = """\
APT::Architecture "{arch}";
APT::Architectures {{ "{arch}"; }};
APT::Get::List-Cleanup "false";
Dir::State "{home}/state";
Dir::State::status "{home}/status";
Dir::Cache "{home}/cache";
{sources}"""
_OTHER_SOURCES = 'Dir::Etc::sourcelist "{home}/sources.list";\nDir::Etc::sourceparts "/dev/null";\n'


def foreign_userland(context: Context, arch: Arch) -> Userland:
    """What a guest of another architecture is made of besides programs of ours. It is made once, and kept until the
    store drops it. Raises ToolMissing without apt and dpkg, CommandFailed when the packages cannot be had."""
    return _read(_files(context, arch).value)


def _files(context: Context, arch: Arch) -> Product[Path]:
    product_key = key("foreign", arch=arch.name, debian=arch.debian, suite=arch.suite, packages=PACKAGES, layout=LAYOUT)
    if found := context.store.get("foreign", product_key):
        return Product(found, cached=True)
    for program in ("apt-get", "dpkg-deb", "readelf"):
        if shutil.which(program) is None:
            raise ToolMissing(
                f"{program} is not installed: guests of {arch.name} are made of Debian's busybox and dropbear",
                hint="on a host of that family; elsewhere there is no userland for them yet",
            )

    def fill(scratch: Path) -> None:
        root, apt = scratch / "root", scratch / "apt"
        root.mkdir()
        for package in _download(context, arch, apt):
            context.runner.check(Command(("dpkg-deb", "--extract", os.fspath(package), os.fspath(root))))
        for name, path in _wanted(context, root):
            (scratch / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, scratch / name)
        for directory in (root, apt):
            shutil.rmtree(directory)

    return Product(context.store.put("foreign", product_key, fill), cached=False)


def _read(product: Path) -> Userland:
    busybox = (product / BUSYBOX).read_bytes()
    libraries = product / "libraries"
    return Userland(
        busybox=busybox,
        applets=applets_of(busybox),
        dropbear=(product / DROPBEAR).read_bytes(),
        libraries={
            f"/{path.relative_to(libraries)}": path.read_bytes()
            for path in sorted(libraries.rglob("*"))
            if path.is_file()
        },
    )


def _download(context: Context, arch: Arch, home: Path) -> list[Path]:
    """The packages and all that they depend on. Raises CommandFailed."""
    sources = [""]
    if arch.suite and (lines := _sources(context, arch.suite)):
        sources.append("\n".join(lines))
    said = ""
    for lines_ in sources:
        said = _try(context, arch, home, lines_)
        if not said:
            return sorted((home / "cache/archives").glob("*.deb"))
    raise CommandFailed(
        f"Debian's {' and '.join(PACKAGES)} of {arch.debian}, of which guests of {arch.name} are made, cannot be had",
        detail=said,
        hint="the host's apt sources must reach a Debian repository that has them",
    )


def _try(context: Context, arch: Arch, home: Path, sources: str) -> str:
    """Why the packages could not be downloaded from some sources (those of the host where there are none); empty if
    they are in the archives."""
    shutil.rmtree(home, ignore_errors=True)
    for name in ("state/lists/partial", "cache/archives/partial"):
        (home / name).mkdir(parents=True)
    (home / "status").touch()
    (home / "sources.list").write_text(f"{sources}\n")
    others = _OTHER_SOURCES.format(home=home) if sources else ""
    (home / "apt.conf").write_text(_CONFIG.format(arch=arch.debian, home=home, sources=others))
    env = (("APT_CONFIG", os.fspath(home / "apt.conf")), ("DEBIAN_FRONTEND", "noninteractive"))
    for words in (
        ("update", "--quiet"),
        ("install", "--quiet", "--yes", "--download-only", "--no-install-recommends", *PACKAGES),
    ):
        result = context.runner.run(Command(("apt-get", *words), env=env), timeout_s=DOWNLOAD_S)
        if result.status != 0:
            return result.tail()
    return ""


def _sources(context: Context, suite: str) -> list[str]:
    """A suite at each place from which the host has Debian's own packages, with Debian's keys."""
    command = Command(("apt-get", "indextargets", "--format", "$(ORIGIN) $(SITE) $(COMPONENT)", "Created-By: Packages"))
    rows = (line.split() for line in context.runner.run(command).text.splitlines())
    sites = [row[1] for row in rows if len(row) == 3 and row[0] == "Debian" and row[2] == "main"]
    signed = f"[signed-by={KEYRING}] " if KEYRING.exists() else ""
    return [f"deb {signed}{site} {suite} main" for site in dict.fromkeys(sites) if not site.endswith("-security")]


def _wanted(context: Context, root: Path) -> Iterator[tuple[str, Path]]:
    """The files to keep, by their names in the product. Raises CommandFailed where one is not there."""
    yield BUSYBOX, _program(root, "bin/busybox")
    dropbear = _program(root, "sbin/dropbear")
    yield DROPBEAR, dropbear
    have = {path.name: path for path in sorted(root.rglob("*.so*")) if path.is_file()}
    header = context.runner.check(Command(("readelf", "--program-headers", "--wide", os.fspath(dropbear)))).text
    if interpreter := INTERPRETER.search(header):
        name = Path(interpreter["path"]).name
        yield f"libraries{interpreter['path']}", _library(have, name)
    todo, seen = [dropbear], set[str]()
    while todo:
        dynamic = context.runner.check(Command(("readelf", "--dynamic", "--wide", os.fspath(todo.pop())))).text
        for match in NEEDED.finditer(dynamic):
            if match["name"] not in seen:
                seen.add(match["name"])
                path = _library(have, match["name"])
                todo.append(path)
                # where its loader looks, with or without a merged /usr
                yield f"libraries/{os.fspath(path.relative_to(root)).removeprefix('usr/')}", path


def _program(root: Path, name: str) -> Path:
    found = next((path for path in (root / name, root / "usr" / name) if path.is_file()), None)
    if found is None:
        raise CommandFailed(f"Debian's {' and '.join(PACKAGES)} have no {name}")
    return found


def _library(have: dict[str, Path], name: str) -> Path:
    if name not in have:
        raise CommandFailed(f"the packages on which Debian's dropbear-bin depends have no {name}")
    return have[name]
