"""Completion for zsh."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.arguments.command import Command, Option
from orchestrator.arguments.commands import COMMANDS
from orchestrator.arguments.completion.words import argument_of, choices_of, options_of

_ZSH = r"""#compdef orchestrate
# zsh completion for orchestrate: put it as _orchestrate into a directory of $fpath

_orchestrate_names() {  # the names that `orchestrate list KIND` shows
    local -a names
    names=(${${(f)"$(orchestrate list $1 2>/dev/null)"}%% *})
    compadd -a names
}

_orchestrate() {
    local -a commands
    commands=(
@COMMANDS@
    )
    if ((CURRENT == 2)); then
        _describe command commands
        return
    fi
    local command=$words[2]
    shift words
    ((CURRENT--))
    case $command in
@CASES@
    esac
}
_orchestrate "$@"
"""


def zsh() -> str:
    commands = "\n".join(f"        {_quoted(f'{one.name}:{one.summary}')}" for one in COMMANDS)
    cases = "\n".join(line for command in COMMANDS for line in _command(command))
    return _ZSH.replace("@COMMANDS@", commands).replace("@CASES@", cases)


def _command(command: Command) -> Iterator[str]:
    yield f"        {command.name})"
    yield "            _arguments \\"
    for option in options_of(command):
        help_words = option.help.split(";")[0].replace("[", "(").replace("]", ")").replace(":", ",")
        for flag in option.spellings:
            value = f":value:{_value(option)}" if option.takes_value else ""
            star = "*" if option.keywords.get("action") == "append" else ""
            yield f"                {_quoted(f'{star}{flag}[{help_words}]{value}')} \\"
    argument = argument_of(command)
    value = _value(argument) if argument else " "
    yield f"                {_quoted(f'*:argument:{value}')} ;;"


def _value(option: Option) -> str:
    if choices := choices_of(option):
        return f"({' '.join(choices)})"
    actions = {"file": "_files", "directory": "_files -/", "patches": "{_orchestrate_names patches; _files}"}
    if option.completes in actions:
        return actions[option.completes]
    return f"{{_orchestrate_names {option.completes}}}" if option.completes else " "


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
