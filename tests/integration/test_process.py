"""Real children: how they end, and that they end with us."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from orchestrator.errors import CommandFailed, Interrupted, ToolMissing
from orchestrator.host.process import Cancel, Command, CommandResult, Runner


@pytest.fixture
def runner() -> Runner:
    return Runner(Cancel())


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def gone(pid: int, within_s: float = 5) -> bool:
    until = time.monotonic() + within_s
    while is_running(pid) and time.monotonic() < until:
        time.sleep(0.02)
    return not is_running(pid)


def test_a_result_is_returned_also_when_the_command_fails(runner: Runner) -> None:
    result = runner.run(Command(("sh", "-c", "echo out; echo err >&2; exit 3")))
    assert (result.status, result.stdout, result.stderr) == (3, b"out\n", b"err\n")


def test_check_says_how_it_ended_its_last_words_and_the_line_to_paste(runner: Runner) -> None:
    with pytest.raises(CommandFailed, match="sh exited with 3") as caught:
        runner.check(Command(("sh", "-c", "echo it broke >&2; exit 3"), cwd=Path("/tmp")))
    assert caught.value.detail == "it broke"
    assert "cd /tmp && sh -c 'echo it broke" in caught.value.hint
    with pytest.raises(CommandFailed, match="SIGKILL"):
        runner.check(Command(("sh", "-c", "kill -9 $$")))


def test_a_missing_program_is_named(runner: Runner) -> None:
    with pytest.raises(ToolMissing, match="no-such-program is not installed"):
        runner.run(Command(("no-such-program",)))


def test_big_input_and_output_do_not_block_each_other(runner: Runner) -> None:
    data = os.urandom(1 << 20) * 8
    assert runner.run(Command(("cat",)), stdin=data).stdout == data


def test_a_timeout_ends_the_whole_group(runner: Runner, tmp_path: Path) -> None:
    result = runner.run(
        Command(("sh", "-c", "sleep 100 & echo $! > child; trap '' TERM; wait"), cwd=tmp_path), timeout_s=0.5
    )
    assert result.timed_out
    assert gone(int((tmp_path / "child").read_text()))


def test_a_stop_ends_the_command_at_once(tmp_path: Path) -> None:
    cancel = Cancel()
    threading.Timer(0.3, cancel.set).start()
    started = time.monotonic()
    with pytest.raises(Interrupted):
        Runner(cancel).run(Command(("sh", "-c", "echo $$ > pid; exec sleep 100"), cwd=tmp_path))
    assert time.monotonic() - started < 5
    assert gone(int((tmp_path / "pid").read_text()))


def test_children_die_with_us_even_by_sigkill(tmp_path: Path) -> None:
    script = (
        "from pathlib import Path\n"
        "from orchestrator.host.process import *\n"
        "Runner(Cancel()).run(Command(('sh', '-c', 'echo $$ > pid; exec sleep 100'), cwd=Path('.')))\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=tmp_path)
    until = time.monotonic() + 20
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        assert time.monotonic() < until
        time.sleep(0.02)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert gone(int((tmp_path / "pid").read_text()))


def test_every_command_is_announced_with_its_result() -> None:
    seen: list[CommandResult] = []
    Runner(Cancel(), seen.append).run(Command(("true",)))
    assert [result.command.argv for result in seen] == [("true",)]


def test_output_to_a_log_is_kept_in_order(runner: Runner, tmp_path: Path) -> None:
    log = tmp_path / "logs/x.log"
    result = runner.run(Command(("sh", "-c", "echo 1; echo 2 >&2; echo 3")), log=log)
    assert log.read_text() == "1\n2\n3\n" == result.text
