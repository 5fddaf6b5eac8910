"""Commands about this machine: what there is to choose from, what is missing, what takes disk space."""

from __future__ import annotations

from orchestrator.arguments.command import Command, Group, option, repeatable, switch

KINDS = ("runs", "products", "builds", "worktrees", "bases", "ccache", "leftovers")  # as in retention.Kind
LISTED = ("testcases", "kconfigs", "patches", "machines", "bases")

LIST = Command(
    "list",
    "list test cases, kconfigs, patches, machines or bases",
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
    ),
    (),
    (
        Group(
            "what to do",
            (
                switch("--install", help="install what is missing (Debian: apt-get)"),
                switch("--verify", help="hash every product in the cache, and drop damaged ones"),
            ),
        ),
        Group("output", (switch("--json", help="as JSON"),)),
    ),
    ((0, "ready"), (3, "not ready")),
)

COMMANDS = (LIST, CLEAN, DOCTOR)
