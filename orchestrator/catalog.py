"""Everything that is declared, by name: test cases, kconfigs, patches, machines, accelerators.

Adding a thing is adding a file; `declarations/` reads them.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from orchestrator.declarations.files import read_toml
from orchestrator.declarations.kconfigs import read_fragment
from orchestrator.declarations.names import find
from orchestrator.declarations.patches import named_patches, read_series, read_url, split_parts
from orchestrator.declarations.testcases import read_cases
from orchestrator.errors import BadDeclaration, PatchUnreadable, UsageError
from orchestrator.model.case import Case, Userland
from orchestrator.model.kernel import Fragment, Kconfig
from orchestrator.model.machine import Accel, Machine
from orchestrator.model.series import Series

PACKAGE = Path(__file__).resolve().parent
ROOT = PACKAGE.parent

Named = TypeVar("Named", Case, Fragment, Machine, Accel, Userland)
# The tag of cases that run only when they are asked for: by name, by the name of their directory, or by a tag
ON_REQUEST = "on-request"


@dataclass(frozen=True)
class Catalog:
    """What there is, by name. Built once by `load`; declarations are all checked before anything runs."""

    testcases: Mapping[str, Case]
    fragments: Mapping[str, Fragment]
    machines: Mapping[str, Machine]
    accels: Mapping[str, Accel]
    patches: Mapping[str, Path]
    userlands: Mapping[str, Userland]
    root: Path

    def case(self, name: str) -> Case:
        return find("test case", name, self.testcases)

    def cases(self, name: str) -> tuple[Case, ...]:
        """One case by its name, or several: those of a directory, or those with a tag."""
        if name in self.testcases:
            return (self.testcases[name],)
        chosen = tuple(case for case in self.testcases.values() if name in (case.group, *case.tags))
        if not chosen:
            groups = {case.group: None for case in self.testcases.values() if case.group}
            tags = {tag: None for case in self.testcases.values() for tag in case.tags}
            find("test case", name, {**self.testcases, **groups, **tags})
        return chosen

    def default_cases(self, kconfigs: Sequence[Kconfig]) -> tuple[Case, ...]:
        """What runs when no case is named: nothing that only a fragment would make possible which nobody asked for."""
        asked = {name for kconfig in kconfigs for fragment in kconfig.fragments for name in fragment.enabled}
        others = {name for fragment in self.fragments.values() for name in fragment.enabled} - asked
        return tuple(
            case
            for case in self.testcases.values()
            if ON_REQUEST not in case.tags and others.isdisjoint(case.needs.symbols)
        )

    def userland(self, name: str) -> Userland:
        return find("userland", name, self.userlands)

    def machine(self, name: str) -> Machine:
        return find("machine", name, self.machines)

    def accel(self, name: str) -> Accel:
        return find("accelerator", name, self.accels)

    def kconfig(self, spec: str) -> Kconfig:
        """`debug` or `debug+kasan`: fragments over tinyconfig. `base`, which every guest needs, always comes first."""
        names = [name for name in spec.split("+") if name != "base"]
        fragments = (find("kconfig", "base", self.fragments), *(find("kconfig", n, self.fragments) for n in names))
        return Kconfig("+".join(["base", *names]) if not names else "+".join(names), fragments)

    def beside(self, patch: str, suffix: str) -> Path | None:
        """What lies beside a series under its name and a suffix: patches/NAME-mutants, patches/NAME-delays."""
        path = self.patch_path(patch)
        found = path.resolve().with_name(f"{path.stem if path.is_file() else path.name}{suffix}") if path else None
        return found if found and found.is_dir() else None

    def series(self, patch: str) -> Series:
        """A path, a URL, or the name of a patch or series under patches/; behind it `#N/M` for one part alone."""
        name, only = (patch, None) if Path(patch).exists() else split_parts(patch)
        if name.startswith(("http://", "https://")):
            return read_url(name, only)
        path = self.patch_path(name)
        if path is None:
            near = difflib.get_close_matches(name, self.patches, n=3)
            listed = near or sorted(self.patches)
            raise PatchUnreadable(
                f"{patch}: no such file or directory, and no patch of that name",
                hint=f"known names: {', '.join(listed)}",
            )
        return read_series(path, only)

    def patch_path(self, patch: str) -> Path | None:
        """Where a patch or series is, by path or by name; None for a URL and for what does not exist."""
        if Path(patch).exists():
            return Path(patch)
        name, _ = split_parts(patch)
        return Path(name) if Path(name).exists() else self.patches.get(name)


def load(root: Path | None = None) -> Catalog:
    """Read every declaration. ORCHESTRATE_ROOT names another directory with testcases/, kconfigs/ and patches/.

    Raises BadDeclaration, UsageError.
    """
    root = root or Path(os.environ.get("ORCHESTRATE_ROOT") or ROOT).resolve()
    if not (root / "testcases").is_dir():
        raise UsageError(
            f"{root} holds no testcases/", hint="run from a checkout (make setup), or set ORCHESTRATE_ROOT"
        )
    userlands = _shipped(Userland, "userlands")
    directories = sorted((root / "testcases").glob("*/testcase.yaml"))
    return Catalog(
        testcases=_named(case for path in directories for case in read_cases(path, userlands)),
        fragments=_named(read_fragment(path) for path in sorted((root / "kconfigs").glob("*.config"))),
        machines=_shipped(Machine, "machines"),
        accels=_shipped(Accel, "accels"),
        patches=named_patches(root / "patches"),
        userlands=userlands,
        root=root,
    )


def _shipped(kind: type[Named], directory: str) -> Mapping[str, Named]:
    """What the package's data/DIRECTORY declares: a file for each, named after it."""
    paths = sorted((PACKAGE / "data" / directory).glob("*.toml"))
    return _named(read_toml(kind, path, name=path.stem) for path in paths)


def _named(items: Iterable[Named]) -> Mapping[str, Named]:
    """Raises BadDeclaration where two have one name: cases a/b and a.b."""
    found: dict[str, Named] = {}
    for item in items:
        if item.name in found:
            raise BadDeclaration(f"{item.name} is declared twice", hint="each name has one meaning: rename one of them")
        found[item.name] = item
    return found
