"""How much a command prints while it works."""

from __future__ import annotations

from orchestrator.arguments.command import Group, option, switch

VERBOSE = switch("-v", "--verbose", help="print every command that runs, and messages in full")
QUIET = switch("-q", "--quiet", help="print only warnings, errors and the verdict")
COLOR = option(
    "--color",
    choices=("auto", "always", "never"),
    metavar="WHEN",
    help="always, never, or (auto, the default) on a terminal, unless NO_COLOR is set; FORCE_COLOR is always",
)

MESSAGES = Group("messages", (VERBOSE, QUIET, COLOR))
