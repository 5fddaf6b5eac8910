"""Git trees of Linux 6.12 that are small enough to have several of them, and that borrow every object they have."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from orchestrator.context import Places
from orchestrator.host.process import Cancel, Runner
from orchestrator.source.bases import DEFAULT_BASE, Workplace, packaged_base

# What no kernel of ours compiles, and four fifths of what a worktree takes. Makefile and Kconfig stay
UNUSED = re.compile(
    r"(Documentation|sound|tools/perf|arch/(?!x86/|um/)[a-z0-9]+"
    r"|drivers/(gpu|media|scsi|infiniband|staging|accel|usb|clk|pinctrl|iio|video)|drivers/net/(ethernet|wireless|dsa))"
    r"/.*\.(c|h|S|dts|dtsi|rst|txt|yaml|svg|json)"
)


def linux(path: Path) -> Path:
    """A tree with one commit on its branch main, and nothing checked out."""
    base, _ = packaged_base(DEFAULT_BASE, Workplace(Places.of_user().bases, Runner(Cancel()), lambda said: None))
    subprocess.run(["git", "init", "--quiet", "--initial-branch=main", path], check=True)
    (path / ".git/objects/info/alternates").write_text(f"{base.home}/git/objects\n")
    git(path, "read-tree", base.commit)
    names = git(path, "ls-files", "-z").split("\0")
    unused = "\0".join(name for name in names if UNUSED.fullmatch(name))
    git(path, "update-index", "-z", "--force-remove", "--stdin", told=unused)
    git(path, "commit", "--quiet", "--message", "Linux 6.12, without what no kernel here compiles")
    return path


def sibling(tree: Path, path: Path) -> Path:
    """Another tree with the same commits."""
    subprocess.run(["git", "clone", "--quiet", "--shared", "--no-checkout", tree, path], check=True)
    git(path, "read-tree", "HEAD")
    return path


def commit(tree: Path, patch: Path, subject: str) -> str:
    """Commit a patch on the branch; nothing is checked out."""
    git(tree, "apply", "--cached", str(patch))
    git(tree, "commit", "--quiet", "--message", subject)
    return git(tree, "rev-parse", "HEAD").strip()


def git(tree: Path, *args: str, told: str = "") -> str:
    identity = {"GIT_CONFIG_GLOBAL": os.devnull}
    for who in ("AUTHOR", "COMMITTER"):
        identity |= {f"GIT_{who}_NAME": "t", f"GIT_{who}_EMAIL": "t@example.org"}
    return subprocess.run(
        ["git", "-C", tree, *args],
        env={**os.environ, **identity},
        input=told,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
