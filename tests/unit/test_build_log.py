"""A build log tells whose fault it is: the patch for compiler errors, the host for a killed compiler."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.build.toolchain import build_error, first_error
from orchestrator.errors import BuildFailed, CommandFailed, OrchestrateError, ToolMissing
from orchestrator.host.process import Command, CommandResult

COMPILE = """\
  CC      mm/memory.o
../mm/mmap.c: In function 'do_brk_flags':
../mm/mmap.c:1845:9: error: 'heap_vmas' undeclared (first use in this function)
 1845 |         heap_vmas++;
      |         ^~~~~~~~~
make[3]: *** [../scripts/Makefile.build:229: mm/mmap.o] Error 1
"""


def error_of(log: str, status: int = 2) -> OrchestrateError:
    result = CommandResult(Command(("make",)), status, log.encode(), b"", 1.0)
    return build_error(result, log, Path("/logs/build.log"))


def test_the_first_error_is_named_with_its_place_in_the_source() -> None:
    error = error_of(COMPILE)
    assert isinstance(error, BuildFailed)
    assert "mm/mmap.c:1845:9: 'heap_vmas' undeclared" in error.message
    assert "heap_vmas++;" in error.detail


@pytest.mark.parametrize(
    ("log", "where"),
    [
        ("ld: mm/memory.o: in function `f':\nmemory.c:(.text+0x1): undefined reference to `g'\n", "link"),
        ('ERROR: modpost: "x" [mm/y.ko] undefined!\n', "link"),
        ("../mm/a.c:1:10: fatal error: linux/none.h: No such file or directory\n", "mm/a.c:1:10"),
    ],
)
def test_link_errors_and_missing_headers_are_found(log: str, where: str) -> None:
    found = first_error(log)
    assert found
    assert found[0] == where


@pytest.mark.parametrize(
    "line",
    [
        "gcc: fatal error: Killed signal terminated program cc1",
        "cc1: out of memory allocating 65536 bytes: virtual memory exhausted: Cannot allocate memory",
        "/tmp/ccX.s: fatal error: error writing to /tmp/ccX.o: No space left on device",
        "../mm/a.c:1:1: internal compiler error: Segmentation fault",
        "collect2: fatal error: ld terminated with signal 9 [Killed]",
    ],
)
def test_a_compiler_that_the_host_killed_is_not_the_patchs_fault(line: str) -> None:
    error = error_of(f"  CC      mm/a.o\n{line}\nmake: *** Error 1\n")
    assert isinstance(error, CommandFailed)
    assert not isinstance(error, BuildFailed)


def test_a_missing_tool_of_the_host_is_named() -> None:
    assert isinstance(error_of("/bin/sh: 1: flex: not found\nmake: *** Error 127\n"), ToolMissing)
    assert isinstance(error_of("make: *** killed\n", status=-9), CommandFailed)
