"""Commands as values -> argparse's parser."""

from __future__ import annotations

import argparse
import shutil
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from orchestrator.arguments.command import Command, Option
from orchestrator.arguments.commands import COMMANDS
from orchestrator.arguments.company import check_company, words_of
from orchestrator.errors import UsageError
from orchestrator.host.real_path import at_home
from orchestrator.reporters import stream
from orchestrator.version import version
from orchestrator.words import did_you_mean, likely_names, near

WIDEST = 100  # longer lines are hard to read
NARROW = 60  # here an option's text goes below it
PROGRAM = "orchestrate"
PLACES = ("file", "directory", "patches", "toolchains")  # what an option completes, where it takes a path
DESCRIPTION = "From a Linux mm patch to a verdict with evidence: build, boot under QEMU, stress, report."


class ShowVersion(argparse.Action):
    """Finds the version out when it is asked for: that takes git, and a look at each case."""

    def __init__(self, option_strings: Sequence[str], dest: str, **keywords: Any) -> None:
        super().__init__(option_strings, dest, nargs=0, default=argparse.SUPPRESS, **keywords)

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        stream.out(f"{PROGRAM} {version()}\n")
        parser.exit()


def parser() -> Parser:
    """The whole command line."""
    top = Parser(
        prog=PROGRAM,
        usage=f"{PROGRAM} COMMAND [OPTION]...",
        description=DESCRIPTION,
        epilog=f"`{PROGRAM} COMMAND --help` describes a command.",
        formatter_class=Formatter,
        add_help=False,
    )
    top.add_argument("-h", "--help", action="help", help="show this text")
    top.add_argument("--version", action=ShowVersion, help="show the version, the commit, and a digest of the data")
    subparsers = top.add_subparsers(title="commands", dest="command", metavar="COMMAND", prog=PROGRAM)
    for command in COMMANDS:
        _add(subparsers, command)
    return top


def _add(subparsers: argparse._SubParsersAction[Parser], command: Command) -> None:
    sub = subparsers.add_parser(
        command.name,
        help=command.summary,
        usage=usage(command),
        description=command.description,
        epilog=_epilog(command),
        formatter_class=Formatter,
        add_help=False,
    )
    if command.arguments:
        arguments = sub.add_argument_group("arguments")
        for argument in command.arguments:
            _add_option(arguments, argument)
    for group in command.groups:
        options = sub.add_argument_group(group.title)
        for one in group.options:
            _add_option(options, one)
    sub.add_argument_group("help").add_argument("-h", "--help", action="help", help="show this text")
    sub.ask_for_what_is_missing_last()


def _add_option(to: argparse._ArgumentGroup, option: Option) -> None:
    typed = (
        {"type": _value_of(option)} if option.keywords.get("type", str) in (str, Path) and option.takes_value else {}
    )
    to.add_argument(*option.flags, help=option.help.replace("%", "%%"), **{**option.keywords, **typed})


def _value_of(option: Option) -> Callable[[str], Any]:
    """How the text of an option becomes its value. No shell spells ~ out behind --tree=."""
    kind = option.keywords.get("type", str)

    def value(text: str) -> Any:
        if not text and not option.may_be_empty:
            raise argparse.ArgumentTypeError("nothing is given: an empty text")
        return kind(str(at_home(text)) if text.startswith("~") and option.completes in PLACES else text)

    return value


def usage(command: Command) -> str:
    """`orchestrate test [OPTION]... [PATCH]`: all options in one line would be a screen of them."""
    words = [PROGRAM, command.name]
    for one in (one for group in command.groups for one in group.options if one.keywords.get("required")):
        words.append(f"{one.flags[-1]} {one.keywords['metavar']}")
    words.append("[OPTION]...")
    for argument in command.arguments:
        name = argument.keywords.get("metavar", argument.flags[0])
        form = {"?": f"[{name}]", "*": f"[{name}]...", "+": f"{name}..."}
        words.append(form.get(argument.keywords.get("nargs", ""), name))
    return " ".join(words)


