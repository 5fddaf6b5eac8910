"""Files that declare things -> model values: test cases, kconfigs, patches, machines, accelerators.

Adding a thing is adding a file. Unknown keys and wrong types are errors that name the file and the key;
an unknown name is an error that suggests near ones.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import yaml

from orchestrator.errors import BadDeclaration, PatchUnreadable, UnknownName, UsageError
from orchestrator.fetch import fetch_text
from orchestrator.kernel import mutant
from orchestrator.kernel.kconfig import parse_fragment
from orchestrator.kernel.known import pattern_problem, range_problem
from orchestrator.kernel.series import read_patches
from orchestrator.model import Accel, Case, Fragment, Kconfig, KnownIssue, Machine, Mutant, Needs, Series

PACKAGE = Path(__file__).resolve().parent
ROOT = PACKAGE.parent
MAX_PATCH_BYTES = 64 << 20
DOWNLOAD_S = 120.0
MUTANTS, DELAYS = "-mutants", "-delays"
KNOWN_ISSUES = "known-issues.yaml"
NUMBERED = re.compile(r"\d+-")
SLOWDOWN = re.compile(r"^# slowdown: (\d+(?:\.\d+)?)$", re.MULTILINE)

T = TypeVar("T")
Named = TypeVar("Named", Case, Fragment, Machine, Accel)


@dataclass(frozen=True)
class Catalog:
    """What there is, by name. Built once by `load`; declarations are all checked before anything runs."""

    testcases: Mapping[str, Case]
    fragments: Mapping[str, Fragment]
    machines: Mapping[str, Machine]
    accels: Mapping[str, Accel]
    patches: Mapping[str, Path]
    root: Path

    def case(self, name: str) -> Case:
        return find("test case", name, self.testcases)

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
        path = Path(patch) if Path(patch).exists() else self.patches.get(patch)
        found = path.resolve().with_name(f"{path.stem if path.is_file() else path.name}{suffix}") if path else None
        return found if found and found.is_dir() else None

    def series(self, patch: str) -> Series:
        """A path, a URL, or the name of a patch or series under patches/."""
        if patch.startswith(("http://", "https://")):
            return read_url(patch)
        path = self.patch_path(patch)
        if path is None:
            near = difflib.get_close_matches(patch, self.patches, n=3)
            listed = near or sorted(self.patches)
            raise PatchUnreadable(
                f"{patch}: no such file or directory, and no patch of that name",
                hint=f"known names: {', '.join(listed)}",
            )
        return read_series(path)

    def patch_path(self, patch: str) -> Path | None:
        """Where a patch or series is, by path or by name; None for a URL and for what does not exist."""
        return Path(patch) if Path(patch).exists() else self.patches.get(patch)


def load(root: Path | None = None) -> Catalog:
    """Read every declaration. ORCHESTRATE_ROOT names another directory with testcases/, kconfigs/ and patches/.

    Raises BadDeclaration, UsageError.
    """
    root = root or Path(os.environ.get("ORCHESTRATE_ROOT") or ROOT).resolve()
    if not (root / "testcases").is_dir():
        raise UsageError(
            f"{root} holds no testcases/", hint="run from a checkout (make setup), or set ORCHESTRATE_ROOT"
        )
    return Catalog(
        testcases=_named(_case(path) for path in sorted((root / "testcases").glob("*/testcase.yaml"))),
        fragments=_named(read_fragment(path) for path in sorted((root / "kconfigs").glob("*.config"))),
        machines=_named(_machine(path) for path in sorted((PACKAGE / "data/machines").glob("*.toml"))),
        accels=_named(_accel(path) for path in sorted((PACKAGE / "data/accels").glob("*.toml"))),
        patches=_patches(root / "patches"),
        root=root,
    )


def read_url(url: str) -> Series:
    """The patches of an mbox or patch on the web, gzip or not. Raises PatchUnreadable, DownloadFailed."""
    return read_patches([(url, fetch_text(url, deadline_s=DOWNLOAD_S))], url.rstrip("/").rpartition("/")[2])


def read_series(path: Path) -> Series:
    """The patches of a file, a directory of *.patch/*.diff, or an mbox. Raises PatchUnreadable."""
    if path.is_dir():
        files = sorted(p for p in path.iterdir() if p.suffix in (".patch", ".diff", ".mbox") and p.is_file())
        if not files:
            raise PatchUnreadable(f"{path}: no *.patch or *.diff in this directory")
    else:
        files = [path]
    contents = []
    for file in files:
        try:
            if file.stat().st_size > MAX_PATCH_BYTES:
                raise PatchUnreadable(f"{file}: larger than {MAX_PATCH_BYTES >> 20} MiB, which no patch is")
            contents.append((str(file), file.read_bytes()))
        except OSError as error:
            raise PatchUnreadable(f"{file}: {error.strerror}") from error
    return read_patches(contents, path.name if path.is_dir() else path.stem)


def read_mutants(directory: Path) -> tuple[Mutant, ...]:
    """The mutants of a directory, by name. Raises UsageError, BadDeclaration."""
    if not directory.is_dir():
        raise UsageError(f"{directory}: no such directory of mutants")
    found = tuple(mutant.read(path.stem, path.read_bytes()) for path in sorted(directory.glob("*.patch")))
    if not found:
        raise UsageError(f"{directory}: no *.patch in this directory")
    return found


def read_known_issues(path: Path) -> tuple[KnownIssue, ...]:
    """The entries of a known-issues.yaml. Raises BadDeclaration naming file, entry and key, UsageError."""
    try:
        data = yaml.safe_load(path.read_text())
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadDeclaration(f"{path}: not YAML: {error}") from error
    if data is None:
        return ()
    if not isinstance(data, list):
        raise BadDeclaration(f"{path}: must be a list of entries")
    return tuple(_known_issue(path, number, entry) for number, entry in enumerate(data, 1))


def _known_issue(path: Path, number: int, data: Any) -> KnownIssue:
    entry = _Entry(path, data, f"entry {number}: ")
    expires = entry.take("expires", date)
    issue = KnownIssue(
        title=entry.take("title", str),
        link=entry.take("link", str),
        expires=expires.isoformat(),
        kconfigs=entry.strings("kconfigs", ()),
        base=str(entry.take("base", str, "")),
    )
    entry.done()
    for what, problem in (("title", pattern_problem(issue.title)), ("base", range_problem(issue.base))):
        if problem:
            raise BadDeclaration(f"{path}: entry {number}: {what}: {problem}")
    return issue


def _patches(root: Path) -> Mapping[str, Path]:
    """Patches by name: NAME.patch, a directory of numbered patches (a series), or COLLECTION/NAME.patch."""
    found = {path.stem: path for path in sorted(root.glob("*.patch"))}
    for directory in sorted({path.parent for path in root.glob("*/*.patch")}):
        if directory.name.endswith(MUTANTS):
            continue
        inside = sorted(directory.glob("*.patch"))
        if all(NUMBERED.match(path.name) for path in inside):
            found[directory.name] = directory
        else:
            found.update({f"{directory.name}/{path.stem}": path for path in inside})
    return found


