"""The kconfig `needed`: the symbols that compile what a series changes, found before there is a plan."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from itertools import chain

from orchestrator.build.apply import apply
from orchestrator.build.configure import configure
from orchestrator.build.toolchain import Toolchain, find_toolchain
from orchestrator.context import Context
from orchestrator.declarations.catalog import Catalog
from orchestrator.declarations.kconfigs import kconfig_parts
from orchestrator.declarations.names import NEEDED
from orchestrator.errors import Fault, KconfigDropped, OrchestrateError, UsageError
from orchestrator.model.kernel import USUAL_ARCH, AppliedTree, Base, Fragment, Kconfig, Kernel, KernelConfig, Source
from orchestrator.model.request import Request
from orchestrator.model.series import Series
from orchestrator.model.subject import patched
from orchestrator.parse.code.changed_lines import changed_lines, is_of_kernel
from orchestrator.parse.configuration.kbuild import makefile_names
from orchestrator.parse.configuration.needed_symbols import ChangedText, is_compiled, needed_symbols
from orchestrator.source.git import Git
from orchestrator.words import counted

TOLD = 6  # symbols that a note names


def _asks_for_needed(request: Request) -> bool:
    return any(NEEDED in kconfig_parts(spec) for spec in request.kconfigs)


def with_needed(
    context: Context,
    request: Request,
    source: Source,
    series: Series | None,
    find: Callable[[Source], Base],
    *,
    is_free: bool,
) -> tuple[Request, Catalog, tuple[str, ...]]:
    """The catalog with the symbols of `needed`, where the request names it, and notes on it. `is_free`: nobody has
    chosen a kconfig; then the request names `needed` in the place of `base`, if base compiles nothing of what the
    series changes, and a symbol would. What is wrong with the tree or the host is left to the stage that it belongs
    to. Raises UsageError."""
    catalog, is_asked = context.catalog, _asks_for_needed(request)
    if series is None:
        if is_asked:
            raise UsageError(f"--kconfig {NEEDED} is about the lines that a patch changes", hint="--patch PATH")
        return request, catalog, ()
    if not is_asked and not is_free:
        return request, catalog, ()
    specs = [spec for spec in request.kconfigs if NEEDED in kconfig_parts(spec)] or [NEEDED]
    arch = request.arches[0] if request.arches else USUAL_ARCH
    kconfigs = [catalog.kconfig(spec).on(arch) for spec in specs]
    try:
        change = _change(context, find(source), series)
        if not change.files or (not is_asked and change.is_any_compiled(kconfigs[0].enabled)):
            return request, catalog, ()
        tools = find_toolchain(context, request.toolchains[0], arch).value
        asker = _Asker(context, Kernel(source, kconfigs[0], series, arch=arch, toolchain=request.toolchains[0]), tools)
        found = [asker.needed(change, kconfig) for kconfig in kconfigs]
    except OrchestrateError as error:
        if error.fault is Fault.INTERRUPT:
            raise
        return request, catalog, ()
    symbols = tuple(dict.fromkeys(chain.from_iterable(one.symbols for one in found)))
    if not is_asked and (found[0].was_there or not symbols):
        return request, catalog, ()
    notes = (_words(symbols, found[0], change, is_asked=is_asked),)
    made = _filled(catalog.fragments[NEEDED], symbols)
    catalog = replace(catalog, fragments={**catalog.fragments, NEEDED: made})
    return (request if is_asked else replace(request, kconfigs=(NEEDED,))), catalog, notes


@dataclass(frozen=True)
class _Change:
    """What a series changes of a kernel's sources, and what decides whether it is compiled."""

    applied: AppliedTree
    git: Git
    files: Mapping[str, ChangedText]
    makefiles: Mapping[str, str]

    def is_any_compiled(self, symbols: Collection[str]) -> bool:
        return any(is_compiled(file, changed, self.makefiles, symbols) for file, changed in self.files.items())

    def kconfigs(self, source: str) -> Mapping[str, str]:
        """The Kconfig files of the tree, without those of other architectures than arch/`source`."""
        listing = self.git.check("ls-tree", "-r", "-z", "--name-only", self.applied.tree).stdout
        names = [os.fsdecode(name) for name in listing.split(b"\0") if b"Kconfig" in name]
        ours = (f"arch/{source}/", "arch/Kconfig")
        return self.texts([
            name
            for name in names
            if name.rpartition("/")[2].startswith("Kconfig")
            and not name.startswith(("scripts/", "tools/"))
            and (not name.startswith("arch/") or name.startswith(ours))
        ])  # fmt: skip

    def texts(self, names: list[str]) -> dict[str, str]:
        return {
            name: data.decode("utf-8", "replace") for name, data in self.git.blobs(self.applied.tree, names).items()
        }


