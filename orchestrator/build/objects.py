"""Single objects of a kernel: which ones a configuration has, how they are called, how one was compiled."""

from __future__ import annotations

import posixpath
import re
import shlex
import shutil
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path

from orchestrator.build.toolchain import Toolchain, build_error, make
from orchestrator.context import Context
from orchestrator.host.process import Command, Confined
from orchestrator.model.kernel import KernelConfig

# What make says of a directory's objects: "real-obj-y := mm/vma.o ..."; "lib-y := lib/sort.o ..."
OBJECTS = re.compile(r"^(?:real-obj-[ym]|lib-y) :?= *(.*)$", re.MULTILINE)
# and of the directories below: "subdir-ym := kernel/sched kernel/locking ..."
DIRECTORIES = re.compile(r"^subdir-ym :?= *(.*)$", re.MULTILINE)
# What Kbuild keeps beside an object: how it was made, and from what; kernels before 6.3 call the first cmd_
SAVED = re.compile(r"^(?:saved)?cmd_\S+ := (?P<command>.*)$", re.MULTILINE)
_SOURCE = re.compile(r"^source_\S+ := \.\./(\S+\.c)$", re.MULTILINE)
_INCLUDED = re.compile(r"(?<=\s\.\./)\S+\.h(?=\s)")
BEHIND_COMPILER = re.compile(r" (?:;|&&) ")


def object_of(source: str) -> str:
    return f"{posixpath.splitext(source)[0]}.o"


def configured_objects(context: Context, build: Path, directories: Iterable[str], arch: str) -> frozenset[str]:
    """The objects that the configuration of a build directory makes in some directories of the source; make itself
    would compile any other one, too. `arch` is a directory of the kernel's arch/."""

    bits = 64 if "\nCONFIG_64BIT=y\n" in (build / ".config").read_text() else 32  # some have names like head_$(BITS).o
    kbuild = build.parent / "Kbuild"
    top = kbuild.read_text() if kbuild.is_file() else ""

    @cache
    def said(directory: str) -> str:
        argv = ("make", "-rR", "-f", "../scripts/Makefile.build", f"obj={directory}", "srctree=..", "srcroot=..")
        more = ("objtree=.", "VPATH=..", f"SRCARCH={arch}", f"BITS={bits}", "--print-data-base", "--question")
        command = Command((*argv, *more), cwd=build, confined=Confined(writes=(build,), reads=(build.parent.parent,)))
        return context.runner.run(command).text

    def is_entered(directory: str) -> bool:
        """Whether each directory on the way down names the next one. Makefiles at the top and in arch/X name some too,
        and nobody is asked about these."""
        above = posixpath.dirname(directory)
        if above == "arch" or posixpath.dirname(above) == "arch" or (not above and f" {directory}/" not in top):
            return True
        lists = DIRECTORIES.findall(said(above or "."))
        below = {posixpath.normpath(name) for names in lists for name in names.split()}
        return (directory in below or not lists) and (not above or is_entered(above))

    return frozenset(
        name if "/" in name else f"{directory}/{name}"
        for directory in filter(is_entered, sorted(set(directories)))
        for line in OBJECTS.findall(said(directory))
        for name in line.split()
    )


def compile_sources(
    context: Context,
    build: Path,
    files: Sequence[str],
    config: KernelConfig,
    toolchain: Toolchain,
    lock: int,
    log: Path,
) -> Mapping[str, tuple[str, ...]]:
    """Compile the C sources among some files of a tree. How the compiler was called, by source; nothing for sources
    that this configuration leaves out. Raises BuildFailed, CommandFailed and ToolMissing."""

    def run_make(*targets: str) -> None:
        command = make(build.parent, build, *targets, toolchain=toolchain, places=context.places)
        result = context.runner.run(command, log=log, holding=lock)
        if result.status != 0:
            raise build_error(result, result.text, log)

    build.mkdir(exist_ok=True)
    current = build / ".config"
    if not current.exists() or current.read_bytes() != config.path.read_bytes():
        shutil.copyfile(config.path, current)  # otherwise leave its time: make would look at every object
    run_make("prepare")
    sources = [name for name in files if name.endswith(".c") and (build.parent / name).is_file()]
    ours = configured_objects(context, build, [posixpath.dirname(name) for name in sources], toolchain.source)
    compiled = [name for name in sources if object_of(name) in ours]
    if compiled:
        run_make(*(object_of(name) for name in compiled))
    return {name: saved_command(build, object_of(name)) for name in compiled}


def saved_command(build: Path, name: str) -> tuple[str, ...]:
    """How the compiler was called for an object, without ccache; empty if the object was not compiled."""
    match = SAVED.search(_saved(build, name))
    if match is None:
        return ()
    command = BEHIND_COMPILER.split(match["command"])[0].replace("$(pound)", "#").replace("$$", "$")
    words = shlex.split(command)
    return tuple(words[1:] if words and posixpath.basename(words[0]) == "ccache" else words)


def is_made_from(build: Path, name: str, source: str) -> bool:
    """Whether an object includes a file of the source tree."""
    return re.search(rf"(?:^|\s)(?:\.\./)?{re.escape(source)}(?:\s|$)", _saved(build, name)) is not None


def made_from(build: Path, files: Collection[str]) -> Mapping[str, set[str]]:
    """By source of an object that the build directory has: which of some files of the source tree it includes."""
    found: dict[str, set[str]] = {}
    for path in build.rglob(".*.o.cmd"):
        text = path.read_text(errors="surrogateescape")
        source = _SOURCE.search(text)
        if source and (included := set(_INCLUDED.findall(text)).intersection(files)):
            found[source[1]] = included
    return found


def _saved(build: Path, name: str) -> str:
    directory, base = posixpath.split(name)
    try:
        return (build / directory / f".{base}.cmd").read_text(errors="surrogateescape")
    except FileNotFoundError:
        return ""
