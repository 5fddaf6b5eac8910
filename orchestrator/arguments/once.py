"""An argparse action for what can be given in one of two ways: as an argument or by an option."""

from __future__ import annotations

import argparse
from typing import Any


class Once(argparse.Action):
    """Stores a value, and refuses a second one: the parser would silently take the last."""

    def __init__(self, option_strings: list[str], dest: str, **keywords: Any) -> None:
        # an argument that is not there must not overwrite what its option has stored
        super().__init__(option_strings, dest, default=None if option_strings else argparse.SUPPRESS, **keywords)

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, flag: str | None = None
    ) -> None:
        before = getattr(namespace, self.dest, None)
        if before is not None:
            parser.error(f"{before} and {values}: one {self.dest} only; for several files give their directory")
        setattr(namespace, self.dest, values)
