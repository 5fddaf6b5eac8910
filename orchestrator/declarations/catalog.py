"""Everything that is declared, by name: test cases, kconfigs, patches, architectures, machines, accelerators.

Adding a thing is adding a file; `declarations/` reads them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TypeVar

from orchestrator.declarations.builds import read_builds
from orchestrator.declarations.files import read_toml
from orchestrator.declarations.kconfigs import kconfig_name, kconfig_parts, read_fragment
from orchestrator.declarations.names import NEEDED, named
from orchestrator.declarations.patches import exists, name_of, named_patches, read_series, read_url
from orchestrator.declarations.testcases import Collection, read_cases, read_collection
from orchestrator.errors import BadDeclaration, PatchUnreadable, UnknownName, UsageError
from orchestrator.host.real_path import real_path
from orchestrator.model.arch import Arch
from orchestrator.model.case import Case, Userland
from orchestrator.model.kernel import Fragment, Kconfig, Variant
from orchestrator.model.machine import Accel, Machine
from orchestrator.model.series import Series
from orchestrator.parse.logs import report_kinds
from orchestrator.parse.patches.patch_name import Kind, PatchName, split_parts
from orchestrator.parse.patches.series import ALL, Choice
from orchestrator.parse.results.selftest_list import Selftest
from orchestrator.roots import BUILT_IN, VARIABLE, roots

PACKAGE = Path(__file__).resolve().parents[1]
LIBRARY = "lib"  # beside cases: the harness that their programs are linked with

Named = TypeVar("Named", Case, Fragment, Arch, Machine, Accel, Userland)
# The tag of cases that run only when they are asked for: by name, by the name of their directory, or by a tag
NOT = "!"
WILDCARD = re.compile(r"[*?[]")
ON_REQUEST = "on-request"


@dataclass(frozen=True)
class Catalog:
    """What there is, by name. Built once by `load_catalog`; declarations are all checked before anything runs."""

    testcases: Mapping[str, Case]
    fragments: Mapping[str, Fragment]
    arches: Mapping[str, Arch]
    machines: Mapping[str, Machine]
    accels: Mapping[str, Accel]
    patches: Mapping[str, Path]
    userlands: Mapping[str, Userland]
    root: Path  # the user's own where there is one
    neutral: Fragment  # what no whole .config decides, below base
    collections: tuple[Collection, ...] = ()  # of the kernel's selftests: a tree may list more than is declared

    def case(self, name: str) -> Case:
        return named("test case", name, self.testcases)

    def cases(self, name: str) -> tuple[Case, ...]:
        """One case by its name, or several: those of a directory, or those with a tag."""
        if name in self.testcases:
            return (self.testcases[name],)
        chosen = tuple(case for case in self.testcases.values() if name and name in (case.group, *case.tags))
        if not chosen:
            groups = {case.group: None for case in self.testcases.values() if case.group}
            tags = {tag: None for case in self.testcases.values() for tag in case.tags}
            named("test case", name, {**self.testcases, **groups, **tags})
        return chosen

    def matching_cases(self, pattern: str) -> tuple[Case, ...]:
        """The cases that match a pattern as of a shell (`fork-*`), or what `cases` says of a name. Raises
        UnknownName."""
        if not WILDCARD.search(pattern):
            return self.cases(pattern)
        found = tuple(case for case in self.testcases.values() if fnmatchcase(case.name, pattern))
        if not found:
            raise UnknownName(f"no test case matches {pattern}", hint="`orchestrate list testcases` lists their names")
        return found

    def chosen_cases(self, patterns: Sequence[str], kconfigs: Sequence[Kconfig]) -> tuple[Case, ...]:
        """The cases that patterns choose, without those that patterns behind a `!` name, in whatever order they stand;
        where no pattern chooses, of the default cases. Raises UnknownName, UsageError."""
        wanted = [case for one in patterns if not one.startswith(NOT) for case in self.matching_cases(one)]
        unwanted = {case for one in patterns if one.startswith(NOT) for case in self.matching_cases(one[len(NOT) :])}
        found = wanted if any(not one.startswith(NOT) for one in patterns) else self.default_cases(kconfigs)
        chosen = tuple(case for case in dict.fromkeys(found) if case not in unwanted)
        if found and not chosen:
            raise UsageError(f"--testcase {' '.join(patterns)}: no test case is left")
        return chosen

    def with_listed(self, collection: Collection, tests: Sequence[Selftest]) -> Catalog:
        """With a case for each selftest that a tree lists and nobody has declared."""
        more = collection.cases(tests, tuple(self.testcases.values()))
        return replace(self, testcases=_named((*self.testcases.values(), *more)))

    def may_mean(self, patterns: Sequence[str], collection: Collection) -> bool:
        """Whether patterns could choose a case of a collection that is yet to be listed."""
        wanted = [pattern for pattern in patterns if not pattern.startswith(NOT)]
        tags = {tag for case in self.testcases.values() if case.group == collection.group for tag in case.tags}
        start = f"{collection.group}."

        def may(pattern: str) -> bool:
            literal = WILDCARD.split(pattern)[0]
            if literal != pattern and start.startswith(literal):
                return True
            return pattern in (collection.group, *tags) or literal.startswith(start)

        return any(map(may, wanted))

    def default_cases(self, kconfigs: Sequence[Kconfig]) -> tuple[Case, ...]:
        """The cases that run when none is named: all but those that need a fragment which was not requested."""
        asked = {name for kconfig in kconfigs for fragment in kconfig.fragments for name in fragment.enabled}
        others = {name for fragment in self.fragments.values() for name in fragment.enabled} - asked
        return tuple(
            case
            for case in self.testcases.values()
            if ON_REQUEST not in case.tags and others.isdisjoint(case.needs.symbols)
        )

    def library(self, case: Case) -> Path:
        """The harness of a case: that of the case's own root, else ours."""
        own = case.directory.parent / LIBRARY
        return own if own.is_dir() else BUILT_IN / "testcases" / LIBRARY

    def is_ours(self, case: Case) -> bool:
        """Whether a case belongs to the tool, not to the user's root."""
        return case.directory.is_relative_to(BUILT_IN)

    def userland(self, name: str) -> Userland:
        return named("userland", name, self.userlands)

    def arch(self, name: str) -> Arch:
        return named("architecture", name, self.arches)

    def machine(self, name: str) -> Machine:
        return named("machine", name, self.machines)

    def accel(self, name: str) -> Accel:
        return named("accelerator", name, self.accels)

    def kconfig(self, spec: str) -> Kconfig:
        """`debug`, `debug+kasan`, or with a file's path `./mine.config+kasan`: fragments over tinyconfig, or over the
        one that is a whole .config. `base`, which every guest needs, always comes below the others. Raises UnknownName,
        UsageError, BadDeclaration."""
        named_ones = [name for name in kconfig_parts(spec) if name != "base"]
        if "" in named_ones:
            raise UnknownName(f"kconfig {spec!r}: a name is missing", hint="NAME, or NAME+NAME")
        fragments = [self._fragment(name) for name in named_ones]
        name = "+".join(fragment.name for fragment in fragments) or "base"
        files = tuple(one for one in named_ones if "/" in one)
        base, whole = named("kconfig", "base", self.fragments), [one for one in fragments if one.whole_of]
        if not whole:
            return Kconfig(name, (base, *fragments), files)
        if len(whole) > 1:
            raise UsageError(
                f"--kconfig {spec}: {' and '.join(one.name for one in whole)} are whole .config files",
                hint="one of them, with fragments: only what they set is laid over it",
            )
        others = (one for one in fragments if one is not whole[0])
        return Kconfig(name, tuple(one.over_whole for one in (*whole, self.neutral, base, *others)), files)

    @property
    def builds(self) -> tuple[Variant, ...]:
        """The kernels that are compiled and not booted. Raises UnknownName where a root has other kconfigs alone."""
        return read_builds(PACKAGE / "data/builds.toml", self.kconfig)

    def _fragment(self, name: str) -> Fragment:
        path = Path(name)
        if "/" not in name:
            if name not in self.fragments and path.is_file():
                raise UnknownName(f"unknown kconfig {name}", hint=f"the file of that name is ./{name}")
            return named("kconfig", name, self.fragments)
        if not path.is_file():
            what = "is a directory" if path.is_dir() else "there is no such file"
            raise UnknownName(f"--kconfig {name}: {what}")
        if (name := kconfig_name(path)) in self.fragments:
            raise UsageError(f"--kconfig {path}: there is a kconfig {name} already", hint="call the file otherwise")
        return read_fragment(path, self.arches, name)

    def beside(self, patch: str, suffix: str) -> Path | None:
        """The path beside a series with its name and a suffix: patches/NAME-mutants, patches/NAME-delays."""
        path = self.patch_path(patch)
        found = real_path(path).with_name(f"{path.stem if path.is_file() else path.name}{suffix}") if path else None
        return found if found and found.is_dir() else None

    def patch_name(self, patch: str) -> PatchName:
        """What --patch names. Raises PatchUnreadable, UsageError."""
        return name_of(patch, self.patches)

    def series(self, patch: str, choice: Choice = ALL) -> Series:
        """A path, a URL, or the name of a patch or series under patches/; behind it `#N/M` for one part alone."""
        name = self.patch_name(patch)
        chosen = replace(choice, parts=name.parts or choice.parts)
        if name.kind is Kind.WEB:
            return read_url(name.text, chosen)
        path = self.patch_path(name.text)
        if path is None:
            raise PatchUnreadable(f"{patch}: commits and messages are no file", hint="--patch of `orchestrate test`")
        return read_series(path, chosen)

    def patch_path(self, patch: str) -> Path | None:
        """Where a patch or series is, by path or by name; None for a URL and for what does not exist."""
        if exists(patch):
            return Path(patch)
        name, _ = split_parts(patch)
        return Path(name) if exists(name) else self.patches.get(name)


