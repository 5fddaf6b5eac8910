"""Completion for fish."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.arguments.command import Command, Option
from orchestrator.arguments.commands import COMMANDS
from orchestrator.arguments.completion.words import LISTED, argument_of, choices_of, options_of
from orchestrator.arguments.parser import PROGRAM

_FISH = """# fish completion for orchestrate: put it into ~/.config/fish/completions/orchestrate.fish

function __orchestrate_names
    orchestrate list $argv[1] 2>/dev/null | string replace -r ' .*' ''
end

complete -c orchestrate -n __fish_use_subcommand -f -l version -d 'show the version'
"""


def fish() -> str:
    return _FISH + "".join(f"{line}\n" for command in COMMANDS for line in _command(command))


def _command(command: Command) -> Iterator[str]:
    on = f"complete -c {PROGRAM} -n '__fish_seen_subcommand_from {command.name}'"
    yield f"complete -c {PROGRAM} -n __fish_use_subcommand -f -a {command.name} -d {_quoted(command.summary)}"
    for option in options_of(command):
        flags = " ".join(f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}" for flag in option.spellings)
        yield f"{on} {flags}{_value(option)} -d {_quoted(option.help.split(';')[0])}"
    argument = argument_of(command)
    if argument is None:
        yield f"{on} -f"
    elif choices_of(argument) or argument.completes in LISTED:
        words = " ".join(choices_of(argument)) or f"(__orchestrate_names {argument.completes})"
        yield f"{on}{'' if argument.completes == 'patches' else ' -f'} -a {_quoted(words)}"


def _value(option: Option) -> str:
    if not option.takes_value:
        return ""
    if choices := choices_of(option):
        return f" -x -a {_quoted(' '.join(choices))}"
    if option.completes in LISTED:
        only = " -r" if option.completes == "patches" else " -x"
        return f"{only} -a '(__orchestrate_names {option.completes})'"
    return " -r" if option.completes in ("file", "directory") else " -x"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
