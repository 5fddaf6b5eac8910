"""testcases/NAME/testcase.yaml: one case, or several that share a directory."""

from __future__ import annotations

import re
from collections.abc import Collection as Collection_
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from orchestrator.declarations.files import read_yaml
from orchestrator.declarations.names import check_case_name, named
from orchestrator.declarations.schema import declared
from orchestrator.errors import BadDeclaration
from orchestrator.model.case import Case, Dialect, Userland
from orchestrator.parse.expressions import title_problem
from orchestrator.parse.results.selftest_list import Selftest

FILE = re.compile(r"[\w+-][\w.+-]{0,100}")
SETTING = re.compile(r"[A-Za-z0-9_][\w./*-]{0,200}")  # a file below /proc/sys, /sys/kernel/debug or a cgroup
VALUE = re.compile(r"[^\0\r\n]{0,1000}")
PARAMETER = re.compile(r"[\w.-]{1,100}(?:=[\w.,:*?/+-]{0,200})?")  # of the kernel's command line
KSELFTEST = re.compile(r"[\w-]+")  # a directory below tools/testing/selftests, a program in it


def read_cases(path: Path, userlands: Mapping[str, Userland]) -> tuple[Case, ...]:
    """The cases of a testcase.yaml: one, or with `cases` one for each of its entries. Raises BadDeclaration.

    An entry of `cases` may say anything that the file may say of all. Its lists follow those of the file, its settings
    and needs are added, and whatever else it says takes the place of what the file says.
    """
    data, entries, _ = _read(path)
    group = path.parent.name
    shared = _case(str(path), data, path.parent, group, "")
    if not entries:
        return (_checked(path, shared, userlands),)
    cases = []
    for name, entry in entries.items():
        own = entry or {}
        said = _over({"program": name, **data}, own)
        case = _case(f"{path}: cases.{name}", said, path.parent, f"{group}.{name}", group)
        if "summary" not in own:
            case = replace(case, summary=" ".join((case.program, *case.args[len(shared.args) :])))
        cases.append(_checked(path, case, userlands))
    return tuple(cases)


@dataclass(frozen=True)
class Collection:
    """A testcase.yaml about a collection of the kernel's selftests, for those that only the tree itself lists. `said`
    is what the file says of all, `categories` what it says of those that the tree runs in a category."""

    path: Path
    said: Mapping[str, Any]
    categories: Mapping[str, Mapping[str, Any]]

    @property
    def group(self) -> str:
        return self.path.parent.name

    @property
    def directory(self) -> str:
        """Below tools/testing/selftests."""
        return str(self.said["kselftest"])

    def cases(self, tests: Sequence[Selftest], declared_ones: Collection_[Case]) -> tuple[Case, ...]:
        """A case for each test whose program no declared case runs."""
        known = {case.kselftest.rpartition("/")[2] for case in declared_ones if case.group == self.group}
        return tuple(self._case(test) for test in tests if test.program not in known)

    def _case(self, test: Selftest) -> Case:
        entry: dict[str, Any] = {"program": test.program, "args": list(test.args)}
        if test.computed:
            entry["unfit"] = "the tree's script computes how it is called"
        said = _over({**self.said}, _over(dict(self.categories.get(test.category, {})), entry))
        words = (re.sub(r"[^A-Za-z0-9]+", "-", word).strip("-") for word in (*test.args,))
        name = f"{self.group}.{'-'.join((test.program, *words))}"
        case = _case(f"{self.path}: {name}", said, self.path.parent, name, self.group)
        return _checked(self.path, replace(case, summary=" ".join((test.program, *test.args))), {})


def read_collection(path: Path) -> Collection | None:
    """What a testcase.yaml says of a whole collection; None if it is about none. Raises BadDeclaration."""
    said, _, categories = _read(path)
    return Collection(path, said, categories) if said.get("kselftest") else None


Entries = Mapping[str, dict[str, Any] | None]


def _read(path: Path) -> tuple[dict[str, Any], Entries, Mapping[str, dict[str, Any]]]:
    """What a file says of all, of each case, and of each category of a tree's selftests."""
    data = read_yaml(dict[str, Any], path)
    entries = declared(dict[str, dict[str, Any] | None], data.pop("cases", {}), f"{path}: cases")
    categories = declared(dict[str, dict[str, Any]], data.pop("categories", {}), f"{path}: categories")
    if categories and not data.get("kselftest"):
        raise BadDeclaration(f"{path}: categories are those of a tree's selftests (kselftest)")
    for name, entry in categories.items():
        _case(f"{path}: categories.{name}", _over({"program": name, **data}, entry), path.parent, name, name)
    return data, entries, categories


def _case(source: str, said: Mapping[str, Any], directory: Path, name: str, group: str) -> Case:
    theirs = {"output": "kselftest"} if said.get("kselftest") or said.get("userland") else {}
    return declared(Case, {**theirs, **said}, source, name=name, directory=str(directory), group=group)


def _over(above: Any, own: Any) -> Any:
    """What an entry says, over what the file says."""
    if isinstance(above, dict) and isinstance(own, dict):
        return {**above, **{key: _over(above.get(key), value) for key, value in own.items()}}
    return above + own if isinstance(above, list) and isinstance(own, list) else own


def _checked(path: Path, case: Case, userlands: Mapping[str, Userland]) -> Case:
    """A case with a name of its own that says where its program comes from, once. Raises BadDeclaration."""
    check_case_name(case.name, str(path))
    ways = {"sources": case.sources, "kselftest": case.kselftest, "userland": case.userland, "boot": case.boot}
    given = [way for way, value in ways.items() if value]
    if len(given) != 1:
        what = f"not both {' and '.join(given)}" if given else "none is there"
        raise BadDeclaration(f"{path}: {case.name}: a case has one of {', '.join(ways)}; {what}")
    for source in case.sources:
        if not FILE.fullmatch(source) or not (path.parent / source).is_file():
            raise BadDeclaration(f"{path}: sources: there is no {source[:80]} in this directory")
    for setting in (*case.sysctls, *case.debugfs, *case.cgroup):
        if not SETTING.fullmatch(setting[0]) or ".." in setting[0] or not VALUE.fullmatch(setting[1]):
            raise BadDeclaration(f"{path}: {case.name}: no setting of a kernel: {'='.join(setting)[:80]!r}")
    if word := next((word for word in (*case.args, case.program, *case.needs.kconfig) if "\0" in word), None):
        raise BadDeclaration(f"{path}: {case.name}: a NUL in {word[:80]!r}")
    if word := next((word for word in case.boot if not PARAMETER.fullmatch(word)), None):
        raise BadDeclaration(f"{path}: {case.name}: boot: no parameter of a kernel: {word[:80]!r}")
    if bool(case.boot) != (case.output is Dialect.KUNIT):
        raise BadDeclaration(f"{path}: {case.name}: boot and output: kunit belong together")
    for pattern in case.expects:
        if problem := title_problem(pattern):
            raise BadDeclaration(f"{path}: expects: {problem}")
    if case.kselftest:
        case = replace(case, kselftest=f"{case.kselftest}/{case.program or case.name}", program="")
        if not all(KSELFTEST.fullmatch(word) for word in case.kselftest.split("/")):
            raise BadDeclaration(f"{path}: {case.name}: kselftest: no such names: {case.kselftest}")
    if case.userland:
        named("userland", case.userland, userlands)
    return case