def load_catalog(*layers: Path) -> Catalog:
    """Read every declaration of these roots; an entry of a later one takes the place of its namesakes in those before.
    Without any: our own root, and the user's over it.

    Raises BadDeclaration, UsageError.
    """
    layers = layers or roots()
    if not any((root / "testcases").is_dir() for root in layers):
        raise UsageError(
            f"{layers[-1]} holds no testcases/", hint=f"run from a checkout (make setup), or set {VARIABLE}"
        )
    report_kinds.check_own()  # a wrong one is to be known now, not when a guest has said something
    userlands, arches = _shipped(Userland, "userlands"), _shipped(Arch, "archs")
    cases = _by_name(layers, "testcases/*/testcase.yaml", lambda path: path.parent.name)
    fragments = _by_name(layers, "kconfigs/*.config", lambda path: path.name)
    return Catalog(
        testcases=_named(case for path in cases for case in read_cases(path, userlands)),
        fragments=_named((*(read_fragment(path, arches) for path in fragments), _needed())),
        arches=arches,
        machines=_shipped(Machine, "machines"),
        accels=_shipped(Accel, "accels"),
        patches={name: path for root in layers for name, path in named_patches(root / "patches").items()},
        userlands=userlands,
        root=layers[-1],
        neutral=replace(read_fragment(PACKAGE / "data/whole.config", arches), is_demand=False),
        collections=tuple(filter(None, map(read_collection, cases))),
    )


def _needed() -> Fragment:
    """The kconfig whose symbols each series says, as yet without any."""
    return Fragment(NEEDED, PACKAGE / "data/needed.config", (), is_demand=False)


def _shipped(kind: type[Named], directory: str) -> Mapping[str, Named]:
    """What the package's data/DIRECTORY declares: a file for each, named after it."""
    paths = sorted((PACKAGE / "data" / directory).glob("*.toml"))
    return _named(read_toml(kind, path, name=path.stem) for path in paths)


def _by_name(layers: Sequence[Path], pattern: str, name: Callable[[Path], str]) -> list[Path]:
    """The files of all layers that match, by name; of several with one name the last layer's."""
    found = {name(path): path for root in layers for path in root.glob(pattern)}
    return [found[key] for key in sorted(found)]


def _named(items: Iterable[Named]) -> Mapping[str, Named]:
    """Raises BadDeclaration where two have one name: cases a/b and a.b."""
    found: dict[str, Named] = {}
    for item in items:
        if item.name in found:
            raise BadDeclaration(f"{item.name} is declared twice", hint="each name has one meaning: rename one of them")
        found[item.name] = item
    return found
