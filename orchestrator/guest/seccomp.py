"""QEMU's own sandbox: a filter of system calls, so that a guest that broke out of its emulator could start nothing."""

from __future__ import annotations

from functools import cache

from orchestrator.host.process import Command, Runner

# No new programs, no other user, no priorities, no system calls that QEMU has no use for
OPTIONS = ("-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny")
PROBE_S = 10.0  # 0.1 s on an idle host


@cache
def seccomp_options(qemu: str, runner: Runner) -> tuple[str, ...]:
    """The options for a QEMU that can do it; none for one that was built without libseccomp, or on a kernel without
    seccomp. It is asked once, by a machine without anything that ends at once. Raises ToolMissing."""
    words = (qemu, "-nodefaults", "-no-user-config", "-machine", "none", "-display", "none", "-monitor", "stdio")
    result = runner.run(Command((*words, *OPTIONS)), stdin=b"quit\n", timeout_s=PROBE_S)
    return OPTIONS if result.status == 0 else ()
