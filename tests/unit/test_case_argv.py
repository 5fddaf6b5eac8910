from __future__ import annotations

from pathlib import Path

from orchestrator.guest.case_argv import argv, process
from orchestrator.model.case import Case, Needs

PLAIN = Case("it", "s", Path("/t/it"), ("main.c",), ("--x",), 5.0, 15.0, Needs(), ())


def role(**changes: object) -> Case:
    return Case(**{**vars(PLAIN), "sources": (), **changes})  # type: ignore[arg-type]


def test_our_own_programs_are_told_duration_and_seed() -> None:
    assert argv(PLAIN, duration_s=2.5, seed=7) == ("/cases/it", "--x", "--duration", "2.5", "--seed", "7")


def test_other_peoples_programs_get_what_their_arguments_name() -> None:
    selftest = role(kselftest="mm/uffd-stress", args=("anon", "16"))
    assert argv(selftest, duration_s=2, seed=7) == ("/kselftests/mm/uffd-stress", "anon", "16")
    packaged = role(userland="debian", program="stress-ng", args=("--timeout", "{duration}s", "--seed", "{seed}"))
    assert argv(packaged, duration_s=2, seed=7) == (
        "/bin/in-userland", "stress-ng", "--timeout", "2s", "--seed", "7",
    )  # fmt: skip


def test_settings_come_first() -> None:
    case = role(kselftest="mm/x", args=(), sysctls=(("vm.nr_hugepages", "16"),))
    assert argv(case, duration_s=2, seed=7) == (
        "/bin/with-settings", "/proc/sys/vm/nr_hugepages=16", "--", "/kselftests/mm/x",
    )  # fmt: skip
    case = role(kselftest="mm/x", args=(), debugfs=(("failslab/verbose", "0"),), cgroup=(("memory.max", "12M"),))
    assert argv(case, duration_s=2, seed=7) == (
        "/bin/with-settings", "/sys/kernel/debug/failslab/verbose=0", "--",
        "/bin/in-cgroup", "memory.max=12M", "--", "/kselftests/mm/x",
    )  # fmt: skip


def test_the_process_has_the_programs_name() -> None:
    assert process(PLAIN) == "it"
    assert process(role(kselftest="mm/uffd-stress")) == "uffd-stress"
    assert process(role(userland="debian", program="stress-ng")) == "stress-ng"
