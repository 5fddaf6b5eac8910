"""What is tested: the patch or series, the tree and revision that it is for, the configurations."""

from __future__ import annotations

import argparse
from pathlib import Path

from orchestrator.arguments.command import Group, option, repeatable
from orchestrator.arguments.once import Once

PATCH_ARGUMENT = option("patch", nargs="?", metavar="PATCH", completes="patches", action=Once, help="as --patch")
PATCH = option(
    "--patch",
    metavar="PATCH",
    completes="patches",
    action=Once,
    help="a .patch file, a directory of them, an mbox (file or URL, also .gz, .xz, .bz2, .zst), a name of "
    "`orchestrate list patches`, commits of a git tree (main..HEAD), or a message id or its address in a mail "
    "archive, which names its thread. Without a patch, in a kernel's git tree: the commits of the branch that are not "
    "upstream, and uncommitted changes; elsewhere, and with --tree or --base: the base itself",
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
    help="what the patch applies to: a name of `orchestrate list bases`; or with --tree a revision (default: the "
    "base-commit of the mails, or HEAD), or auto: the newest branch or tag to which the series applies",
)
KCONFIG = repeatable(
    "--kconfig",
    metavar="NAME[+NAME]",
    completes="kconfigs",
    help="kconfig fragments to merge over tinyconfig: names, or files such as ./mine.config (default: base; or "
    "needed, if base compiles nothing of the patch). `needed` sets what the changed lines need. One file "
    "may be a whole .config, which replaces tinyconfig (/boot/config-6.12.57+deb12-amd64). Give the option several "
    "times to test several kernels",
)
TOOLCHAIN = repeatable(
    "--toolchain",
    metavar="NAME|DIR",
    completes="toolchains",
    help="compile the kernel with gcc, gcc-13, clang, clang-19, or a compiler in a directory (default: gcc); give the "
    "option several times to test several kernels",
)
ARCH = repeatable(
    "--arch",
    metavar="NAME",
    completes="architectures",
    help="compile and boot the kernel for another architecture, a name of `orchestrate list architectures` (default: "
    "the machine's, or x86_64); give the option several times to test several kernels",
)

SANDBOX = option(
    "--sandbox",
    action=argparse.BooleanOptionalAction,
    help="run the tested tree's Makefiles and host programs in bubblewrap: no network, and writes only to their own "
    "build; --no-sandbox: run them like any other program (default: sandbox where bubblewrap works)",
)

KERNEL = Group("kernel", (PATCH, TREE, BASE, KCONFIG, TOOLCHAIN, ARCH, SANDBOX))
