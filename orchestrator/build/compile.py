"""applied tree + .config -> kernel image, vmlinux and what they are."""

from __future__ import annotations

import re
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from orchestrator.build.product import Product
from orchestrator.build.toolchain import Toolchain, build_error, make, told_refusals
from orchestrator.build.worktree import build_directory, compiling, worktree_lock
from orchestrator.context import Context
from orchestrator.errors import CommandFailed
from orchestrator.events import Compiling
from orchestrator.host.process import Command, CommandResult
from orchestrator.model.kernel import AppliedTree, KernelConfig, KernelImage
from orchestrator.model.machine import Machine
from orchestrator.model.subject import Subject
from orchestrator.parse.compiler import COMPILED
from orchestrator.source.trees import move_worktree
from orchestrator.storage import kept
from orchestrator.storage.store import Store, key, write_atomically
from orchestrator.words import counted

WARNING = re.compile(r"^(?:\.\./)?(?P<file>[^\s:]+):\d+:\d+: warning: .*$", re.MULTILINE)
FACTS, SCHEMA = "kernel.json", 1


@dataclass(frozen=True)
class BuildFacts:
    """What kernel.json says of the kernel beside it."""

    release: str
    build_id: str
    compiler: str
    warnings: tuple[str, ...]
    compiled: int


def build(
    context: Context,
    subject: Subject,
    applied: AppliedTree,
    config: KernelConfig,
    machine: Machine,
    toolchain: Toolchain,
    log: Path,
) -> Product[KernelImage]:
    """Raises BuildFailed with the first error, ToolMissing when the host lacks something."""
    if known := find_kernel(context, applied, config, machine, toolchain):
        return Product(known, cached=True, note="nothing to compile")

    refused: list[str] = []

    def fill(scratch: Path) -> None:
        with worktree_lock(context, applied.base, subject.worktree) as lock:
            source = move_worktree(applied.base, subject.worktree, applied.tree, context.runner)
            with compiling(context, applied.base, subject.kernel.variant.name):
                made = _make(context, subject, source, applied, config, machine, toolchain, log, lock, scratch)
        refused.append(told_refusals(made, made.text))

    product_key = _key(applied, config, machine, toolchain)
    kernel = _load(context.store.put("build", product_key, fill), cached=False)
    warned = f", {counted(len(kernel.warnings), 'warning')} in files that the series touches" if kernel.warnings else ""
    note = "; ".join(filter(None, (f"{counted(kernel.compiled, 'object')} compiled{warned}", *refused)))
    return Product(kernel, cached=False, note=note, detail="\n".join(kernel.warnings))


def find_kernel(
    context: Context, applied: AppliedTree, config: KernelConfig, machine: Machine, toolchain: Toolchain
) -> KernelImage | None:
    """The kernel, if the store has it."""
    product_key = _key(applied, config, machine, toolchain)
    return context.store.read("build", product_key, lambda found: _load(found, cached=True))


def _key(applied: AppliedTree, config: KernelConfig, machine: Machine, toolchain: Toolchain) -> str:
    return key("build", tree=applied.tree, config=config.digest, compiler=toolchain.compiler, image=machine.image)


def find_built(store: Store, build_id: str) -> KernelImage | None:
    """The kernel with this GNU build id, if the store still has one."""
    for path in sorted(store.root.glob(f"build/[0-9a-f]*/{FACTS}")):
        with suppress(ValueError):  # another run makes room in the store, or another version's product
            kernel = _load(path.parent, cached=True)
            if kernel.build_id == build_id and store.get("build", path.parent.name):
                return kernel
    return None


def _make(
    context: Context,
    subject: Subject,
    source: Path,
    applied: AppliedTree,
    config: KernelConfig,
    machine: Machine,
    toolchain: Toolchain,
    log: Path,
    lock: int,
    scratch: Path,
) -> CommandResult:
    directory = build_directory(source, subject.kernel.variant.name)
    directory.mkdir(exist_ok=True)
    current = directory / ".config"
    if not current.exists() or current.read_bytes() != config.path.read_bytes():
        shutil.copyfile(config.path, current)  # otherwise leave its mtime: make would look at every object
    image = Path(machine.image)
    command = make(source, directory, image.name, "vmlinux", toolchain=toolchain, places=context.places)
    (directory / image).unlink(missing_ok=True)
    context.emit(Compiling(subject.name, str(log)))
    result = context.runner.run(command, log=log, holding=lock)
    text = result.text
    if result.status != 0:
        raise build_error(result, text, log)
    _collect(context, directory, machine, toolchain, config, applied, text, scratch)
    return result


def _collect(
    context: Context,
    directory: Path,
    machine: Machine,
    toolchain: Toolchain,
    config: KernelConfig,
    applied: AppliedTree,
    text: str,
    scratch: Path,
) -> None:
    """Check and copy the product: an exit status of 0 is not a kernel."""
    image, vmlinux = directory / machine.image, directory / "vmlinux"
    for product in (image, vmlinux):
        if not product.is_file() or product.stat().st_size == 0:
            raise CommandFailed(f"make succeeded and left no {product}")
    release = (directory / "include/config/kernel.release").read_text().strip()
    shutil.copyfile(image, scratch / "image")
    shutil.copyfile(vmlinux, scratch / "vmlinux")
    shutil.copyfile(config.path, scratch / "config")
    facts = BuildFacts(
        release=release,
        build_id=_build_id(context, vmlinux),
        compiler=toolchain.compiler,
        warnings=tuple(match[0] for match in WARNING.finditer(text) if match["file"] in applied.files),
        compiled=f"\n{text}".count(COMPILED),
    )
    write_atomically(scratch / FACTS, kept.dumps(facts, SCHEMA))


def _build_id(context: Context, vmlinux: Path) -> str:
    notes = context.runner.check(Command(("readelf", "--notes", str(vmlinux)))).text
    match = re.search(r"Build ID: ([0-9a-f]+)", notes)
    return match[1] if match else ""


def _load(product: Path, *, cached: bool) -> KernelImage:
    """ValueError when another version made the product."""
    facts = kept.load(BuildFacts, product / FACTS, SCHEMA)
    return KernelImage(
        image=product / "image",
        vmlinux=product / "vmlinux",
        config=product / "config",
        release=facts.release,
        build_id=facts.build_id,
        compiler=facts.compiler,
        warnings=facts.warnings,
        compiled=0 if cached else facts.compiled,
    )
