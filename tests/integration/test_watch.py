"""Saves are seen, debounced, and make the run that they outdate begin anew: on a real tree, with the real command."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, Queue

import pytest

from orchestrator.commands.turns import Turns
from orchestrator.host.process import Cancel
from orchestrator.host.watching import saves
from tests.integration.conftest import git

LIMIT_S = 60.0


# --- saves


class Saves:
    """The values of `saves`, from a thread."""

    def __init__(self, directory: Path) -> None:
        self.stop = threading.Event()
        self._found: Queue[bool] = Queue()
        self._thread = threading.Thread(target=self._run, args=(directory,), daemon=True)
        self._thread.start()
        self._found.get(timeout=LIMIT_S)  # from here on nothing is missed

    def _run(self, directory: Path) -> None:
        for has_changed in saves(directory, self.stop):
            self._found.put(has_changed)

    def seen(self, within_s: float) -> int:
        """How many times something had changed until nothing more came for a while."""
        count, until = 0, time.monotonic() + within_s
        while time.monotonic() < until:
            try:
                count += self._found.get(timeout=0.1)
            except Empty:
                continue
        return count

    def end(self) -> None:
        self.stop.set()
        self._thread.join(LIMIT_S)
        assert not self._thread.is_alive()


@pytest.fixture
def watched(tree: Path) -> Iterator[Saves]:
    found = Saves(tree)
    yield found
    found.end()


def by_rename(path: Path, text: str) -> None:
    """As vim, emacs and most others save."""
    beside = path.with_name(f".{path.name}.tmp-4913")
    beside.write_text(text)
    beside.rename(path)


def test_a_save_is_seen_however_an_editor_makes_it(watched: Saves, tree: Path) -> None:
    for save in (
        lambda: (tree / "mm/memory.c").write_text("in place\n"),
        lambda: by_rename(tree / "mm/memory.c", "by a rename\n"),
        lambda: (tree / "mm/memory.c").rename(tree / "mm/memory.c~") and by_rename(tree / "mm/memory.c", "backed up\n"),
        lambda: (tree / "mm/memory.c").unlink(),
    ):
        save()
        assert watched.seen(1.5) == 1


def test_a_directory_that_is_new_is_watched_too(watched: Saves, tree: Path) -> None:
    (tree / "mm/damon").mkdir()
    watched.seen(1.5)
    (tree / "mm/damon/core.c").write_text("x\n")
    assert watched.seen(1.5) == 1


def test_many_saves_at_once_are_one(watched: Saves, tree: Path) -> None:
    for number in range(200):
        by_rename(tree / "mm/memory.c", f"{number}\n")
        (tree / f"mm/{number}.c").write_text("x\n")
    assert 1 <= watched.seen(2.5) <= 3


def test_what_git_and_editors_keep_for_themselves_is_no_save(watched: Saves, tree: Path) -> None:
    git(tree, "commit", "-q", "--allow-empty", "-m", "x")
    git(tree, "status")
    (tree / "mm/.memory.c.swp").write_text("x")
    (tree / "mm/memory.c~").write_text("x")
    assert watched.seen(1.5) == 0


# --- turns


def test_a_save_that_changes_nothing_stops_nothing() -> None:
    turns, cancel = Turns(), Cancel()
    turns.begin()
    with turns.running(("a", "base"), cancel):
        turns.changed(("a", "base"))
        assert not cancel.is_set
        turns.changed(("b", "base"))
        assert cancel.is_set
        assert turns.is_superseded


def test_what_was_saved_before_a_run_began_stops_it_at_once() -> None:
    turns, cancel = Turns(), Cancel()
    turns.begin()
    turns.changed(None)
    with turns.running(("a", "base"), cancel):
        assert cancel.is_set


def test_the_users_end_is_no_save() -> None:
    turns, cancel = Turns(), Cancel()
    turns.begin()
    with turns.running(("a", "base"), cancel):
        turns.set()
        assert cancel.is_set
    assert not turns.is_superseded
    turns.wait()


# --- the command


class Watch:
    """`orchestrate watch`, and the lines that it says."""

    def __init__(self, tree: Path, home: Path, *options: str) -> None:
        env = {
            **os.environ,
            "HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), "XDG_STATE_HOME": str(home / "state"),
        }  # fmt: skip
        # a job in the background has SIGINT ignored, which is respected
        words = [
            "env",
            "--default-signal=INT",
            sys.executable,
            "-m",
            "orchestrator",
            "watch",
            "--accel",
            "tcg",
            *options,
        ]
        self.child = subprocess.Popen(
            words,
            cwd=tree,
            env=env,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
        self._read: Queue[str] = Queue()
        self._reader = threading.Thread(target=self._reading, daemon=True)
        self._reader.start()

    def _reading(self) -> None:
        assert self.child.stdout
        with self.child.stdout:
            for line in self.child.stdout:
                self._read.put(line)
        self._read.put("")

    def until(self, words: str) -> list[str]:
        """The lines up to one with these words."""
        found: list[str] = []
        deadline = time.monotonic() + LIMIT_S
        while time.monotonic() < deadline:
            try:
                line = self._read.get(timeout=1)
            except Empty:
                continue
            assert line, f"it ended: {''.join(found)}"
            found.append(line)
            if words in line:
                return found
        raise AssertionError(f"no {words!r} in: {''.join(found)}")

    def end(self) -> int:
        self.child.send_signal(signal.SIGINT)
        return self.ended()

    def ended(self) -> int:
        status = self.child.wait(LIMIT_S)
        self._reader.join(LIMIT_S)
        return status


@pytest.fixture
def topic(tree: Path) -> Path:
    """A tree whose configuration fails at once, or, when its Makefile says so, takes long."""
    (tree / "Makefile").write_text("%:\n\t@echo no such kernel >&2; exit 1\n")
    git(tree, "add", "-A")
    git(tree, "commit", "-qm", "a makefile")
    git(tree, "switch", "-q", "-c", "topic", "--track", "main")
    return tree


@pytest.mark.timeout(300)
def test_each_save_is_tested_and_the_newest_wins(topic: Path, tmp_path: Path) -> None:
    watch = Watch(topic, tmp_path / "home", "--testcase", "split-merge", "--testcase", "uffd")
    try:
        said = watch.until("waiting for a save")
        assert any("nothing to test: main..topic has no commits" in line for line in said)

        by_rename(topic / "mm/memory.c", (topic / "mm/memory.c").read_text().replace("line 7\n", "line seven\n"))
        said = watch.until("waiting for a save")
        assert any("uncommitted changes in 1 file" in line for line in said)
        assert any("configure" in line for line in said), said

        (topic / "mm/untracked.c").write_text("x\n")
        os.utime(topic / "mm/mmap.c")
        time.sleep(2)

        git(topic, "commit", "-qam", "what was saved, committed: the same")
        (topic / "Makefile").write_text("%:\n\t@sleep 300\n")
        said = watch.until("configure ...")
        assert sum("running in" in line for line in said) == 1, "neither of those was a reason to test"
        (topic / "Makefile").write_text("%:\n\t@echo another one >&2; exit 1\n")
        watch.until("superseded by a save")
        said = watch.until("waiting for a save")
        assert any("NO VERDICT" in line for line in said), "the base cannot be configured either"
    finally:
        status = watch.end()
    assert status == 3


@pytest.mark.timeout(120)
def test_the_user_ends_it_in_the_middle_of_a_run(topic: Path, tmp_path: Path) -> None:
    (topic / "Makefile").write_text("%:\n\t@sleep 300\n")
    watch = Watch(topic, tmp_path / "home", "HEAD..", "--testcase", "split-merge")
    try:
        watch.until("configure ...")
    finally:
        started = time.monotonic()
        status = watch.end()
    assert status == 130
    assert time.monotonic() - started < 20


def test_what_is_no_tree_is_not_watched(tree: Path, tmp_path: Path) -> None:
    watch = Watch(tmp_path, tmp_path / "home")
    said = watch.until("hint")
    assert any("is not in the git tree of a kernel" in line for line in said)
    assert watch.ended() == 2
