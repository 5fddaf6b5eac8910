"""The diffs of a series are what git accepts: each is given to the real git."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from orchestrator.parse.patches.series import read_patches

DATA = Path(__file__).parent.parent / "data" / "series"

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def git(directory: Path, *args: str, stdin: bytes = b"") -> str:
    done = subprocess.run(["git", *args], cwd=directory, input=stdin, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The tree that tests/data/series was made from."""
    for name in ("mm", "include/linux", "Documentation/mm"):
        (tmp_path / name).mkdir(parents=True)
    functions = "".join(f"static int line_{i}(void)\n{{\n\treturn {i};\n}}\n\n" for i in range(40))
    (tmp_path / "mm/mmap.c").write_text(functions)
    (tmp_path / "mm/old_name.c").write_text("".join(f"int x{i};\n" for i in range(30)))
    (tmp_path / "mm/gone.c").write_text("int gone;\n")
    (tmp_path / "mm/tail.c").write_text("int no_newline;")
    (tmp_path / "Documentation/mm/logo.png").write_bytes(bytes(range(256)) * 3)
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    return tmp_path


def test_git_applies_every_patch_of_a_format_patch_series(tree: Path) -> None:
    for patch in read_patches([(path.name, path.read_bytes()) for path in (DATA / "v2").iterdir()]).patches:
        git(tree, "apply", "--index", stdin=patch.diff)
    status = git(tree, "ls-files", "-z").split("\0")
    assert {"mm/new_name.c", "mm/empty.c", "mm/ü.c", "mm/a b.c"} <= set(status)
    assert not {"mm/old_name.c", "mm/gone.c"} & set(status)
    assert (tree / "Documentation/mm/logo.png").read_bytes() == bytes(range(255, -1, -1)) * 3


def test_git_applies_a_git_diff_that_came_without_prefixes(tree: Path) -> None:
    (patch,) = read_patches([("noprefix.diff", (DATA / "noprefix.diff").read_bytes())]).patches
    git(tree, "apply", "--index", stdin=patch.diff)
    assert "mm/new_name.c" in git(tree, "ls-files")


@pytest.mark.parametrize(
    ("old", "new"),
    [("mm/gone.c", "mm/gone.c"), ("mm/gone.c.orig", "mm/gone.c"), ("linux.orig/mm/gone.c", "linux/mm/gone.c")],
)
def test_git_applies_plain_diffs(tree: Path, old: str, new: str) -> None:
    text = f"--- {old}\t2026-11-22 10:00:00 +0000\n+++ {new}\t2026-11-22 10:00:01 +0000\n"
    text += "@@ -1 +1 @@\n-int gone;\n+int x;\n"
    (patch,) = read_patches([("x.diff", text.encode())]).patches
    assert patch.files == ("mm/gone.c",)
    git(tree, "apply", "--index", stdin=patch.diff)
    assert (tree / "mm/gone.c").read_text() == "int x;\n"


def test_git_applies_a_plain_diff_that_adds_a_file(tree: Path) -> None:
    text = (
        "diff -uN mm/new.c mm/new.c\n--- mm/new.c\t1970-01-01 00:00:00.000000000 +0000\n"
        "+++ mm/new.c\t2026-11-22 10:00:01.000000000 +0000\n@@ -0,0 +1 @@\n+int x;\n"
    )
    (patch,) = read_patches([("x.diff", text.encode())]).patches
    git(tree, "apply", "--index", stdin=patch.diff)
    assert (tree / "mm/new.c").read_text() == "int x;\n"
