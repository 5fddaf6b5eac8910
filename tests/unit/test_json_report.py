"""report.json is complete and lossless, any reader can read it, and its page documents every key."""

from __future__ import annotations

import copy
import dataclasses
import json
import re
from collections.abc import Iterator
from functools import reduce
from operator import getitem
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.judge.mutants import Cell, Detector, Kill, Matrix, MutantRow, MutantStatus
from orchestrator.model.coverage import CaseHits, CopyHits, Coverage, FileCoverage, StatementCoverage
from orchestrator.model.kernel import Role
from orchestrator.model.kernel_facts import KernelFacts
from orchestrator.model.kernel_report import Frame, KernelReport, SourceLine, Stack
from orchestrator.model.outcome import Outcome, Verdict
from orchestrator.model.report import (
    Answer,
    BaseResult,
    CaseResult,
    Comparison,
    Finding,
    Metric,
    RunReport,
    StageResult,
    Subtest,
    SuiteReport,
)
from orchestrator.model.series import Origin, Place
from orchestrator.reporters import json_report, json_schema
from tests.unit import costs
from tests.unit.coverages import FOUND
from tests.valid_json import read_valid, validator

DOCUMENTED = Path(__file__).parents[2] / "docs" / "report-json.md"
RECORDS = (
    RunReport,
    Origin,
    SuiteReport,
    StageResult,
    CaseResult,
    Finding,
    Comparison,
    BaseResult,
    Coverage,
    FileCoverage,
    StatementCoverage,
    CaseHits,
    CopyHits,
    KernelFacts,
    Subtest,
    Metric,
    KernelReport,
    Stack,
    Frame,
    SourceLine,
    Matrix,
    MutantRow,
    Kill,
    Cell,
)

TEXT = st.text(max_size=20)
st.register_type_strategy(float, st.floats(allow_nan=False))
st.register_type_strategy(str, TEXT)
# a few frames of each report are as good as many, and hypothesis limits what it makes
PLACES = st.builds(SourceLine, text=..., mark=..., patches=st.lists(TEXT, max_size=1).map(tuple))
FRAMES = st.builds(Frame, is_reliable=..., places=st.lists(PLACES, max_size=1).map(tuple))
KERNEL_REPORTS = st.builds(KernelReport, file=..., frames=st.lists(FRAMES, max_size=1).map(tuple))
st.register_type_strategy(KernelReport, KERNEL_REPORTS)
# Few subtests of stages: each has lists of its own, and a report would be more than hypothesis wants to make up.
st.register_type_strategy(
    StageResult,
    st.builds(
        StageResult,
        **dict.fromkeys(
            ("message", "hint", "detail", "cached", "console", "kernel_reports", "also_on_base", "log"), ...
        ),
        subtests=st.tuples() | st.tuples(st.builds(Subtest, message=..., diagnostics=...)),
    ),
)


def few(kind: type) -> st.SearchStrategy[tuple[object, ...]]:
    return st.lists(st.from_type(kind), max_size=1).map(tuple)


st.register_type_strategy(
    CaseResult,
    st.builds(
        CaseResult, message=..., diagnosis=..., kernel_reports=few(KernelReport), subtests=few(Subtest), comparison=...
    ),
)
st.register_type_strategy(Finding, st.builds(Finding, message=..., pair=..., seed=..., subtests=few(Subtest)))
st.register_type_strategy(KernelFacts, st.builds(KernelFacts, base=..., slowdown=..., mutant=...))
st.register_type_strategy(
    SuiteReport,
    st.builds(
        SuiteReport,
        stages=few(StageResult),
        cases=few(CaseResult),
        attempts=few(Finding),
        earlier_base=few(BaseResult),
        facts=...,
        coverage=st.none() | st.just(FOUND),
        cost=st.none() | st.just(costs.FOUND),
        has_mutants=...,
    ),
)
REPORTS = st.builds(RunReport, suites=few(SuiteReport), notes=...)


def a_report() -> RunReport:
    kernel_report = KernelReport("kasan", "KASAN", Outcome.CRASH, 1, 2, 3, "text")
    subtest = Subtest("a.b", Outcome.PASS, 0.5, metrics=(Metric("ops", 10.0, "ops/s"),))
    finding = Finding("c", Outcome.CRASH, Outcome.CRASH, "m", 1.0, (subtest,), (kernel_report,), pair=2, seed=2**64 - 1)
    comparison = Comparison(Answer.REGRESSION, True, 0.03, 5, 0, 5, "w", None)
    case = CaseResult("c", Outcome.CRASH, Outcome.CRASH, "m", 1.0, (subtest,), (kernel_report,), comparison=comparison)
    stage = StageResult("boot", Outcome.PASS, 7.0, is_patch_fault=True, subtests=(subtest,))
    suite = SuiteReport(
        "s", "base", Role.PATCHED, (stage,), (case,), "2026-11-22T10:00:00", KernelFacts(base="b", slowdown=1.5),
        (finding,), (BaseResult("c", 9, (("outcome: fail",),)),), FOUND,
    )  # fmt: skip
    return RunReport("fix", "0" * 64, Verdict.PATCH_AT_FAULT, "r", (suite,), "/run", "", 9.0, "host", ("n",))


