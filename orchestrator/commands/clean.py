"""orchestrate clean: remove what runs have left on the disk and nobody has used for long. A dry run without --yes."""

from __future__ import annotations

import argparse
import secrets
import shutil
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

from orchestrator.context import Places
from orchestrator.errors import UsageError
from orchestrator.host.process import Cancel, Runner
from orchestrator.invocation.inventory import REMOVED, inventory
from orchestrator.reporters import stream
from orchestrator.reporters.text import printable
from orchestrator.storage.retention import Item, Kind, Policy, by_kind, chosen, parse_size, show_size
from orchestrator.storage.store import try_lock


def run(args: argparse.Namespace) -> int:
    if not args.keep_days >= 0:
        raise UsageError(f"--keep-days {args.keep_days:g}: must be at least 0")
    max_bytes = parse_size(args.max_size) if args.max_size else None
    policy = Policy(args.keep_days, max_bytes, frozenset(map(Kind, args.kind)) or frozenset(Kind))
    items = inventory(Places.of_user(args.settings.cache), Runner(Cancel()))
    going = chosen(items, policy, time.time())
    stream.out("".join(f"{line}\n" for line in table(items, going)))
    if not args.yes:
        stream.out("nothing was removed; --yes removes it\n" if going else "nothing to remove\n")
        return 0
    removed = [item for item in going if remove(item)]
    stream.tell(f"removed {show_size(sum(item.size for item in removed))}\n", sys.stdout)
    for item in going:
        if item not in removed:
            stream.tell(f"not removed, it is in use: {printable(str(item.path))}\n", sys.stdout)
    return 0


def table(items: Sequence[Item], going: Sequence[Item]) -> list[str]:
    """What goes, one by one; what stays though it is old or large; and the sums."""
    lines = [f"{show_size(item.size):>9}  last used {_day(item.used)}  {printable(str(item.path))}" for item in going]
    lines += [
        f"{show_size(item.size):>9}  stays: {item.keep}  {printable(str(item.path))}" for item in items if item.keep
    ]
    sums, freed = by_kind(items), by_kind(going)
    lines += [f"{'':11}{'there':>18}{'to remove':>18}"]
    for kind, there in (*((kind.value, sums[kind]) for kind in sums), ("all", _sum(items))):
        goes = _sum(going) if kind == "all" else freed.get(Kind(kind), (0, 0))
        lines.append(f"{kind:11}{_cell(*there):>18}{_cell(*goes):>18}")
    return lines


def remove(item: Item) -> bool:
    """False when somebody has begun to use it meanwhile."""
    with ExitStack() as held:
        if not all(held.enter_context(try_lock(lock)) for lock in item.locks):
            return False
        aside = item.path.with_name(REMOVED.replace("*", secrets.token_hex(4)))
        try:
            item.path.rename(aside)  # at once: nobody finds half of it
        except FileNotFoundError:
            return True
        if item.kind is Kind.WORKTREE:
            item.path.with_name(f"{item.path.name}.index").unlink(missing_ok=True)
        _erase(aside)
    return True


def _cell(count: int, size: int) -> str:
    return f"{count:6}  {show_size(size):>8}"


def _sum(items: Sequence[Item]) -> tuple[int, int]:
    return len(items), sum(item.size for item in items)


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().date().isoformat()


def _erase(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
