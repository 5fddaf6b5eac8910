"""KCIDB documents, validated by kcidb-io: what they say, whose fault it is, and ids that stay."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kcidb_io.schema import LATEST

from orchestrator.model.kernel import Role
from orchestrator.model.kernel_facts import KernelFacts
from orchestrator.model.outcome import Outcome
from orchestrator.model.report import (
    Answer,
    CaseResult,
    Finding,
    Metric,
    RunReport,
    StageResult,
    Subtest,
)
from orchestrator.model.series import Envelope
from orchestrator.reporters.kcidb import document
from tests.run_reports import (
    CRASHED,
    HOSTILE,
    KASAN,
    REGRESSION,
    case,
    hostile_report,
    many,
    report,
    run_directory,
    suite,
)

FACTS = KernelFacts(
    base="linux-source-6.12 6.12.117-1", commit="b" * 40, arch="x86_64", product="p" * 32, compiler="gcc 12.2.0",
    patches=1, machine="q35", accelerator="tcg", cpus=2, memory_mib=1024,
)  # fmt: skip
MAIL = Envelope(1, "a@b.example", "[PATCH] mm: break it", "A <a@b.example>")


def valid(run: RunReport) -> dict[str, Any]:
    data = document.content(run)
    assert data is not None
    found = json.loads(data)
    LATEST.validate_exactly(found)
    assert (found["version"]["major"], found["version"]["minor"]) == (LATEST.major, LATEST.minor)
    return found


def broken(tmp_path: Path, **more: object) -> RunReport:
    run = run_directory(tmp_path)
    suites = (replace(run.suites[0], facts=FACTS), replace(run.suites[1], facts=replace(FACTS, patches=0)))
    return replace(run, suites=suites, run_id="1" * 32, mails=(MAIL,), **more)  # type: ignore[arg-type]


def ids(found: dict[str, Any], kind: str) -> list[str]:
    return [one["id"] for one in found[kind]]


def test_a_regression_is_a_checkout_a_build_tests_and_an_incident(tmp_path: Path) -> None:
    found = valid(broken(tmp_path))
    patched, base = found["checkouts"]
    assert patched["comment"] == "[PATCH] mm: break it"
    assert patched["message_id"] == "a@b.example"
    assert patched["git_commit_name"] == "linux-source-6.12 6.12.117-1"
    assert "git_commit_hash" not in patched  # a source package has none that others know
    patch = hashlib.sha256(next((tmp_path / "patches").iterdir()).read_bytes()).hexdigest()
    assert patched["patchset_hash"] == hashlib.sha256(f"{patch}\n".encode()).hexdigest()
    assert (base["patchset_hash"], "message_id" in base) == ("", False)
    assert [one["checkout_id"] for one in found["builds"]] == [patched["id"], base["id"]]
    fork = next(one for one in found["tests"] if one["path"] == "orchestrate.fork")
    assert (fork["status"], fork["build_id"]) == ("FAIL", found["builds"][0]["id"])
    assert "KASAN: use-after-free in f" in fork["log_excerpt"]
    assert "mm/vma.c:3" in fork["log_excerpt"]
    assert fork["comment"].startswith("regression: failed 5 of 5 with the series and 0 of 5 without; KASAN")
    assert fork["misc"]["orchestrate"]["comparison"]["answer"] == "REGRESSION"
    assert fork["misc"]["orchestrate"]["seed"] == 7
    assert [one["report_subject"] for one in found["issues"]] == ["KASAN: use-after-free in f"]
    assert found["issues"][0]["culprit"] == {"code": True}
    assert found["issues"][0]["categories"] == ["orchestrate.kasan"]
    assert found["incidents"][0]["test_id"] == fork["id"]
    assert found["incidents"][0]["comment"] == "f at mm/vma.c:3: written by 1/1 mm: break it"
    passed = [one for one in found["tests"] if one["build_id"] == found["builds"][1]["id"]]
    assert [(one["path"], one["status"]) for one in passed] == [("orchestrate.fork", "PASS")] * 2


def test_the_same_run_has_the_same_objects_and_another_run_shares_what_is_the_same(tmp_path: Path) -> None:
    run = broken(tmp_path)
    first, again = valid(run), valid(replace(run, hostname="other", notes=("judged again",)))
    assert first == again
    other = valid(replace(run, run_id="2" * 32, started="2026-11-29T10:00:00"))
    for kind in ("checkouts", "builds", "issues"):
        assert ids(first, kind) == ids(other, kind), kind
    for kind in ("tests", "incidents"):
        assert not {*ids(first, kind)} & {*ids(other, kind)}, kind
    everything = [one["id"] for kind in first if kind != "version" for one in first[kind]]
    assert max(Counter(everything).values()) == 2  # two attempts of fork on the base, which the helper numbers alike


def test_another_series_base_or_compiler_is_another_object(tmp_path: Path) -> None:
    run = broken(tmp_path)

    def objects(changed: RunReport) -> tuple[str, str]:
        found = valid(changed)
        return ids(found, "checkouts")[0], ids(found, "builds")[0]

    def with_facts(**facts: object) -> RunReport:
        return replace(run, suites=(replace(run.suites[0], facts=replace(FACTS, **facts)),))  # type: ignore[arg-type]

    checkout, build = objects(run)
    assert objects(replace(run, series_digest="1" * 64))[0] != checkout
    assert objects(with_facts(base="linux-source-6.12 6.12.118-1"))[0] != checkout
    same, another = objects(with_facts(compiler="gcc 13"))
    assert (same == checkout, another == build) == (True, False)


def test_a_tree_names_its_commit_and_where_it_comes_from(tmp_path: Path) -> None:
    url = "https://git.kernel.org/pub/scm/linux/kernel/git/akpm/mm.git"
    facts = replace(FACTS, base="/home/me/linux mm-unstable (bbbb)", base_url=url, base_branch="mm-unstable")
    run = broken(tmp_path)
    checkout = valid(replace(run, suites=(replace(run.suites[0], facts=facts),)))["checkouts"][0]
    assert checkout["git_commit_hash"] == "b" * 40
    assert (checkout["git_repository_url"], checkout["git_repository_branch"]) == (url, "mm-unstable")
    assert "/home/me" not in json.dumps(checkout)
    ssh = replace(facts, base_url="ssh://git@example.org/linux.git")
    assert "git_repository_url" not in valid(replace(run, suites=(replace(run.suites[0], facts=ssh),)))["checkouts"][0]


def test_patches_that_the_series_requires_belong_to_the_patchset_and_not_to_the_commit(tmp_path: Path) -> None:
    facts = replace(FACTS, base="/home/me/linux mm-unstable (cccc)", commit="b" * 40, under="c" * 40)
    run = broken(tmp_path)
    suites = (replace(run.suites[0], facts=facts), replace(run.suites[1], facts=replace(facts, patches=0)))
    assert "patchset_hash" not in valid(replace(run, suites=suites))["checkouts"][0]  # they are not there
    (tmp_path / "base-patches").mkdir()
    (tmp_path / "base-patches/0001-x.patch").write_text("below")
    patched, base = valid(replace(run, suites=suites))["checkouts"]
    assert patched["git_commit_hash"] == base["git_commit_hash"] == "c" * 40  # `bbbb...` only we have
    below = hashlib.sha256(b"below").hexdigest()
    own = hashlib.sha256(next((tmp_path / "patches").iterdir()).read_bytes()).hexdigest()
    assert patched["patchset_hash"] == hashlib.sha256(f"{below}\n{own}\n".encode()).hexdigest()
    assert base["patchset_hash"] == hashlib.sha256(f"{below}\n".encode()).hexdigest()


def stage(name: str, outcome: Outcome, **more: object) -> StageResult:
    return replace(StageResult(name, outcome, 1.0, f"{name} said"), **more)  # type: ignore[arg-type]


def test_a_patch_that_does_not_apply_is_a_checkout_that_is_not_valid(tmp_path: Path) -> None:
    refused = stage("apply", Outcome.FAIL, is_patch_fault=True, detail="error: patch failed: mm/vma.c:1")
    found = valid(report(suite(stages=(refused,)), run_dir=str(tmp_path), subjects=("mm: break it",)))
    (checkout,) = found["checkouts"]
    assert checkout["valid"] is False
    assert checkout["log_excerpt"] == "apply said\nerror: patch failed: mm/vma.c:1"
    assert {*found} == {"version", "checkouts"}


@pytest.mark.parametrize(
    ("how", "status"),
    [
        ({"outcome": Outcome.FAIL, "is_patch_fault": True}, "FAIL"),
        ({"outcome": Outcome.ERROR, "is_request_fault": True}, "ERROR"),
        ({"outcome": Outcome.ERROR}, "MISS"),
        ({"outcome": Outcome.PASS}, "PASS"),
    ],
)
def test_a_build_says_whose_fault_it_is(how: dict[str, Any], status: str) -> None:
    built = stage("build", **how)
    found = valid(report(suite(stages=(built,)), subjects=("mm: break it",)))
    assert found["builds"][0]["status"] == status
    assert bool(found.get("issues")) == (status == "FAIL")
    if status == "FAIL":
        assert found["incidents"][0]["build_id"] == found["builds"][0]["id"]


def test_a_kernel_that_was_never_begun_is_missing() -> None:
    not_run = case("fork", Outcome.ERROR, "planned, and not run", is_not_run=True)
    found = valid(report(suite(not_run), subjects=("a",)))
    assert found["builds"][0]["status"] == "MISS"
    assert found["tests"][0]["status"] == "MISS"


def test_a_kernel_that_nobody_needed_is_skipped() -> None:
    build = StageResult("build", Outcome.SKIP, 0.0, "not run: nothing needs a guest")
    (made,) = valid(report(suite(stages=(build,)), subjects=("a",)))["builds"]
    assert made["status"] == "SKIP"


@pytest.mark.parametrize(
    ("made", "status"),
    [
        (case("a"), "PASS"),
        (case("a", Outcome.SKIP), "SKIP"),
        (case("a", Outcome.NOT_EXERCISED), "DONE"),
        (case("a", Outcome.FAIL), "FAIL"),
        (case("a", Outcome.TIMEOUT), "FAIL"),
        (case("a", Outcome.ERROR), "ERROR"),
        (case("a", Outcome.CRASH, is_host_fault=True), "MISS"),
        (case("a", Outcome.FAIL, comparison=replace(REGRESSION, answer=Answer.PRE_EXISTING)), "FAIL"),
    ],
)
def test_a_status_says_whose_fault_it_is(made: CaseResult, status: str) -> None:
    assert valid(report(suite(made)))["tests"][0]["status"] == status


def test_stages_that_test_are_tests_and_others_are_if_they_failed() -> None:
    stages = (
        stage("toolchain", Outcome.PASS),
        stage("boot", Outcome.FAIL, is_patch_fault=True, kernel_reports=(KASAN,)),
        stage("vma-userspace", Outcome.PASS, subtests=(Subtest("vma_merge", Outcome.PASS),)),
        stage("programs", Outcome.ERROR),
    )
    found = valid(report(suite(stages=stages, facts=FACTS)))
    assert {one["path"]: one["status"] for one in found["tests"]} == {
        "boot": "FAIL",
        "orchestrate.vma-userspace": "PASS",
        "orchestrate.vma-userspace.vma_merge": "PASS",
        "orchestrate.programs": "MISS",
    }
    assert found["incidents"][0]["test_id"] == found["tests"][0]["id"]


def test_subtests_are_tests_of_their_own_and_metrics_stand_with_them() -> None:
    part = Subtest("fork a/b.c", Outcome.FAIL, 1.0, "lost", ("expected 3",), (Metric("ops", 7.5, "ops/s"),))
    run = case("fork", Outcome.FAIL, subtests=(part,), metrics=(Metric("nan", float("nan"), ""), Metric("n", 3.0, "")))
    whole, inner = valid(report(suite(run)))["tests"]
    assert (whole["path"], inner["path"]) == ("orchestrate.fork", "orchestrate.fork.fork_a_b.c")
    assert inner["log_excerpt"] == "lost\nexpected 3"
    assert inner["misc"]["orchestrate"] == {"name": "fork a/b.c", "metrics": {"ops": {"value": 7.5, "unit": "ops/s"}}}
    assert whole["number"] == inner["number"] == {"value": 7.5, "unit": "ops/s", "prefix": "metric"}
    assert whole["misc"]["orchestrate"]["metrics"] == {"n": {"value": 3.0}}


def test_names_of_ours_are_those_of_the_settings(tmp_path: Path) -> None:
    found = valid(broken(tmp_path, ci_name="mm_lab", location="https://ci.example.org/runs"))
    assert {one["origin"] for one in found["tests"]} == {"mm_lab"}
    assert all(one["id"].startswith("mm_lab:") for one in found["incidents"])
    hung = next(one for one in found["tests"] if one["path"] == "orchestrate.hung")
    assert hung["log_url"] == f"https://ci.example.org/runs/{tmp_path.name}/base.patched/console.log"
    assert hung["output_files"][0]["name"] == "postmortem.txt"


def test_long_and_binary_text_is_cut_to_what_the_schema_takes() -> None:
    text = "\0\x1b\udcff" * 20_000
    kasan = replace(KASAN, text=text, frames=())
    found = valid(
        report(
            suite(case("a", Outcome.CRASH, text, kernel_reports=(kasan,)), case("b", Outcome.FAIL, text, console=text))
        )
    )
    assert all(1000 < len(one["log_excerpt"]) <= 16_384 for one in found["tests"])


def test_excerpts_of_many_failures_stay_within_a_budget() -> None:
    data = document.content(many(28_000, bad=True))
    assert data is not None
    assert len(data) < 128 << 20
    found = json.loads(data)
    assert len(found["tests"]) == 28_000
    LATEST.validate_exactly({**found, **{kind: found[kind][-200:] for kind in ("tests", "issues", "incidents")}})


def test_a_mutation_run_is_no_news_of_a_kernel() -> None:
    assert document.content(report(suite(case("m"), has_mutants=True))) is None


@pytest.mark.parametrize("text", [HOSTILE, "", "\0", "a" * 100_000, "..", "@", "\n"])
def test_any_text_makes_a_valid_document(text: str) -> None:
    run = hostile_report(text)
    valid(replace(run, mails=(Envelope(0, text, text, text),), message_ids=(text,), location="https://x.example/y"))


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_other_text_does_too(text: str) -> None:
    facts = KernelFacts(base=text, commit=text, base_url=text, base_branch=text, arch=text, compiler=text, patch=text)
    run = hostile_report(text)
    attempt = Finding(text, Outcome.FAIL, Outcome.FAIL, text, 1.0, metrics=(Metric(text, 1.0, text),))
    made = replace(run.suites[0], facts=facts, attempts=(attempt,), role=Role.PER_PATCH)
    valid(replace(run, suites=(made,), mails=(Envelope(0, text, text, text),)))


def test_a_crash_that_is_known_is_no_issue() -> None:
    known = replace(CRASHED, kernel_reports=(replace(KASAN, known="https://example.org/1"),))
    assert "issues" not in valid(report(suite(known)))
