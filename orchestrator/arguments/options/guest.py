"""The virtual machine that runs the kernel."""

from __future__ import annotations

from orchestrator.arguments.command import Group, option, switch

MACHINE = option(
    "--machine",
    metavar="NAME",
    completes="machines",
    help="a name of `orchestrate list machines` (default: that of the architecture)",
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
            help="number of CPUs, possibly more than the host has (default: the machine's, or up to 4 if the host has "
            "them)",
        ),
        option("--memory", type=int, metavar="MIB", help="memory in MiB (default: the machine's)"),
        option(
            "--boot-timeout",
            type=float,
            metavar="S",
            help="time limit of a boot, in seconds (default: scaled to accelerator and kconfig)",
        ),
    ),
)
NO_STALLS = switch(
    "--no-stalls",
    help="do not pause virtual CPUs now and then near changed statements, to make races more likely (default: pause "
    "them where TCG runs the guests)",
)
NO_VMA_WRITES = switch(
    "--no-vma-writes",
    help="do not check that members of VMAs are written only under the VMA's write lock (default: check where TCG "
    "runs the guests)",
)
GDB = switch("--gdb", help="stop at the first instruction and wait for gdb; print how to start it")
