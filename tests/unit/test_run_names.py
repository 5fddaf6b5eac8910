"""What a run records at its beginning so that reports can name it, however far it comes."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from orchestrator import __version__
from orchestrator.arguments.parser import parser
from orchestrator.commands.report import judge_again
from orchestrator.context import Context, Places
from orchestrator.declarations.catalog import load_catalog
from orchestrator.host.process import Cancel, Runner
from orchestrator.invocation.compose import request_of
from orchestrator.invocation.rundir import claim
from orchestrator.judge.run import judge_run
from orchestrator.model.kernel_facts import KernelFacts
from orchestrator.model.machine import Host
from orchestrator.model.request import Plan, Request
from orchestrator.model.series import Envelope
from orchestrator.parse.patches.series import read_patches
from orchestrator.plan import make_plan
from orchestrator.reporters import junit
from orchestrator.runs.record import RunRecord
from orchestrator.runs.record import load_record as load_record
from orchestrator.settings.keys import Settings

GCC = "gcc (Debian 12.2.0-14+deb12u1) 12.2.0"
MAIL = (
    b"From: A <a@example.org>\nSubject: [PATCH] mm: say b\nMessage-ID: <1@example.org>\n\n---\n"
    b"--- a/mm/mmap.c\n+++ b/mm/mmap.c\n@@ -1 +1 @@\n-a\n+b\n"
)


def a_plan(compiler: str = GCC, **request: object) -> Plan:
    series = read_patches([("0001-x.patch", MAIL)], name="v2-x")
    asked = replace(Request(patch="x"), **request)  # type: ignore[arg-type]
    return make_plan(asked, load_catalog(), series, Host(2, 4096, compiler))


def context(tmp_path: Path) -> Context:
    return Context(Places(tmp_path / "cache", tmp_path / "state"), load_catalog(), Runner(Cancel()), lambda event: None)


def test_a_run_that_ends_before_its_first_stage_has_the_names_of_one_that_does_not(tmp_path: Path) -> None:
    with claim(context(tmp_path), a_plan(suite_name="nightly"), "test", tmp_path / "run") as (run_dir, _):
        report = judge_run(run_dir, interrupted=True)
    assert (report.subjects, report.message_ids) == (("mm: say b",), ("1@example.org",))
    assert (report.arch, report.compiler, report.version) == ("x86_64", GCC, __version__)
    assert b'<testsuite errors="' in junit.content(report)
    assert b'name="nightly.base.x86_64.gcc-12"' in junit.content(report)
    assert b'classname="nightly.base.x86_64.gcc-12.cases"' in junit.content(report)


def test_what_a_run_is_called_does_not_make_another_one_of_it(tmp_path: Path) -> None:
    with claim(context(tmp_path), a_plan(), "test", tmp_path / "run") as (run_dir, _):
        assert load_record(RunRecord, run_dir / "run.json").request.suite_name == ""
    again = a_plan("gcc (Debian) 12.4.0", suite_name="nightly", attachments_root="/builds/x")
    with claim(context(tmp_path), again, "test", tmp_path / "run") as (run_dir, resumed):
        assert resumed
        report = judge_run(run_dir)
    assert (report.suite_name, report.attachments_root) == ("nightly", "/builds/x")
    assert report.compiler == "gcc (Debian) 12.4.0"


@pytest.mark.parametrize("command", ["test", "mutants"])
def test_the_options_reach_the_request_and_a_relative_root_means_the_same_from_anywhere(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    args: argparse.Namespace = parser().parse_args([command, "--suite-name", "mm", "--attachments-root", "."])
    request = request_of(args)
    assert (request.suite_name, request.attachments_root) == ("mm", str(tmp_path.resolve()))
    plain = request_of(parser().parse_args([command]))
    assert (plain.suite_name, plain.attachments_root) == ("", "")


def test_a_report_can_be_had_again_under_another_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with claim(context(tmp_path), a_plan(suite_name="nightly"), "test", tmp_path / "run") as (run_dir, _):
        pass

    def name_with(*options: str) -> str:
        args = parser().parse_args(["report", str(run_dir), *options])
        args.settings = Settings()
        assert judge_again(run_dir, args) == 130
        found = ElementTree.parse(run_dir / "junit.xml").getroot()[0].get("name", "")
        return found.removesuffix("base.x86_64.gcc-12")

    assert name_with() == "nightly."
    assert name_with("--suite-name", "weekly") == "weekly."
    assert name_with("--suite-name", "") == ""
    assert "INTERRUPTED" in capsys.readouterr().out


def test_facts_that_are_not_known_are_no_properties() -> None:
    assert KernelFacts(commit="c0ffee", warnings=0, patches=0).properties() == (("commit", "c0ffee"),)
    built = dict(KernelFacts(product="p", mutant=0, slowdown=1.5).properties())
    assert built == {"product": "p", "warnings": "0", "patches": "0", "mutant": "0", "slowdown": "1.5"}


def test_who_wrote_the_series_is_recorded_and_names_for_others_make_no_other_run(tmp_path: Path) -> None:
    named = a_plan(ci_name="mm_lab", location="https://ci.example")
    with claim(context(tmp_path), named, "test", tmp_path / "run") as (run_dir, _):
        first = judge_run(run_dir, interrupted=True)
    assert (first.ci_name, first.location) == ("mm_lab", "https://ci.example")
    with claim(context(tmp_path), a_plan(ci_name="other"), "test", tmp_path / "run") as (run_dir, resumed):
        report = judge_run(run_dir, interrupted=True)
    assert resumed
    assert (report.ci_name, report.location) == ("other", "")
    assert report.run_id == first.run_id != ""
    assert report.mails == (Envelope(1, "1@example.org", "[PATCH] mm: say b", "A <a@example.org>"),)
