"""The virtual machine that runs the kernel."""

from __future__ import annotations

from orchestrator.arguments.command import Group, option, switch

MACHINE = option(
    "--machine",
    metavar="NAME",
    completes="machines",
    help="see `orchestrate list machines` (default: the one of the architecture)",
)
GUEST = Group(
    "guest",
    (
        option(
            "--accel",
            choices=("auto", "kvm", "tcg"),
            metavar="NAME",
            help="kvm, tcg, or (auto, the default) KVM if a probe proves that it runs guests, else TCG",
        ),
        MACHINE,
        option(
            "--smp",
            type=int,
            metavar="N",
            help="CPUs, even more than the host has (default: the machine's, up to 4 if the host has more)",
        ),
        option("--memory", type=int, metavar="MIB", help="memory in MiB (default: the machine's)"),
        option(
            "--boot-timeout",
            type=float,
            metavar="S",
            help="how long a boot may take, in seconds (default: scaled to accelerator and kconfig)",
        ),
    ),
)
NO_STALLS = switch(
    "--no-stalls",
    help="do not let virtual CPUs stand still now and then where the series changes something, so that others come "
    "between (default: they do where TCG runs the guests)",
)
NO_VMA_WRITES = switch(
    "--no-vma-writes",
    help="do not watch whether members of VMAs are written without the VMA's write lock (default: they are watched "
    "where TCG runs the guests)",
)
GDB = switch("--gdb", help="stop at the first instruction and wait for gdb; prints how to start it")
