"""The plan of a night: a YAML file -> a NightPlan in which every name is known, or all that is wrong, line by line."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from orchestrator.build.toolchains import check_toolchain, compiler_of
from orchestrator.catalog import PACKAGE, Catalog
from orchestrator.codec import Place, spelled
from orchestrator.declarations import schema
from orchestrator.declarations.files import read_text, read_toml, read_yaml_text
from orchestrator.errors import BadDeclaration, ToolMissing, UsageError
from orchestrator.model.kernel import USUAL_ARCH, USUAL_TOOLCHAIN, Kconfig
from orchestrator.model.night import (
    From,
    NightPlan,
    Priority,
    Results,
    SeriesEntry,
    Suite,
    TreeEntry,
)
from orchestrator.nights.durations import seconds
from orchestrator.parse.patch_name import Kind
from orchestrator.words import near

T = TypeVar("T")
SUITES = PACKAGE / "data/suites.toml"
NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,60}")
DEFAULT_SUITE = "default"
# What the night itself gives to the command of an item
OURS = frozenset({
    "--patch", "--tree", "--base", "--kconfig", "--toolchain", "--machine", "--testcase", "--duration", "--seed",
    "--each-patch", "--budget", "--output", "--dry-run", "--version", "--executor", "--identity",
})  # fmt: skip
Check = Callable[[Sequence[str]], None]


# --- what a file may say


@dataclass(frozen=True, kw_only=True)
class _Entry:
    suites: tuple[str, ...] = (DEFAULT_SUITE,)
    kconfigs: tuple[str, ...] = ()
    machines: tuple[str, ...] = ()
    arches: tuple[str, ...] = ()
    toolchains: tuple[str, ...] = ()
    priority: Literal["high", "normal", "low"] = "normal"
    budget: str = ""


@dataclass(frozen=True, kw_only=True)
class _Tree(_Entry):
    path: str
    branches: tuple[str, ...]
    fetch: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Series(_Entry):
    patch: str = ""
    directory: str = ""
    maildir: str = ""
    patchwork: str = ""
    tree: str = ""
    base: str = ""
    archive: str = ""
    most: int = SeriesEntry.most


@dataclass(frozen=True, kw_only=True)
class _Suite:
    about: str = ""
    run: Literal["test", "mutants"] = "test"
    testcases: tuple[str, ...] = ()
    kconfigs: tuple[str, ...] = ()
    duration: str = ""
    seed: str = "1"
    each_patch: bool = False
    budget: str = ""
    every: str = ""
    again: str = ""
    options: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Results:
    history: str = ""
    directory: str = ""
    markdown: str = ""
    json: str = ""
    junit: str = ""


@dataclass(frozen=True, kw_only=True)
class _File:
    trees: Mapping[str, _Tree] = field(default_factory=dict)
    series: Mapping[str, _Series] = field(default_factory=dict)
    suites: Mapping[str, _Suite] = field(default_factory=dict)
    kconfigs: tuple[str, ...] = ("base",)
    machines: tuple[str, ...] = ()
    arches: tuple[str, ...] = ()
    toolchains: tuple[str, ...] = (USUAL_TOOLCHAIN,)
    budget: str = "8h"
    expected: str = "20m"
    repeats: int = 3
    fetch_timeout: str = "30m"
    bisect: bool = True
    executor: str = ""
    at_once: int = 0
    results: _Results = field(default_factory=_Results)


# --- reading one


@dataclass(frozen=True)
class _Problem:
    """What is wrong in a line (0: in the file as a whole), and the way out."""

    line: int
    words: str
    hint: str


@dataclass
class _Checker:
    """Gathers what is wrong, each with its line, so that one run of the command tells all of it."""

    path: Path
    lines: Mapping[Place, int]
    found: list[_Problem] = field(default_factory=list)

    def wrong(self, place: Place, words: str, hint: str = "") -> None:
        where = spelled(place).removeprefix(".")
        problem = _Problem(schema.line_of(place, self.lines), f"{where}: {words}" if where else words, hint)
        if problem not in self.found:
            self.found.append(problem)

    @contextmanager
    def at(self, *place: str | int) -> Iterator[None]:
        """What is raised in here is wrong at this place."""
        try:
            yield
        except (UsageError, ToolMissing) as error:
            self.wrong(place, error.message, error.hint)
        except ValueError as error:
            self.wrong(place, str(error))

    def seconds(self, text: str, *place: str | int) -> float | None:
        """Of a duration; None where nothing is said, or something that is none."""
        with self.at(*place):
            return seconds(text) if text else None
        return None

    def one_of(self, name: str, known: Sequence[str], kind: str, *place: str | int) -> None:
        if name not in known:
            hint = near(name, known) or f"known: {', '.join(known) or 'none'}"
            self.wrong(place, f"unknown {kind} {name}", hint)

    def settle(self) -> None:
        """Raises BadDeclaration."""
        if not self.found:
            return
        first, *others = sorted(self.found, key=lambda one: one.line)
        if not others:
            where = f"{self.path}:{first.line}" if first.line else str(self.path)
            raise BadDeclaration(f"{where}: {first.words}", hint=first.hint)
        told = (f"line {one.line}: {one.words}" + (f" ({one.hint})" if one.hint else "") for one in (first, *others))
        raise BadDeclaration(f"{self.path}: {'; '.join(told)}")


def read_plan(path: Path, catalog: Catalog, check: Check) -> NightPlan:
    """`check` raises UsageError for a command line of `test` or `mutants` that cannot be. Raises UsageError,
    BadDeclaration with everything that is wrong."""
    text = read_yaml_text(path)
    if text.data is None:
        raise BadDeclaration(f"{path}: says nothing", hint="docs/nightly.md has an example")
    plan = schema.declared(_File, text.data, str(path), text.lines)
    checker = _Checker(path, text.lines)
    if not plan.trees and not plan.series:
        checker.wrong((), "neither trees nor series: there is nothing to test")
    if any(name in plan.trees for name in plan.series):
        for name in plan.series.keys() & plan.trees.keys():
            checker.wrong(("series", name), "a tree has this name already")
    if plan.executor:
        with checker.at("executor"):
            check(("test", "--executor", plan.executor))
    reading = _Reading(path, plan, catalog, checker, check)
    suites = reading.suites()
    made = NightPlan(
        path=str(path.resolve()),
        digest=hashlib.sha256(read_text(path).encode()).hexdigest()[:12],
        trees=tuple(reading.tree(name, one, suites) for name, one in plan.trees.items()),
        series=tuple(reading.series(name, one, suites) for name, one in plan.series.items()),
        budget_s=checker.seconds(plan.budget, "budget") or 0.0,
        expected_s=checker.seconds(plan.expected, "expected") or 0.0,
        repeats=plan.repeats,
        fetch_s=checker.seconds(plan.fetch_timeout, "fetch_timeout") or 0.0,
        bisect=plan.bisect,
        results=reading.results(),
        executor=plan.executor,
        at_once=plan.at_once,
    )
    checker.settle()
    return made


@dataclass(frozen=True)
class _Reading:
    path: Path
    plan: _File
    catalog: Catalog
    checker: _Checker
    check: Check

    def suites(self) -> dict[str, Suite]:
        """Those that every plan has, and the plan's own."""
        usual = read_toml(dict[str, _Suite], SUITES)
        made = {name: self._suite(name, one, is_ours=True) for name, one in usual.items()}
        return made | {name: self._suite(name, one) for name, one in self.plan.suites.items()}

    def _suite(self, name: str, one: _Suite, *, is_ours: bool = False) -> Suite:
        at = ("suites", name)
        if not is_ours:
            self._name(name, *at)
        kconfigs = self._kconfigs([(at, one.kconfigs) if one.kconfigs else ((), self.plan.kconfigs)])
        with self.checker.at(*at, "testcases"):
            self.catalog.chosen_cases(one.testcases, kconfigs)
        if one.run == "mutants" and one.each_patch:
            self.checker.wrong((*at, "each_patch"), "is for `run: test`")
        seed = None
        if one.seed != "night":
            with self.checker.at(*at, "seed"):
                seed = _seed(one.seed)
        for number, option in enumerate(one.options):
            if option.partition("=")[0] in OURS:
                self.checker.wrong((*at, "options", number), f"{option}: the night itself gives it")
        with self.checker.at(*at, "options"):
            self.check((one.run, *one.options))
        return Suite(
            name=name,
            command=one.run,
            testcases=one.testcases,
            kconfigs=tuple(map(self._spec, one.kconfigs)),
            duration_s=self.checker.seconds(one.duration, *at, "duration"),
            seed=seed,
            each_patch=one.each_patch,
            budget_s=self.checker.seconds(one.budget, *at, "budget"),
            every_s=self.checker.seconds(one.every, *at, "every") or 0.0,
            again_s=self.checker.seconds(one.again, *at, "again"),
            options=one.options,
        )

    def tree(self, name: str, one: _Tree, suites: Mapping[str, Suite]) -> TreeEntry:
        at = ("trees", name)
        path = self._path(one.path)
        if not path.is_dir():
            self.checker.wrong((*at, "path"), f"{path}: no such directory")
        if not one.branches:
            self.checker.wrong((*at, "branches"), "none is named")
        made = self._entry(at, one, suites)
        for suite in made["suites"]:
            if suite.needs_series:
                self.checker.wrong((*at, "suites"), f"{suite.name} is about patches, and a branch is tested as it is")
        return TreeEntry(**made, path=str(path), fetch=one.fetch, branches=tuple(dict.fromkeys(one.branches)))

    def series(self, name: str, one: _Series, suites: Mapping[str, Suite]) -> SeriesEntry:
        at = ("series", name)
        given = {kind: text for kind in From if (text := str(getattr(one, kind.value)))}
        if len(given) != 1:
            known = ", ".join(kind.value for kind in From)
            there = " and ".join(kind.value for kind in given) or "none"
            self.checker.wrong(at, f"series come from one of {known}; here is {there}")
        source, place = next(iter(given.items()), (From.PATCH, ""))
        if place:
            with self.checker.at(*at, source.value):
                place = self._place(source, place)
        if one.base == "auto" and not one.tree:
            self.checker.wrong((*at, "base"), "auto looks among the branches of a tree", "tree: NAME")
        made = self._entry(at, one, suites)
        return SeriesEntry(
            **made, source=source, place=place, tree=self._tree_of(at, one), base=one.base, archive=one.archive,
            most=one.most,
        )  # fmt: skip

    def _place(self, source: From, text: str) -> str:
        """As it means the same from anywhere. Raises UsageError."""
        if source is From.PATCHWORK:
            if not re.match(r"https?://[^/\s]+/", text):
                raise UsageError(f"{text}: not the address of a query", hint="https://HOST/api/series/?project=NAME")
            return text
        if source is From.PATCH:
            path = self._path(text)
            if path.exists():
                return str(path)
            name = self.catalog.patch_name(text)
            if name.kind is Kind.RANGE:
                raise UsageError(f"{text}: commits of a tree are a branch of `trees`")
            return text
        path = self._path(text)
        if not path.is_dir():
            raise UsageError(f"{path}: no such directory")
        if source is From.MAILDIR and not any((path / name).is_dir() for name in ("cur", "new")):
            raise UsageError(f"{path}: no maildir: it has neither cur/ nor new/")
        return str(path)

    def _tree_of(self, at: tuple[str, str], one: _Series) -> str:
        if not one.tree:
            return ""
        if one.tree in self.plan.trees:
            return str(self._path(self.plan.trees[one.tree].path))
        path = self._path(one.tree)
        if not path.is_dir():
            hint = near(one.tree, self.plan.trees) or f"known: {', '.join(self.plan.trees) or 'none'}"
            self.checker.wrong((*at, "tree"), f"{one.tree}: neither a tree of this plan nor a directory", hint)
        return str(path)

    def _entry(self, at: tuple[str, str], one: _Entry, suites: Mapping[str, Suite]) -> dict[str, Any]:
        self._name(at[1], *at)
        kconfigs = one.kconfigs or self.plan.kconfigs
        machines = self._machines(at, one) or self._machines((), self.plan) or (self.catalog.arch(USUAL_ARCH).machine,)
        self._kconfigs(((at, one.kconfigs), ((), self.plan.kconfigs)))
        toolchains = self._toolchains(at, one.toolchains) or self._toolchains((), self.plan.toolchains)
        for number, suite in enumerate(one.suites):
            self.checker.one_of(suite, [*suites], "suite", *at, "suites", number)
        budget_s = self.checker.seconds(one.budget, *at, "budget")
        return {
            "name": at[1],
            "suites": tuple(suites[name] for name in dict.fromkeys(one.suites) if name in suites),
            "kconfigs": tuple(dict.fromkeys(map(self._spec, kconfigs))),
            "machines": tuple(dict.fromkeys(machines)),
            "toolchains": toolchains,
            "priority": Priority[one.priority.upper()],
            "budget_s": budget_s,
        }

    def results(self) -> Results:
        wanted, at = self.plan.results, "results"
        history = wanted.history if "://" in wanted.history else self._written(wanted.history)
        directory = self._written(wanted.directory)
        if directory and Path(directory).exists() and not Path(directory).is_dir():
            self.checker.wrong((at, "directory"), f"{directory}: no directory")
        files = {name: self._written(getattr(wanted, name)) for name in ("markdown", "json", "junit")}
        for name, file in files.items():
            if file and Path(file).is_dir():
                self.checker.wrong((at, name), f"{file}: a directory, not a file")
        return Results(history=history, directory=directory, **files)

    def _machines(self, place: Place, given: _Entry | _File) -> tuple[str, ...]:
        """Those that are named; without any, the one of each architecture. A machine says which architecture it is."""
        named, found = [], []
        for number, machine in enumerate(given.machines):
            with self.checker.at(*place, "machines", number):
                named.append(self.catalog.machine(machine))
        for number, arch in enumerate(given.arches):
            with self.checker.at(*place, "arches", number):
                usual = self.catalog.arch(arch).machine
                if not usual:
                    self.checker.wrong((*place, "arches", number), f"{arch}: no machine boots its kernels")
                elif given.machines and all(machine.arch != arch for machine in named):
                    self.checker.wrong((*place, "arches", number), f"{arch}: none of the machines beside it is one")
                found.append(usual)
        return tuple(machine.name for machine in named) or tuple(found)

    def _toolchains(self, place: Place, names: Sequence[str]) -> tuple[str, ...]:
        """Those that are installed; a directory is relative to the plan."""
        found = []
        for number, name in enumerate(names):
            with self.checker.at(*place, "toolchains", number):
                checked = check_toolchain(str(self._path(name)) if "/" in name else name)
                compiler_of(checked)
                found.append(checked)
        return tuple(dict.fromkeys(found))

    def _kconfigs(self, named: Iterable[tuple[Place, Sequence[str]]]) -> list[Kconfig]:
        found = []
        for place, names in named:
            for number, name in enumerate(names):
                with self.checker.at(*place, "kconfigs", number):
                    found.append(self.catalog.kconfig(self._spec(name)))
        return found

    def _spec(self, kconfig: str) -> str:
        """With the files of a kconfig by absolute paths."""
        return "+".join(str(self._path(part)) if "/" in part else part for part in kconfig.split("+"))

    def _name(self, name: str, *place: str | int) -> None:
        if not NAME.fullmatch(name):
            self.checker.wrong(place, f"{name!r} cannot be a name", "letters, digits, - _ and .; not these first")

    def _path(self, text: str) -> Path:
        """Relative to the plan file, wherever the command is run."""
        try:
            return (self.path.resolve().parent / Path(text).expanduser()).resolve()
        except (RuntimeError, ValueError, OSError):  # ~nobody, a NUL
            return Path(text)

    def _written(self, text: str) -> str:
        return str(self._path(text)) if text else ""


def _seed(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,20}", text):
        raise ValueError(f"expected a number, or night for another one each night; got {text[:40]!r}")
    return int(text)
