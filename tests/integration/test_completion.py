"""Completions and man page: made from the commands, so that nothing is left out, and right for those who read them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from orchestrator.arguments.commands import COMMANDS
from orchestrator.arguments.completion import COMPLETIONS
from orchestrator.arguments.completion.words import options_of
from orchestrator.arguments.man import man_page

NAMES = {"testcases": "fork-fault  a fork\nfault-vs-munmap  faults\n", "kconfigs": "base  x\ndebug  y\n", "patches": ""}
TRY = """
source "$1"
shift
orchestrate() { cat "$NAMES/$2"; }
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_orchestrate 2>/dev/null  # compopt outside of a completion
printf '%s\\n' "${COMPREPLY[@]}"
"""


def completed(tmp_path: Path, *words: str) -> list[str]:
    """What bash offers for the last word."""
    (tmp_path / "completion").write_text(COMPLETIONS["bash"]())
    for kind, text in NAMES.items():
        (tmp_path / kind).write_text(text)
    (tmp_path / "fix.patch").touch()
    command = ["bash", "-c", TRY, "bash", str(tmp_path / "completion"), "orchestrate", *words]
    environment = {**os.environ, "NAMES": str(tmp_path)}
    said = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    return said.stdout.split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("tes",), ["test"]),
        (("--ver",), ["--version"]),
        (("test", "--kconf"), ["--kconfig"]),
        (("test", "--kconfig", ""), ["base", "debug"]),
        (("test", "--jobs", "2", "--testcase", "fork"), ["fork-fault"]),
        (("test", "--accel", "k"), ["kvm"]),
        (("test", "fix"), ["fix.patch"]),
        (("classify", "fix"), ["fix.patch"]),
        (("list", "test"), ["testcases"]),
        (("test", "--jobs", ""), []),
        (("doctor", "fix"), []),
        (
            ("test", "--no-"),
            ["--no-sandbox", "--no-dirty", "--no-stalls", "--no-vma-writes", "--no-coverage", "--no-cost"],
        ),
        (("test", "--dirty", "fix"), ["fix.patch"]),
    ],
)
def test_bash_is_offered_commands_options_and_names(tmp_path: Path, words: tuple[str, ...], offered: list[str]) -> None:
    assert completed(tmp_path, *words) == offered


@pytest.mark.parametrize("shell", sorted(COMPLETIONS))
def test_a_shell_gets_every_command_and_option_in_its_own_language(tmp_path: Path, shell: str) -> None:
    text = COMPLETIONS[shell]()
    for command in COMMANDS:
        assert command.name in text
        for option in options_of(command):
            assert all(flag.lstrip("-") in text for flag in option.spellings)
    if shutil.which(shell):
        (tmp_path / "completion").write_text(text)
        checked = subprocess.run(
            [shell, "-n", str(tmp_path / "completion")], capture_output=True, text=True, check=False
        )
        assert (checked.returncode, checked.stderr) == (0, "")


def test_the_man_page_says_all_that_help_says() -> None:
    page = man_page().replace(r"\-", "-").replace(r"\(ga", "`").replace(r"\(ti", "~").replace(r"\(dq", '"')
    for command in COMMANDS:
        assert f'.SH "ORCHESTRATE {command.name.upper()}"' in page
        assert command.description in page
        for line, _ in command.examples:
            assert line.replace("^", r"\(ha") in page
        for option in options_of(command)[:-1]:
            assert f"\\fB{option.flags[0]}\\fR" in page
            assert option.help in page
    assert "None" not in page


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
def test_groff_has_nothing_to_say_against_it() -> None:
    read = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww"], input=man_page(), capture_output=True, text=True, check=True
    )
    assert read.stderr == ""
