"""On which lines of a TOML text its keys are: tomllib does not say. Pure.

Of text that is valid TOML. What it does not find (keys of inline tables, dotted keys) has no line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from orchestrator.codec import Place

_TABLE = re.compile(r"\s*(?P<many>\[)?\[(?P<name>[\w.\"' \t-]+)\]")
_KEY = re.compile(r"\s*(?P<quote>[\"']?)(?P<key>[\w-]+)(?P=quote)\s*=\s*(?P<value>.*)")
_LONG = ('"""', "'''")


def key_lines(text: str) -> Mapping[Place, int]:
    """The line, from 1, of each key, by its place: names of tables, numbers in arrays of tables, the key."""
    found: dict[Place, int] = {}
    counts: dict[str, int] = {}
    table: Place = ()
    inside = ""  # the quotes of a string over several lines
    for number, line in enumerate(text.splitlines(), 1):
        if inside:
            inside = "" if line.count(inside) % 2 else inside
            continue
        if match := _TABLE.match(line):
            names = tuple(part.strip(" \t\"'") for part in match["name"].split("."))
            if match["many"]:
                at = counts[match["name"]] = counts.get(match["name"], -1) + 1
                table = (*names, at)
            else:
                table = names
            found.setdefault(table, number)
        elif match := _KEY.match(line):
            found.setdefault((*table, match["key"]), number)
            inside = next((quotes for quotes in _LONG if match["value"].count(quotes) % 2), "")
    return found
