"""A guest from power-on to the end: boots, says who it is, runs cases one after the other."""

from __future__ import annotations

import os
import re
import secrets
import shlex
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.errors import BootFailed, GuestUnreachable, QemuCrashed
from orchestrator.guest import case_argv, evidence
from orchestrator.guest.console import kernel_line
from orchestrator.guest.counters import Counters, Counting, Counts
from orchestrator.guest.evidence import Examination
from orchestrator.guest.initramfs import Keys, run_part
from orchestrator.guest.qemu import Qemu
from orchestrator.guest.qemu_argv import Boot, argv
from orchestrator.guest.sentinel import Sentinel, read_sentinel
from orchestrator.guest.ssh import ClientKey, Link, new_client_key
from orchestrator.guest.vma_writes import VmaWatch, VmaWrites
from orchestrator.guest.watchdog import Examine, Observation, Watchdog, lost
from orchestrator.host.deadline import Deadline
from orchestrator.host.os_errors import situation
from orchestrator.host.process import Command, Runner
from orchestrator.judge.known import mark_expected, mark_known
from orchestrator.model.attempt import Attempt, Ending
from orchestrator.model.case import Case
from orchestrator.model.evidence_files import EVIDENCE
from orchestrator.model.kernel_report import KernelReport, KnownIssue
from orchestrator.storage.store import writing

STDOUT_CAP = 8 << 20  # KTAP of a sane case is kilobytes; what is beyond is dropped in the guest, and counted
WHO = "uname -r && nproc && od -An -v -tx1 /sys/kernel/notes"
INITRAMFS = "initramfs.cpio"
KEY_FILE, KNOWN_HOSTS = "id_ed25519", "known_hosts"
LISTENS = "orchestrate: sshd listens"
ENDED_BY_LIMIT = 124  # supervisor's exit status for a program that it had to end; timeout(1)'s too
# from our limit to supervisor's in the guest: the program is examined while it lives, and ended there should we fail to
LAST_CALL_S = 30
FALL_S = 10.0  # what a machine that goes down gets for it
ANSWER_S = 3.0  # what a guest that has just ended a command may take to answer
QUIET_S = 3.0  # what the end mark of a case may take to come out of the serial port


@dataclass(frozen=True)
class Identity:
    """Who the guest says it is. `build_id` is the GNU build id in hex of the kernel that runs."""

    release: str
    build_id: str
    cpus: int
    ready_s: float  # from QEMU's start to the first command answered


@dataclass(frozen=True)
class Access:
    """How to reach a guest by hand: what `ssh` needs."""

    port: int
    key_file: Path
    known_hosts: Path

    def ssh(self, *words: str, options: tuple[str, ...] = ()) -> tuple[str, ...]:
        """The command line of OpenSSH's client."""
        settings = {
            "IdentityFile": _quoted(self.key_file),
            "UserKnownHostsFile": _quoted(self.known_hosts),
            "StrictHostKeyChecking": "yes",
            "IdentitiesOnly": "yes",
            "LogLevel": "ERROR",
        }
        wanted = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
        where = ("-F", "none", "-p", str(self.port), *wanted, "root@127.0.0.1")
        return ("ssh", *options, *where, *words)


def _quoted(path: Path) -> str:
    """A path in an option of ssh(1), which takes a list of them and expands %."""
    escaped = str(path).replace("%", "%%").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def case_words(case: Case, *, duration_s: float, limit_s: int, seed: int, slowdown: float) -> tuple[str, ...]:
    """The command that runs a case in the guest. It takes the token of its sentinel from stdin."""
    return (
        "env", f"TESTCASE_SLOWDOWN={slowdown:g}", "supervisor", str(limit_s), str(STDOUT_CAP), case.name,
        *case_argv.argv(case, duration_s=duration_s, seed=seed),
    )  # fmt: skip


