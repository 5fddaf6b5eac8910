"""Commands that make a kernel and give it to the user."""

from __future__ import annotations

from orchestrator.arguments import exit_status
from orchestrator.arguments.command import Command, Group, option, plus
from orchestrator.arguments.options import kernel
from orchestrator.arguments.options.guest import GDB, GUEST, MACHINE
from orchestrator.arguments.options.intake import INTAKE
from orchestrator.arguments.options.messages import MESSAGES

BUILD = Command(
    "build",
    "build the kernels, and do nothing else",
    "Applies the patch, configures and builds, and prints the name, release and image of each kernel.",
    (("orchestrate build fix.patch --kconfig base --kconfig debug", "two kernels"),),
    (kernel.PATCH_ARGUMENT,),
    (kernel.KERNEL, INTAKE, Group("guest", (MACHINE,)), MESSAGES),
    exit_status.KERNEL,
)

BOOT = Command(
    "boot",
    "build a kernel, boot it, and show what the guest says about itself",
    "Prints the name of each kernel, its release, the time until the guest answered, the accelerator and the build id.",
    (("orchestrate boot fix.patch --kconfig debug", "does it boot?"),),
    (kernel.PATCH_ARGUMENT,),
    (kernel.KERNEL, INTAKE, plus(GUEST, (GDB,)), MESSAGES),
    exit_status.KERNEL,
)

SHELL = Command(
    "shell",
    "boot a kernel, or resume a guest that a run left paused, and open a shell in it",
    "Boots the kernel and opens a shell in the guest over SSH; the guest ends with the shell. The exit status is that "
    "of the shell or command.",
    (
        ("orchestrate shell --patch fix.patch --kconfig debug", "a shell"),
        ("orchestrate shell --kconfig debug -- cat /proc/vmstat", "one command"),
        ("orchestrate shell RUN_DIR", "the guest that `test --freeze-on-failure` left paused"),
    ),
    (
        option(
            "words",
            nargs="*",
            metavar="WORD",
            may_be_empty=True,
            completes="directory",
            help="a command to run in the guest instead of a shell (after --); to resume a guest that "
            "--freeze-on-failure left paused, give its RUN_DIR first",
        ),
    ),
    (kernel.KERNEL, INTAKE, plus(GUEST, (GDB,)), MESSAGES),
)

COMMANDS = (BUILD, BOOT, SHELL)
