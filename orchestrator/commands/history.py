"""orchestrate history: runs into a database, and questions to it."""

from __future__ import annotations

import argparse
import csv
import importlib.util
import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.context import Places
from orchestrator.errors import HistoryUnavailable, OrchestrateError, ToolMissing, UsageError
from orchestrator.host.extras import install_command
from orchestrator.host.real_path import real_path
from orchestrator.reporters import stream
from orchestrator.reporters.text import printable
from orchestrator.words import counted, near

if TYPE_CHECKING:
    from orchestrator.history.questions import Answer

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d)?)?")
MOST_ROWS = 10**9  # what any database takes for a limit
_WIDEST = 60  # characters of a column of a table


def run(args: argparse.Namespace) -> int:
    check_installed()
    actions: dict[str, Callable[[argparse.Namespace], int]] = {"import": _import, "query": _query, "prune": _prune}
    return actions[args.action](args)


def check_installed() -> None:
    """SQLAlchemy is for those who keep a history: it need not be there, and is imported when it is asked for. Raises
    ToolMissing."""
    if importlib.util.find_spec("sqlalchemy") is None or importlib.util.find_spec("alembic") is None:
        raise ToolMissing("the history needs SQLAlchemy and alembic", hint=install_command("history"))


def _target(args: argparse.Namespace) -> str:
    return args.history or str(Places.of_user(args.settings.cache).history)


def _import(args: argparse.Namespace) -> int:
    """Each run by itself: one that cannot be read keeps no other out."""
    from orchestrator.history.database import open_database
    from orchestrator.history.keep import keep
    from orchestrator.history.read import find_runs, read_run

    places = [Path(word) for word in args.words] or [Places.of_user(args.settings.cache).runs]
    found = dict.fromkeys(real_path(run_dir) for place in places for run_dir in find_runs(place))
    database = open_database(_target(args), create=True)
    status = 0
    for run_dir in found:
        location = f"{args.location.rstrip('/')}/{run_dir.name}" if args.location else ""
        try:
            what = keep(database, read_run(run_dir, location)).value
        except HistoryUnavailable:
            raise
        except OrchestrateError as error:
            what, status = error.message, error.fault.value
        stream.out(f"{printable(str(run_dir))}: {printable(what)}\n")
    return status


def _query(args: argparse.Namespace) -> int:
    from orchestrator.history.database import open_database
    from orchestrator.history.questions import QUESTIONS, RESTRICTED_BY, Filter

    (question, *others) = args.words or [""]
    if question not in QUESTIONS:
        raise UsageError(
            f"history query {question}: no such question".replace(" :", ":"),
            hint=near(question, QUESTIONS) or f"one of {', '.join(QUESTIONS)}",
        )
    if others:
        raise UsageError(
            f"history query {question}: unexpected argument {others[0]}",
            hint="options say what a question is about: --test NAME, --series NAME",
        )
    for name, questions in RESTRICTED_BY.items():
        if getattr(args, name) and question not in questions:
            raise UsageError(
                f"--{name} says nothing of `history query {question}`",
                hint=f"it restricts {', '.join(sorted(questions))}",
            )
    if args.last is not None and args.last < 1:
        raise UsageError(f"--last {args.last}: expected 1 or more")
    if args.last is not None and args.last > MOST_ROWS:
        raise UsageError(f"--last: expected at most {MOST_ROWS:,}", hint="without it there are all")
    if args.since and not _is_moment(args.since):
        raise UsageError(f"--since {args.since}: no date", hint="YYYY-MM-DD, or YYYY-MM-DDTHH:MM")
    names = ("test", "kernel", "series", "metric", "title", "since")
    texts: dict[str, Any] = {name: getattr(args, name) or "" for name in names}
    wanted = Filter(**texts, tree=args.tree_name or "", last=args.last or 0)
    database = open_database(_target(args), create=False)
    with database.reading() as connection:
        answer = QUESTIONS[question](connection, wanted)
    if question != "matrix":  # whose --last counts runs, which are columns; some questions have no limit of their own
        answer = replace(answer, rows=answer.rows[: args.last])
    if args.format == "table":
        stream.out("".join(f"{line}\n" for line in table(answer)))
    else:
        stream.data({"json": as_json, "csv": as_csv}[args.format](answer))
    return 0


def _prune(args: argparse.Namespace) -> int:
    from orchestrator.history.database import open_database
    from orchestrator.history.keep import prune

    if args.keep_days is None or args.words:
        raise UsageError("history prune takes --keep-days N and nothing else", hint="--keep-days 365")
    if not args.keep_days >= 0:
        raise UsageError(f"--keep-days {args.keep_days:g}: must be at least 0")
    try:
        before = datetime.now(UTC) - timedelta(days=args.keep_days)
    except OverflowError:
        raise UsageError(f"--keep-days {args.keep_days:g}: so old is nothing") from None
    database = open_database(_target(args), create=False)
    gone = prune(database, before.strftime("%Y-%m-%dT%H:%M:%S"), is_rehearsal=not args.yes)
    for _, started, series in gone:
        stream.out(f"{printable(started)}  {printable(series)}\n")
    stream.out(f"{counted(len(gone), 'run')} {'removed' if args.yes else 'would be removed; --yes removes them'}\n")
    return 0


def _is_moment(text: str) -> bool:
    """Whether it is a date, perhaps with a time, in the form in which they are compared as texts."""
    try:
        return bool(_MOMENT.fullmatch(text) and datetime.fromisoformat(text))
    except ValueError:  # the 31st of February
        return False


def table(answer: Answer) -> Iterator[str]:
    """Lines for a terminal, the columns under their names."""
    rows = [[_shown(value) for value in row] for row in answer.rows]
    heads = [name.replace("_", " ") for name in answer.columns]
    widths = [max([len(head), *(len(row[at]) for row in rows)]) for at, head in enumerate(heads)]
    is_number = [any(isinstance(row[at], int | float) for row in answer.rows) for at in range(len(heads))]
    for row in [heads, *rows]:
        cells = [cell.rjust(width) if right else cell.ljust(width)
                 for cell, width, right in zip(row, widths, is_number, strict=True)]  # fmt: skip
        yield "  ".join(cells).rstrip()
    if not rows:
        yield "nothing"


def as_json(answer: Answer) -> bytes:
    """A list of objects, one for each row."""
    found = [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]
    return json.dumps(found, indent=1).encode("ascii") + b"\n"


def as_csv(answer: Answer) -> bytes:
    """With a line of the columns' names; nothing where a value is missing."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(answer.columns)
    writer.writerows(answer.rows)
    return text.getvalue().encode()


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.3f}" if abs(value) < 1000 else f"{value:,.0f}"
    shown = printable(str(value))
    return shown if len(shown) <= _WIDEST else f"{shown[: _WIDEST - 3]}..."
