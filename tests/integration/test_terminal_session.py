"""A run as somebody sees it who sits before it: what goes on, what Ctrl-C does, what would be done."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.conftest import Cli, git

SLEEPS = "tinyconfig:\n\t@sleep 300\n"  # a kernel whose configuration takes long
ANSI = re.compile(r"\x1b\[[0-9;]*[mK]|\r")
Session = Callable[..., "Terminal"]


class Terminal:
    """A command at a terminal of its own."""

    def __init__(self, words: list[str], where: Path, columns: int, environment: dict[str, str]) -> None:
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            os.chdir(where)
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # a job in the background has it ignored, which is respected
            os.execvpe(words[0], words, {**environment, "COLUMNS": str(columns)})
        self.said = b""

    def wait_for(self, text: str, limit_s: float = 60) -> None:
        deadline = time.monotonic() + limit_s
        while text not in self.text:
            assert time.monotonic() < deadline, self.text
            assert self._read(1.0), self.text

    def end(self) -> int:
        """Read to the end, and the exit status."""
        deadline = time.monotonic() + 120
        while self._read(5.0):
            assert time.monotonic() < deadline, self.text
        os.close(self.descriptor)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    @property
    def text(self) -> str:
        return self.said.decode()

    def _read(self, limit_s: float) -> bool:
        if not select.select([self.descriptor], [], [], limit_s)[0]:
            return True
        try:
            new = os.read(self.descriptor, 65_536)
        except OSError:  # EIO: the other end was closed
            return False
        self.said += new
        return bool(new)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    started: list[Terminal] = []
    base = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}

    def start(*words: str, columns: int = 80, **environment: str) -> Terminal:
        mine = {"HOME": str(tmp_path / "home"), "TERM": "xterm", "PYTHONPATH": str(Path(__file__).parents[2])}
        mine |= {"XDG_CACHE_HOME": str(tmp_path / "home/cache"), "XDG_STATE_HOME": str(tmp_path / "home/state")}
        command = [sys.executable, "-m", "orchestrator", *words]
        started.append(Terminal(command, tmp_path, columns, {**base, **mine, **environment}))
        return started[-1]

    yield start
    for terminal in started:
        try:
            os.kill(terminal.pid, signal.SIGKILL)
            os.waitpid(terminal.pid, 0)
        except (ProcessLookupError, ChildProcessError):
            continue


@pytest.fixture
def slow_tree(tree: Path) -> Path:
    (tree / "Makefile").write_text(SLEEPS)
    git(tree, "add", "-A")
    git(tree, "commit", "-q", "-m", "sleep")
    return tree


def test_what_goes_on_is_seen_and_an_interrupted_run_names_the_command_that_continues_it(
    session: Session, slow_tree: Path, good_patch: Path, tmp_path: Path
) -> None:
    words = ("test", "good.patch", "--tree", "linux", "--accel", "tcg", "--testcase", "gup")
    terminal = session(*words)
    terminal.wait_for("[base.patched] configure ...")
    terminal.wait_for("\x1b[K[base.patched] configure 1 s")  # the line that changes
    os.write(terminal.descriptor, b"\x03")
    assert terminal.end() == 130
    said = ANSI.sub("", terminal.text)
    assert "INTERRUPTED" in said
    assert "Traceback" not in said
    (line,) = [line.strip() for line in said.splitlines() if line.strip().startswith("cd ")]
    assert line == f"cd {tmp_path} && orchestrate {' '.join(words)}"
    again = session(*words)  # the very same command
    again.wait_for("resuming in")
    os.write(again.descriptor, b"\x03")
    assert again.end() == 130
    (run_dir,) = (tmp_path / "home/state/orchestrate/runs").iterdir()
    report = session("report", str(run_dir))
    assert report.end() == 130
    assert line in report.text


def test_quiet_says_nothing_but_the_verdict(session: Session, tree: Path, good_patch: Path) -> None:
    terminal = session("test", "good.patch", "--tree", "linux", "--accel", "tcg", "-q", "--color", "never")
    assert terminal.end() != 0  # the tree is no kernel
    lines = terminal.text.replace("\r\n", "\n").splitlines()
    assert "\x1b" not in terminal.text
    assert lines[-1].startswith("report: ")
    assert not [line for line in lines if line.startswith(("[", "running", "- ", "  PASS"))]


@pytest.mark.parametrize(
    ("options", "environment", "is_coloured"),
    [
        ((), {}, True),
        ((), {"NO_COLOR": "1"}, False),
        (("--color", "never"), {"FORCE_COLOR": "1"}, False),
        (("--color", "always"), {"NO_COLOR": "1"}, True),
        ((), {"ORCHESTRATE_COLOR": "never"}, False),
    ],
)
def test_colour_is_the_users_choice(
    session: Session,
    tree: Path,
    good_patch: Path,
    options: tuple[str, ...],
    environment: dict[str, str],
    is_coloured: bool,
) -> None:
    terminal = session("test", "good.patch", "--tree", "linux", "--accel", "tcg", "-q", *options, **environment)
    terminal.end()
    assert ("\x1b[1;3" in terminal.text) == is_coloured


def test_at_fifty_columns_no_word_is_broken(session: Session, tree: Path, good_patch: Path) -> None:
    terminal = session("test", "good.patch", "--tree", "linux", "--accel", "tcg", columns=50)
    terminal.end()
    shown = ANSI.sub("", terminal.text)
    table = shown[shown.index("\nbase.patched") :]
    assert "NOT RUN" in table
    for line in table.splitlines():
        assert len(line) <= 50 or " " not in line.strip() or "/" in line, line


def test_a_colour_that_is_forced_reaches_a_pipe(cli: Cli, tree: Path, good_patch: Path) -> None:
    words = ("test", "good.patch", "--tree", "linux", "--accel", "tcg", "-q")
    assert "\x1b[" in cli(*words, env={"NO_COLOR": "", "FORCE_COLOR": "1"}).stdout
    assert "\x1b[" not in cli(*words, env={"NO_COLOR": ""}).stdout


def test_a_dry_run_shows_plan_and_commands_and_writes_nothing(
    cli: Cli, tree: Path, good_patch: Path, tmp_path: Path
) -> None:
    result = cli(
        "test", "good.patch", "--tree", "linux", "--accel", "tcg", "--testcase", "g*", "--dry-run", "--kconfig", "debug"
    )
    assert result.returncode == 0, result.stderr
    said = result.stdout
    assert "good: 1 patch\n" in said
    assert "cases: gup\n" in said
    assert f"git -C {tree} archive HEAD | tar -x\n" in said
    assert "git apply good.patch\n" in said
    assert re.search(r"^make .*tinyconfig$", said, re.MULTILINE)
    assert re.search(r"^sed -s .* \S*base\.config \S*debug\.config >>", said, re.MULTILINE)
    assert re.search(r"^qemu-system-x86_64 .* -smp ", said, re.MULTILINE)
    assert "/cases/gup" in said
    assert "# debug.baseline: only if something fails on debug.patched\n" in said
    assert not (tmp_path / "home/state/orchestrate/runs").exists()
    assert not list((tmp_path / "home/cache").rglob("*.index"))  # no worktree


def test_a_dry_run_refuses_what_a_run_would(cli: Cli, tree: Path, good_patch: Path) -> None:
    assert cli("test", "good.patch", "--dry-run", "--testcase", "guq").returncode == 2


def test_settings_of_a_tree_hold_and_are_shown(cli: Cli, tree: Path, good_patch: Path) -> None:
    (tree / "orchestrate.toml").write_text('testcases = ["gup"]\nkconfigs = ["debug"]\n')
    result = cli("test", "good.patch", "--tree", "linux", "--accel", "tcg", "--dry-run", "--base", "main")
    assert "cases: gup\n" in result.stdout
    assert "kernels: debug.patched\n" in result.stdout
    assert "setting: kconfigs from linux/orchestrate.toml:2\n" in result.stdout
    wrong = cli("test", "good.patch", "--tree", "linux", "--dry-run", env={"ORCHESTRATE_KCONFIGS": "debgu"})
    assert "kconfigs is set in ORCHESTRATE_KCONFIGS; did you mean debug?" in wrong.stderr
    shown = json.loads(cli("config", "--tree", "linux", "--json").stdout)
    assert {"name": "kconfigs", "value": ["debug"], "origin": "linux/orchestrate.toml:2"} in shown
    (tree / "orchestrate.toml").write_text("jobs = 9\n")
    refused = cli("test", "good.patch", "--tree", "linux")
    assert refused.returncode == 2
    assert "linux/orchestrate.toml:1: a tree may not set jobs" in refused.stderr


def test_output_is_read_by_head_and_nobody_complains(cli: Cli) -> None:
    for words in (("list", "testcases"), ("test", "--help"), ("man",), ("completion", "bash"), ("config",)):
        result = cli(*words, redirect="| head -1")
        assert len(result.stdout.splitlines()) == 1
        assert "Traceback" not in result.stderr
        assert "Broken" not in result.stderr


def test_a_run_that_no_terminal_sees_gets_no_control_character(cli: Cli, tree: Path, good_patch: Path) -> None:
    result = cli("test", "good.patch", "--tree", "linux", "--accel", "tcg", env={"NO_COLOR": ""})
    assert not re.search(r"[\x00-\x09\x0b-\x1f]", result.stdout + result.stderr)
    assert isinstance(result, subprocess.CompletedProcess)
