"""Numbers of signals -> their names, as the kernel of x86-64, arm64 and RISC-V has them: a guest's, not the host's."""

from __future__ import annotations

# include/uapi/asm-generic/signal.h, from 1 on
NAMES = (
    "SIGHUP", "SIGINT", "SIGQUIT", "SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE", "SIGKILL", "SIGUSR1",
    "SIGSEGV", "SIGUSR2", "SIGPIPE", "SIGALRM", "SIGTERM", "SIGSTKFLT", "SIGCHLD", "SIGCONT", "SIGSTOP", "SIGTSTP",
    "SIGTTIN", "SIGTTOU", "SIGURG", "SIGXCPU", "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO", "SIGPWR",
    "SIGSYS",
)  # fmt: skip


def signal_name(number: int) -> str:
    """`SIGSEGV` for 11, `signal 40` for one without a name of its own."""
    return NAMES[number - 1] if 0 < number <= len(NAMES) else f"signal {number}"
