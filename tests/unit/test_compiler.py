"""Names of compilers: the same from one patch level, distribution and place to the next."""

from __future__ import annotations

import pytest

from orchestrator.parse.compiler import short_name


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("gcc (Debian 12.2.0-14+deb12u1) 12.2.0", "gcc-12"),
        ("gcc (GCC) 14.2.1 20240912 (Red Hat 14.2.1-3)", "gcc-14"),
        ("gcc-13 (Ubuntu 13.2.0-23ubuntu4) 13.2.0", "gcc-13"),
        ("x86_64-linux-gnu-gcc-12 (Debian 12.2.0-14) 12.2.0", "gcc-12"),
        ("/opt/cross/bin/aarch64-linux-gcc (GCC) 13.1.0", "gcc-13"),
        ("gcc (SUSE Linux) 7.5.0", "gcc-7"),
        ("Debian clang version 14.0.6", "clang-14"),
        ("clang version 17.0.0 (https://github.com/llvm/llvm-project 0a1b2c)", "clang-17"),
        ("gcc", "gcc"),
        ("", ""),
        ("tcc version of mine", "tcc-version-of-mine"),
    ],
)
def test_a_version_line_has_a_short_name(line: str, name: str) -> None:
    assert short_name(line) == name
