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
    "Settings take the place of options that you would give each time. An option beats an environment variable "
    "(ORCHESTRATE_BASE for base), that beats orchestrate.toml in the tree, that beats "
    "~/.config/orchestrate/config.toml.",
    (
        ("orchestrate config", "what holds here"),
        ("orchestrate config --tree ~/linux", "what holds with this tree, whose orchestrate.toml may set some"),
    ),
    (),
    (Group("kernel", (TREE,)), Group("output", (switch("--json", help="as JSON"),))),
)

LIST = Command(
    "list",
    "list test cases, kconfigs, patches, machines, bases, toolchains or architectures",
    "Lists the names that options take, each with a line about it.",
    (("orchestrate list testcases", "the names for --testcase"),),
    (option("kind", choices=LISTED, metavar="KIND", help=f"one of {', '.join(LISTED)}"),),
    (Group("output", (switch("--json", help="as JSON"),)),),
)

CLEAN = Command(
    "clean",
    "list, or remove with --yes, what has not been used for long",
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
                replace(kernel.ARCH, help="look for what kernels and guests of this architecture need too"),
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
    "Prints the man page, which says all that --help says.",
    (
        ("orchestrate man | man -l -", "read it"),
        ("orchestrate man >~/.local/share/man/man1/orchestrate.1", "install it"),
    ),
)

COMMANDS = (LIST, CONFIG, CLEAN, DOCTOR, COMPLETION, MAN)
