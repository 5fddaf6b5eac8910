"""A damaged product, or one that another version wrote, is made anew, and is never the fault of a patch."""

from __future__ import annotations

import os
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.build.apply import series_commits
from orchestrator.build.compile import FACTS, SCHEMA, BuildFacts, find_built
from orchestrator.context import Context, Places
from orchestrator.declarations import catalog
from orchestrator.declarations.patches import read_series
from orchestrator.errors import BootFailed, GuestUnreachable, ProductDamaged
from orchestrator.events import Event, Note
from orchestrator.guest.accel import choose
from orchestrator.guest.left import find_left
from orchestrator.guest.qemu import PID
from orchestrator.host.process import Cancel, Runner
from orchestrator.jobs.boot import GuestSpec, boot
from orchestrator.model.case import Programs
from orchestrator.model.kernel import KernelImage
from orchestrator.source import bases
from orchestrator.source.bases import Workplace, packaged_base, tree_base
from orchestrator.storage import kept

GARBAGE = (b"", b"{", b"\0\0\0\0", b"\xff\xfe", b'{"accel": "kvm"}', b"[1]")


@pytest.fixture
def runner() -> Runner:
    return Runner(Cancel())


@pytest.fixture
def said() -> list[Event]:
    return []


@pytest.fixture
def context(tmp_path: Path, runner: Runner, said: list[Event]) -> Context:
    return Context(Places(tmp_path / "cache", tmp_path / "state"), catalog.load_catalog(), runner, said.append)


@pytest.mark.parametrize("garbage", GARBAGE)
def test_an_applied_series_is_applied_anew(
    context: Context, tree: Path, good_patch: Path, tmp_path: Path, said: list[Event], garbage: bytes
) -> None:
    base = tree_base(tree, "HEAD", Workplace(tmp_path / "bases", context.runner, print))[0]
    series = read_series(good_patch)
    applied = series_commits(context.store, context.runner, base, series)[0]
    assert series_commits(context.store, context.runner, base, series) == (applied, True)
    (product,) = context.store.products()
    (product / "commits").write_bytes(garbage)
    assert series_commits(context.store, context.runner, base, series) == (applied, False)
    assert series_commits(context.store, context.runner, base, series) == (applied, True)
    assert [event.text for event in said if isinstance(event, Note)] != []


@pytest.mark.parametrize("garbage", GARBAGE)
def test_a_kernel_is_found_beside_others_that_cannot_be_read(context: Context, garbage: bytes) -> None:
    def build(build_id: str, key: str) -> None:
        facts = kept.dumps(BuildFacts("6", build_id, "gcc", (), 1), SCHEMA)
        context.store.put("build", key, lambda scratch: (scratch / FACTS).write_bytes(facts))

    build("aa", "0")
    build("bb", "1")
    (context.store.root / "build/0" / FACTS).write_bytes(garbage)
    found = find_built(context.store, "bb")
    assert found
    assert found.build_id == "bb"
    assert find_built(context.store, "aa") is None


@pytest.mark.parametrize("garbage", GARBAGE)
def test_a_probes_answer_is_asked_for_again(runner: Runner, tmp_path: Path, garbage: bytes) -> None:
    known = catalog.load_catalog()
    tcg, machine = known.accel("tcg"), known.machine("q35")
    works = replace(tcg, name="kvm")  # what works everywhere stands for a KVM that works
    assert choose("auto", works, tcg, machine, runner, tmp_path)[1].works
    (answer,) = tmp_path.glob("*.json")
    answer.write_bytes(garbage)
    found = choose("auto", works, tcg, machine, runner, tmp_path)
    assert found[0].name == "kvm"
    assert answer.read_bytes() not in GARBAGE


@pytest.fixture
def packaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A source package of one file."""
    (tmp_path / "Kconfig").write_text("mainmenu\n")
    with tarfile.open(tmp_path / "linux-source-0.tar.xz", "w:xz") as archive:
        archive.add(tmp_path / "Kconfig", "linux-source-0/Kconfig")
    monkeypatch.setattr(bases, "ARCHIVES", tmp_path)
    return tmp_path


@pytest.mark.parametrize("garbage", GARBAGE)
def test_a_base_whose_commit_is_lost_is_imported_anew(packaged: Path, runner: Runner, garbage: bytes) -> None:
    told: list[str] = []
    at = Workplace(packaged / "bases", runner, told.append)
    base, _ = packaged_base("linux-source-0", at)
    assert packaged_base("linux-source-0", at) == (base, True)
    assert len(told) == 1
    (base.home / "git/refs/heads/base").write_bytes(garbage)
    assert packaged_base("linux-source-0", at) == (base, False)
    assert len(told) == 2


@pytest.mark.parametrize("garbage", [b"", b"pid", b"\xff", b"99999999999999999999"])
def test_a_left_guest_whose_note_is_damaged_is_gone(tmp_path: Path, garbage: bytes) -> None:
    guest = tmp_path / "base.patched/guest-0"
    guest.mkdir(parents=True)
    (guest / PID).write_bytes(garbage)
    assert find_left(tmp_path) is None  # there is no known_hosts either


def spec_in(context: Context, image: bytes) -> GuestSpec:
    """A guest of a kernel and an initramfs that lie in the store."""

    def keep(stage: str, name: str, data: bytes) -> Path:
        return context.store.put(stage, "k", lambda scratch: (scratch / name).write_bytes(data)) / name

    machine, accel = context.catalog.machine("q35"), context.catalog.accel("tcg")
    kernel = KernelImage(keep("build", "image", image), Path("vmlinux"), Path("config"), "6", "", "gcc")
    programs = Programs(keep("programs", "initramfs.cpio", b"07070100"), "digest", ())
    return GuestSpec(machine, accel, kernel, programs, slowdown=1.0, boot_limit_s=5.0)


@pytest.mark.parametrize("which", ["kernel image", "initramfs"])
def test_a_damaged_product_is_never_the_fault_of_the_patch(context: Context, tmp_path: Path, which: str) -> None:
    """A bit that flipped: size and times are as they were, so that only this question finds it."""
    spec = spec_in(context, b"no kernel" * 1000)
    with pytest.raises((BootFailed, GuestUnreachable)) as honest:
        boot(context, spec, tmp_path / "guest")
    assert not isinstance(honest.value, ProductDamaged)
    assert spec.kernel.image.is_file()
    path = spec.kernel.image if which == "kernel image" else spec.programs.initramfs
    before = path.stat()
    path.write_bytes(bytes([path.read_bytes()[0] ^ 1]) + path.read_bytes()[1:])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(ProductDamaged, match=f"the {which} in the store had been damaged") as damaged:
        boot(context, spec, tmp_path / "guest")
    assert damaged.value.fault is GuestUnreachable.fault
    assert "made anew" in damaged.value.hint
    assert not path.exists()
    assert not (tmp_path / "guest").exists()
    assert (tmp_path / "guest.damaged/console.log").is_file()
