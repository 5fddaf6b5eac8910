"""The files of a run that its page links to. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class RunFiles:
    """What of the run directory goes into the page: the patches in their order, the texts of files by their path, and
    which paths are there to be linked to."""

    patches: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)
    texts: Mapping[str, str] = field(default_factory=dict, repr=False)
    is_there: Callable[[str], bool] = lambda _: False


@dataclass(frozen=True)
class Link:
    """A file of the run. `is_there` is false for one that this machine does not have: its name alone is shown."""

    words: str
    path: str
    is_there: bool


def those_there(files: RunFiles, *named: tuple[str, str]) -> tuple[Link, ...]:
    """Those of the files that are there."""
    return tuple(one for one in links(files, named) if one.is_there)


def links(files: RunFiles, named: Iterable[tuple[str, str]]) -> tuple[Link, ...]:
    """Of pairs of words and path; an empty path is no file."""
    return tuple(link(files, words, path) for words, path in named if path)


def link(files: RunFiles, words: str, path: str) -> Link:
    """Of one file."""
    return Link(words, path, files.is_there(path))