class Guest:
    """One virtual machine. `close` it, whatever happens."""

    def __init__(
        self,
        boot: Boot,
        directory: Path,
        runner: Runner,
        *,
        outlives_us: bool = False,
        counting: Counting | None = None,
        stalls: Counting | None = None,
        vma_writes: VmaWatch | None = None,
    ) -> None:
        """`outlives_us`: QEMU does not end with us, so that `leave` can leave it behind; nor does it when we crash.
        `counting`: instructions to count. `stalls`: those at which CPUs stand still now and then. `vma_writes`: those
        that are watched for writing VMAs without their lock."""
        directory.mkdir(parents=True, exist_ok=True)
        self._counters = Counters(directory, counting) if counting else None
        self._stalls = Counters(directory, stalls) if stalls else None
        self._vma_writes = VmaWrites(directory, vma_writes) if vma_writes else None
        watching = vma_writes.counting if vma_writes else None
        plugins = [word for one in (counting, stalls, watching) if one for word in one.argv()]
        boot = replace(boot, plugins=tuple(plugins))
        self._runner = runner
        self._client, host_public, keys = _make_keys(directory, runner)
        self._host_key = host_public
        initramfs = directory / INITRAMFS
        initramfs.touch(mode=0o600)  # the guest's private key is in it
        initramfs.write_bytes(boot.initramfs.read_bytes() + run_part(keys))
        self.directory = directory
        self._memory_mib = boot.memory_mib
        self.qemu = Qemu(argv(_with_initramfs(boot, initramfs)), directory, outlives_us=outlives_us)
        self._silence_s = boot.accel.silence_s
        self._outlives_us = outlives_us
        self._listens = self.qemu.console.watch(kernel_line(LISTENS))
        self.link: Link | None = None

    def wait_ready(self, limit_s: float) -> Identity:
        """Wait for the first answered command. Raises BootFailed, GuestUnreachable, Interrupted."""
        try:
            identity = self._wait_ready(limit_s)
        except GuestUnreachable:
            self._check_booting()  # a panic or a reset explains more than the silence that follows it
            if trouble := self.qemu.host_trouble():
                raise GuestUnreachable(trouble, hint="--accel tcg emulates instead") from None
            raise
        finally:
            self.tell_vma_writes()
        return identity

    def _wait_ready(self, limit_s: float) -> Identity:
        deadline = Deadline.after(limit_s)
        port = self.qemu.forwarded_port()
        self._wait_for_sshd(deadline, limit_s)
        self.access = _access(self.directory, port, self._client, self._host_key)
        self.link = Link(port, self._host_key, self._client)
        self.link.connect(deadline, self._check_booting)
        answer = self.link.ask(WHO, min(30.0, max(5.0, deadline.remaining_s)), self._check_booting)
        ready_s = time.monotonic() - self.qemu.started_s
        release, _, others = answer.stdout.partition("\n")
        cpus, _, notes = others.partition("\n")
        if answer.status != 0 or not cpus.isdigit():
            raise GuestUnreachable(f"the guest did not say who it is (status {answer.status})", detail=answer.stderr)
        return Identity(release.strip(), _build_id(bytes.fromhex("".join(notes.split()))), int(cpus), ready_s)

    def run_case(
        self,
        case: Case,
        *,
        duration_s: float,
        limit_s: int,
        seed: int,
        slowdown: float,
        home: Path,
        known: Sequence[KnownIssue] = (),
    ) -> Attempt:
        """Run a case; its output goes to `home`. Always returns a record, whatever the guest does meanwhile. `known`:
        kernel reports that do not stop a guest which is to stop at the first one."""
        assert self.link, "wait_ready comes first"
        home.mkdir(parents=True, exist_ok=True)
        evidence.forget(home)  # of an earlier try
        token, mark = secrets.token_hex(8), secrets.token_hex(8)
        ended = self.qemu.console.watch(kernel_line(f"orchestrate: end {mark}"))
        limit_there_s = limit_s + LAST_CALL_S
        words = case_words(case, duration_s=duration_s, limit_s=limit_there_s, seed=seed, slowdown=slowdown)
        console_from, started_s = self.qemu.console.mark(), time.monotonic()

        def examine(may_ask: bool) -> Examination:
            self.tell_vma_writes()  # what is said after an examination is our own doing
            link = self.link if may_ask else None
            with writing(home / EVIDENCE):
                return evidence.examine(self.qemu, link, case_argv.process(case), home, self._memory_mib)

        def counts(kernel_report: KernelReport) -> bool:
            return mark_expected(mark_known([kernel_report], known), case.expects)[0].outcome.is_bad

        stop_at = console_from if self._outlives_us else None
        with Watchdog(
            self.qemu, self.link, limit_s, self._runner.cancel, examine, counts, stop_at, self._silence_s
        ) as watchdog:
            answer = self.link.run(shlex.join(words), home / "stdout", home / "stderr", stdin=f"{token} {mark}\n")
        time_s = time.monotonic() - started_s
        self._runner.cancel.check()
        self.tell_vma_writes()
        if self.qemu.console.failure:
            raise situation(self.qemu.console.failure, os.fspath(self.directory / "console.log"))
        sentinel = read_sentinel(answer.stderr, token)
        is_unmarked = sentinel is not None and not ended.seen.wait(QUIET_S)
        observation = watchdog.observation or (None if sentinel or self._still_answers() else self._why_cut(examine))
        found = observation.evidence if observation else examine(True) if sentinel and sentinel.stuck else None
        run = Attempt(
            case=case.name,
            ending=_ending(observation, sentinel, time_s, limit_s),
            duration_s=time_s,
            seed=seed,
            console_from=console_from,
            console_to=self.qemu.console.mark(),
            reason=observation.words if observation else "",
            dialect=case.output,
            is_unmarked=is_unmarked,
        )
        run = _told(run, sentinel) if sentinel else run
        return _examined(run, found) if found else run

    def counts(self) -> Counts | None:
        """What has been counted since power-on; None if nothing was to be. Works also when the guest is dead."""
        return self._counters.read(lambda: self.qemu.is_alive) if self._counters else None

    def tell_vma_writes(self) -> None:
        """Say in the console which writes of VMAs have come without their lock since the last call."""
        if self._vma_writes:
            self._vma_writes.tell(self.qemu.console, self.qemu.started_s)

    @property
    def vma_writes_seen(self) -> int | None:
        """How many writes of VMAs in use there have been, locked or not; None: they are not watched."""
        return self._vma_writes.seen() if self._vma_writes else None

    def close(self) -> None:
        if self.link:
            self.link.close()
        self.qemu.close()

    def leave(self) -> None:
        """Stop the guest and leave it to the user: QEMU lives on when we are gone. Raises GuestUnreachable."""
        self.qemu.stop()
        if self.link:
            self.link.close()
        self.qemu.leave()

    def _wait_for_sshd(self, deadline: Deadline, limit_s: float) -> None:
        while not self._listens.seen.wait(0.02):
            self._runner.cancel.check()
            self._check_booting()
            if deadline.expired:
                if trouble := self.qemu.host_trouble():
                    raise GuestUnreachable(trouble, hint="--accel tcg emulates instead")
                silent_s = time.monotonic() - self.qemu.console.last_output_s
                raise BootFailed(
                    f"the kernel did not finish booting within {limit_s:.0f} s (silent for the last {silent_s:.0f} s)",
                    detail=self._said_last(),
                )

    def _check_booting(self) -> None:
        """Raises BootFailed on a panic, or if QEMU ended (which a panicking kernel causes)."""
        self._runner.cancel.check()
        if self.qemu.console.panicked.seen.is_set():
            self.qemu.wait_fall(FALL_S)
            if not self.qemu.is_alive:
                self.qemu.console.drain(1.0)
            line = re.sub(rb"^.*?(?=Kernel panic)", b"", self.qemu.console.panicked.match).decode(errors="replace")
            raise BootFailed(f"{line} (at boot)", detail=self._said_last())
        if not self.qemu.is_alive:
            self.qemu.console.drain(1.0)
            if self.qemu.console.panicked.seen.is_set():
                return self._check_booting()
            by_guest, words = self.qemu.end_reason()
            if not by_guest:
                kind = QemuCrashed if self.qemu.has_crashed else GuestUnreachable
                raise kind(f"while the kernel booted: {words}")
            raise BootFailed(f"while the kernel booted: {words}", detail=self._said_last())
        return None

    def _said_last(self) -> str:
        """The end of the console, for users who have no run directory to read."""
        return "\n".join(self.qemu.console.text(max(0, self.qemu.console.mark() - 4096)).splitlines()[-15:])

    def _still_answers(self) -> bool:
        """Asked if there is no sentinel: whether the guest answers; if so, only the supervisor was killed."""
        assert self.link
        return self.link.ping().wait(ANSWER_S)

    def _why_cut(self, examine: Examine) -> Observation:
        """The connection ended for an unknown reason: whether the machine is going down, or only its SSH server."""
        self.qemu.wait_fall(FALL_S)
        if not self.qemu.is_alive:
            self.qemu.console.drain(1.0)
        panicked = self.qemu.console.panicked.seen.is_set()
        if not self.qemu.is_alive:
            return Observation(Ending.GUEST_DIED, "the kernel panicked") if panicked else lost(self.qemu)
        if panicked:
            return Observation(Ending.GUEST_DIED, "the kernel panicked", examine(False))
        return Observation(Ending.GUEST_FROZE, "the SSH connection ended before the command did", examine(False))


