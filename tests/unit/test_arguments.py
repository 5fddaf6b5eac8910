"""The command line: what it takes, what it refuses with which words, and that --help can be read."""

from __future__ import annotations

import argparse
import shlex
from itertools import dropwhile, takewhile

import pytest

from orchestrator.arguments.commands import COMMANDS
from orchestrator.arguments.commands.host import KINDS, LISTED
from orchestrator.arguments.company import RULES
from orchestrator.arguments.parser import parser, usage
from orchestrator.commands.list import ROWS
from orchestrator.errors import UsageError
from orchestrator.storage.retention import Kind


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
        ("bisect --testcse thp v6.11 v6.12", "unknown option --testcse; did you mean --testcase?"),
        ("bisect --all v6.12", "unknown option --all"),
        ("bisect v6.11", "missing: BAD, --testcase"),
        ("bisect v6.11 v6.12 v6.13", "unexpected argument v6.13"),
        ("worker", "missing: --scheduler"),
        ("classify", "missing: FILE|RUN_DIR"),
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


@pytest.mark.parametrize(
    ("line", "first", "second"),
    [
        ("test x --margin 5", "--margin", "without --perf"),
        ("test x --margin=1", "--margin", "without --perf"),  # the default itself was asked for, too
        ("test x --marg 5", "--margin", "without --perf"),
        ("test x --perf --jobs 4", "--jobs", "beside --perf"),
        ("test x --perf --baseline never", "--baseline", "beside --perf"),
        ("test x --perf --lcov c.info", "--lcov", "beside --perf"),
        ("test x --perf --testcase thp", "--testcase", "beside --perf"),
        ("test x --build-only --smp 4", "--smp", "beside --build-only"),
        ("test x --build-only --machine q35", "--machine", "beside --build-only"),
        ("test x --build-only --perf", "--perf", "beside --build-only"),
        ("test x --no-coverage --coverage-min 80", "--coverage-min", "beside --no-coverage"),
        ("test x --baseline never --error 0.01", "--error", "beside --baseline never"),
        ("test x --bisect-exit --each-patch", "--each-patch", "beside --bisect-exit"),
        ("test --bisect-exit --dry-run", "--dry-run", "beside --bisect-exit"),
        ("test --bisect-exit --freeze-on-failure", "--freeze-on-failure", "beside --bisect-exit"),
        ("mutants x --generate 3 --mutants dir", "--generate", "beside --mutants"),
        ("nightly night.yaml -v -q", "--verbose", "beside --quiet"),
        ("history prune --keep-days 0 --series mine", "--series", "beside prune"),
        ("history query runs --keep-days 3", "--keep-days", "beside query"),
        ("history import --since 2026-01-01", "--since", "beside import"),
        ("dashboard --export out --port 80", "--port", "beside --export"),
        ("send dir --reply --kcidb-server https://example.org", "--kcidb-server", "without --kcidb"),
    ],
)
def test_an_option_that_would_say_nothing_in_its_company_is_refused(line: str, first: str, second: str) -> None:
    said = refused(line)
    assert said.startswith(f"{first} says nothing")
    assert second in said


@pytest.mark.parametrize(
    "line",
    [
        "test x --perf --margin 5 --error 0.01 --budget 60 --seed 3",
        "test x --build-only --each-patch --kconfig debug --no-cost",
        "test x --baseline auto --error 0.01",
        "test --bisect-exit --strict --testcase thp",
        "test x --perf --no-coverage",  # which is kept
        "history prune --keep-days 3 --yes",
        "history query runs --last 3",
        "dashboard --host 127.0.0.1 --port 0",
    ],
)
def test_options_that_say_something_together_are_taken(line: str) -> None:
    assert parsed(line)


def test_rules_name_options_and_choices_that_there_are() -> None:
    options = [one for command in COMMANDS for group in command.groups for one in group.options]
    both = [*options, *(one for command in COMMANDS for one in command.arguments)]
    known = {flag for one in options for flag in one.flags}
    known |= {f"{one.flags[-1]} {choice}" for one in options for choice in one.keywords.get("choices", ())}
    known |= {choice for one in both if one not in options for choice in one.keywords.get("choices", ())}
    for rule in RULES:
        assert {*rule.options, *rule.without, *filter(None, (rule.needs,))} <= known
        assert rule.needs or rule.without


@pytest.mark.parametrize("line", ["test --tree ''", "test --base ''", "test ''", "test --output=", "bisect '' b",
                                  "test --kconfig ''", "history query runs --series ''"])  # fmt: skip
def test_a_variable_that_is_not_set_is_no_value(line: str) -> None:
    """`--tree "$TREE"` would be the directory that the user stands in, and `--base ""` the usual base."""
    assert "nothing is given" in refused(line)


def test_what_an_empty_text_says_something_of_may_be_empty() -> None:
    assert parsed("report dir --suite-name '' --attachments-root ''").suite_name == ""
    assert parsed("shell -- test -z ''").words == ["test", "-z", ""]


def test_a_home_directory_is_spelled_out_where_the_shell_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    args = parsed("test --patch=~/x.patch --tree=~/linux --junit=~/x.xml --toolchain=~/gcc --suite-name=~/x")
    assert (args.patch, str(args.tree), args.junit) == ("/home/me/x.patch", "/home/me/linux", "/home/me/x.xml")
    assert (args.toolchain, args.suite_name) == (["/home/me/gcc"], "~/x")
    assert parsed("test ~nobody-of-that-name/x").patch == "~nobody-of-that-name/x"


def test_a_first_guess_is_led_on() -> None:
    assert refused("--dry-run test x") == "unknown option --dry-run; the options of test stand behind it"
    assert "--bisect-exit" in refused("watch --bisect-exit")  # it has no end, and so no exit status
    assert refused("help") == "unknown command help"  # the hint has the rest
