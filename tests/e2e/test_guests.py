"""Guests by themselves, on the kernel that the main job built."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.context import Context, Places
from orchestrator.declarations.catalog import load_catalog
from orchestrator.errors import GuestUnreachable, Interrupted, ProductDamaged
from orchestrator.guest.accel import Probe, choose
from orchestrator.guest.guest import Guest
from orchestrator.guest.ssh import Link, new_client_key
from orchestrator.host.deadline import Deadline
from orchestrator.host.process import Cancel, Runner
from orchestrator.invocation.compose import announced, find_host
from orchestrator.jobs.boot import GuestSpec, boot
from orchestrator.jobs.build import Finders, make_config, make_guest_spec, make_kernel, make_programs, make_tree
from orchestrator.model.evidence_files import FILES
from orchestrator.model.machine import Accel, Machine
from orchestrator.model.request import Request
from orchestrator.model.subject import patched
from orchestrator.plan import make_plan
from orchestrator.source.bases import DEFAULT_BASE, Workplace, packaged_base
from tests.e2e.conftest import ROOT, flip_bytes


@pytest.fixture(scope="module")
def spec() -> tuple[Context, GuestSpec]:
    catalog, places, runner = load_catalog(), Places.of_user(), Runner(Cancel())
    context = Context(places, catalog, runner, lambda event: None)
    plan = make_plan(Request(patch="vm_refcnt"), catalog, catalog.series("vm_refcnt"), find_host(context))

    def find_accel(machine: Machine) -> tuple[Accel, Probe]:
        return choose("auto", catalog.accel("kvm"), catalog.accel("tcg"), machine, runner, places.cache / "probes")

    find = Finders(
        lambda _: packaged_base(DEFAULT_BASE, Workplace(places.bases, runner, lambda text: None)), find_accel
    )
    subject, logs = patched(plan.kernel(plan.variants[0])), places.logs / "tests"
    stage = announced(context, subject)
    tree = make_tree(context, stage, subject, find)
    config = make_config(context, stage, subject, tree, logs)
    programs = make_programs(context, stage, subject, tree, plan)
    built = make_kernel(context, stage, subject, tree, config, plan, logs)
    return context, make_guest_spec(context, stage, subject, built, programs, plan, find)


@pytest.fixture(scope="module")
def guest(spec: tuple[Context, GuestSpec], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:
    made, identity = boot(*spec, tmp_path_factory.mktemp("guest"))
    assert identity.build_id == spec[1].kernel.build_id
    yield made
    made.close()


def ask(guest: Guest, command: str) -> str:
    assert guest.link
    return guest.link.ask(command).stdout


def test_the_guest_counts_per_vma_locks(guest: Guest) -> None:
    assert "vma_lock_success" in ask(guest, "cat /proc/vmstat")
    assert "vm_area_struct" in ask(guest, "cat /proc/slabinfo")


def test_the_guest_reaches_nothing(guest: Guest) -> None:
    answer = ask(guest, "ip route; timeout 3 nc -w 2 10.0.2.2 22 </dev/null; echo status $?")
    assert "default" not in answer
    assert "status 0" not in answer


def test_output_in_megabytes_arrives_whole_and_quickly(guest: Guest, tmp_path: Path) -> None:
    assert guest.link
    started = time.monotonic()
    answer = guest.link.run("head -c 6000000 /dev/zero | tr '\\0' x", tmp_path / "out", tmp_path / "err")
    assert answer.status == 0
    assert (tmp_path / "out").stat().st_size == 6000000
    assert time.monotonic() - started < 60  # fabric's default reads would take minutes


def test_a_wrong_host_key_is_refused_at_once(guest: Guest) -> None:
    other = new_client_key().public
    link = Link(guest.access.port, other, new_client_key())
    with pytest.raises(GuestUnreachable, match="not the one we started"):
        link.connect(Deadline.after(30), lambda: None)
    link.close()


def test_a_key_of_another_run_is_refused_at_once(guest: Guest) -> None:
    known = (guest.directory / "known_hosts").read_text().split(" ", 1)[1]
    link = Link(guest.access.port, known, new_client_key())
    with pytest.raises(GuestUnreachable, match="Authentication failed"):
        link.connect(Deadline.after(30), lambda: None)
    link.close()


def test_openssh_can_log_in_with_the_files_that_are_left(guest: Guest) -> None:
    result = subprocess.run(guest.access.ssh("uname", "-s"), capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (0, "Linux\n"), result.stderr


def test_the_port_is_ours_alone(guest: Guest) -> None:
    """Forwarded on 127.0.0.1 only, on a port that the kernel picked: no two guests can collide."""
    listening = Path("/proc/net/tcp").read_text()
    assert f"0100007F:{guest.access.port:04X}" in listening
    assert f"00000000:{guest.access.port:04X}" not in listening


def test_guests_run_side_by_side(spec: tuple[Context, GuestSpec], guest: Guest, tmp_path: Path) -> None:
    second, _ = boot(*spec, tmp_path / "second")
    try:
        assert second.access.port != guest.access.port
        assert ask(second, "cat /proc/sys/kernel/random/boot_id") != ask(guest, "cat /proc/sys/kernel/random/boot_id")
    finally:
        second.close()


@pytest.mark.long
def test_a_guest_whose_ssh_never_comes_is_reported_and_ended(spec: tuple[Context, GuestSpec], tmp_path: Path) -> None:
    context, good = spec
    # a network card that this kernel has no driver for
    mute = replace(good, machine=replace(good.machine, net_device="e1000"), boot_limit_s=12.0)
    with pytest.raises(GuestUnreachable, match="SSH server did not answer in time"):
        boot(context, mute, tmp_path / "mute")
    assert "orchestrate: sshd listens" in (tmp_path / "mute/console.log").read_text(errors="replace")
    assert not (tmp_path / "mute/qmp.sock").exists()


def test_a_ping_is_answered_by_a_healthy_guest_and_not_by_a_frozen_one(guest: Guest) -> None:
    assert guest.link
    assert guest.link.ping().wait(5)
    os.kill(guest.qemu.pid, signal.SIGSTOP)
    try:
        assert not guest.link.ping().wait(3)
    finally:
        os.kill(guest.qemu.pid, signal.SIGCONT)
    until = time.monotonic() + 10
    while not guest.link.ping().wait(1):
        assert time.monotonic() < until


def test_what_an_earlier_try_of_a_case_left_is_no_evidence(
    spec: tuple[Context, GuestSpec], guest: Guest, tmp_path: Path
) -> None:
    for name in FILES:
        (tmp_path / name).write_text("of an earlier try")
    case = spec[0].catalog.case("split-merge")
    run = guest.run_case(case, duration_s=0.5, limit_s=60, seed=1, slowdown=spec[1].slowdown, home=tmp_path)
    assert run.status == 0
    assert {path.name for path in tmp_path.iterdir()} == {"stdout", "stderr"}


# Stops a grandchild of the program, a child that its subtest's process has forked and waits for, and lets it go again.
STOP_A_CHILD = """
for try in $(seq 200); do
    child=$(cat /proc/[0-9]*/stat 2>/dev/null | awk '
        $2 == "(fork-fault)" { parent[$1] = $4 }
        END { for (pid in parent) if (parent[parent[pid]] in parent) print pid }' | head -n 1)
    [ -n "$child" ] && kill -STOP $child 2>/dev/null || continue
    if grep -q '^State:.*T' /proc/$child/status 2>/dev/null; then
        sleep SECONDS; kill -CONT $child; echo stopped; exit
    fi
done
"""


@pytest.mark.long
def test_who_waits_for_a_child_that_was_stopped_does_not_hang(
    spec: tuple[Context, GuestSpec], guest: Guest, tmp_path: Path
) -> None:
    case, slowdown = spec[0].catalog.case("fork-fault"), spec[1].slowdown
    stopped_s = 1.5 * (1 + slowdown)  # from 1 + slowdown on a thread without progress hangs
    said: list[str] = []

    def stop() -> None:
        assert guest.link
        time.sleep(2)
        said.append(guest.link.ask(STOP_A_CHILD.replace("SECONDS", f"{stopped_s:.0f}"), 120).stdout)

    stopper = threading.Thread(target=stop)
    stopper.start()
    run = guest.run_case(case, duration_s=30, limit_s=200, seed=1, slowdown=slowdown, home=tmp_path)
    stopper.join()
    assert said == ["stopped\n"]
    assert run.status == 0, (tmp_path / "stdout").read_text()


@pytest.mark.long
def test_reclaim_gets_to_its_limit_with_little_of_the_hosts_cpu(
    spec: tuple[Context, GuestSpec], guest: Guest, tmp_path: Path
) -> None:
    case, done = spec[0].catalog.case("reclaim"), threading.Event()

    def throttle() -> None:
        while not done.is_set():
            os.kill(guest.qemu.pid, signal.SIGSTOP)
            time.sleep(0.085)
            os.kill(guest.qemu.pid, signal.SIGCONT)
            time.sleep(0.015)

    throttler = threading.Thread(target=throttle)
    throttler.start()
    try:
        run = guest.run_case(case, duration_s=5, limit_s=200, seed=1, slowdown=spec[1].slowdown, home=tmp_path)
    finally:
        done.set()
        throttler.join()
    assert run.status == 0, (tmp_path / "stdout").read_text()


def test_a_question_to_a_frozen_guest_hears_that_the_user_stops(
    spec: tuple[Context, GuestSpec], tmp_path: Path
) -> None:
    context, good = spec
    asked, _ = boot(context, good, tmp_path / "asked")
    cancel = Cancel()
    os.kill(asked.qemu.pid, signal.SIGSTOP)
    try:
        assert asked.link
        threading.Timer(0.5, cancel.set).start()
        started = time.monotonic()
        with pytest.raises(Interrupted):
            asked.link.ask("true", 30.0, cancel.check)
        assert time.monotonic() - started < 2
    finally:
        os.kill(asked.qemu.pid, signal.SIGCONT)
        asked.close()


def test_console_bytes_have_the_hosts_time(guest: Guest) -> None:
    rows = [row.split() for row in (guest.directory / "console.log.times").read_text().splitlines()]
    offsets, times = [int(row[0]) for row in rows], [float(row[1]) for row in rows]
    assert offsets == sorted(offsets)
    assert times == sorted(times)
    assert guest.qemu.started_s < times[0] < times[-1] < time.monotonic()


def test_shell_runs_a_command_in_the_guest() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "orchestrator", "shell", "--patch", "vm_refcnt", "--", "sh", "-c", "uname -r; exit 7"],
        cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    assert result.returncode == 7, result.stderr
    assert result.stdout == "6.12.117\n"


@pytest.mark.parametrize("which", ["kernel image", "initramfs"])
def test_damaged_products_are_not_the_fault_of_a_patch(
    spec: tuple[Context, GuestSpec], tmp_path: Path, which: str
) -> None:
    context, good = spec
    private = replace(context, places=Places(tmp_path / "cache", tmp_path / "state"))

    def copied(stage: str, path: Path) -> Path:
        data = path.read_bytes()
        made = private.store.put(stage, "k", lambda scratch: (scratch / path.name).write_bytes(data))
        return made / path.name

    image, initramfs = copied("build", good.kernel.image), copied("programs", good.programs.initramfs)
    given = replace(
        good,
        kernel=replace(good.kernel, image=image),
        programs=replace(good.programs, initramfs=initramfs),
        boot_limit_s=15.0,
    )
    path = image if which == "kernel image" else initramfs
    flip_bytes(path)
    with pytest.raises(ProductDamaged, match=f"the {which} in the store had been damaged"):
        boot(private, given, tmp_path / "guest")
    assert not path.exists()
    # its console is for people: what a damaged guest says is no report of this kernel's
    assert not (tmp_path / "guest").exists()
    assert (tmp_path / "guest.damaged/console.log").is_file()
    assert not (tmp_path / "guest.damaged/qmp.sock").exists()
