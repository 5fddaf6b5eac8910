"""applied tree + kconfig fragments -> a complete .config that has every requested symbol."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from pathlib import Path

from orchestrator.build.product import Product
from orchestrator.build.toolchain import Toolchain, first_error, host_error, make, told_refusals
from orchestrator.build.worktree import build_directory, worktree_lock
from orchestrator.context import Context
from orchestrator.errors import CommandFailed, KconfigBroken, KconfigDropped, ToolMissing
from orchestrator.host.process import CommandResult
from orchestrator.model.kernel import AppliedTree, Kconfig, KernelConfig
from orchestrator.model.subject import Subject
from orchestrator.parse.configuration.kconfig import Dropped, config_line, dropped, merge, set_symbols
from orchestrator.parse.configuration.kconfig_entries import unmet
from orchestrator.parse.configuration.kconfig_messages import main_message
from orchestrator.parse.configuration.whole_config import changes, told
from orchestrator.source.git import Git
from orchestrator.source.trees import move_worktree, worktree
from orchestrator.storage.manifest import file_digest
from orchestrator.storage.store import key

# What decides about a .config besides the fragments: not the whole tree, or each edit would configure anew
KCONFIG_FILE = re.compile(
    rb"(?:^|/)Kconfig[^/]*$|^scripts/kconfig/|^scripts/Kconfig|^kernel/configs/|^arch/[^/]+/configs/|^scripts/.*-version\.sh$"
)


def configure(
    context: Context, subject: Subject, applied: AppliedTree, toolchain: Toolchain, log: Path
) -> Product[KernelConfig]:
    """Runs tinyconfig or takes the whole .config that is given in its place, merges the fragments, runs olddefconfig.
    Raises KconfigBroken and KconfigDropped; ToolMissing and CommandFailed if the host is at fault."""
    kconfig = subject.kernel.kconfig
    symbols, _ = merge(kconfig.laid_over)
    product_key = key(
        "configure",
        kconfig_files=_kconfig_digest(context, applied),
        whole=kconfig.whole.symbols if kconfig.whole else (),
        symbols=symbols,
        compiler=toolchain.compiler,
        arch=subject.kernel.arch,  # clang is the same one for all
    )
    if known := context.store.read("configure", product_key, lambda found: _value(found / "config")):
        return _product(kconfig, known, cached=True)

    refused: list[str] = []

    def fill(scratch: Path) -> None:
        with worktree_lock(context, applied.base, subject.worktree) as lock:
            source = move_worktree(applied.base, subject.worktree, applied.tree, context.runner)
            text = _generate(context, subject, source, toolchain, symbols, log, lock, refused)
        if lost := dropped(kconfig.fragments, text):
            _check_dropped(lost, text, worktree(applied.base, subject.worktree))
        (scratch / "config").write_text(text)

    made = _value(context.store.put("configure", product_key, fill) / "config")
    return _product(kconfig, made, *refused[:1], cached=False)


def _product(kconfig: Kconfig, made: KernelConfig, *notes: str, cached: bool) -> Product[KernelConfig]:
    """With what became of a whole .config, also where an earlier run made this one."""
    found = changes(kconfig, made.path.read_text())
    note = "; ".join(filter(None, (told(kconfig, found), *notes)))
    return Product(made, cached, note, detail="\n".join(map(str, found)))


def _generate(
    context: Context,
    subject: Subject,
    source: Path,
    toolchain: Toolchain,
    symbols: tuple[tuple[str, str], ...],
    log: Path,
    lock: int,
    refused: list[str],
) -> str:
    """The text of the .config. `refused` receives what the sandbox refused."""
    build = build_directory(source, f"{subject.kernel.variant.name}.configure")  # a name that no variant has
    shutil.rmtree(build, ignore_errors=True)
    build.mkdir()

    def made(target: str) -> None:
        command = make(source, build, target, toolchain=toolchain, places=context.places)
        result = context.runner.run(command, log=log, holding=lock)
        if result.status != 0:
            raise _refused(result, target, log)
        refused.extend(filter(None, (told_refusals(result, result.text),)))

    whole = subject.kernel.kconfig.whole
    if not whole:
        made("tinyconfig")
    with (build / ".config").open("a") as config:  # the last line for a symbol wins
        config.writelines(map(config_line, (*(whole.symbols if whole else ()), *symbols)))
    made("olddefconfig")
    text = (build / ".config").read_text()
    shutil.rmtree(build)
    if "CONFIG_" not in text:
        raise CommandFailed(f"make olddefconfig left no usable .config in {build}")
    return text


def _refused(result: CommandResult, target: str, log: Path) -> KconfigBroken | ToolMissing | CommandFailed:
    text = result.text
    if host := host_error(result, text):
        return host
    said = main_message(text) or ": ".join(first_error(text) or ())
    why = said or told_refusals(result, text) or f"make {target} exited with {result.status}"
    detail = "\n".join(line for line in text.splitlines() if not line.startswith(("  ", "make")))
    return KconfigBroken(
        f"the tree cannot be configured: {why}", detail=detail[:4000] or result.tail(), hint=f"full log: {log}"
    )


def _check_dropped(lost: tuple[Dropped, ...], config: str, source: Path) -> None:
    """Raises KconfigDropped, but for optional symbols that the tree does not know: one that it knows was dropped for a
    reason, which may be the series'. An older kernel than the fragment asks for may know it, but with other needs."""
    kconfigs = {
        os.fspath(path.relative_to(source)): path.read_text(errors="replace")
        for path in source.rglob("Kconfig*")
        if path.is_file()
    }
    found = [(item, unmet(item.symbol, kconfigs, config)) for item in lost if not item.is_later]
    found = [(item, why) for item, why in found if why.places or not item.may_lack]
    if not found:
        return
    first, why = found[0]
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    raise KconfigDropped(
        f"the kernel's configuration dropped {first.symbol}={first.wanted} of kconfig fragment {first.fragment}{more}",
        detail="\n".join(
            f"{item.symbol}: wanted {item.wanted}, got {item.got} (fragment {item.fragment}): {why.hint}"
            for item, why in found
        ),
        hint=why.hint,
    )


def _kconfig_digest(context: Context, applied: AppliedTree) -> str:
    listing = Git(applied.base.home / "git", context.runner).check("ls-tree", "-r", "-z", applied.tree).stdout
    chosen = hashlib.sha256()
    for entry in listing.split(b"\0"):
        # the pattern alone takes a quarter of a second for a kernel's 85,000 names
        if (b"onfig" in entry or b"-version.sh" in entry) and KCONFIG_FILE.search(entry.partition(b"\t")[2]):
            chosen.update(entry)
    return chosen.hexdigest()


def _value(path: Path) -> KernelConfig:
    return KernelConfig(path, file_digest(path), set_symbols(path.read_text()))