def _ending(observation: Observation | None, sentinel: Sentinel | None, time_s: float, limit_s: float) -> Ending:
    if observation and (sentinel is None or observation.ending is Ending.TIMED_OUT):
        return observation.ending
    if sentinel and sentinel.status == ENDED_BY_LIMIT and time_s >= 0.95 * limit_s:  # clocks differ
        return Ending.TIMED_OUT
    return Ending.EXITED


def _told(run: Attempt, sentinel: Sentinel) -> Attempt:
    """The record with what the guest itself says about the end of the case."""
    return replace(
        run,
        status=sentinel.status,
        taint_before=sentinel.taint_before,
        taint_after=sentinel.taint_after,
        stdout_dropped=sentinel.dropped,
        counts=sentinel.counts,
        left=sentinel.left,
        stuck=sentinel.stuck,
        left_name=sentinel.left_name,
        is_full=sentinel.is_full,
    )


def _examined(run: Attempt, found: Examination) -> Attempt:
    """The record with what the examination of its guest found."""
    reason = run.reason or f"it left tasks that nothing can end: {found.words}"
    return replace(run, condition=found.condition, examined_at=found.console_at, reason=reason)


def _with_initramfs(boot: Boot, initramfs: Path) -> Boot:
    return replace(boot, initramfs=initramfs)