@settings(deadline=None, max_examples=60)
@given(report=REPORTS)
def test_every_report_survives_its_text(report: RunReport) -> None:
    assert json_report.loads(json_report.dumps(report)) == report


def test_what_a_newer_version_of_the_schema_added_is_passed_over() -> None:
    data = json_report.to_json(a_report())
    (suite,) = data["suites"]
    newer = {**data, "weather": "fine", "suites": [{**suite, "arch": "arm64"}]}
    assert json_report.from_json(newer) == a_report()


def test_bytes_that_were_no_text_keep_no_strict_reader_from_the_rest() -> None:
    report = dataclasses.replace(a_report(), notes=(b"caf\xe9".decode("utf-8", "surrogateescape"),))
    assert orjson.loads(json_report.dumps(report))["notes"] == [r"caf\xe9"]


def test_a_written_file_loads_again_and_says_its_schema_first(tmp_path: Path) -> None:
    path = tmp_path / "new" / "report.json"
    json_report.write_json(a_report(), path)
    assert json_report.read_report(path) == a_report()
    assert read_valid(path) == json_report.to_json(a_report())
    assert path.read_text(encoding="ascii").startswith('{\n  "schema": 2,\n')
    assert [entry.name for entry in path.parent.iterdir()] == ["report.json"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": 1}, r"\$\.schema: expected 2, got 1"),
        ({"schema": True}, r"\$\.schema: expected 2, got True"),
        ({"schema": None}, r"\$\.schema: expected 2, got None"),
        ({"verdict": "FINE"}, r"\$\.verdict: expected one of CLEAN, PATCH_AT_FAULT"),
        ({"suites": {}}, r"\$\.suites: expected a list"),
    ],
)
def test_a_foreign_report_is_refused_with_its_path_and_key(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    path = tmp_path / "report.json"
    path.write_text(json.dumps({**json_report.to_json(a_report()), **change}), encoding="utf-8")
    with pytest.raises(ValueError, match=message) as caught:
        json_report.read_report(path)
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize("data", [b"", b"[]", b"null", b"{}", b"\xff\xfe", b'{"schema": 2}'])
def test_what_is_no_report_at_all_is_a_value_error(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "report.json"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=re.escape(str(path))):
        json_report.read_report(path)


# --- the JSON Schema files


@pytest.mark.parametrize("kind", json_report.SCHEMAS)
def test_the_shipped_schemas_are_those_of_the_model(kind: type) -> None:
    assert json_schema.file_of(kind).read_text() == json_schema.text(kind), "run: make schemas"


@settings(deadline=None, max_examples=60)
@given(report=REPORTS)
def test_every_report_is_valid_by_its_schema(report: RunReport) -> None:
    validator("report.json").validate(json.loads(json_report.dumps(report)))


@settings(deadline=None)
@given(matrix=st.builds(Matrix, rows=few(MutantRow)))
def test_every_matrix_is_valid_by_its_schema(matrix: Matrix) -> None:
    validator("matrix.json").validate(json.loads(json_report.dumps(matrix)))


def paths_of(data: object, place: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Where the data's values are."""
    yield place
    for step, inside in data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ():
        yield from paths_of(inside, (*place, step))


@pytest.mark.parametrize("wrong", [None, True, "", "PASS", -1.5, [], [[]], [{}], {}])
def test_the_schema_refuses_what_readers_refuse(wrong: object) -> None:
    check, good = validator("report.json"), json_report.to_json(a_report())
    places = list(paths_of(good))
    assert len(places) >= 80
    for place in places[1:]:
        data = copy.deepcopy(good)
        *above, last = place
        reduce(getitem, above, data)[last] = wrong  # type: ignore[call-overload]
        try:
            json_report.from_json(data)
        except ValueError:
            assert not check.is_valid(data), place
        else:
            assert check.is_valid(data), place


def test_the_schema_needs_what_readers_need() -> None:
    check, good = validator("report.json"), json_report.to_json(a_report())
    defaults = {entry.name for entry in dataclasses.fields(RunReport) if entry.default is not dataclasses.MISSING}
    assert {"notes", "version"} <= defaults
    for key in good:
        data = {name: value for name, value in good.items() if name != key}
        assert check.is_valid(data) is (key in defaults), key


# --- the page


def documented_keys() -> dict[str, list[str]]:
    """The keys of each table of the page, by the name in the heading above it."""
    keys: dict[str, list[str]] = {"": []}
    current = keys[""]
    for line in DOCUMENTED.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            current = keys.setdefault(line.removeprefix("## ").split()[0], [])
        elif match := re.match(r"\| `(\w+)`", line):
            current.append(match[1])
    return keys


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.__name__)
def test_each_key_is_documented(record: type) -> None:
    names = [entry.name for entry in dataclasses.fields(record)]
    if record in json_report.SCHEMAS:
        names = ["schema", *names]
    assert documented_keys()[record.__name__] == names


def test_the_names_of_outcomes_verdicts_answers_and_roles_are_documented() -> None:
    page = DOCUMENTED.read_text(encoding="utf-8")
    for member in (*Outcome, *Verdict, *Role, *Answer, *MutantStatus, *Detector, *Place):
        assert f"`{member.name}`" in page
