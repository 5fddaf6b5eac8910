"""report.json is complete and lossless, refuses what it does not know, and its page documents every key."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator import model
from orchestrator.reporters import json_report

DOCUMENTED = Path(__file__).parents[2] / "docs" / "report-json.md"
RECORDS = (
    model.RunReport,
    model.SuiteReport,
    model.StageResult,
    model.CaseResult,
    model.Subtest,
    model.Metric,
    model.Splat,
    model.Frame,
    model.Place,
)

# What is read from files and guests: any text, and the lone low surrogates that stand for bytes that are no UTF-8.
TEXT = st.text(
    st.one_of(st.characters(exclude_categories=["Cs"]), st.characters(min_codepoint=0xDC80, max_codepoint=0xDCFF)),
    max_size=20,
)
st.register_type_strategy(float, st.floats(allow_nan=False))
st.register_type_strategy(str, TEXT)
# a few frames of each report are as good as many, and hypothesis limits what it makes
PLACES = st.builds(model.Place, text=..., mark=..., patches=st.lists(TEXT, max_size=1).map(tuple))
FRAMES = st.builds(model.Frame, is_reliable=..., places=st.lists(PLACES, max_size=1).map(tuple))
SPLATS = st.builds(model.Splat, file=..., frames=st.lists(FRAMES, max_size=1).map(tuple))
st.register_type_strategy(model.Splat, SPLATS)
# Few subtests of stages: each has lists of its own, and a report would be more than hypothesis wants to make up.
st.register_type_strategy(
    model.StageResult,
    st.builds(
        model.StageResult,
        **dict.fromkeys(("message", "hint", "detail", "cached", "console", "splats", "also_on_base", "log"), ...),
        subtests=st.tuples() | st.tuples(st.builds(model.Subtest, message=..., diagnostics=...)),
    ),
)


def few(kind: type) -> st.SearchStrategy[tuple[object, ...]]:
    return st.lists(st.from_type(kind), max_size=1).map(tuple)


st.register_type_strategy(
    model.CaseResult,
    st.builds(model.CaseResult, message=..., diagnosis=..., splats=few(model.Splat), subtests=few(model.Subtest)),
)
st.register_type_strategy(
    model.SuiteReport, st.builds(model.SuiteReport, stages=few(model.StageResult), cases=few(model.CaseResult))
)
REPORTS = st.builds(model.RunReport, suites=few(model.SuiteReport), notes=...)


def a_report() -> model.RunReport:
    splat = model.Splat("kasan", "KASAN", model.Outcome.CRASH, 1, 2, 3, "text")
    subtest = model.Subtest("a.b", model.Outcome.PASS, 0.5, metrics=(model.Metric("ops", 10.0, "ops/s"),))
    case = model.CaseResult("c", model.Outcome.CRASH, model.Outcome.CRASH, "m", 1.0, (subtest,), (splat,))
    stage = model.StageResult("boot", model.Outcome.PASS, 7.0, is_patch_fault=True, subtests=(subtest,))
    suite = model.SuiteReport(
        "s", "base", model.Variant.PATCHED, (stage,), (case,), "2026-11-22T10:00:00", (("a", "b"),)
    )
    return model.RunReport(
        "fix", "0" * 64, model.Verdict.PATCH_AT_FAULT, "r", (suite,), "/run", "", 9.0, "host", ("n",)
    )


@settings(deadline=None, max_examples=60)
@given(report=REPORTS)
def test_every_report_survives_its_text(report: model.RunReport) -> None:
    assert json_report.loads(json_report.dumps(report)) == report


def test_a_written_file_loads_again_and_says_its_schema_first(tmp_path: Path) -> None:
    path = tmp_path / "new" / "report.json"
    json_report.write(a_report(), path)
    assert json_report.load(path) == a_report()
    assert path.read_text(encoding="ascii").startswith('{\n  "schema": 1,\n')
    assert [entry.name for entry in path.parent.iterdir()] == ["report.json"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": 2}, r"\$\.schema: expected 1, got 2"),
        ({"schema": True}, r"\$\.schema: expected 1, got True"),
        ({"schema": None}, r"\$\.schema: expected 1, got None"),
        ({"verdict": "FINE"}, r"\$\.verdict: expected one of CLEAN, PATCH_AT_FAULT"),
        ({"extra": 1}, r"\$\.extra: unknown key of RunReport"),
        ({"suites": {}}, r"\$\.suites: expected an array"),
    ],
)
def test_a_foreign_report_is_refused_with_its_path_and_key(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    path = tmp_path / "report.json"
    path.write_text(json.dumps({**json_report.to_json(a_report()), **change}), encoding="utf-8")
    with pytest.raises(ValueError, match=message) as caught:
        json_report.load(path)
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize("data", [b"", b"[]", b"null", b"{}", b"\xff\xfe", b'{"schema": 1}'])
def test_what_is_no_report_at_all_is_a_value_error(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "report.json"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=re.escape(str(path))):
        json_report.load(path)


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
    if record is model.RunReport:
        names = ["schema", *names]
    assert documented_keys()[record.__name__] == names


def test_the_names_of_outcomes_verdicts_and_variants_are_documented() -> None:
    page = DOCUMENTED.read_text(encoding="utf-8")
    for member in (*model.Outcome, *model.Verdict, *model.Variant):
        assert f"`{member.name}`" in page