def _make_keys(directory: Path, runner: Runner) -> tuple[ClientKey, str, Keys]:
    client = new_client_key()
    host = directory / "host_key"
    host.unlink(missing_ok=True)
    made = runner.check(Command(("dropbearkey", "-t", "ed25519", "-f", str(host))))
    public = next(line for line in made.text.splitlines() if line.startswith("ssh-ed25519 "))
    return client, public, Keys(host.read_bytes(), client.public)


def _access(directory: Path, port: int, client: ClientKey, host_public: str) -> Access:
    key_file, known_hosts = directory / KEY_FILE, directory / KNOWN_HOSTS
    key_file.touch(mode=0o600)
    key_file.write_text(client.private)
    known_hosts.write_text(f"[127.0.0.1]:{port} {' '.join(host_public.split()[:2])}\n")
    return Access(port, key_file, known_hosts)


def _build_id(notes: bytes) -> str:
    """The GNU build id in ELF notes: (name size, description size, type), name, description, each padded to 4."""
    at = 0
    while at + 12 <= len(notes):
        name_size, data_size, kind = (int.from_bytes(notes[at + n : at + n + 4], "little") for n in (0, 4, 8))
        name_at = at + 12
        data_at = name_at + (name_size + 3) // 4 * 4
        if kind == 3 and notes[name_at : name_at + name_size] == b"GNU\0":
            return notes[data_at : data_at + data_size].hex()
        at = data_at + (data_size + 3) // 4 * 4
    return ""
