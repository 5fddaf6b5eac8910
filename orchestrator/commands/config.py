"""orchestrate config: each setting, and where it comes from."""

from __future__ import annotations

import argparse
import os
from typing import Any

from orchestrator import codec
from orchestrator.errors import UsageError
from orchestrator.reporters import stream
from orchestrator.reporters.columns import columns
from orchestrator.reporters.text import printable
from orchestrator.settings.files import user_file
from orchestrator.settings.keys import KEYS
from orchestrator.settings.resolve import OPTION


def run(args: argparse.Namespace) -> int:
    found = args.found
    if args.tree and found["tree"].origin == OPTION and not args.tree.is_dir():
        raise UsageError(f"--tree {args.tree}: no such directory")
    if args.json:
        rows = [{"name": name, "value": _plain(found[name].value), "origin": found[name].origin} for name in KEYS]
        stream.data(codec.dumps(rows).encode() + b"\n")
        return 0
    shown = [
        (name, _words(found[name].value) if found[name].value is not None else f"({key.default})", found[name].origin)
        for name, key in KEYS.items()
    ]
    stream.out("".join(f"{line}\n" for line in columns([tuple(map(printable, row)) for row in shown], stream.width())))
    path = user_file(os.environ)
    stream.tell(f"your own settings: {printable(str(path)) if path else 'nowhere, since HOME is not set'}\n")
    return 0


def _words(value: Any) -> str:
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
