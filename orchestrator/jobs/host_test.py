"""applied tree -> the result of tools/testing/vma: mm/vma.c compiled as a program of the host, and its tests.

Seconds instead of a boot, under AddressSanitizer and UBSan. The result depends on the files that the program is made of
alone: it is kept by those, for every kconfig and for each tree that shares them.

As shipped in some kernels the program does not link (6.12 lacks vma_close there). Only where the base builds it does a
build failure say something about the patch.
"""

from __future__ import annotations

import json
import os
import re
import signal
import tempfile
from dataclasses import dataclass
from pathlib import Path

from orchestrator.build.product import Product
from orchestrator.build.toolchain import Toolchain, first_error, host_failure
from orchestrator.codec import decode, encode
from orchestrator.context import Context
from orchestrator.model.kernel import AppliedTree
from orchestrator.model.outcome import Outcome
from orchestrator.parse.userspace_vma import UserspaceResult, names_of_tests, read_result
from orchestrator.process import Command
from orchestrator.source.excerpt import Excerpt, check_out, excerpt
from orchestrator.store import key, write_atomically
from orchestrator.words import counted

NAME = "vma-userspace"
DIRECTORY = "tools/testing/vma"
FILES = re.compile(
    rb"mm/vma[^/]*$|lib/(?:test_)?(?:maple_tree|xarray|radix-tree|idr)\.[ch]$|include/(?:linux|vdso)/"
    rb"|tools/(?:include|lib|arch/x86/include|scripts|testing/(?:vma|shared|radix-tree))/"
)
LIMIT_S = 120.0
SANITIZERS = (("UBSAN_OPTIONS", "print_stacktrace=1"), ("ASAN_OPTIONS", "color=never"))
HOST_LACKS = re.compile(r"fatal error: (urcu\S*): No such file|cannot find -l(asan|ubsan|urcu)")


@dataclass(frozen=True)
class Attempt:
    """How building and running it went. `unbuilt` is the compiler's first error, `lacking` what the host lacks,
    `unfinished` why it did not let them end."""

    unbuilt: str = ""
    lacking: str = ""
    unfinished: str = ""
    result: UserspaceResult | None = None
    text: str = ""


def userspace_vma(
    context: Context, applied: AppliedTree, base: AppliedTree, toolchain: Toolchain, log: Path
) -> Product[None]:
    """Never raises for what the tree does. `base` is the tree without the series; the same one where there is none."""
    if not _is_there(context, applied):
        return _skipped(f"the tree has no {DIRECTORY}", cached=True)
    made, cached = _attempt(context, applied, toolchain)
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(made.text)
    if made.lacking:
        return _skipped(f"{made.lacking} is not installed", cached)
    if made.unfinished:
        return _unknown(made)
    is_base = base.tree == applied.tree
    if made.result and not made.result.outcome.is_bad:
        return Product(None, cached, note=counted(len(made.result.subtests), "test"), subtests=made.result.subtests)
    if is_base and made.unbuilt:
        return _skipped(f"{DIRECTORY} does not build: {made.unbuilt}", cached)
    on_base = made if is_base else _attempt(context, base, toolchain)[0]
    if on_base.unfinished:
        return _unknown(on_base)
    if made.result is None:
        if made.unbuilt and on_base.unbuilt:
            return _skipped(f"{DIRECTORY} does not build, nor does the base's: {made.unbuilt}", cached)
        message = f"{DIRECTORY} does not build ({made.unbuilt}); the base's does"
        return Product(None, cached, note=message, detail=made.text[-4000:], outcome=Outcome.FAIL, is_patch_fault=True)
    return Product(
        None,
        cached,
        note=made.result.message,
        detail=made.text[-8000:],
        outcome=made.result.outcome,
        subtests=made.result.subtests,
        is_patch_fault=True,
        also_on_base=not is_base and _fails_alike(made.result, on_base.result),
    )


def _fails_alike(result: UserspaceResult, base: UserspaceResult | None) -> bool:
    """Does the base fail each test that fails here? One that was not run there is not known to."""
    if base is None or not base.outcome.is_bad:
        return False
    bad, known = ({s.name for s in r.subtests if s.outcome.is_bad} for r in (result, base))
    return bad <= known if bad else result.message == base.message


def _skipped(why: str, cached: bool) -> Product[None]:
    return Product(None, cached, note=why, outcome=Outcome.SKIP)


def _unknown(attempt: Attempt) -> Product[None]:
    return Product(None, cached=False, note=attempt.unfinished, detail=attempt.text[-4000:], outcome=Outcome.ERROR)


def _is_there(context: Context, applied: AppliedTree) -> bool:
    return not excerpt(applied, re.compile(rf"{DIRECTORY}/vma\.c$".encode()), context.runner).is_empty


def _attempt(context: Context, applied: AppliedTree, toolchain: Toolchain) -> tuple[Attempt, bool]:
    """Build and run, or what came of it before. What was the host's doing is tried anew each time, and so is what did
    not end in time, which may be."""
    files = excerpt(applied, FILES, context.runner)
    product_key = key(NAME, files=files.digest, compiler=toolchain.compiler)
    if found := context.places.store.get(NAME, product_key):
        return decode(Attempt, json.loads((found / "attempt.json").read_text())), True
    attempt = _build_and_run(context, files)
    if not (attempt.lacking or attempt.unfinished or (attempt.result and attempt.result.outcome is Outcome.TIMEOUT)):
        text = json.dumps(encode(attempt)).encode()
        context.places.store.put(NAME, product_key, lambda home: write_atomically(home / "attempt.json", text))
    return attempt, False


def _build_and_run(context: Context, files: Excerpt) -> Attempt:
    with tempfile.TemporaryDirectory(prefix="orchestrate-vma-") as scratch:
        check_out(files, Path(scratch), context.runner)
        home = Path(scratch) / DIRECTORY
        log = Path(scratch) / "log"
        built = context.runner.run(Command(("make", "--jobs=2", "CC=gcc"), cwd=home), log=log)
        if built.status != 0:
            if lacks := HOST_LACKS.search(built.text):
                return Attempt(lacking=lacks[1] or f"lib{lacks[2]}", text=built.text)
            if why := host_failure(built, built.text):
                return Attempt(unfinished=why, text=built.text)
            where, what = first_error(built.text) or ("make", f"exit status {built.status}")
            return Attempt(unbuilt=f"{where}: {_short(what)}", text=built.text)
        ran = context.runner.run(
            Command((os.fspath(home / "vma"),), cwd=home, env=SANITIZERS), log=log, timeout_s=LIMIT_S
        )
        if ran.status == -signal.SIGKILL and not ran.timed_out:
            return Attempt(
                unfinished="the host ended the tests by SIGKILL, which is what it does for want of memory",
                text=ran.text,
            )
        result = read_result(ran.text, names_of_tests((home / "vma.c").read_text()), ran.status, ran.timed_out)
        return Attempt(result=result, text=ran.text)


def _short(words: str) -> str:
    """A linker's sentence from its last colon on: before it are paths of the scratch directory."""
    return words.rpartition(": ")[2]
