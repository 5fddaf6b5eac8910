"""The command line: what it takes, what it refuses with which words, and that --help can be read."""

from __future__ import annotations

import argparse
import shlex
from itertools import dropwhile, takewhile

import pytest

from orchestrator.arguments.commands import COMMANDS
from orchestrator.arguments.commands.host import KINDS, LISTED
from orchestrator.arguments.parser import parser, usage
from orchestrator.commands.list import ROWS
from orchestrator.errors import UsageError
from orchestrator.retention import Kind


def parsed(line: str) -> argparse.Namespace:
    return parser().parse_args(shlex.split(line))


def refused(line: str) -> str:
    with pytest.raises(UsageError) as caught:
        parsed(line)
    return caught.value.message


@pytest.mark.parametrize("line", ["test fix.patch", "test --patch fix.patch", "test --jobs 2 fix.patch --seed 3"])
def test_a_patch_is_an_argument_or_an_option(line: str) -> None:
    assert parsed(line).patch == "fix.patch"


@pytest.mark.parametrize("command", ["test", "mutants", "build", "boot"])
def test_without_a_patch_there_is_none(command: str) -> None:
    assert parsed(command).patch is None
    assert parsed(f"{command} a").patch == "a"


@pytest.mark.parametrize("line", ["test a --patch b", "test --patch a b", "test --patch a --patch b", "test a b"])
def test_of_two_patches_none_is_dropped_silently(line: str) -> None:
    assert "b" in refused(line)
    assert "patch" in refused(line) or "unexpected" in refused(line)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("tset", "unknown command tset; did you mean test"),
        ("test --kconfg debug", "unknown option --kconfg; did you mean --kconfig"),
        ("test --kconfg=debug fix.patch", "unknown option --kconfg=debug; did you mean --kconfig"),
        ("test --accel kmv", "invalid choice kmv; did you mean kvm?"),
        ("test --jobs many", "--jobs"),
        ("list testcase", "did you mean testcases?"),
        ("list nothing-like-it", "choose from testcases, kconfigs"),
        ("report a b", "unexpected argument b"),
        ("", "no command is given"),
    ],
)
def test_what_is_wrong_is_named_in_one_line_with_what_was_meant(line: str, words: str) -> None:
    said = refused(line)
    assert words in said
    assert "\n" not in said


def test_options_that_share_no_more_than_dashes_and_letters_are_not_proposed() -> None:
    assert "--dirty" not in refused("mutants fix.patch --dry-run")


def test_a_command_for_the_guest_may_have_options_of_its_own() -> None:
    args = parsed("shell --kconfig debug -- ls -l --patch x")
    assert (args.words, args.patch, args.kconfig) == (["ls", "-l", "--patch", "x"], None, ["debug"])


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
@pytest.mark.parametrize("columns", [50, 80, 200])
def test_help_fits_the_terminal(
    command, columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    with pytest.raises(SystemExit) as caught:
        parsed(f"{command.name} --help")
    assert caught.value.code == 0
    said = capsys.readouterr().out
    examples = [line for line, _ in command.examples]
    for line in said.splitlines():
        fits = len(line) <= min(columns, 100) or " " not in line.strip()  # one word is never broken
        assert fits or line.strip() in examples, line
    assert usage(command) in " ".join(said.split())
    assert all(line in said for line in examples)  # whole, to be pasted


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_each_command_says_what_it_does_and_its_examples_are_right(command) -> None:
    assert len(command.description) > len(command.summary) / 2
    assert command.description.endswith(".")
    assert command.examples
    for line, meaning in command.examples:
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words = [*dropwhile(lambda word: word != "orchestrate", lexer)][1:]
        ours = takewhile(lambda word: not {*word} & {*"|<>()"}, words)
        assert parser().parse_args([*ours]).command == command.name
        assert meaning
    assert all(one.help for group in command.groups for one in group.options)


def test_what_is_listed_here_for_speed_is_what_there_is() -> None:
    assert {kind.value for kind in Kind} == {*KINDS}
    assert {*ROWS} == {*LISTED}
