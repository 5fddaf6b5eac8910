"""What is known of a compiler and its work from the lines that it and Kbuild print. Pure."""

from __future__ import annotations

import re

# `gcc (Debian 12.2.0-14+deb12u1) 12.2.0`, `x86_64-linux-gnu-gcc-12 (...) 12.2.0`, `Debian clang version 14.0.6`
_NAME = re.compile(r"(?:^|[\s/-])(gcc|clang|g\+\+|clang\+\+)(?=$|[\s(-])")
_VERSION = re.compile(r"(?:^|\s)(\d+)(?:\.\d+)+")
COMPILED = "\n  CC "  # how Kbuild begins the line of an object
_COMMENT = re.compile(r"\([^()]*\)")


def short_name(version_line: str) -> str:
    """`gcc-12`: the compiler and its major version. What is no version line known here is kept in so far as a name can
    hold it."""
    name, version = _NAME.search(version_line), _VERSION.search(_COMMENT.sub("", version_line))
    if name is None:
        return re.sub(r"[^\w+-]+", "-", version_line).strip("-")
    return f"{name[1]}-{version[1]}" if version else name[1]
