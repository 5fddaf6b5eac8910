"""Commands about this machine: what there is to choose from, what is missing, what takes disk space."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.arguments.command import Command, Group, option, repeatable, switch
from orchestrator.arguments.options import kernel
from orchestrator.arguments.options.kernel import TREE
from orchestrator.arguments.options.messages import VERBOSE

# as in retention.Kind
KINDS = (
    "runs", "nights", "products", "builds", "worktrees", "bases", "ccache", "learned", "base-results", "leftovers",
)  # fmt: skip
SHELLS = ("bash", "zsh", "fish")
LISTED = ("testcases", "kconfigs", "patches", "machines", "bases", "toolchains", "architectures")

CONFIG = Command(
    "config",
    "show each setting and where it comes from",
    "Settings are defaults for options. An option overrides an environment variable (ORCHESTRATE_BASE for base), "
    "which overrides orchestrate.toml in the tree, which overrides ~/.config/orchestrate/config.toml.",
    (
        ("orchestrate config", "the settings in effect here"),
        ("orchestrate config --tree ~/linux", "the settings for this tree, which may have an orchestrate.toml"),
    ),
    (),
    (Group("kernel", (TREE,)), Group("output", (switch("--json", help="as JSON"),))),
)

LIST = Command(
    "list",
    "list test cases, kconfigs, patches, machines, bases, toolchains or architectures",
    "Lists the names that options accept, with a line about each.",
    (("orchestrate list testcases", "the names for --testcase"),),
    (option("kind", choices=LISTED, metavar="KIND", help=f"one of {', '.join(LISTED)}"),),
    (Group("output", (switch("--json", help="as JSON"),)),),
)

CLEAN = Command(
    "clean",
    "list what has not been used for long; remove it with --yes",
    "Lists bases, worktrees, build directories, products, ccache and run directories of this user that have not been "
    "used for long; removes them with --yes. It always keeps what a run is using, what was used in the last hours, "
    "interrupted runs of the last days, and run directories in other places.",
    (
        ("orchestrate clean", "what would be removed"),
        ("orchestrate clean --yes --max-size 20G", "remove until at most 20 GiB are left"),
    ),
    (),
    (
        Group(
            "what to remove",
            (
                switch("--yes", help="remove it (default: only list it)"),
                option(
                    "--keep-days",
                    type=float,
                    default=14.0,
                    metavar="N",
                    help="remove what has not been used for N days (default: 14)",
                ),
                option(
                    "--max-size",
                    metavar="SIZE",
                    help="remove more, least recently used first, until at most SIZE is left (e.g. 20G; default: no "
                    "limit)",
                ),
                repeatable(
                    "--kind",
                    choices=KINDS,
                    metavar="KIND",
                    help=f"remove only {', '.join(KINDS)} (repeatable; default: all)",
                ),
            ),
        ),
    ),
)

DOCTOR = Command(
    "doctor",
    "check whether this machine is ready, and say how to install what is missing",
    "Looks for the programs that a run needs, tries each accelerator with a real guest, and shows what takes disk "
    "space.",
    (
        ("orchestrate doctor", "what is there, and what is missing"),
        ("orchestrate doctor --install", "install what is missing"),
        ("orchestrate doctor --arch arm64 --install", "and what kernels and guests of arm64 need"),
    ),
    (),
    (
        Group(
            "what to do",
            (
                switch("--install", help="install what is missing (Debian: apt-get)"),
                replace(kernel.ARCH, help="also look for what kernels and guests of this architecture need"),
                switch("--verify", help="hash every product in the cache, and drop damaged ones"),
            ),
        ),
        Group("output", (VERBOSE, switch("--json", help="as JSON"))),
    ),
    ((0, "ready"), (3, "not ready")),
)

COMPLETION = Command(
    "completion",
    "print the completions for a shell",
    "Prints what bash, zsh or fish needs to complete commands, options and names.",
    (
        ("source <(orchestrate completion bash)", "in ~/.bashrc"),
        ("orchestrate completion zsh >~/.zfunc/_orchestrate", "in a directory of $fpath"),
        ("orchestrate completion fish >~/.config/fish/completions/orchestrate.fish", "where fish looks for it"),
    ),
    (option("shell", choices=SHELLS, metavar="SHELL", help=f"one of {', '.join(SHELLS)}"),),
)

MAN = Command(
    "man",
    "print the man page",
    "Prints the man page, with everything that --help shows.",
    (
        ("orchestrate man | man -l -", "read it"),
        ("orchestrate man >~/.local/share/man/man1/orchestrate.1", "install it"),
    ),
)

COMMANDS = (LIST, CONFIG, CLEAN, DOCTOR, COMPLETION, MAN)
