"""test cases -> static programs, and the part of the guest's initramfs that holds them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from orchestrator.context import Context
from orchestrator.errors import CommandFailed
from orchestrator.guest import initramfs
from orchestrator.model import Case, Programs
from orchestrator.process import Command
from orchestrator.stages.product import Product
from orchestrator.stages.toolchain import Toolchain
from orchestrator.store import file_digest, key

FLAGS = ("-std=gnu11", "-O2", "-g", "-Wall", "-Wextra", "-static", "-pthread")


def programs(context: Context, cases: Sequence[Case], toolchain: Toolchain) -> Product[Programs]:
    """Compile the cases and pack the guest's userland. Raises CommandFailed with the compiler's words."""
    library = sorted((context.catalog.root / "testcases/lib").glob("*.c"))
    headers = sorted((context.catalog.root / "testcases/lib").glob("*.h"))
    sources = {case.name: [case.directory / source for source in case.sources] for case in cases}
    files = [*library, *headers, *(path for paths in sources.values() for path in paths)]
    files += sorted(path for case in cases for path in case.directory.glob("*.h"))
    files += [path for path in initramfs.FILES.iterdir() if path.is_file()]
    files += [path for path in (initramfs.BUSYBOX, initramfs.DROPBEAR) if path.is_file()]
    product_key = key(
        "programs",
        cases=sorted(sources),
        files={os.fspath(path): file_digest(path) for path in files},
        flags=FLAGS,
        compiler=toolchain.compiler,
        layout=initramfs.LAYOUT,
    )
    if found := context.places.store.get("programs", product_key):
        return Product(Programs(found / "initramfs.cpio", product_key), cached=True)

    def fill(scratch: Path) -> None:
        with tempfile.TemporaryDirectory(prefix="programs-") as where:
            objects = Path(where)
            jobs = {name: [*paths, *library] for name, paths in sources.items()}
            jobs["cap"] = [initramfs.FILES / "cap.c"]
            with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
                made = dict(
                    zip(jobs, pool.map(lambda name: _compile(context, name, jobs[name], objects), jobs), strict=True)
                )
            cap = made.pop("cap")
            (scratch / "initramfs.cpio").write_bytes(initramfs.shared_part(made, cap, context.runner))

    path = context.places.store.put("programs", product_key, fill) / "initramfs.cpio"
    return Product(Programs(path, product_key), cached=False, note=f"{len(sources)} programs compiled")


def _compile(context: Context, name: str, sources: Sequence[Path], objects: Path) -> bytes:
    out = objects / name
    include = context.catalog.root / "testcases/lib"
    command = Command(("gcc", *FLAGS, f"-I{include}", "-o", os.fspath(out), *map(os.fspath, sources)))
    result = context.runner.run(command)
    if result.status != 0:
        raise CommandFailed(f"test case {name} does not compile", detail=result.tail(), hint=command.line())
    return out.read_bytes()
