"""test cases -> static programs, and the part of the guest's initramfs that holds them."""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from orchestrator.build.foreign import foreign_userland
from orchestrator.build.kselftests import kselftests
from orchestrator.build.product import Product
from orchestrator.build.toolchain import Toolchain, first_error, host_failure
from orchestrator.context import Context
from orchestrator.declarations.catalog import Catalog
from orchestrator.errors import CaseDoesNotCompile, CommandFailed
from orchestrator.guest import initramfs
from orchestrator.guest.case_argv import CASES, KSELFTESTS
from orchestrator.host import resources
from orchestrator.host.process import Command
from orchestrator.model.case import Case, Programs
from orchestrator.model.kernel import USUAL_ARCH, AppliedTree
from orchestrator.storage.manifest import file_digest
from orchestrator.storage.store import key
from orchestrator.words import counted

FLAGS = ("-std=gnu11", "-O2", "-g", "-Wall", "-Wextra", "-static", "-pthread")
SUPERVISOR = "supervisor"  # of the guest itself, from guest/files
ARCHIVE = "initramfs.cpio"


@dataclass(frozen=True)
class Job:
    """A program to compile: its sources, where its headers are, and whether it is of the user's own root."""

    name: str
    sources: tuple[Path, ...]
    include: Path
    is_users: bool


Reasons = tuple[tuple[str, str], ...]  # a case and why it has no program


def programs(
    context: Context, cases: Sequence[Case], applied: AppliedTree, toolchain: Toolchain, arch: str = USUAL_ARCH
) -> Product[Programs]:
    """Build the programs of the cases for an architecture and pack the guest's userland. Raises CaseDoesNotCompile or
    CommandFailed with the compiler's output. A selftest of the tree that does not compile is no error: the product
    names it."""
    jobs = {case.name: _job(context.catalog, case) for case in cases if case.sources and not case.unfit}
    supervisor = initramfs.FILES / SUPERVISOR
    jobs[SUPERVISOR] = Job(SUPERVISOR, tuple(sorted(supervisor.glob("*.c"))), supervisor, is_users=False)
    # the cases of one directory are one program, called in several ways: it is compiled once
    with ThreadPoolExecutor(resources.cpus()) as pool:
        wanted = list(dict.fromkeys(jobs.values()))
        compiled_jobs = dict(zip(wanted, pool.map(lambda job: _program(context, job, toolchain), wanted), strict=True))
    made = {name: compiled_jobs[job] for name, job in jobs.items()}
    theirs, unbuilt, lacking, compiled = _selftests(context, cases, applied, toolchain)
    files = [path for path in initramfs.FILES.iterdir() if path.is_file()]
    target = context.catalog.arch(arch)
    foreign = None if target.is_of(platform.machine()) else foreign_userland(context, target)
    if foreign is None:
        files += [path for path in (initramfs.BUSYBOX, initramfs.DROPBEAR) if path.is_file()]
    product_key = key(
        "programs",
        programs={name: product.value.parent.name for name, product in made.items()},
        selftests={name: hashlib.sha256(data).hexdigest() for name, data in theirs.items()},
        files={path.name: file_digest(path) for path in files} | ({"userland": foreign.digest} if foreign else {}),
        layout=initramfs.LAYOUT,
    )
    compiled += sum(not product.cached for product in compiled_jobs.values())
    if found := context.store.get("programs", product_key):
        return Product(Programs(found / ARCHIVE, product_key, unbuilt, lacking), cached=True)

    userland = foreign or initramfs.own_userland(context.runner)

    def fill(scratch: Path) -> None:
        data = {name: product.value.read_bytes() for name, product in made.items()}
        tools = {SUPERVISOR: data.pop(SUPERVISOR)}
        ours = {f"{CASES}/{name}": program for name, program in data.items()}
        (scratch / ARCHIVE).write_bytes(initramfs.shared_part({**ours, **theirs}, tools, userland))

    path = context.store.put("programs", product_key, fill) / ARCHIVE
    made_of = Programs(path, product_key, unbuilt, lacking)
    return Product(made_of, cached=False, note=f"{counted(compiled, 'program')} compiled")


def _selftests(
    context: Context, cases: Sequence[Case], applied: AppliedTree, toolchain: Toolchain
) -> tuple[dict[str, bytes], Reasons, Reasons, int]:
    """The tree's selftests that cases use: programs by their path in the guest, the cases whose program the tree does
    not build, those whose program needs what the host lacks, and the number built. Builds all that the catalog knows of
    a collection, whichever of them will run, as one product."""
    data: dict[str, bytes] = {}
    errors: dict[str, str] = {}
    lacks: dict[str, str] = {}
    compiled = 0
    for collection in sorted({case.kselftest.partition("/")[0] for case in cases if case.kselftest and not case.unfit}):
        known = [case.kselftest for case in context.catalog.testcases.values() if not case.unfit]
        names = [name.partition("/")[2] for name in known if name.startswith(f"{collection}/")]
        built = kselftests(context, applied, collection, names, toolchain)
        data |= {f"{collection}/{name}": program for name, program in built.value.programs.items()}
        errors |= {f"{collection}/{name}": why for name, why in built.value.unbuilt.items()}
        lacks |= {f"{collection}/{name}": what for name, what in built.value.lacking.items()}
        compiled += 0 if built.cached else len(built.value.programs)
    wanted = sorted({case.kselftest for case in cases if case.kselftest in data})
    unbuilt, lacking = (
        tuple((case.name, reasons[case.kselftest]) for case in cases if case.kselftest in reasons)
        for reasons in (errors, lacks)
    )
    return {f"{KSELFTESTS}/{name}": data[name] for name in wanted}, unbuilt, lacking, compiled


def _job(catalog: Catalog, case: Case) -> Job:
    library = catalog.library(case)
    sources = (*(case.directory / source for source in case.sources), *sorted(library.glob("*.c")))
    return Job(case.group or case.name, sources, library, is_users=not catalog.is_ours(case))


def _program(context: Context, job: Job, toolchain: Toolchain) -> Product[Path]:
    """One static program; from the store unless its sources or a header have changed."""
    name = job.name
    headers = [
        path
        for directory in {job.include, *(source.parent for source in job.sources)}
        for path in directory.glob("*.h")
    ]
    product_key = key(
        "program",
        name=name,
        # not by absolute path: another checkout of the same sources gets the same program
        files={f"{path.parent.name}/{path.name}": file_digest(path) for path in [*job.sources, *headers]},
        flags=FLAGS,
        compiler=toolchain.compiler,
    )
    if found := context.store.get("program", product_key):
        return Product(found / name, cached=True)

    def fill(scratch: Path) -> None:
        out = scratch / name
        command = Command(
            (f"{toolchain.prefix}gcc", *FLAGS, f"-I{job.include}", "-o", os.fspath(out), *map(os.fspath, job.sources))
        )
        result = context.runner.run(command)
        if result.status != 0:
            said = result.stderr.decode(errors="replace")
            is_users_fault = job.is_users and not host_failure(result, said)
            kind = CaseDoesNotCompile if is_users_fault else CommandFailed
            error = first_error(said)
            why = f": {': '.join(error)}" if error else ""
            raise kind(f"test case {name} does not compile{why}", detail=result.tail(), hint=command.line())

    return Product(context.store.put("program", product_key, fill) / name, cached=False)
