"""Files that declare things -> model values: test cases, kconfigs, patches, machines, accelerators.

Adding a thing is adding a file. Unknown keys and wrong types are errors that name the file and the key;
an unknown name is an error that suggests near ones.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

import yaml

from orchestrator.errors import BadDeclaration, PatchUnreadable, UnknownName, UsageError
from orchestrator.fetch import fetch_text
from orchestrator.kernel import mutant
from orchestrator.kernel.kconfig import parse_fragment
from orchestrator.kernel.known import pattern_problem, range_problem
from orchestrator.kernel.series import read_patches
from orchestrator.model import (
    Accel,
    Case,
    Dialect,
    Fragment,
    Kconfig,
    KnownIssue,
    Machine,
    Mutant,
    Needs,
    Series,
    Userland,
)

PACKAGE = Path(__file__).resolve().parent
ROOT = PACKAGE.parent
MAX_PATCH_BYTES = 64 << 20
DOWNLOAD_S = 120.0
MUTANTS, DELAYS = "-mutants", "-delays"
KNOWN_ISSUES = "known-issues.yaml"
NUMBERED = re.compile(r"\d+-")
SLOWDOWN = re.compile(r"^# slowdown: (\d+(?:\.\d+)?)$", re.MULTILINE)

T = TypeVar("T")
E = TypeVar("E", bound=Enum)
Named = TypeVar("Named", Case, Fragment, Machine, Accel, Userland)
# The tag of cases that run only when they are asked for: by name, by the name of their directory, or by a tag
ON_REQUEST = "on-request"
KSELFTEST = re.compile(r"[\w-]+")  # a directory below tools/testing/selftests, a program in it


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
    userlands = _named(_userland(path) for path in sorted((PACKAGE / "data/userlands").glob("*.toml")))
    directories = sorted((root / "testcases").glob("*/testcase.yaml"))
    return Catalog(
        testcases=_named(case for path in directories for case in read_cases(path, userlands)),
        fragments=_named(read_fragment(path) for path in sorted((root / "kconfigs").glob("*.config"))),
        machines=_named(_machine(path) for path in sorted((PACKAGE / "data/machines").glob("*.toml"))),
        accels=_named(_accel(path) for path in sorted((PACKAGE / "data/accels").glob("*.toml"))),
        patches=_patches(root / "patches"),
        userlands=userlands,
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


def read_cases(path: Path, userlands: Mapping[str, Userland]) -> tuple[Case, ...]:
    """The cases of a testcase.yaml: one, or with `cases` one for each of its entries. Raises BadDeclaration.

    An entry of `cases` may say anything that the file may say of all; its `args` follow those of the file, its `tags`
    and `needs.kconfig` are added, and whatever else it says takes the place of what the file says.
    """
    try:
        data = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise BadDeclaration(f"{path}: not YAML: {error}") from error
    entry = _Entry(path, data)
    shared = _case(entry, Case(path.parent.name, "", path.parent, (), (), 5.0, 15.0, Needs(), ()))
    several = entry.take("cases", dict, {})
    entry.done()
    if not several:
        return (_checked(path, shared, userlands),)
    cases = []
    for name, own in several.items():
        inner = _Entry(path, own or {}, f"cases.{name}.")
        plain = replace(shared, name=f"{shared.name}.{name}", group=shared.name, program=shared.program or name)
        case = _case(inner, plain)
        if not inner.has("summary"):
            case = replace(case, summary=" ".join((case.program, *case.args[len(shared.args) :])))
        inner.done()
        cases.append(_checked(path, case, userlands))
    return tuple(cases)


def _case(entry: _Entry, above: Case) -> Case:
    """What an entry says, over what was said above it."""
    needs = _Entry(entry.path, entry.take("needs", dict, {}), f"{entry.prefix}needs.")
    kselftest = entry.take("kselftest", str, above.kselftest)
    default = Dialect.KTAP if not (kselftest or entry.has("userland")) else Dialect.KSELFTEST
    case = replace(
        above,
        summary=entry.take("summary", str, above.summary or None),
        sources=entry.strings("sources", above.sources),
        args=(*above.args, *entry.strings("args", ())),
        duration_s=entry.number("duration_s", above.duration_s),
        timeout_s=entry.number("timeout_s", above.timeout_s),
        needs=Needs(
            int(needs.number("memory_mib", above.needs.memory_mib)),
            (*above.needs.kconfig, *needs.strings("kconfig", ())),
        ),
        tags=(*above.tags, *entry.strings("tags", ())),
        dialect=entry.choice("output", Dialect, above.dialect if above.summary else default),
        kselftest=kselftest,
        userland=entry.take("userland", str, above.userland),
        program=entry.take("program", str, above.program),
        sysctls=above.sysctls + entry.settings("sysctls"),
        debugfs=above.debugfs + entry.settings("debugfs"),
        cgroup=above.cgroup + entry.settings("cgroup"),
        unfit=entry.take("unfit", str, above.unfit),
        expects=(*above.expects, *entry.strings("expects", ())),
    )
    needs.done()
    return case


def _checked(path: Path, case: Case, userlands: Mapping[str, Userland]) -> Case:
    """A case that says where its program comes from, once. Raises BadDeclaration."""
    ways = {"sources": case.sources, "kselftest": case.kselftest, "userland": case.userland}
    given = [way for way, value in ways.items() if value]
    if len(given) != 1:
        what = f"not both {' and '.join(given)}" if given else "none is there"
        raise BadDeclaration(f"{path}: {case.name}: a case has one of {', '.join(ways)}; {what}")
    for source in case.sources:
        if not (path.parent / source).is_file():
            raise BadDeclaration(f"{path}: sources: there is no {source} in this directory")
    for pattern in case.expects:
        if problem := pattern_problem(pattern):
            raise BadDeclaration(f"{path}: expects: {problem}")
    if case.kselftest:
        case = replace(case, kselftest=f"{case.kselftest}/{case.program or case.name}", program="")
        if not all(KSELFTEST.fullmatch(word) for word in case.kselftest.split("/")):
            raise BadDeclaration(f"{path}: {case.name}: kselftest: no such names: {case.kselftest}")
    if case.userland:
        find("userland", case.userland, userlands)
    return case


def _userland(path: Path) -> Userland:
    entry = _Entry(path, tomllib.loads(path.read_text()))
    userland = Userland(path.stem, entry.strings("packages"), entry.strings("drop", ()))
    entry.done()
    return userland


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
        self._given = frozenset(self._data)
        self._known: list[str] = []

    @property
    def path(self) -> Path:
        return self._path

    @property
    def prefix(self) -> str:
        return self._prefix

    def has(self, name: str) -> bool:
        return name in self._given

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

    def settings(self, name: str) -> tuple[tuple[str, str], ...]:
        """Files and what is to be written to them. `off` and `yes` are no strings in YAML: they have to be quoted."""
        found = self.take(name, dict, {})
        for key, value in found.items():
            if isinstance(value, bool) or not isinstance(value, str | int):
                raise BadDeclaration(
                    f"{self._path}: {self._prefix}{name}.{key} must be a string or number, not {value!r}"
                )
        return tuple((str(key), str(value)) for key, value in found.items())

    def choice(self, name: str, kind: type[E], default: E) -> E:
        value = self.take(name, str, default.value)
        try:
            return kind(value)
        except ValueError:
            known = ", ".join(str(member.value) for member in kind)
            raise BadDeclaration(
                f"{self._path}: {self._prefix}{name}: there is no {value}", hint=f"known: {known}"
            ) from None

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
