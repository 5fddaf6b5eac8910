"""The KCIDB documents of several runs as the database that takes them all has them: each valid by itself, their objects
joined by kcidb-io, each reference to an object that is there, and nothing said of an object that another one denies."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from kcidb_io.schema import LATEST

Json = dict[str, Any]
OF_A_RUN = frozenset({
    "start_time", "duration", "comment", "log_url", "log_excerpt", "config_url", "misc", "message_id",
})  # fmt: skip
"""What two runs may say differently of one object: the database keeps either."""


def documents(run_dirs: Iterable[str | Path]) -> list[Json]:
    return [json.loads(Path(run_dir, "kcidb.json").read_text()) for run_dir in run_dirs]


def joined(found: Iterable[Json]) -> Json:
    """All objects of these documents, each once."""
    every = list(found)
    for one in every:
        LATEST.validate_exactly(one)
    agreed(every)
    whole: Json = LATEST.dedup(LATEST.merge(LATEST.new(), every), pick_second=lambda: False)
    LATEST.validate_exactly(whole)
    refer(whole)
    return whole


def agreed(every: Iterable[Json]) -> None:
    """Objects with one id are one object, in one document and in several."""
    seen: dict[tuple[str, str], Json] = {}
    for document in every:
        for kind, objects in document.items():
            if kind == "version":
                continue
            for one in objects:
                said = {name: value for name, value in one.items() if name not in OF_A_RUN}
                assert seen.setdefault((kind, one["id"]), said) == said
    ids = [name for _, name in seen]
    assert len(ids) == len({*ids}), "an object of one kind has the id of one of another"


def refer(whole: Json) -> None:
    """Every object that another one names is there."""
    there = {kind: {one["id"] for one in whole.get(kind, ())} for kind in LATEST.graph if kind}
    for kind, owners in (("builds", "checkouts"), ("tests", "builds"), ("incidents", "issues")):
        field = f"{owners[:-1]}_id"
        assert {one[field] for one in whole.get(kind, ())} <= there[owners], field
    for one in whole.get("incidents", ()):
        assert one.get("test_id") in there["tests"] or one.get("build_id") in there["builds"], one
    assert there["issues"] <= {one["issue_id"] for one in whole.get("incidents", ())}, "an issue that nobody met"


def count(whole: Json) -> dict[str, int]:
    return {kind: len(objects) for kind, objects in whole.items() if kind != "version"}
