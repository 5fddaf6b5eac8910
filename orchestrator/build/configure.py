"""applied tree + kconfig fragments -> a complete .config in which every asked-for symbol was found."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from pathlib import Path

from orchestrator.build.product import Product
from orchestrator.build.toolchain import Toolchain, make
from orchestrator.build.worktree import build_directory, lane
from orchestrator.context import Context
from orchestrator.errors import CommandFailed, KconfigDropped
from orchestrator.model.kernel import AppliedTree, KernelConfig
from orchestrator.model.request import Suite
from orchestrator.parse.kconfig import Dropped, dropped, merge, unmet
from orchestrator.process import failed
from orchestrator.source.git import Git
from orchestrator.source.trees import move_worktree, worktree
from orchestrator.store import file_digest, key

# What decides about a .config besides the fragments: not the whole tree, or each edit would configure anew
KCONFIG_FILE = re.compile(
    rb"(?:^|/)Kconfig[^/]*$|^scripts/kconfig/|^scripts/Kconfig|^kernel/configs/|^arch/x86/configs/|^scripts/.*-version\.sh$"
)


def configure(
    context: Context, suite: Suite, applied: AppliedTree, toolchain: Toolchain, log: Path
) -> Product[KernelConfig]:
    """tinyconfig, then the fragments, then olddefconfig. Raises KconfigDropped, CommandFailed."""
    symbols, _ = merge(suite.kconfig.fragments)
    product_key = key(
        "configure",
        kconfig_files=_kconfig_digest(context, applied),
        symbols=symbols,
        compiler=toolchain.compiler,
    )
    if found := context.places.store.get("configure", product_key):
        return Product(_value(found / "config"), cached=True)

    def fill(scratch: Path) -> None:
        with lane(context, applied.base, suite.variant) as lock:
            source = move_worktree(applied.base, suite.variant, applied.tree, context.runner)
            text = _generate(context, suite, source, toolchain, symbols, log, lock)
        lost = dropped(suite.kconfig.fragments, text)
        if lost:
            raise _dropped_error(lost, text, worktree(applied.base, suite.variant))
        (scratch / "config").write_text(text)

    return Product(_value(context.places.store.put("configure", product_key, fill) / "config"), cached=False)


def _generate(
    context: Context,
    suite: Suite,
    source: Path,
    toolchain: Toolchain,
    symbols: tuple[tuple[str, str], ...],
    log: Path,
    lock: int,
) -> str:
    build = build_directory(source, f"configure-{suite.kconfig.name}")
    shutil.rmtree(build, ignore_errors=True)
    build.mkdir()
    for target in ("tinyconfig", "olddefconfig"):
        command = make(source, build, target, toolchain=toolchain, places=context.places)
        result = context.runner.run(command, log=log, holding=lock)
        if result.status != 0:
            raise failed(result)
        if target == "tinyconfig":
            with (build / ".config").open("a") as config:  # the last line for a symbol wins
                config.writelines(
                    f"# {name} is not set\n" if value == "n" else f"{name}={value}\n" for name, value in symbols
                )
    text = (build / ".config").read_text()
    shutil.rmtree(build)
    if "CONFIG_" not in text:
        raise CommandFailed(f"make olddefconfig left no usable .config in {build}")
    return text


def _dropped_error(lost: tuple[Dropped, ...], config: str, source: Path) -> KconfigDropped:
    kconfigs = {
        os.fspath(path.relative_to(source)): path.read_text(errors="replace")
        for path in source.rglob("Kconfig*")
        if path.is_file()
    }
    hints = [unmet(item.symbol, kconfigs, config).hint for item in lost]
    first = lost[0]
    more = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
    return KconfigDropped(
        f"the kernel's configuration dropped {first.symbol}={first.wanted} of kconfig fragment {first.fragment}{more}",
        detail="\n".join(
            f"{item.symbol}: wanted {item.wanted}, got {item.got} (fragment {item.fragment}): {hint}"
            for item, hint in zip(lost, hints, strict=True)
        ),
        hint=hints[0],
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
    symbols = frozenset(re.findall(r"^(CONFIG_\w+)=(?!n$)", path.read_text(), re.MULTILINE))
    return KernelConfig(path, file_digest(path), symbols)
