"""applied tree + .config -> kernel image, vmlinux and what they are."""

from __future__ import annotations

import json
import re
import shutil
from contextlib import suppress
from pathlib import Path

from orchestrator.build.product import Product
from orchestrator.build.toolchain import Toolchain, first_error, host_failure, make
from orchestrator.build.worktree import build_directory, compiling, lane
from orchestrator.context import Context
from orchestrator.errors import BuildFailed, CommandFailed, ToolMissing
from orchestrator.model.kernel import AppliedTree, Kernel, KernelConfig
from orchestrator.model.machine import Machine
from orchestrator.model.request import Suite
from orchestrator.process import Command, CommandResult
from orchestrator.source.trees import move_worktree
from orchestrator.store import Store, key
from orchestrator.words import counted

WARNING = re.compile(r"^(?:\.\./)?(?P<file>[^\s:]+):\d+:\d+: warning: .*$", re.MULTILINE)
COMPILED = re.compile(r"^  CC +", re.MULTILINE)
# What make says when the host lacks something, which says nothing about the patch
HOST_LACKS = (
    (re.compile(r"(flex|bison|bc|lz4c?|zstd|pahole|cpio|perl|rsync): (?:command )?not found"), "{} is not installed"),
    (re.compile(r"fatal error: ((?:gelf|libelf|openssl)\S*\.h): No such file"), "the header {} is not installed"),
)


def build(
    context: Context,
    suite: Suite,
    applied: AppliedTree,
    config: KernelConfig,
    machine: Machine,
    toolchain: Toolchain,
    log: Path,
) -> Product[Kernel]:
    """Raises BuildFailed with the first error, ToolMissing when the host lacks something."""
    product_key = key(
        "build", tree=applied.tree, config=config.digest, compiler=toolchain.compiler, image=machine.image
    )
    if found := context.places.store.get("build", product_key):
        return Product(_load(found, cached=True), cached=True, note="nothing to compile")

    def fill(scratch: Path) -> None:
        with lane(context, applied.base, suite.variant) as lock:
            source = move_worktree(applied.base, suite.variant, applied.tree, context.runner)
            with compiling(context, applied.base):
                _make(context, suite, source, applied, config, machine, toolchain, log, lock, scratch)

    kernel = _load(context.places.store.put("build", product_key, fill), cached=False)
    warned = f", {counted(len(kernel.warnings), 'warning')} in files that the series touches" if kernel.warnings else ""
    note = f"{counted(kernel.compiled, 'object')} compiled{warned}"
    return Product(kernel, cached=False, note=note, detail="\n".join(kernel.warnings))


def find_built(store: Store, build_id: str) -> Kernel | None:
    """The kernel with this GNU build id, if the store still has one."""
    for path in sorted(store.root.glob("build/[0-9a-f]*/kernel.json")):
        with suppress(FileNotFoundError):  # another run makes room in the store
            kernel = _load(path.parent, cached=True)
            if kernel.build_id == build_id and store.get("build", path.parent.name):
                return kernel
    return None


def _make(
    context: Context,
    suite: Suite,
    source: Path,
    applied: AppliedTree,
    config: KernelConfig,
    machine: Machine,
    toolchain: Toolchain,
    log: Path,
    lock: int,
    scratch: Path,
) -> None:
    directory = build_directory(source, suite.kconfig.name)
    directory.mkdir(exist_ok=True)
    current = directory / ".config"
    if not current.exists() or current.read_bytes() != config.path.read_bytes():
        shutil.copyfile(config.path, current)  # otherwise leave its mtime: make would look at every object
    image = Path(machine.image)
    command = make(source, directory, image.name, "vmlinux", toolchain=toolchain, places=context.places)
    (directory / image).unlink(missing_ok=True)
    result = context.runner.run(command, log=log, holding=lock)
    text = result.text
    if result.status != 0:
        raise _build_error(result, text, log)
    _collect(context, directory, machine, toolchain, config, applied, text, scratch)


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
    facts = {
        "release": release,
        "build_id": _build_id(context, vmlinux),
        "compiler": toolchain.compiler,
        "warnings": [match[0] for match in WARNING.finditer(text) if match["file"] in applied.files],
        "compiled": len(COMPILED.findall(text)),
    }
    (scratch / "kernel.json").write_text(json.dumps(facts, indent=1) + "\n")


def _build_id(context: Context, vmlinux: Path) -> str:
    notes = context.runner.check(Command(("readelf", "--notes", str(vmlinux)))).text
    match = re.search(r"Build ID: ([0-9a-f]+)", notes)
    return match[1] if match else ""


def _load(product: Path, *, cached: bool) -> Kernel:
    facts = json.loads((product / "kernel.json").read_text())
    return Kernel(
        image=product / "image",
        vmlinux=product / "vmlinux",
        config=product / "config",
        release=facts["release"],
        build_id=facts["build_id"],
        compiler=facts["compiler"],
        warnings=tuple(facts["warnings"]),
        compiled=0 if cached else facts["compiled"],
    )


def _build_error(result: CommandResult, text: str, log: Path) -> BuildFailed | ToolMissing | CommandFailed:
    for pattern, words in HOST_LACKS:
        if match := pattern.search(text):
            return ToolMissing(
                words.format(match[1]), hint="orchestrate doctor names the packages", detail=result.tail()
            )
    if why := host_failure(result, text):
        return CommandFailed(why, detail=result.tail())
    error = first_error(text)
    if error is None:
        return BuildFailed("the kernel does not build", detail=result.tail(40), hint=f"full log: {log}")
    where, what = error
    at = text.find(what)
    excerpt = "\n".join(text[max(0, text.rfind("\n", 0, at)) :].strip().splitlines()[:12])
    return BuildFailed(f"the kernel does not compile: {where}: {what}", detail=excerpt, hint=f"full log: {log}")