def _change(context: Context, base: Base, series: Series) -> _Change:
    """Raises PatchDoesNotApply, CommandFailed."""
    applied = apply(context, base, series).value
    empty = _Change(applied, Git(base.home / "git", context.runner), {}, {})
    lines = changed_lines(empty.git.diff(base.commit, applied.tree))
    ours = {file: changed for file, changed in lines.items() if is_of_kernel(file)}
    texts = empty.texts([*ours, *(name for file in ours for name in makefile_names(file))])
    files = {file: ChangedText(changed, texts[file]) for file, changed in ours.items() if file in texts}
    return replace(empty, files=files, makefiles=texts)


@dataclass(frozen=True)
class _Found:
    """`lost` are symbols that the tree did not take. `was_there`: some of the change is compiled without any."""

    symbols: tuple[str, ...]
    was_there: bool
    lost: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Asker:
    """Asks the kernel's own Kconfig."""

    context: Context
    kernel: Kernel
    tools: Toolchain

    def needed(self, change: _Change, kconfig: Kconfig) -> _Found:
        """Raises KconfigBroken, KconfigDropped, ToolMissing, CommandFailed."""
        symbols = self._configured(change, kconfig).symbols
        was_there = change.is_any_compiled(symbols)
        kconfigs = change.kconfigs(self.tools.source)
        for without_conditions in (False, True):
            files = {file: replace(one, text="") if without_conditions else one for file, one in change.files.items()}
            wanted = needed_symbols(files, change.makefiles, kconfigs, symbols)
            try:
                got = self._configured(change, _with(kconfig, wanted)).symbols
            except KconfigDropped:  # one of them excludes what our kernels need
                continue
            lost = tuple(symbol for symbol in wanted if symbol not in got)
            return _Found(wanted, was_there, lost)
        return _Found((), was_there)

    def _configured(self, change: _Change, kconfig: Kconfig) -> KernelConfig:
        log = self.context.places.logs / "needed.log"
        subject = patched(replace(self.kernel, kconfig=kconfig))
        return configure(self.context, subject, change.applied, self.tools, log).value


def _filled(fragment: Fragment, symbols: tuple[str, ...]) -> Fragment:
    return replace(fragment, symbols=tuple((symbol, "y") for symbol in symbols))


def _with(kconfig: Kconfig, symbols: tuple[str, ...]) -> Kconfig:
    fragments = (_filled(one, symbols) if one.name == NEEDED else one for one in kconfig.fragments)
    return replace(kconfig, fragments=tuple(fragments))


def _words(symbols: tuple[str, ...], found: _Found, change: _Change, *, is_asked: bool) -> str:
    if not symbols:
        return f"kconfig {NEEDED} sets nothing: no symbol would compile more of what the series changes"
    names = [symbol.removeprefix("CONFIG_") for symbol in symbols if symbol not in found.lost]
    more = f" and {len(names) - TOLD} more" if len(names) > TOLD else ""
    said = f"kconfig {NEEDED} sets {', '.join(names[:TOLD]) or 'nothing'}{more}"
    if not is_asked:
        said += f", as base compiles nothing of {_files(change)}"
    if found.lost:
        lost = ", ".join(symbol.removeprefix("CONFIG_") for symbol in found.lost[:TOLD])
        said += f"; this tree did not take {lost}"
    return said


def _files(change: _Change) -> str:
    first, *others = change.files
    return f"{first} and {counted(len(others), 'other')}" if others else first
