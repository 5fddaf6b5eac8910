"""What is tested: the patch or series, the tree and revision that it is for, the configurations."""

from __future__ import annotations

from pathlib import Path

from orchestrator.arguments.command import Group, option, repeatable
from orchestrator.arguments.once import Once

PATCH_ARGUMENT = option("patch", nargs="?", metavar="PATCH", completes="patches", action=Once, help="as --patch")
PATCH = option(
    "--patch",
    metavar="PATCH",
    completes="patches",
    action=Once,
    help="a .patch file, a directory of them, an mbox (file or URL, also .gz, .xz, .bz2), or a name of `orchestrate "
    "list patches`; PATCH#3/7 and PATCH#2-4/7: only these parts of a series. Without a patch the base itself is tested",
)
TREE = option(
    "--tree",
    type=Path,
    metavar="DIR",
    completes="directory",
    help="a git tree that has the base; it is only read",
)
BASE = option(
    "--base",
    metavar="NAME|REV",
    completes="bases",
    help="what the patch applies to: a name of `orchestrate list bases`, or with --tree a revision (default: HEAD)",
)
KCONFIG = repeatable(
    "--kconfig",
    metavar="NAME[+NAME]",
    completes="kconfigs",
    help="fragments added to tinyconfig (default: base); give it several times to test several kernels",
)

KERNEL = Group("kernel", (PATCH, TREE, BASE, KCONFIG))
