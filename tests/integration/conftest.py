"""Real processes, git and sockets, no virtual machine: a small source tree stands in for Linux."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from orchestrator.history.database import open_database
from tests.nights import fill

Cli = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """Run orchestrate as a user would, with a home of its own. `redirect` is what a shell has behind the command, `env`
    more environment."""
    base = {
        **os.environ,
        "HOME": str(tmp_path / "home"),
        "XDG_CACHE_HOME": str(tmp_path / "home/cache"),
        "XDG_STATE_HOME": str(tmp_path / "home/state"),
        "NO_COLOR": "1",
    }

    def run(
        *args: str, timeout_s: float = 60, redirect: str = "", env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        words = [sys.executable, "-m", "orchestrator", *args]
        return subprocess.run(
            ["sh", "-c", f'exec "$@" {redirect}', "sh", *words] if redirect else words,
            env={**base, **(env or {})}, cwd=tmp_path, capture_output=True, text=True, timeout=timeout_s, check=False,
        )  # fmt: skip

    return run


@pytest.fixture(scope="session")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty nights that never were, to be read only."""
    path = tmp_path_factory.mktemp("nights") / "history.db"
    fill(open_database(str(path), create=True), 240, per_night=8)
    return path


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A git tree with two files that pass for a kernel."""
    root = tmp_path / "linux"
    (root / "mm").mkdir(parents=True)
    (root / "Kconfig").write_text("mainmenu\n")
    (root / "mm/memory.c").write_text("".join(f"line {number}\n" for number in range(1, 41)))
    (root / "mm/mmap.c").write_text("".join(f"row {number}\n" for number in range(1, 21)))
    for args in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "base"]):
        git(root, *args)
    return root


def git(root: Path, *args: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@t"]
    env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull}
    command = ["git", "-C", str(root), *identity, *args]
    return subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout


GOOD = """\
From 0000000000000000000000000000000000000001 Mon Sep 17 00:00:00 2001
From: A Developer <dev@example.org>
Date: Mon, 5 Jan 2026 10:00:00 +0000
Subject: [PATCH] mm: change a line

Because.
---
 mm/memory.c | 2 +-
 1 file changed, 1 insertion(+), 1 deletion(-)

diff --git a/mm/memory.c b/mm/memory.c
--- a/mm/memory.c
+++ b/mm/memory.c
@@ -3,7 +3,7 @@ line 2
 line 3
 line 4
 line 5
-line 6
+line six
 line 7
 line 8
 line 9
--{blank}
2.39.5
""".replace("{blank}", " ")


@pytest.fixture
def good_patch(tmp_path: Path) -> Path:
    path = tmp_path / "good.patch"
    path.write_text(GOOD)
    return path
