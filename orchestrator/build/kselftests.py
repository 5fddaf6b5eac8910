"""applied tree -> its own selftests as static programs (tools/testing/selftests).

They are built from the files that they read, outside of the build worktrees, where another kernel may be compiling. The
product depends on those files alone, so trees that differ elsewhere share it.

What the host is to blame for is never kept: nothing here would notice that a header was installed, and its programs
would be missing for good. So where the host lacks one, each run compiles the whole collection, and says what it lacks.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.build.product import Product
from orchestrator.build.toolchain import Toolchain, first_error, host_failure, told_refusals
from orchestrator.context import Context
from orchestrator.errors import CommandFailed
from orchestrator.host import resources
from orchestrator.host.process import Command, CommandResult, Confined
from orchestrator.model.kernel import AppliedTree
from orchestrator.source.excerpt import Excerpt, check_out, excerpt
from orchestrator.source.objects import Trees
from orchestrator.storage import kept
from orchestrator.storage.store import key, write_atomically

SELFTESTS = "tools/testing/selftests"
# what `make headers` reads, and what selftests include beside the installed headers
SHARED = (
    r"Makefile$|scripts/|include/uapi/|include/asm-generic/|usr/include/"
    r"|arch/x86/(?:Makefile|include/uapi/|include/asm/Kbuild|entry/syscalls/|tools/)"
    r"|tools/(?:include|arch/x86/include|scripts)/|mm/gup_test\.h$|lib/test_hmm_uapi\.h$"
    rf"|{SELFTESTS}/(?:[^/]+$|lib/|x86/|clone3/|pidfd/)"
)
FORMER = {"mm": "vm"}  # what a collection was called before (6.3)
LDFLAGS = "-static -s"  # the guest has no libraries; their symbols would be most of the initramfs


def directory_of(trees: Trees, tree: str, collection: str) -> str:
    """Where a collection is in a tree, also in one that is older than its name."""
    home, former = f"{SELFTESTS}/{collection}", f"{SELFTESTS}/{FORMER.get(collection, collection)}"
    return former if trees.read(tree, f"{home}/Makefile") is None and trees.read(tree, f"{former}/Makefile") else home


UNBUILT, SCHEMA = "unbuilt.json", 1
# A header or a library that is not installed here
HOST_LACKS = re.compile(r"fatal error: (\S+\.h): No such file|cannot find -l(\S+)")


@dataclass(frozen=True)
class Unbuilt:
    """What unbuilt.json says: the programs that do not compile, with the reasons."""

    programs: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Selftests:
    """Programs by PROGRAM. `unbuilt` has the compiler's first error of those that do not compile, `lacking` the header
    or library that the host lacks for others."""

    programs: Mapping[str, bytes]
    unbuilt: Mapping[str, str]
    lacking: Mapping[str, str] = field(default_factory=dict)


def kselftests(
    context: Context, applied: AppliedTree, collection: str, names: Sequence[str], toolchain: Toolchain
) -> Product[Selftests]:
    """Build programs of a collection (mm). A program that does not compile does not stop the others. Raises
    CommandFailed if the kernel headers cannot be installed, or if the host could not finish."""
    home = directory_of(Trees(applied.base, context.runner), applied.tree, collection)
    files = excerpt(applied, re.compile(rf"(?:{SHARED}|{re.escape(home)}/)".encode()), context.runner)
    wanted = sorted(set(names))
    product_key = key(
        "kselftest",
        files=files.digest,
        collection=collection,
        names=wanted,
        flags=LDFLAGS,
        compiler=toolchain.compiler,
    )
    if known := context.store.read("kselftest", product_key, lambda found: _load(found, wanted)):
        return Product(known, cached=True)
    # not in TMPDIR, whose path make may not be able to take
    with tempfile.TemporaryDirectory(prefix=".kselftest-", dir=applied.base.home) as scratch:
        out = Path(scratch) / "out"
        made = _make(context, files, Path(scratch), out, home, wanted)
        if refused := told_refusals(made, made.text):
            context.warn(f"{home}: {refused}")
        programs = _read(out, wanted)
        missing = [name for name in wanted if name not in programs]
        if missing and (why := host_failure(made, made.text)):
            raise CommandFailed(why, detail=made.tail())
        unbuilt = {name: _why(name, made.text) for name in missing}
        lacking = {name: what for name in unbuilt if (what := _lacks(unbuilt[name], files))}
        unbuilt = {name: why for name, why in unbuilt.items() if name not in lacking}

        def fill(home: Path) -> None:
            for name in programs:
                shutil.copyfile(out / name, home / name)
            write_atomically(home / UNBUILT, kept.dumps(Unbuilt(tuple(unbuilt.items())), SCHEMA))

        if not lacking:  # what is installed later is built then
            context.store.put("kselftest", product_key, fill)
    return Product(Selftests(programs, unbuilt, lacking), cached=False)


def _make(context: Context, files: Excerpt, scratch: Path, out: Path, home: str, names: Sequence[str]) -> CommandResult:
    tree = scratch / "tree"
    for directory in (tree, out):
        directory.mkdir()
    check_out(files, tree, context.runner)
    jobs = f"--jobs={resources.cpus()}"
    confined = Confined(writes=(scratch,))
    headers = context.runner.run(Command(("make", "ARCH=x86", jobs, "headers"), cwd=tree, confined=confined))
    if headers.status != 0:
        raise CommandFailed("the tree's headers cannot be installed (make headers)", detail=headers.tail())
    targets = [os.fspath(out / name) for name in names]
    command = Command(
        ("make", "--keep-going", jobs, f"OUTPUT={out}", f"LDFLAGS={LDFLAGS}", *targets),
        cwd=tree / home,
        confined=confined,
    )
    return context.runner.run(command, log=scratch / "make.log")


def _load(found: Path, names: Sequence[str]) -> Selftests:
    return Selftests(_read(found, names), dict(kept.load(Unbuilt, found / UNBUILT, SCHEMA).programs))


def _read(directory: Path, names: Sequence[str]) -> dict[str, bytes]:
    return {name: (directory / name).read_bytes() for name in names if (directory / name).is_file()}


def _lacks(why: str, files: Excerpt) -> str:
    """What the host lacks, if that is why a program was not built: a header that is not missing in the tree itself."""
    match = HOST_LACKS.search(why)
    if match is None or (match[1] and any(path.endswith(f"/{match[1]}") for path in files.files)):
        return ""
    return f"{match[1] or f'lib{match[2]}'} is not installed"


def _why(name: str, log: str) -> str:
    """The first error before make's own line about a program."""
    this = re.escape(name)
    pattern = rf"^make: \*\*\* (?:\[[^\]]*/{this}\]|No rule to make target '[^']*/{this}')"
    failed = re.search(pattern, log, re.MULTILINE)
    if failed is None:
        return "make left no such program"
    if "No rule" in failed[0]:
        return "this tree has no such selftest"
    # programs are compiled side by side: the error of this one names its source
    source = re.search(rf"^{re.escape(name)}\.c:\d+.*error: .*$", log, re.MULTILINE)
    if source:
        return f"does not compile: {source[0]}"
    error = first_error(log)
    return f"does not compile: {': '.join(error)}" if error else "does not compile"