def _epilog(command: Command) -> str:
    """Examples and exit status, in the form that Formatter takes: a line with indentation stays a line."""
    lines = ["example:" if len(command.examples) == 1 else "examples:"]
    for line, meaning in command.examples:
        lines += [f"  {line}", f"      {meaning}"]
    lines += ["", "exit status:"]
    lines += [f"  {status:<3}  {meaning}" for status, meaning in command.exit_status]
    return "\n".join(lines)


class Formatter(argparse.HelpFormatter):
    """Fits every line to the terminal and breaks no word. Lines of `_epilog` keep their indentation."""

    def __init__(self, prog: str) -> None:
        width = min(WIDEST, shutil.get_terminal_size().columns) - 1
        super().__init__(prog, max_help_position=26 if width >= NARROW else 6, width=width)

    def _format_usage(self, usage: str | None, *others: Any) -> str:
        """argparse wraps only what it has made itself."""
        return "\n".join(_wrapped(f"usage: {usage}", self._width, "", "  ")) + "\n\n"

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        lines: list[str] = []
        for line in text.splitlines():
            inside = " " * (len(line) - len(line.lstrip()))
            is_command = f"{PROGRAM} " in line and inside  # of an example: it is to be pasted
            lines += [line] if is_command or not line else _wrapped(line.strip(), width, inside, inside)
        return "\n".join(lines)

    def _split_lines(self, text: str, width: int) -> list[str]:
        return _wrapped(" ".join(text.split()), width)


def _wrapped(text: str, width: int, first: str = "", others: str = "") -> list[str]:
    return textwrap.wrap(
        text, width, initial_indent=first, subsequent_indent=others, break_long_words=False, break_on_hyphens=False
    )


class Parser(argparse.ArgumentParser):
    """An ArgumentParser whose errors are ours: short, with near names, filtered as everything that we print."""

    _required: tuple[argparse.Action, ...] = ()

    def ask_for_what_is_missing_last(self) -> None:
        """argparse names it before what it does not know: of `--testcse NAME` it says that --testcase is missing."""
        required = [action for action in self._actions if action.required]
        self._required = tuple(action for action in required if action.nargs != argparse.ZERO_OR_MORE)
        for action in required:
            action.required = False

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, hint=f"{self.prog} --help lists what there is")

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Refuse what is unknown here, where the options are known that it may have been meant to be, and what says
        nothing in the company of the others."""
        self._given = set[str]()
        found, rest = super().parse_known_args(args, namespace)
        optional = next((one for one in self._get_positional_actions() if one.nargs == "?"), None)
        if optional and rest and not rest[0].startswith("-"):  # before 3.13 argparse takes it only before all options
            optional(self, found, rest.pop(0))
        if found.__dict__.get("command", "") is None:
            self.error("no command is given")
        if rest:
            known = {flag.lstrip("-"): flag for action in self._actions for flag in action.option_strings}
            word = rest[0].partition("=")[0]
            likely = likely_names(word.lstrip("-"), known) if word.startswith("-") else []  # dashes make any two alike
            meant = did_you_mean([known[name] for name in likely])
            what = "unknown option" if word.startswith("-") else "unexpected argument"
            if word.startswith("-") and hasattr(found, "command"):  # those behind the command are refused there
                meant = f"the options of {found.command} stand behind it"
            self.error("; ".join(filter(None, (f"{what} {rest[0]}", meant))))
        missing = [action for action in self._required if getattr(found, action.dest) is None]
        if missing:
            self.error(f"missing: {', '.join(str(argparse._get_action_name(action)) for action in missing)}")
        check_company(self._given)
        return found, rest

    def _get_values(self, action: argparse.Action, arg_strings: list[str]) -> Any:
        """argparse does not say later what was given, and what is a default."""
        value = super()._get_values(action, arg_strings)
        self._given.update(words_of(action, value))
        return value

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is None or value in action.choices:
            return
        choices = [str(choice) for choice in action.choices]
        meant = near(str(value), choices) or f"choose from {', '.join(choices)}"
        if isinstance(action, argparse._SubParsersAction):
            self.error(f"unknown command {value}" + (f"; {meant}" if value != "help" else ""))
        raise argparse.ArgumentError(action, f"invalid choice {value}; {meant}")

    def _print_message(self, message: str, file: object = None) -> None:
        stream.out(message)
