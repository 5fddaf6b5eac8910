"""A commit of a user's tree as a patch of a series. Pure."""

from __future__ import annotations

import hashlib
import re

from orchestrator.model.series import Patch
from orchestrator.parse.patches import diff as diffs

UNCOMMITTED = "uncommitted changes"


def commit_patch(number: int, total: int, diff: bytes, words: bytes = b"", commit: str = "") -> Patch:
    """`diff` is that of `git diff-tree -p`. `words` is a commit in the form of a mail: headers, an empty line, its
    text. Without them it is what is not committed yet."""
    found = diffs.parse(diff.split(b"\n")) if diff.strip() else diffs.Diff(b"", ())
    first = words.partition(b"\n\n")[0].partition(b"\nSubject: ")[2].partition(b"\n")[0]
    subject = first.decode("utf-8", "replace") if words else UNCOMMITTED
    slug = re.sub(r"[^A-Za-z0-9._]+", "-", subject).strip("-.")[:52] or "patch"
    return Patch(
        name=f"{number:04}-{slug}.patch",
        subject=subject,
        diff=found.text,
        sha256=hashlib.sha256(found.text).hexdigest(),
        files=found.files,
        number=number,
        total=total,
        letter=words,
        commit=commit,
    )


def touches_submodule(diff: bytes) -> bool:
    """Whether a diff moves a submodule to another commit."""
    return re.search(rb"^[+-]Subproject commit [0-9a-f]{40}", diff, re.MULTILINE) is not None
