"""What a collection of the kernel's selftests runs, read from the tree's own Makefile and script. Pure.

tools/testing/selftests/mm has run_vmtests.sh (`CATEGORY="mmap" run_test ./map_populate`; without the category before
6.4); the programs of other collections are in their Makefile's TEST_GEN_PROGS, which kselftest's runner runs without
arguments.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

SCRIPT = "run_vmtests.sh"
_CALL = re.compile(r'^\s*(?:CATEGORY="?([\w-]+)"?\s+)?run_test\s+(\S.*)$', re.MULTILINE)
_CONTINUED = re.compile(r"\\\n\s*")
_PROGRAMS = re.compile(r"^\s*TEST_GEN_PROGS\s*(?::|\+|\?)?=(.*)$", re.MULTILINE)
_NAME = re.compile(r"[\w-]{1,100}")
_COMPUTED = re.compile(r"[$`*?;&|<>()]")  # what a shell would make something else of
MOST = 1000


@dataclass(frozen=True)
class Selftest:
    """A program and how it is called. `computed` says that the script computes its arguments, so they are not here."""

    program: str
    args: tuple[str, ...] = ()
    category: str = ""
    computed: bool = False


def selftests(makefile: str, script: str | None) -> tuple[Selftest, ...]:
    """In the order of the script, or of the Makefile where there is none; each call once. Of a program that is called
    with arguments that can be read, calls with others are left out. Shell scripts and what sudo starts are no
    programs that a guest could run, and are left out too."""
    found = _called(script) if script is not None else _made(makefile)
    readable = {test.program for test in found if not test.computed}
    return tuple(dict.fromkeys(test for test in found if not test.computed or test.program not in readable))[:MOST]


def _called(script: str) -> list[Selftest]:
    found = []
    for category, call in _CALL.findall(_CONTINUED.sub(" ", script)):
        program, _, rest = call.partition(" ")
        name = program.removeprefix("./")
        if program == name or not _NAME.fullmatch(name):
            continue
        args = rest.partition(" #")[0].strip()
        if _COMPUTED.search(args):
            found.append(Selftest(name, category=category, computed=True))
            continue
        try:
            found.append(Selftest(name, tuple(shlex.split(args)), category))
        except ValueError:  # a quotation that the next line closes
            found.append(Selftest(name, category=category, computed=True))
    return found


def _made(makefile: str) -> list[Selftest]:
    words = (word for line in _PROGRAMS.findall(_CONTINUED.sub(" ", makefile)) for word in line.split("#")[0].split())
    return [Selftest(word) for word in words if _NAME.fullmatch(word)]
