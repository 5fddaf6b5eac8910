"""Which part or version of what was found is the patch, and where message ids are looked up."""

from __future__ import annotations

import argparse

from orchestrator.arguments.command import Group, option, switch

NEWEST = "newest"

PART = option("--part", metavar="N[-M]", help="test only this patch of the series, or this range")


def _version(text: str) -> int | str:
    if text == NEWEST:
        return NEWEST
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is neither a number nor {NEWEST}")
    return int(text[:9])


VERSION = option(
    "--version",
    type=_version,
    metavar=f"N|{NEWEST}",
    help="this version of the series, of several in one thread or in threads of their own",
)
DIRTY = option(
    "--dirty",
    action=argparse.BooleanOptionalAction,
    help="test uncommitted changes too, as one more patch (default: if there are any, and the commits end at HEAD)",
)
ARCHIVE = option(
    "--archive",
    metavar="URL",
    help="the mail archive for message ids, served by public-inbox (default: https://lore.kernel.org/all)",
)
INSECURE = switch(
    "--insecure",
    help="allow plain http, where anybody on the network can change the patch (default: only from this machine)",
)

INTAKE = Group("patch", (PART, VERSION, DIRTY, ARCHIVE, INSECURE))
