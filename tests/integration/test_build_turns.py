"""Who waits for whose build, and what is said of it: processes that hold the locks of a base."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from orchestrator import events
from orchestrator.build.worktree import compiling, worktree_lock
from orchestrator.context import Context, Places
from orchestrator.declarations.catalog import load_catalog
from orchestrator.host.process import Cancel, Runner
from orchestrator.model.kernel import Base

HOLDER = """\
import os, sys
from pathlib import Path
from orchestrator.build.worktree import compiling
from tests.integration.test_build_turns import base_in, context_of
home, variant, nicer = sys.argv[1:]
os.nice(int(nicer))
with compiling(context_of(Path(home), print), base_in(Path(home)), variant):
    print("held", flush=True)
    sys.stdin.read()
"""


class Waited(Exception):
    """Instead of going on to wait."""


def context_of(home: Path, emit: events.Listener) -> Context:
    return Context(Places(home / "cache", home / "state"), load_catalog(), Runner(Cancel()), emit)


def base_in(home: Path) -> Base:
    return Base("small", "0" * 40, "", home / "base")


@contextmanager
def compiled_elsewhere(home: Path, variant: str, nicer: int = 0) -> Iterator[int]:
    """Another process compiles a kernel of this variant. Yields its pid."""
    argv = (sys.executable, "-c", HOLDER, str(home), variant, str(nicer))
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield holder.pid
        holder.communicate()


@pytest.fixture
def context(tmp_path: Path) -> Context:
    """It raises Waited where something is said."""

    def said(event: events.Event) -> None:
        assert isinstance(event, events.Note)
        raise Waited(event.text)

    return context_of(tmp_path, said)


def test_a_kernel_of_the_same_kconfig_is_waited_for_by_pid_command_and_time(context: Context, tmp_path: Path) -> None:
    with compiled_elsewhere(tmp_path, "kasan") as pid, pytest.raises(Waited) as waited:  # noqa: SIM117
        with compiling(context, base_in(tmp_path), "kasan"):
            pass
    assert re.fullmatch(
        rf"waiting for pid {pid} \(-c .*, since \d\d:\d\d\), which compiles a kasan kernel",
        str(waited.value),
    )


def test_a_kernel_of_another_kconfig_is_not_waited_for(context: Context, tmp_path: Path) -> None:
    with compiled_elsewhere(tmp_path, "kasan"), compiling(context, base_in(tmp_path), "debug"):
        pass


def test_who_gives_way_to_us_is_not_waited_for(context: Context, tmp_path: Path) -> None:
    with compiled_elsewhere(tmp_path, "kasan", nicer=1), compiling(context, base_in(tmp_path), "kasan"):
        pass


def test_a_worktree_is_waited_for_whoever_holds_it(context: Context, tmp_path: Path) -> None:
    base = base_in(tmp_path)
    with worktree_lock(context, base, "patched"):
        with pytest.raises(Waited, match=r"pid .*, which builds in the patched tree$"):  # noqa: SIM117
            with worktree_lock(context, base, "patched"):
                pass
        with worktree_lock(context, base, "baseline"):
            pass
