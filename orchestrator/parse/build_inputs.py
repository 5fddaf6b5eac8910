"""What a build reads, from what its tools say: files that it missed, and files that it names. Pure.

Paths in the tools' words are relative to the directory in which make ran or to the file that includes another; paths of
a tree are relative to its root.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Container, Iterable, Iterator

# gcc, make, cp, cat; dash says "cannot open ../x: No such file" alone
MISSING = re.compile(
    r"""(?<![^\s'":])(?P<file>[^\s'":]+)['"]?: No such file(?: or directory)?\b"""
    r"""|No rule to make target '(?P<target>[^'\n]+)'"""
)
CLIMB = re.compile(r"^(?:\.\./)+")
WORDS = re.compile(r"[^\s:|;=<>()\\]+")


def missed(log: str) -> tuple[str, ...]:
    """Files and directories that a build did not find, as its tools spell them."""
    return tuple(dict.fromkeys(match["file"] or match["target"] for match in MISSING.finditer(log)))


def roots_of(names: Iterable[str], paths: Iterable[str]) -> frozenset[str]:
    """The entries of a tree's root that hold what was missed: a directory with its slash, or a file.

    A name that climbs (../../../kernel/x.h) ends in a path from the root. One that does not climb was looked for in
    directories that are there, unless such a directory was missed itself.
    """
    wanted = {_from_root(name) for name in names} - {""}
    found = (path for path in paths if any(name in wanted for name in (path, *_directories(path))))
    return frozenset(f"{top}/" if slash else top for top, slash, _ in (path.partition("/") for path in found))


def _directories(path: str) -> Iterator[str]:
    """Those that a path lies in: a and a/b of a/b/c."""
    return (path[:at] for at, c in enumerate(path) if c == "/")


def named(text: str, directory: str, files: Container[str]) -> frozenset[str]:
    """The files that occur in a text, be it gcc's dependencies or make's own rules, spelled from `directory`."""
    spelled = (posixpath.normpath(posixpath.join(directory, word)) for word in set(WORDS.findall(text)))
    return frozenset(path for path in spelled if path in files)


def _from_root(name: str) -> str:
    """The part of a name after its climb; of a pattern of make, the directory that it looks in."""
    path = posixpath.normpath(name.partition("*")[0])
    path = CLIMB.sub("", path)
    return path if path not in (".", "..") and not path.startswith("/") else ""
