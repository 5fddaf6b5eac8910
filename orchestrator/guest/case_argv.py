"""A case's command line in the guest. Pure. Programs are named by their paths: who starts them searches no PATH."""

from __future__ import annotations

from orchestrator.model.case import Case

CASES = "/cases"  # our own programs
KSELFTESTS = "/kselftests"  # those of the tree under test, by collection
WITH_SETTINGS = "/bin/with-settings"
IN_CGROUP = "/bin/in-cgroup"
IN_USERLAND = "/bin/in-userland"


def argv(case: Case, *, duration_s: float, seed: int) -> tuple[str, ...]:
    """Program and arguments. Other people's programs take duration and seed where `{duration}` and `{seed}` stand."""
    words = [word.replace("{duration}", f"{duration_s:g}").replace("{seed}", str(seed)) for word in case.args]
    if case.kselftest:
        command = (f"{KSELFTESTS}/{case.kselftest}", *words)
    elif case.userland:
        command = (IN_USERLAND, case.program, *words)
    else:
        command = (f"{CASES}/{case.name}", *words, "--duration", f"{duration_s:g}", "--seed", str(seed))
    if case.cgroup:
        command = (IN_CGROUP, *(f"{name}={value}" for name, value in case.cgroup), "--", *command)
    settings = [f"/proc/sys/{name.replace('.', '/')}={value}" for name, value in case.sysctls]
    settings += [f"/sys/kernel/debug/{name}={value}" for name, value in case.debugfs]
    return (WITH_SETTINGS, *settings, "--", *command) if settings else command


def process(case: Case) -> str:
    """The name of the program's process."""
    return case.kselftest.rpartition("/")[2] or case.program or case.name
