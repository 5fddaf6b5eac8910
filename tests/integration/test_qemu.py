"""A real QEMU, with no kernel in it: whose doing its end was, and a watchdog that cannot watch."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest

from orchestrator.errors import DiskFull, GuestUnreachable
from orchestrator.guest.evidence import Examination
from orchestrator.guest.qemu import Qemu
from orchestrator.guest.qmp import Qmp
from orchestrator.guest.ssh import Link
from orchestrator.guest.watchdog import Watchdog
from orchestrator.host.deadline import Deadline
from orchestrator.host.process import Cancel
from orchestrator.model.attempt import Condition, Ending

ARGV = (
    "qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-S",
    "-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console", "-qmp", "unix:qmp.sock,server=on,wait=off",
)  # fmt: skip


@pytest.fixture
def qemu(tmp_path: Path) -> Iterator[Qemu]:
    made = Qemu(ARGV, tmp_path / "guest")
    made.control().close()  # it runs, and no longer setpriv
    yield made
    made.close()


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_a_qemu_that_is_told_to_end_was_not_ended_by_its_guest(qemu: Qemu, signum: signal.Signals) -> None:
    os.kill(qemu.pid, signum)
    assert qemu.wait_end(10)
    by_guest, words = qemu.end_reason()
    assert not by_guest
    assert words.startswith(f"the host ended QEMU by {signum.name}")


def test_a_crash_of_qemu_is_called_one(qemu: Qemu) -> None:
    os.kill(qemu.pid, signal.SIGSEGV)
    assert qemu.wait_end(10)
    assert qemu.end_reason() == (False, "QEMU crashed (SIGSEGV)")


def test_a_reset_is_the_guests_doing(qemu: Qemu) -> None:
    control = qemu.control()
    control.execute("cont")
    control.execute("system_reset")
    control.close()
    assert qemu.wait_end(10)
    assert qemu.end_reason() == (True, "the machine was reset (a triple fault or a reboot; no panic was seen)")


def test_without_a_console_log_there_is_no_guest(tmp_path: Path) -> None:
    (tmp_path / "guest/console.log").mkdir(parents=True)
    with pytest.raises(IsADirectoryError):
        Qemu(ARGV, tmp_path / "guest")
    assert not (tmp_path / "guest/qmp.sock").exists()


def test_it_is_ended_once(qemu: Qemu, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its pid may be another process's when it is closed again."""
    qemu.close()
    monkeypatch.setattr(
        "orchestrator.host.process.os.killpg", lambda *_: pytest.fail("a signal to whoever has this pid now")
    )
    qemu.close()


@pytest.mark.parametrize("said", [b"", b'{"QMP": {"vers', b'{"QMP": {}}\n', b'{"QMP": {}}\n{"return"'])
def test_a_control_socket_that_closes_wherever_it_is_does_not_answer(tmp_path: Path, said: bytes) -> None:
    def answer() -> None:
        connection = listening.accept()[0]
        connection.sendall(said)
        connection.close()

    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "qmp.sock"))
        listening.listen()
        threading.Thread(target=answer, daemon=True).start()
        with pytest.raises(GuestUnreachable):
            Qmp(tmp_path / "qmp.sock", Deadline.after(5))


class Endless:
    """Stands for a connection on which a command runs until it is cut."""

    def __init__(self) -> None:
        self.is_cut = threading.Event()

    def ping(self) -> threading.Event:
        return threading.Event()

    def cut(self) -> None:
        self.is_cut.set()


def watched(
    qemu: Qemu, link: Endless, examine: Callable[[bool], Examination], *, limit_s: float = 0.3, silence_s: float = 60.0
) -> Watchdog:
    return Watchdog(qemu, cast(Link, link), limit_s, Cancel(), examine, lambda _: True, None, silence_s)


def test_how_long_a_guest_may_be_silent_is_its_accelerators_to_say(qemu: Qemu) -> None:
    nothing = Examination(Condition.HOST_OVERLOADED, "", 0)
    for silence_s, limit_s, ending in ((0.3, 60.0, Ending.GUEST_FROZE), (60.0, 0.5, Ending.TIMED_OUT)):
        link = Endless()
        with watched(qemu, link, lambda _: nothing, limit_s=limit_s, silence_s=silence_s) as watchdog:
            assert link.is_cut.wait(10)
        assert watchdog.observation
        assert watchdog.observation.ending is ending


def test_a_watchdog_that_fails_cuts_the_command_and_says_why(qemu: Qemu) -> None:
    def examine(may_ask: bool) -> Examination:
        raise DiskFull("no space left in there")

    link = Endless()
    with pytest.raises(DiskFull), watched(qemu, link, examine):
        assert link.is_cut.wait(10), "the command runs on with nobody to end it"
