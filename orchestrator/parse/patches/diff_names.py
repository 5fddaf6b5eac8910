"""Names of files in diffs: how they are written, and how many of their directories are not the kernel tree's. Pure."""

from __future__ import annotations

import re

# What lies at the top of a kernel tree: tells `mm/mmap.c` (nothing to strip) from `linux-6.12/mm/mmap.c` (one).
TOP_LEVEL = frozenset({
    "arch", "block", "certs", "crypto", "debian", "Documentation", "drivers", "fs", "include", "init",
    "io_uring", "ipc", "kernel", "lib", "LICENSES", "mm", "net", "rust", "samples", "scripts", "security",
    "sound", "tools", "usr", "virt", "COPYING", "CREDITS", "Kbuild", "Kconfig", "MAINTAINERS", "Makefile",
    "README",
})  # fmt: skip
_PREFIXES = frozenset({"a", "b", "i", "w", "c", "o", "."})  # git's own, with diff.mnemonicPrefix, and ./
_ESCAPES = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"a": b"\a", b"b": b"\b", b"f": b"\f", b"v": b"\v"}


def strip_level(name: str) -> int:
    """How many leading directories of `name` are not of the kernel tree: 0 or 1."""
    parts = name.split("/")
    if len(parts) == 1 or parts[0] in TOP_LEVEL:
        return 0
    return int(parts[0] in _PREFIXES or parts[1] in TOP_LEVEL or parts[1].startswith("."))


def from_the_top(line: bytes) -> bytes:
    """`--- ../linux/mm/mmap.c` as `--- linux/mm/mmap.c`: where diff ran is of no matter."""
    name = line[4:].decode("utf-8", "surrogateescape")
    inside = re.sub(r"^(?:\.{1,2}/)+", "", name)
    parts = inside.split("/")
    is_outer = len(parts) > 2 and parts[0] not in TOP_LEVEL and parts[1] in TOP_LEVEL
    return line[:4] + inside.encode("utf-8", "surrogateescape") if is_outer else line


def stripped(name: str) -> str:
    """The name without its first directory."""
    return name.partition("/")[2]


def with_prefix(prefix: bytes, name: str) -> bytes:
    """`a/mm/mmap.c` as git writes it: quoted where it has to be."""
    text = prefix + name.encode("utf-8", "surrogateescape")
    if any(byte < 0x20 or byte in b'"\\' for byte in text):
        escaped = b"".join(b"\\%03o" % byte if byte < 0x20 or byte in b'"\\' else bytes([byte]) for byte in text)
        return b'"' + escaped + b'"'
    return text


def name_and_rest(text: bytes) -> tuple[str, bytes]:
    """The name of a `---` or `+++` line, and what follows it (a time, with its tab)."""
    if text.startswith(b'"'):
        end = _closing_quote(text)
        return unquoted(text[: end + 1]), text[end + 1 :]
    name, tab, rest = text.partition(b"\t")
    if not tab:  # git and diff put a tab behind a name with spaces: these here came on the way
        name = name.rstrip()
    return name.decode("utf-8", "surrogateescape"), tab + rest


def names_of_git(text: bytes) -> tuple[str, str]:
    """Old and new name of a `diff --git` line as written, ("", "") where they cannot be told apart."""
    if text.startswith(b'"'):
        end = _closing_quote(text)
        return unquoted(text[: end + 1]), unquoted(text[end + 2 :])
    if text.endswith(b'"') and b' "' in text:
        old, _, new = text.partition(b' "')
        return old.decode("utf-8", "surrogateescape"), unquoted(b'"' + new)
    name = text.decode("utf-8", "surrogateescape")
    if name.count(" ") == 1:
        old_name, _, new_name = name.partition(" ")
        return old_name, new_name
    middle = len(name) // 2
    old_name, new_name = name[:middle], name[middle + 1 :]
    same = old_name == new_name or stripped(old_name) == stripped(new_name)
    return (old_name, new_name) if name[middle : middle + 1] == " " and same else ("", "")


def _closing_quote(text: bytes) -> int:
    at = 1
    while at < len(text) and text[at : at + 1] != b'"':
        at += 2 if text[at : at + 1] == b"\\" else 1
    return at


def unquoted(text: bytes) -> str:
    """A name as git writes it: C-quoted when it has special characters."""
    text = text.rstrip(b"\r")
    if text.startswith(b'"') and text.endswith(b'"') and len(text) > 1:
        text = re.sub(
            rb"\\([0-3][0-7]{2}|.)",
            lambda m: bytes([int(m[1], 8)]) if len(m[1]) == 3 else _ESCAPES.get(m[1], m[1]),
            text[1:-1],
        )
    return text.decode("utf-8", "surrogateescape")
