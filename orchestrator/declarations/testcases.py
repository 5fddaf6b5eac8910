"""testcases/NAME/testcase.yaml: one case, or several that share a directory."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from orchestrator.declarations.files import read_yaml
from orchestrator.declarations.names import check_case_name, find
from orchestrator.errors import BadDeclaration
from orchestrator.judge.known import pattern_problem
from orchestrator.model.case import Case, Dialect, Needs, Userland

T = TypeVar("T")

KSELFTEST = re.compile(r"[\w-]+")  # a directory below tools/testing/selftests, a program in it


@dataclass(frozen=True, kw_only=True)
class _Said:
    """What may be said of one case and of all cases of a file; None: nothing is."""

    sources: tuple[str, ...] | None = None
    args: tuple[str, ...] = ()
    duration_s: float | None = None
    timeout_s: float | None = None
    needs: Needs = field(default_factory=Needs)
    tags: tuple[str, ...] = ()
    output: Dialect | None = None
    kselftest: str | None = None
    userland: str | None = None
    program: str | None = None
    sysctls: Mapping[str, str] = field(default_factory=dict)
    debugfs: Mapping[str, str] = field(default_factory=dict)
    cgroup: Mapping[str, str] = field(default_factory=dict)
    unfit: str | None = None
    expects: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _One(_Said):
    """An entry of `cases`."""

    summary: str = ""


@dataclass(frozen=True, kw_only=True)
class _File(_Said):
    summary: str
    cases: Mapping[str, _One | None] = field(default_factory=dict)


def read_cases(path: Path, userlands: Mapping[str, Userland]) -> tuple[Case, ...]:
    """The cases of a testcase.yaml: one, or with `cases` one for each of its entries. Raises BadDeclaration.

    An entry of `cases` may say anything that the file may say of all; its `args` follow those of the file, its `tags`,
    `expects`, `needs.kconfig` and settings are added, and whatever else it says takes the place of what the file says.
    """
    file, group = read_yaml(_File, path), path.parent.name
    alone = _case(path, group, file, _One(summary=file.summary))
    if not file.cases:
        return (_checked(path, alone, userlands),)
    cases = []
    for name, own in file.cases.items():
        case = _case(path, f"{group}.{name}", file, own or _One())
        program = case.program or name
        summary = case.summary or " ".join((program, *(own.args if own else ())))
        cases.append(_checked(path, replace(case, group=group, program=program, summary=summary), userlands))
    return tuple(cases)


def _case(path: Path, name: str, file: _File, own: _One) -> Case:
    """What an entry says, over what the file says."""
    kselftest, userland = own.kselftest or file.kselftest or "", own.userland or file.userland or ""
    theirs = Dialect.KSELFTEST if kselftest or userland else Dialect.KTAP
    return Case(
        name=name,
        summary=own.summary,
        directory=path.parent,
        sources=_first(own.sources, file.sources, ()),
        args=file.args + own.args,
        duration_s=_first(own.duration_s, file.duration_s, 5.0),
        timeout_s=_first(own.timeout_s, file.timeout_s, 15.0),
        needs=Needs(own.needs.memory_mib or file.needs.memory_mib, file.needs.kconfig + own.needs.kconfig),
        tags=file.tags + own.tags,
        expects=file.expects + own.expects,
        dialect=own.output or file.output or theirs,
        kselftest=kselftest,
        userland=userland,
        program=own.program or file.program or "",
        sysctls=_both(file.sysctls, own.sysctls),
        debugfs=_both(file.debugfs, own.debugfs),
        cgroup=_both(file.cgroup, own.cgroup),
        unfit=own.unfit or file.unfit or "",
    )


def _checked(path: Path, case: Case, userlands: Mapping[str, Userland]) -> Case:
    """A case with a name of its own that says where its program comes from, once. Raises BadDeclaration."""
    check_case_name(case.name, str(path))
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


def _first(*values: T | None) -> T:
    """The first that is said; the last one always is."""
    return next(value for value in values if value is not None)


def _both(above: Mapping[str, str], own: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple({**above, **own}.items())
