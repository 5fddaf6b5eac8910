"""What a command and its options are, as values: the parser, the completions and the man page are made of them."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from orchestrator.arguments.exit_status import USUAL, Statuses


@dataclass(frozen=True)
class Option:
    """An option, or an argument if its one flag has no hyphen. `keywords` are those of argparse's add_argument.

    `completes` says what a shell offers for its value: "file", "directory", or a kind of `orchestrate list`.
    `may_be_empty`: an empty text is a value too, and not what a variable that is not set makes of a script.
    """

    flags: tuple[str, ...]
    help: str
    completes: str = ""
    may_be_empty: bool = False
    keywords: Mapping[str, Any] = field(default_factory=dict)

    @property
    def spellings(self) -> tuple[str, ...]:
        """The flags, and `--no-dirty` beside `--dirty` if there are both."""
        if self.keywords.get("action") is not argparse.BooleanOptionalAction:
            return self.flags
        return (*self.flags, *(flag.replace("--", "--no-", 1) for flag in self.flags if flag.startswith("--")))

    @property
    def takes_value(self) -> bool:
        return self.keywords.get("action") not in ("store_true", "help", argparse.BooleanOptionalAction)


@dataclass(frozen=True)
class Group:
    """Options that --help shows under one title."""

    title: str
    options: tuple[Option, ...]


@dataclass(frozen=True)
class Command:
    """`summary` is its line in `orchestrate --help`, `description` what its own --help says first. `examples` are
    command lines with what each does."""

    name: str
    summary: str
    description: str
    examples: tuple[tuple[str, str], ...]
    arguments: tuple[Option, ...] = ()
    groups: tuple[Group, ...] = ()
    exit_status: Statuses = USUAL


def option(*flags: str, help: str, completes: str = "", may_be_empty: bool = False, **keywords: Any) -> Option:
    """An Option, written as a call of add_argument is."""
    return Option(flags, help, completes, may_be_empty, keywords)


def switch(*flags: str, help: str) -> Option:
    """An option without a value."""
    return Option(flags, help, keywords={"action": "store_true"})


def repeatable(*flags: str, help: str, completes: str = "", **keywords: Any) -> Option:
    """An option that may be given several times."""
    return Option(flags, help, completes, keywords={"action": "append", "default": [], **keywords})


def only(group: Group, *names: str) -> Group:
    """A group of which a command has only some options."""
    return Group(group.title, tuple(one for one in group.options if set(one.flags) & set(names)))


def plus(group: Group, options: Sequence[Option]) -> Group:
    """A group of which a command has more options."""
    return Group(group.title, (*group.options, *options))
