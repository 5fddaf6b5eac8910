"""What becomes of our words: a terminal that is closed or full, and text that a terminal would obey."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from orchestrator.cli import main
from orchestrator.commands.bisect import show_answer
from orchestrator.declarations.catalog import load_catalog
from orchestrator.host.process import Cancel, Runner
from orchestrator.model.machine import Host
from orchestrator.model.request import Request
from orchestrator.plan import make_plan
from orchestrator.questions.bisection import BisectedCommit, Bisection, BisectionState, State
from orchestrator.source.history import History
from tests.integration.conftest import GOOD, Cli, git

ESCAPE = "\x1b]0;owned\x07\x1b[31m"
SHOWN = "\\x1b]0;owned\\x07\\x1b[31m"
BAD = GOOD.replace(" line 5\n", " line five\n")  # does not apply: the patch is at fault, and nothing is compiled


@pytest.fixture
def failing(tree: Path, tmp_path: Path) -> tuple[str, ...]:
    (tmp_path / "bad.patch").write_text(BAD)
    return ("test", "--patch", "bad.patch", "--tree", str(tree), "--accel", "tcg", "--output", "out")


@pytest.mark.parametrize("redirect", [">&-", "2>&-", "<&- >&- 2>&-", ">/dev/full", ">/dev/full 2>/dev/full"])
def test_reports_are_written_and_the_verdict_stands_whatever_becomes_of_the_terminal(
    cli: Cli, failing: tuple[str, ...], tmp_path: Path, redirect: str
) -> None:
    result = cli(*failing, "--junit", "j.xml", "--json", "r.json", redirect=redirect)
    assert result.returncode == 1, result.stderr
    assert "Traceback" not in result.stderr
    assert json.loads((tmp_path / "r.json").read_text())["verdict"] == "PATCH_AT_FAULT"
    assert (tmp_path / "j.xml").read_text().startswith("<?xml")
    again = cli("report", "out", "--junit", "j2.xml", "--json", "r2.json", redirect=redirect)
    assert again.returncode == 1, again.stderr
    assert (tmp_path / "j2.xml").read_bytes() == (tmp_path / "j.xml").read_bytes()
    assert (tmp_path / "r2.json").read_bytes() == (tmp_path / "r.json").read_bytes()


def test_a_log_is_classified_into_its_file_first(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "dmesg").write_text("[    1.000000] Linux version 6.12\n")
    result = cli("classify", "dmesg", "--json", "r.json", redirect=">/dev/full")
    assert (result.returncode, result.stderr) == (0, "")
    assert json.loads((tmp_path / "r.json").read_text())[0]["reports"] == []


def test_a_product_that_nobody_got_is_an_error_of_one_line(cli: Cli) -> None:
    result = cli("list", "testcases", redirect=">/dev/full")
    assert result.returncode == 3
    assert result.stderr.splitlines()[0] == "orchestrate: stdout: No space left on device"
    assert "Traceback" not in result.stderr


def test_one_report_on_stdout_and_the_other_in_its_file(cli: Cli, failing: tuple[str, ...], tmp_path: Path) -> None:
    result = cli(*failing, "--junit", "-", "--json", "r.json")
    assert result.returncode == 1
    assert result.stdout.startswith("<?xml")
    assert result.stdout.rstrip().endswith("</testsuites>")
    assert "THE PATCH IS AT FAULT" in result.stderr
    assert (tmp_path / "r.json").is_file()
    assert not (tmp_path / "-").exists()
    both = cli(*failing, "--junit", "-", "--json", "-")
    assert both.returncode == 2
    assert "stdout holds one report" in both.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("test", "--patch", f"{ESCAPE}.patch"),
        ("test", f"--{ESCAPE}"),
        ("test", "--testcase", ESCAPE, "--patch", "vm_refcnt"),
        ("report", ESCAPE),
        ("postmortem", ESCAPE),
        ("classify", ESCAPE),
        ("shell", "--accel", "tcg", "--tree", ESCAPE),
        ("boot", "--accel", "tcg", "--base", ESCAPE),
    ],
)
def test_an_error_message_holds_nothing_that_a_terminal_obeys(cli: Cli, arguments: tuple[str, ...]) -> None:
    result = cli(*arguments)
    assert result.returncode == 2
    assert SHOWN in result.stderr
    assert "\x1b" not in result.stderr + result.stdout


def test_gits_own_words_are_filtered_too(cli: Cli, tree: Path, tmp_path: Path) -> None:
    result = cli("build", "--tree", str(tree), "--patch", str(_patch_of_escapes(tmp_path)))
    assert result.returncode == 1, result.stderr
    assert "\x1b" not in result.stderr + result.stdout


def _patch_of_escapes(tmp_path: Path) -> Path:
    path = tmp_path / f"{ESCAPE.replace('/', '')}.patch"
    path.write_text(BAD.replace("mm/memory.c", f"mm/{ESCAPE}.c").replace("change a line", ESCAPE))
    return path


def test_a_list_and_the_doctor_show_paths_and_subjects_harmlessly(cli: Cli, tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "patches").mkdir(parents=True)
    (root / "testcases").mkdir()
    (root / "patches" / f"{ESCAPE}.patch").write_text(GOOD.replace("change a line", f"sub{ESCAPE}ject"))
    listed = cli("list", "patches", env={"ORCHESTRATE_ROOT": str(root)})
    assert f"sub{SHOWN}ject" in listed.stdout
    assert "\x1b" not in listed.stdout
    as_json = cli("list", "patches", "--json", env={"ORCHESTRATE_ROOT": str(root)})
    assert ESCAPE in {row["name"] for row in json.loads(as_json.stdout)}
    doctor = cli("doctor", env={"XDG_CACHE_HOME": str(tmp_path / ESCAPE)})
    assert "\x1b" not in doctor.stdout + doctor.stderr
    assert SHOWN in doctor.stdout


def test_a_traceback_is_filtered_too(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fall(_: object) -> int:
        raise RuntimeError(f"nobody thought of {ESCAPE}")

    monkeypatch.setattr("orchestrator.commands.list.run", fall)
    assert main(["list", "testcases"]) == 3
    said = capsys.readouterr().err
    assert f"nobody thought of {SHOWN}" in said
    assert "Traceback" in said


def test_what_a_bisection_tried_is_indented_and_harmless(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    git(tree, "commit", "--allow-empty", "-q", "-m", f"mm: a change{ESCAPE}")
    commit = git(tree, "rev-parse", "HEAD").strip()
    plan = make_plan(Request(), load_catalog(), None, Host(cpus=2, memory_mib=4096))
    question = Bisection(plan, plan.variants[0], "gup", f"{commit}^", commit, lambda good, bad: (), 1)
    result = BisectionState((BisectedCommit(commit, State.BAD, fails=2, passes=1),), (commit,))
    show_answer(result, question, History(tree, Runner(Cancel())), sys.stdout)
    assert capsys.readouterr().out.splitlines() == [
        f"  {commit[:12]}  bad               failed 2 of 3  mm: a change{SHOWN}",
        "",
        f"first bad commit: {commit} (at least 95% sure)",
        f"  mm: a change{SHOWN}",
        "  t <t@t>",
        f'Fixes: {commit[:12]} ("mm: a change{SHOWN}")',
    ]


def test_nothing_is_removed_that_could_not_be_announced(cli: Cli, tmp_path: Path) -> None:
    product = tmp_path / "home/cache/orchestrate/store/build/0"
    product.mkdir(parents=True)
    os.utime(product, (0, 0))
    result = cli("clean", "--yes", redirect=">/dev/full")
    assert result.returncode == 3
    assert result.stderr.splitlines()[0] == "orchestrate: stdout: No space left on device"
    assert product.is_dir()
    assert cli("clean", "--yes").returncode == 0
    assert not product.is_dir()
