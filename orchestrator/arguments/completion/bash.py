"""Completion for bash."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from orchestrator.arguments.command import Command, Option
from orchestrator.arguments.commands import COMMANDS
from orchestrator.arguments.completion.words import argument_of, choices_of, options_of

_BASH = r"""# bash completion for orchestrate: source it, or put it into
# ~/.local/share/bash-completion/completions/orchestrate

_orchestrate_names() {  # the names that `orchestrate list KIND` shows
    local IFS=$'\n'
    COMPREPLY=($(compgen -W "$(orchestrate list "$1" 2>/dev/null | cut -d' ' -f1)" -- "$cur"))
}

_orchestrate_values() {  # KIND: a kind of `orchestrate list`, file or directory
    case $1 in
        file) COMPREPLY=($(compgen -f -- "$cur")); compopt -o filenames ;;
        directory) COMPREPLY=($(compgen -d -- "$cur")); compopt -o filenames ;;
        patches)
            _orchestrate_names patches
            COMPREPLY+=($(compgen -f -- "$cur")); compopt -o filenames ;;
        *) _orchestrate_names "$1" ;;
    esac
}

_orchestrate() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]}
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        COMPREPLY=($(compgen -W "@COMMANDS@ --help --version" -- "$cur"))
        return
    fi
    case $command in
@CASES@
    esac
}
complete -F _orchestrate orchestrate
"""


def bash() -> str:
    cases = "\n".join(line for command in COMMANDS for line in _command(command))
    return _BASH.replace("@COMMANDS@", " ".join(one.name for one in COMMANDS)).replace("@CASES@", cases)


def _command(command: Command) -> Iterator[str]:
    yield f"        {command.name})"
    yield "            case $prev in"
    for option in options_of(command):
        if option.takes_value:
            yield f"                {'|'.join(option.spellings)}) {_value(option)}; return ;;"
    yield "            esac"
    flags = " ".join(flag for option in options_of(command) for flag in option.spellings)
    argument = argument_of(command)
    yield f'            if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W {shlex.quote(flags)} -- "$cur"))'
    yield f"            else {_value(argument) if argument else ':'}; fi ;;"


def _value(option: Option) -> str:
    if choices := choices_of(option):
        return f'COMPREPLY=($(compgen -W {shlex.quote(" ".join(choices))} -- "$cur"))'
    return f"_orchestrate_values {option.completes}" if option.completes else ":"
