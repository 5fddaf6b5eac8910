"""Products appear whole or not at all, also when two make the same one or the disk is full."""

from __future__ import annotations

import errno
import os
import re
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.errors import DiskFull
from orchestrator.storage import kept, manifest
from orchestrator.storage.manifest import ManifestEntry
from orchestrator.storage.store import IN_USE_S, KEEP_PRODUCTS, Store, key, locked, write_atomically


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
    assert re.fullmatch(rf"pid {os.getpid()} \(.+, since \d\d:\d\d\)", told[0])


# --- products that are not what was made

CONTENT = b"a kernel image that is longer than a few bytes"


@pytest.fixture
def notes() -> list[str]:
    return []


@pytest.fixture
def store(tmp_path: Path, notes: list[str]) -> Store:
    return Store(tmp_path / "store", notes.append)


@pytest.fixture
def product(store: Store) -> Path:
    def make(scratch: Path) -> None:
        (scratch / "image").write_bytes(CONTENT)
        (scratch / "below").mkdir()
        (scratch / "below/other").write_bytes(b"")

    return store.put("build", "k", make)


def damage(path: Path, data: bytes) -> None:
    """Other content of the same length, and the file looks untouched."""
    before = path.stat()
    assert len(data) == before.st_size
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


DAMAGES: dict[str, Callable[[Path], object]] = {
    "a file is cut": lambda product: os.truncate(product / "image", 10),
    "a file is empty": lambda product: (product / "image").write_bytes(b""),
    "a file is gone": lambda product: (product / "below/other").unlink(),
    "a file is a directory": lambda product: ((product / "image").unlink(), (product / "image").mkdir()),
    "a file was written anew": lambda product: (product / "image").write_bytes(CONTENT.swapcase()),
    "no manifest": lambda product: (product / manifest.NAME).unlink(),
    "an empty manifest": lambda product: (product / manifest.NAME).write_bytes(b""),
    "a cut manifest": lambda product: os.truncate(product / manifest.NAME, 60),
    "a manifest that is no text": lambda product: (product / manifest.NAME).write_bytes(b"\xff\xfe\x00"),
    "a manifest of another version": lambda product: (product / manifest.NAME).write_text(
        '{"schema": 99, "files": []}'
    ),
    "a manifest of another shape": lambda product: (product / manifest.NAME).write_text('{"schema": 1, "files": 3}'),
    "a manifest that is a list": lambda product: (product / manifest.NAME).write_text("[]"),
}


@pytest.mark.parametrize("what", DAMAGES)
def test_a_product_that_is_not_what_was_made_is_made_anew(
    store: Store, product: Path, notes: list[str], what: str
) -> None:
    assert store.get("build", "k") == product
    DAMAGES[what](product)
    assert store.get("build", "k") is None
    assert len(notes) == 1
    assert notes[0].startswith("build/k in the store ")
    assert not list(product.parent.iterdir())
    store.put("build", "k", lambda scratch: (scratch / "image").write_bytes(CONTENT))
    assert store.get("build", "k") == product


def test_what_looks_untouched_is_found_by_hashing(store: Store, product: Path, notes: list[str]) -> None:
    damage(product / "image", CONTENT.swapcase())
    assert store.get("build", "k") == product  # nothing that a cheap look could see
    assert store.drop_damaged([product / "below/other", Path("/etc/passwd"), store.root / "build"]) == (
        product / "below/other",
    )
    assert store.get("build", "k") is None
    assert "the content of image has changed" in notes[0]


def test_intact_products_survive_a_look_at_every_byte(store: Store, product: Path, notes: list[str]) -> None:
    assert store.drop_damaged([product / "image"]) == ()
    assert store.products() == [product]
    assert not notes


def test_a_copied_store_is_as_good_as_the_first_one(store: Store, product: Path, tmp_path: Path) -> None:
    """Copies have new times: they are hashed once, and believed by their times from then on."""
    shutil.copytree(store.root, tmp_path / "copy", copy_function=shutil.copyfile)
    told: list[str] = []
    copy = Store(tmp_path / "copy", told.append)
    found = copy.get("build", "k")
    assert found
    assert (found / "image").read_bytes() == CONTENT
    known = {entry.name: entry for entry in kept.load(manifest.Manifest, found / manifest.NAME, manifest.SCHEMA).files}
    assert known["image"].mtime_ns == (found / "image").stat().st_mtime_ns
    damage(found / "image", CONTENT.swapcase())
    assert copy.get("build", "k")
    assert not told


def test_a_moved_product_keeps_what_its_manifest_says(product: Path) -> None:
    status = (product / "image").stat()
    entry = ManifestEntry("image", len(CONTENT), status.st_mtime_ns, manifest.file_digest(product / "image"))
    assert entry in kept.load(manifest.Manifest, product / manifest.NAME, manifest.SCHEMA).files
    assert manifest.size(product) == len(CONTENT)


def test_a_product_that_this_version_cannot_read_is_made_anew(store: Store, product: Path, notes: list[str]) -> None:
    def read(path: Path) -> bytes:
        data = (path / "image").read_bytes()
        if data == CONTENT:
            raise ValueError("of another version")
        return data

    assert store.read("build", "none", read) is None
    assert store.read("build", "k", read) is None
    assert notes == ["build/k in the store cannot be read (of another version): it is dropped and made anew"]
    store.put("build", "k", lambda scratch: (scratch / "image").write_bytes(b"new"))
    assert store.read("build", "k", read) == b"new"


def test_a_lock_whose_holder_cannot_be_read_is_a_lock(tmp_path: Path) -> None:
    (tmp_path / "lock").write_bytes(b"\xff\xfe")
    told: list[str] = []
    with locked(tmp_path / "lock", on_wait=told.append, pause=time.sleep):
        assert (tmp_path / "lock").read_text().startswith(f"pid {os.getpid()} (")


def test_what_is_sealed_again_is_whole(product: Path) -> None:
    (product / "image").write_bytes(b"another")
    manifest.seal(product)
    assert manifest.problem(product, by_hash=True) == ""
    assert manifest.size(product) == len(b"another")
