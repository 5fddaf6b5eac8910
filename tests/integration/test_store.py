"""Products appear whole or not at all, also when two make the same one or the disk is full."""

from __future__ import annotations

import errno
import os
import threading
import time
from pathlib import Path

import pytest

from orchestrator.errors import DiskFull
from orchestrator.store import IN_USE_S, KEEP_PRODUCTS, Store, key, locked, write_atomically


def test_keys_depend_on_stage_and_inputs_and_not_on_their_order() -> None:
    assert key("build", a=1, b=2) == key("build", b=2, a=1)
    assert len({key("build", a=1), key("build", a=2), key("apply", a=1), key("build", b=1)}) == 4


def test_a_product_is_there_only_when_it_is_whole(tmp_path: Path) -> None:
    store = Store(tmp_path)

    def fail(scratch: Path) -> None:
        (scratch / "half").write_text("x")
        raise ValueError("halfway")

    with pytest.raises(ValueError, match="halfway"):
        store.put("build", "k", fail)
    assert store.get("build", "k") is None
    assert not list((tmp_path / "build").iterdir())


def test_of_two_that_race_one_wins_and_both_get_it(tmp_path: Path) -> None:
    store, barrier, got = Store(tmp_path), threading.Barrier(2), []

    def make(scratch: Path) -> None:
        (scratch / "who").write_text(threading.current_thread().name)
        barrier.wait()

    threads = [threading.Thread(target=lambda: got.append(store.put("build", "k", make))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got[0] == got[1] == store.get("build", "k")
    assert [path.name for path in (tmp_path / "build").iterdir()] == ["k"]


def test_old_products_go_and_used_ones_stay(tmp_path: Path) -> None:
    store = Store(tmp_path)
    long_ago = time.time() - IN_USE_S - 1000
    for number in range(KEEP_PRODUCTS + 5):
        path = store.put("build", f"k{number:03}", lambda scratch: (scratch / "x").touch())
        os.utime(path, (long_ago + number, long_ago + number))
        store.get("build", "k000")
    store.put("build", "last", lambda scratch: (scratch / "x").touch())
    assert store.get("build", "k000")
    assert store.get("build", "k001") is None
    assert len(list((tmp_path / "build").iterdir())) <= KEEP_PRODUCTS


def test_a_run_does_not_lose_what_it_has_made_itself(tmp_path: Path) -> None:
    store = Store(tmp_path)
    made = [store.put("program", f"k{n}", lambda scratch: (scratch / "x").touch()) for n in range(KEEP_PRODUCTS + 5)]
    assert all((path / "x").is_file() for path in made)


def test_a_full_disk_says_where(tmp_path: Path) -> None:
    def fill(scratch: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(DiskFull, match=r"/build: No space left on device"):
        Store(tmp_path).put("build", "k", fill)


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    target = tmp_path / "new/report.json"
    write_atomically(target, b"one")
    write_atomically(target, b"two")
    assert target.read_bytes() == b"two"
    assert [path.name for path in target.parent.iterdir()] == ["report.json"]


def test_who_waits_for_a_lock_is_told_for_whom(tmp_path: Path) -> None:
    told: list[str] = []
    order: list[str] = []
    entered = threading.Event()

    def hold() -> None:
        with locked(tmp_path / "lock", on_wait=told.append, pause=time.sleep):
            entered.set()
            time.sleep(0.3)
            order.append("first")

    holder = threading.Thread(target=hold)
    holder.start()
    entered.wait()
    with locked(tmp_path / "lock", on_wait=told.append, pause=time.sleep):
        order.append("second")
    holder.join()
    assert order == ["first", "second"]
    assert len(told) == 1
    assert told[0].startswith("pid ")
