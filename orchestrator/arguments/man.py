"""The man page in roff (man(7)), made from the commands."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator import __version__
from orchestrator.arguments.command import Command, Group, Option
from orchestrator.arguments.commands import COMMANDS
from orchestrator.arguments.parser import DESCRIPTION, PROGRAM, usage


def man_page() -> str:
    return "".join(f"{line}\n" for line in _lines())


def _lines() -> Iterator[str]:
    yield f'.TH {PROGRAM.upper()} 1 "" "{PROGRAM} {__version__}" "User Commands"'
    yield from (".SH NAME", rf"{PROGRAM} \- test a Linux mm patch in virtual machines")
    yield from (".SH SYNOPSIS", f".B {PROGRAM}", r".I COMMAND", r"[\fIOPTION\fR]...")
    yield from (".SH DESCRIPTION", _text(DESCRIPTION))
    yield ".SH COMMANDS"
    for command in COMMANDS:
        yield from (".TP", rf"\fB{_text(command.name)}\fR", _text(command.summary))
    for command in COMMANDS:
        yield from _command(command)
    yield from (
        ".SH ENVIRONMENT",
        ".TP",
        r"\fBORCHESTRATE_ROOT\fR",
        _text("a directory with testcases/, kconfigs/, patches/ and kernel_reports/ that are added to ours"),
        ".TP",
        r"\fBORCHESTRATE_*\fR",
        _text("a setting, in capitals; `orchestrate config` shows them all"),
        ".TP",
        r"\fBNO_COLOR\fR, \fBFORCE_COLOR\fR",
        _text("never, always use colour, unless --color says otherwise"),
        ".SH FILES",
        ".TP",
        r"\fI~/.config/orchestrate/config.toml\fR",
        "your settings",
        ".TP",
        r"\fITREE/orchestrate.toml\fR",
        "a tree's settings",
    )


def _command(command: Command) -> Iterator[str]:
    yield f'.SH "{_text(f"{PROGRAM} {command.name}".upper())}"'
    yield rf"\fB{_text(usage(command))}\fR"
    yield from (".PP", _text(command.description))
    if command.arguments:
        yield from _group(Group("arguments", command.arguments))
    for group in command.groups:
        yield from _group(group)
    yield '.SS "examples"'
    for line, meaning in command.examples:
        yield from (".TP", rf"\fB{_text(line)}\fR", _text(meaning))
    yield '.SS "exit status"'
    for status, meaning in command.exit_status:
        yield from (".TP", str(status), _text(meaning))


def _group(group: Group) -> Iterator[str]:
    yield f'.SS "{_text(group.title)}"'
    for option in group.options:
        yield from (".TP", _heading(option), _text(option.help))


def _heading(option: Option) -> str:
    """`-v, --verbose`, `--tree DIR`; of an argument its name."""
    value = option.keywords.get("metavar", "")
    if not option.flags[0].startswith("-"):
        return rf"\fI{_text(value or option.flags[0])}\fR"
    flags = ", ".join(rf"\fB{_text(flag)}\fR" for flag in option.spellings)
    return rf"{flags} \fI{_text(value)}\fR" if value else flags


# What roff takes for something else than itself
_ESCAPES = str.maketrans({"\\": r"\e", "-": r"\-", "~": r"\(ti", "^": r"\(ha", "`": r"\(ga", '"': r"\(dq"})


def _text(text: str) -> str:
    """Text on one line that roff shows as it is."""
    escaped = " ".join(text.split()).translate(_ESCAPES)
    return rf"\&{escaped}" if escaped.startswith((".", "'")) else escaped
