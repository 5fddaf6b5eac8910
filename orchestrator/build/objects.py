"""Single objects of a kernel: which ones a configuration has, how they are called, how one was compiled."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterable
from pathlib import Path

from orchestrator.context import Context
from orchestrator.process import Command

# What make says of a directory's objects: "real-obj-y := mm/vma.o ..."; "lib-y := lib/sort.o ..."
OBJECTS = re.compile(r"^(?:real-obj-[ym]|lib-y) :?= *(.*)$", re.MULTILINE)
# What Kbuild keeps beside an object: how it was made, and from what; kernels before 6.3 call the first cmd_
SAVED = re.compile(r"^(?:saved)?cmd_\S+ := (?P<command>.*)$", re.MULTILINE)
BEHIND_COMPILER = re.compile(r" (?:;|&&) ")


def object_of(source: str) -> str:
    return f"{posixpath.splitext(source)[0]}.o"


def configured_objects(context: Context, build: Path, directories: Iterable[str]) -> frozenset[str]:
    """The objects that the configuration of a build directory makes in some directories of the source; make itself
    would compile any other one, too."""
    found: set[str] = set()
    for directory in sorted(set(directories)):
        argv = ("make", "-rR", "-f", "../scripts/Makefile.build", f"obj={directory}", "srctree=..", "srcroot=..")
        more = ("objtree=.", "VPATH=..", "SRCARCH=x86", "--print-data-base", "--question")
        text = context.runner.run(Command((*argv, *more), cwd=build)).text
        found |= {
            word if "/" in word else f"{directory}/{word}" for line in OBJECTS.findall(text) for word in line.split()
        }
    return frozenset(found)


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


def _saved(build: Path, name: str) -> str:
    directory, base = posixpath.split(name)
    try:
        return (build / directory / f".{base}.cmd").read_text(errors="surrogateescape")
    except FileNotFoundError:
        return ""