# --- one declaration each


def read_fragment(path: Path) -> Fragment:
    """A kconfig fragment and its "# slowdown: X". Raises BadDeclaration."""
    text = path.read_text()
    slowdown = SLOWDOWN.search(text)
    return Fragment(path.stem, path, parse_fragment(text, str(path)), float(slowdown[1]) if slowdown else 1.0)


def _case(path: Path) -> Case:
    try:
        data = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise BadDeclaration(f"{path}: not YAML: {error}") from error
    entry = _Entry(path, data)
    needs = _Entry(path, entry.take("needs", dict, {}), "needs.")
    case = Case(
        name=path.parent.name,
        summary=entry.take("summary", str),
        directory=path.parent,
        sources=entry.strings("sources"),
        args=entry.strings("args", ()),
        duration_s=entry.number("duration_s", 5.0),
        timeout_s=entry.number("timeout_s", 15.0),
        needs=Needs(int(needs.number("memory_mib", 0)), needs.strings("kconfig", ())),
        tags=entry.strings("tags", ()),
        expects=entry.strings("expects", ()),
    )
    needs.done()
    entry.done()
    for source in case.sources:
        if not (path.parent / source).is_file():
            raise BadDeclaration(f"{path}: sources: there is no {source} in this directory")
    for pattern in case.expects:
        if problem := pattern_problem(pattern):
            raise BadDeclaration(f"{path}: expects: {problem}")
    return case


def _machine(path: Path) -> Machine:
    entry = _Entry(path, tomllib.loads(path.read_text()))
    machine = Machine(
        name=path.stem,
        arch=entry.take("arch", str),
        qemu=entry.take("qemu", str),
        args=entry.strings("args"),
        image=entry.take("image", str),
        net_device=entry.take("net_device", str),
        cmdline=entry.strings("cmdline"),
        smp=int(entry.number("smp")),
        memory_mib=int(entry.number("memory_mib")),
    )
    entry.done()
    return machine


def _accel(path: Path) -> Accel:
    entry = _Entry(path, tomllib.loads(path.read_text()))
    accel = Accel(path.stem, entry.strings("args"), entry.number("timeout_scale"), entry.strings("cmdline", ()))
    entry.done()
    return accel


class _Entry:
    """A mapping of a declaration file that insists on types and on having no key left over."""

    def __init__(self, path: Path, data: Any, prefix: str = "") -> None:
        if not isinstance(data, dict):
            raise BadDeclaration(f"{path}: {prefix or 'the file'} must be a mapping")
        self._path, self._data, self._prefix = path, dict(data), prefix
        self._known: list[str] = []

    def take(self, name: str, kind: type, default: Any = None) -> Any:
        self._known.append(name)
        value = self._data.pop(name, default)
        if value is None:
            raise BadDeclaration(f"{self._path}: {self._prefix}{name} is missing")
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise BadDeclaration(f"{self._path}: {self._prefix}{name} must be {kind.__name__}, not {value!r}")
        return value

    def number(self, name: str, default: float | None = None) -> float:
        self._known.append(name)
        value = self._data.pop(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise BadDeclaration(f"{self._path}: {self._prefix}{name} must be a number, not {value!r}")
        return float(value)

    def strings(self, name: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        value = self.take(name, list, None if default is None else list(default))
        if not all(isinstance(item, str | int | float) and not isinstance(item, bool) for item in value):
            raise BadDeclaration(f"{self._path}: {self._prefix}{name} must be a list of strings, not {value!r}")
        return tuple(str(item) for item in value)

    def done(self) -> None:
        if self._data:
            unknown = ", ".join(f"{self._prefix}{name}" for name in sorted(map(str, self._data)))
            raise BadDeclaration(f"{self._path}: unknown key {unknown}", hint=f"known keys: {', '.join(self._known)}")


def _named(items: Iterable[Named]) -> Mapping[str, Named]:
    return {item.name: item for item in items}


def find(kind: str, name: str, known: Mapping[str, T]) -> T:
    try:
        return known[name]
    except KeyError:
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(known)}"
        raise UnknownName(f"unknown {kind} {name}", hint=hint) from None
