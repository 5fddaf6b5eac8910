"""test cases -> static programs, and the part of the guest's initramfs that holds them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from orchestrator.build.kselftests import kselftests
from orchestrator.build.product import Product
from orchestrator.build.toolchain import Toolchain
from orchestrator.context import Context
from orchestrator.errors import CommandFailed
from orchestrator.guest import initramfs
from orchestrator.guest.case_argv import CASES, KSELFTESTS
from orchestrator.manifest import file_digest
from orchestrator.model.case import Case, Programs
from orchestrator.model.kernel import AppliedTree
from orchestrator.process import Command
from orchestrator.store import key

FLAGS = ("-std=gnu11", "-O2", "-g", "-Wall", "-Wextra", "-static", "-pthread")
SUPERVISOR = "supervisor"  # of the guest itself, from guest/files
ARCHIVE = "initramfs.cpio"


def programs(context: Context, cases: Sequence[Case], applied: AppliedTree, toolchain: Toolchain) -> Product[Programs]:
    """Make the cases' programs and pack the guest's userland.

    Raises CommandFailed with the compiler's words when one of ours does not compile; a selftest of the tree that does
    not is named in the product: it is the tree's.
    """
    library = context.catalog.root / "testcases/lib"
    shared = sorted(library.glob("*.c"))
    ours = [case for case in cases if case.sources and not case.unfit]
    jobs = {case.name: [*(case.directory / source for source in case.sources), *shared] for case in ours}
    jobs[SUPERVISOR] = sorted((initramfs.FILES / SUPERVISOR).glob("*.c"))
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        made = list(pool.map(lambda name: _program(context, name, jobs[name], library, toolchain), jobs))
    theirs, unbuilt, compiled = _selftests(context, cases, applied, toolchain)
    files = [path for path in initramfs.FILES.iterdir() if path.is_file()]
    files += [path for path in (initramfs.BUSYBOX, initramfs.DROPBEAR) if path.is_file()]
    product_key = key(
        "programs",
        programs={name: product.value.parent.name for name, product in zip(jobs, made, strict=True)},
        selftests={name: hashlib.sha256(data).hexdigest() for name, data in theirs.items()},
        files={path.name: file_digest(path) for path in files},
        layout=initramfs.LAYOUT,
    )
    compiled += sum(not product.cached for product in made)
    if found := context.store.get("programs", product_key):
        return Product(Programs(found / ARCHIVE, product_key, unbuilt), cached=True)

    def fill(scratch: Path) -> None:
        data = {name: product.value.read_bytes() for name, product in zip(jobs, made, strict=True)}
        tools = {SUPERVISOR: data.pop(SUPERVISOR)}
        ours = {f"{CASES}/{name}": program for name, program in data.items()}
        (scratch / ARCHIVE).write_bytes(initramfs.shared_part({**ours, **theirs}, tools, context.runner))

    path = context.store.put("programs", product_key, fill) / ARCHIVE
    return Product(Programs(path, product_key, unbuilt), cached=False, note=f"{compiled} programs compiled")


def _selftests(
    context: Context, cases: Sequence[Case], applied: AppliedTree, toolchain: Toolchain
) -> tuple[dict[str, bytes], tuple[tuple[str, str], ...], int]:
    """The tree's selftests that cases are: by path in the guest; those that it does not build; how many were built.

    All that the catalog knows of a collection are built, whichever of them are to run: it is one product.
    """
    data: dict[str, bytes] = {}
    errors: dict[str, str] = {}
    compiled = 0
    for collection in sorted({case.kselftest.partition("/")[0] for case in cases if case.kselftest and not case.unfit}):
        known = [case.kselftest for case in context.catalog.testcases.values() if not case.unfit]
        names = [name.partition("/")[2] for name in known if name.startswith(f"{collection}/")]
        built = kselftests(context, applied, collection, names, toolchain)
        data |= {f"{collection}/{name}": program for name, program in built.value.programs.items()}
        errors |= {f"{collection}/{name}": why for name, why in built.value.unbuilt.items()}
        compiled += 0 if built.cached else len(built.value.programs)
    wanted = sorted({case.kselftest for case in cases if case.kselftest in data})
    unbuilt = tuple((case.name, errors[case.kselftest]) for case in cases if case.kselftest in errors)
    return {f"{KSELFTESTS}/{name}": data[name] for name in wanted}, unbuilt, compiled


def _program(
    context: Context, name: str, sources: Sequence[Path], include: Path, toolchain: Toolchain
) -> Product[Path]:
    """One static program, from the store when neither its sources nor any header have changed."""
    headers = [
        path for directory in {include, *(source.parent for source in sources)} for path in directory.glob("*.h")
    ]
    product_key = key(
        "program",
        name=name,
        # not by absolute path: another checkout of the same sources gets the same program
        files={f"{path.parent.name}/{path.name}": file_digest(path) for path in [*sources, *headers]},
        flags=FLAGS,
        compiler=toolchain.compiler,
    )
    if found := context.store.get("program", product_key):
        return Product(found / name, cached=True)

    def fill(scratch: Path) -> None:
        out = scratch / name
        command = Command(("gcc", *FLAGS, f"-I{include}", "-o", os.fspath(out), *map(os.fspath, sources)))
        result = context.runner.run(command)
        if result.status != 0:
            raise CommandFailed(f"test case {name} does not compile", detail=result.tail(), hint=command.line())

    return Product(context.store.put("program", product_key, fill) / name, cached=False)
