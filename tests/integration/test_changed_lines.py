"""Which lines are new, by git's own diff."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

from orchestrator.parse.code.changed_lines import ChangedLines, changed_lines


def diffed(where: Path, before: Mapping[str, str], after: Mapping[str, str]) -> Mapping[str, ChangedLines]:
    for name, files in (("old", before), ("new", after)):
        for file, text in files.items():
            path = where / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    for name in ("old", "new"):
        (where / name).mkdir(exist_ok=True)
        for words in (["init", "-q"], ["add", "-A"]):
            subprocess.run(["git", *words], cwd=where / name, check=True)
    trees = []
    for name in ("old", "new"):
        written = subprocess.run(["git", "write-tree"], cwd=where / name, check=True, capture_output=True, text=True)
        trees.append(written.stdout.strip())
    env = {"GIT_ALTERNATE_OBJECT_DIRECTORIES": str(where / "old/.git/objects"), "PATH": "/usr/bin:/bin"}
    diff = ["git", "diff-tree", "-r", "-p", "-U0", "-M", *trees]
    return changed_lines(subprocess.run(diff, cwd=where / "new", check=True, capture_output=True, env=env).stdout)


TEXT = "".join(f"line {number}\n" for number in range(1, 31))


def test_added_changed_moved_and_removed_lines(tmp_path: Path) -> None:
    lines = TEXT.splitlines(keepends=True)
    after = ["new\n", *lines[:4], "changed\n", *lines[5:9], *lines[10:20], *lines[21:], lines[20]]
    found = diffed(tmp_path, {"mm/a.c": TEXT}, {"mm/a.c": "".join(after)})
    assert found == {"mm/a.c": ChangedLines(frozenset({1, 6, 30}), frozenset({10, 20}))}


def test_a_renamed_file_has_only_its_changed_lines(tmp_path: Path) -> None:
    found = diffed(tmp_path, {"mm/a.c": TEXT}, {"mm/b.c": TEXT.replace("line 7\n", "else\n")})
    assert found == {"mm/b.c": ChangedLines(frozenset({7}))}


def test_new_and_gone_files(tmp_path: Path) -> None:
    found = diffed(tmp_path, {"mm/gone.c": "a\nb\nc\n"}, {"mm/new.c": "x\ny\n", "mm/no-end.c": "z"})
    assert found == {"mm/new.c": ChangedLines(frozenset({1, 2})), "mm/no-end.c": ChangedLines(frozenset({1}))}


def test_content_that_looks_like_a_diff(tmp_path: Path) -> None:
    lies = "++ b/other.c\n@@ -1 +1,9 @@\n-- a/other.c\n"
    found = diffed(tmp_path, {"a.c": TEXT + "-- x\n"}, {"a.c": TEXT + lies})
    assert found == {"a.c": ChangedLines(frozenset({31, 32, 33}))}
