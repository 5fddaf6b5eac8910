"""What of several things in one place is the patch, and where messages are looked up."""

from __future__ import annotations

import argparse

from orchestrator.arguments.command import Group, option

PART = option("--part", metavar="N[-M]", help="only this part of the series, or these")
VERSION = option("--version", type=int, metavar="N", help="this version of the several in one thread")
DIRTY = option(
    "--dirty",
    action=argparse.BooleanOptionalAction,
    help="test what is not committed too, as one more patch (default: if there is some, and the commits end at HEAD)",
)
ARCHIVE = option(
    "--archive",
    metavar="URL",
    help="the mail archive for message ids, served by public-inbox (default: https://lore.kernel.org/all)",
)

INTAKE = Group("patch", (PART, VERSION, DIRTY, ARCHIVE))
