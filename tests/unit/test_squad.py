"""What SQUAD takes: names in its forms, results that are neither green nor red where nobody knows, text as metadata."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.model.kernel import Role
from orchestrator.model.kernel_facts import KernelFacts
from orchestrator.model.outcome import Outcome
from orchestrator.model.report import Finding, Metric, RunReport, StageResult, Subtest
from orchestrator.reporters import squad
from tests.run_reports import CRASHED, HOSTILE, case, hostile_report, many, report, suite

SLUG = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")  # of all parts of an address, by its documentation


def submissions(run: RunReport) -> list[dict[str, Any]]:
    """As SQUAD's receiver checks them (its ValidateTestRun)."""
    data = squad.content(run)
    assert data is not None
    found = json.loads(data)
    for one in found:
        assert SLUG.fullmatch(one["build"])
        assert SLUG.fullmatch(one["environment"])
        for name, result in one["tests"].items():
            group, _, test = re.sub(r"\[.*", "", name).rpartition("/")
            assert group
            assert len(test) <= 256
            assert (result if isinstance(result, str) else result["result"]) in ("pass", "fail", "skip")
        assert all(isinstance(value, float | int) for values in one["metrics"].values() for value in values)
        assert all(isinstance(value, str) for value in one["metadata"].values())
        assert "/" not in one["metadata"]["job_id"]
        assert max(len(one["build"]), len(one["environment"])) <= 100  # the columns of its database
        assert len(one["metadata"]["job_id"]) <= 128
    return found


def test_a_kernel_is_an_environment_and_a_version_of_a_series_a_build() -> None:
    facts = KernelFacts(base="linux-source-6.12 6.12.117-1", arch="x86_64", compiler="gcc (Debian) 12.2.0")
    parts = (
        Subtest("a/b", Outcome.FAIL, 1.0, "lost", ("x",), (Metric("ops", 7.0, "ops/s"),)),
        Subtest("c", Outcome.PASS),
    )
    run = report(
        suite(CRASHED, case("thp", subtests=parts), facts=facts, stages=(StageResult("boot", Outcome.PASS, 1.0),)),
        suite(role=Role.BASELINE), subjects=("mm: break it",), run_id="1" * 32, location="https://ci.example/runs",
        run_dir="/runs/20261128-fix",
    )  # fmt: skip
    (one,) = submissions(run)  # the base is what it was compared to
    assert one["build"] == "linux-source-6.12-6.12.117-1-fix-000000000000"
    assert one["environment"] == "base.x86_64.gcc-12"
    assert one["tests"]["stages/boot"] == "pass"
    assert one["tests"]["cases/fork"]["result"] == "fail"
    assert "KASAN: use-after-free in f" in one["tests"]["cases/fork"]["log"]
    assert one["tests"]["thp/a_b"] == {"result": "fail", "log": "lost\nx"}
    assert one["tests"]["thp/c"] == "pass"
    assert one["metrics"] == {"thp/a_b.ops": [7.0]}
    metadata = one["metadata"]
    assert metadata["job_id"] == f"{'1' * 32}-base.patched"
    assert metadata["job_url"] == "https://ci.example/runs/20261128-fix/report.html"
    assert metadata["datetime"] == "2026-11-28T10:00:00+00:00"
    assert metadata["patch 1"] == "mm: break it"


@pytest.mark.parametrize(
    ("outcome", "more", "word"),
    [
        (Outcome.PASS, {}, "pass"),
        (Outcome.FAIL, {}, "fail"),
        (Outcome.TIMEOUT, {}, "fail"),
        (Outcome.ERROR, {}, "skip"),
        (Outcome.NOT_EXERCISED, {}, "skip"),
        (Outcome.CRASH, {"is_host_fault": True}, "skip"),
        (Outcome.ERROR, {"is_not_run": True}, "skip"),
    ],
)
def test_only_what_is_known_is_green_or_red(outcome: Outcome, more: dict[str, Any], word: str) -> None:
    (one,) = submissions(report(suite(case("a", outcome, **more))))
    result = one["tests"]["cases/a"]
    assert (result if isinstance(result, str) else result["result"]) == word


def test_all_attempts_are_measurements_of_one_metric() -> None:
    runs = tuple(
        Finding("a", Outcome.PASS, Outcome.PASS, "", 1.0, metrics=(Metric("ops", value, "ops/s"),))
        for value in (1.0, 2.0, float("nan"))
    )
    (one,) = submissions(report(suite(case("a"), attempts=runs)))
    assert one["metrics"] == {"a/ops": [1.0, 2.0]}


def test_the_base_alone_is_what_is_tested_where_there_is_no_series() -> None:
    (one,) = submissions(report(suite(case("a"), role=Role.BASELINE), series="base"))
    assert one["tests"]["cases/a"] == "pass"


def test_a_large_run_has_logs_of_the_first_failures() -> None:
    data = squad.content(many(28_000, bad=True))
    assert data is not None
    assert len(data) < 64 << 20


@pytest.mark.parametrize("text", [HOSTILE, "", "[/]", "a" * 10_000, "/", ".-", "\0"])
def test_any_text_is_in_squads_forms(text: str) -> None:
    run = hostile_report(text)
    facts = KernelFacts(base=text, commit=text, compiler=text, arch=text, machine=text)
    submissions(replace(run, suites=(replace(run.suites[0], facts=facts),)))


@given(st.text(max_size=80))
def test_any_other_text_is_too(text: str) -> None:
    submissions(hostile_report(text))
