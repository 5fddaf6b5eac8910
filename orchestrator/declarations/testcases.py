"""testcases/NAME/testcase.yaml: one case, or several that share a directory."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from orchestrator.declarations.entry import Entry, read_yaml
from orchestrator.declarations.names import check_case_name, find
from orchestrator.errors import BadDeclaration
from orchestrator.judge.known import pattern_problem
from orchestrator.model.case import Case, Dialect, Needs, Userland

KSELFTEST = re.compile(r"[\w-]+")  # a directory below tools/testing/selftests, a program in it


def read_cases(path: Path, userlands: Mapping[str, Userland]) -> tuple[Case, ...]:
    """The cases of a testcase.yaml: one, or with `cases` one for each of its entries. Raises BadDeclaration.

    An entry of `cases` may say anything that the file may say of all; its `args` follow those of the file, its `tags`
    and `needs.kconfig` are added, and whatever else it says takes the place of what the file says.
    """
    entry = Entry(path, read_yaml(path))
    shared = _case(entry, Case(path.parent.name, "", path.parent, (), (), 5.0, 15.0, Needs(), ()))
    several = entry.take("cases", dict, {})
    entry.done()
    if not several:
        return (_checked(path, shared, userlands),)
    cases = []
    for name, own in several.items():
        if not isinstance(name, str):
            raise BadDeclaration(f"{path}: cases: {name!r} is no text", hint="put it in quotes")
        inner = Entry(path, own or {}, f"cases.{name}.")
        plain = replace(shared, name=f"{shared.name}.{name}", group=shared.name, program=shared.program or name)
        case = _case(inner, plain)
        if not inner.has("summary"):
            case = replace(case, summary=" ".join((case.program, *case.args[len(shared.args) :])))
        inner.done()
        cases.append(_checked(path, case, userlands))
    return tuple(cases)


def _case(entry: Entry, above: Case) -> Case:
    """What an entry says, over what was said above it."""
    needs = Entry(entry.path, entry.take("needs", dict, {}), f"{entry.prefix}needs.")
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
