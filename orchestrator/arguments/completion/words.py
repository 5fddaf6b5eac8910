"""What every shell's completion needs to know of a command."""

from __future__ import annotations

from orchestrator.arguments.command import Command, Option

HELP = Option(("-h", "--help"), "show this text", keywords={"action": "help"})
LISTED = ("testcases", "kconfigs", "patches", "machines", "bases", "toolchains", "architectures")


def options_of(command: Command) -> tuple[Option, ...]:
    return (*(one for group in command.groups for one in group.options), HELP)


def choices_of(option: Option) -> tuple[str, ...]:
    return tuple(option.keywords.get("choices") or ())


def argument_of(command: Command) -> Option | None:
    """What a command takes that is no option."""
    return command.arguments[0] if command.arguments else None
