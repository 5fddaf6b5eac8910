"""Nights on real git trees, maildirs and servers. The trees are no kernels that can be configured, so that an item ends
in a second, and says so."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from argparse import Namespace
from collections.abc import Callable
from contextlib import closing, nullcontext
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from orchestrator.commands.night_history import NightHistory
from orchestrator.commands.night_items import Stop
from orchestrator.commands.nightly import _Night
from orchestrator.history.keep import keep
from orchestrator.history.rows import rows_of
from orchestrator.invocation.executors import Workforce
from orchestrator.model.night import BISECT, Item, NightItem, NightPlan, NightRecord, Priority, Results, State
from orchestrator.model.outcome import Outcome
from orchestrator.model.report import RunReport
from orchestrator.model.request import Request
from orchestrator.nights.night_dir import save_night
from orchestrator.reporters.table import write_files
from orchestrator.runs.record import RunRecord, save_record
from tests.integration.conftest import Cli, git
from tests.integration.mails import Archive, thread
from tests.run_reports import case, report, suite

HERE = Workforce(lambda products: nullcontext())  # type: ignore[arg-type, return-value]
PLAN = """\
trees:
  mm:
    path: linux
    fetch: [git -C . status]
    branches: [main, next]
    suites: [quick]
suites:
  quick: {testcases: [split-merge], duration: 1s, options: [--accel, tcg]}
results: {markdown: out/night.md, json: out/night.json, junit: out/night.xml}
"""


@pytest.fixture
def plan(tmp_path: Path, tree: Path) -> Path:
    git(tree, "branch", "next")
    path = tmp_path / "night.yaml"
    path.write_text(PLAN)
    return path


def commit(tree: Path, branch: str, line: str) -> str:
    git(tree, "checkout", "-q", branch)
    with (tree / "mm/memory.c").open("a") as file:
        file.write(f"{line}\n")
    git(tree, "commit", "-q", "-a", "-m", f"mm: {line}")
    return git(tree, "rev-parse", "HEAD").strip()


def nights(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "home/state/orchestrate/nights").glob("2*"))


def states(path: Path) -> dict[str, str]:
    return {item["name"].split()[0]: item["state"] for item in json.loads(path.read_text())["items"]}


def test_a_rehearsal_tells_what_would_run_and_changes_nothing(cli: Cli, plan: Path, tmp_path: Path, tree: Path) -> None:
    plan.write_text(PLAN.replace("git -C . status", "touch fetched"))
    done = cli("nightly", str(plan), "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "2 items would run, about 40 min of 8 h 00 min" in done.stdout
    tip = git(tree, "rev-parse", "main").strip()
    assert f"orchestrate test --tree {tree} --base {tip} --kconfig base --machine q35" in done.stdout
    assert "note: trees are as they were fetched last" in done.stdout
    assert not (tree / "fetched").exists()
    assert not (tmp_path / "home/state/orchestrate").exists()
    assert not (tmp_path / "out").exists()


def test_the_history_of_the_command_line_counts_more_than_the_plans(cli: Cli, plan: Path, tmp_path: Path) -> None:
    plan.write_text(PLAN.replace("results: {", f"results: {{history: {tmp_path}/usual.db, "))
    (tmp_path / "mine.db").write_text("no database, so that it can be seen who reads it")
    assert cli("nightly", str(plan), "--dry-run").returncode == 0
    done = cli("nightly", str(plan), "--dry-run", "--history", "mine.db")
    assert (done.returncode, "mine.db" in done.stderr) == (3, True), done.stderr


def test_results_that_cannot_be_written_are_refused_before_the_night(cli: Cli, plan: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file, where the directory of the results should be")
    for more in ((), ("--dry-run",)):
        done = cli("nightly", str(plan), *more)
        assert (done.returncode, "out/night.md: cannot be written" in done.stderr) == (2, True), done.stderr
    assert not nights(tmp_path)


def test_certificates_without_a_cluster_are_refused(cli: Cli, plan: Path, good_patch: Path) -> None:
    for words in (("nightly", str(plan)), ("test", str(good_patch))):
        done = cli(*words, "--dry-run", "--identity", "certificates")
        assert done.returncode == 2
        assert "--identity says nothing without a cluster" in done.stderr


def test_each_night_tests_what_is_new_and_says_what_is(cli: Cli, plan: Path, tmp_path: Path, tree: Path) -> None:
    first = cli("nightly", str(plan))
    assert first.returncode == 1, first.stderr
    assert re.search(r"new failures:\n  FAIL configure on base\.x86_64\.\S+, mm/main quick base q35", first.stdout)
    record = json.loads((tmp_path / "out/night.json").read_text())
    assert record["finished"]
    assert [item["state"] for item in record["items"]] == ["DONE", "DONE"]
    for item in record["items"]:
        report_json = json.loads(Path(item["directory"], "report.json").read_text())
        assert (item["verdict"], item["status"]) == (report_json["verdict"], 1)
    root = ElementTree.parse(tmp_path / "out/night.xml").getroot()
    suites = [found.get("name") for found in root]
    assert suites[0] == "night"
    assert suites[1].startswith("mm/main quick base q35.base.x86_64.")
    assert root.get("failures") == "2"
    assert "## ❌ New failures" in (tmp_path / "out/night.md").read_text()

    tip = commit(tree, "next", "another line")
    second = cli("nightly", str(plan))
    assert second.returncode == 0, "an old failure is no news"
    assert "still failing:\n  FAIL configure" in second.stdout
    assert re.search(
        r"mm/main quick base q35: nothing changed; last tested 20\d\d-\d\d-\d\d \S+: the patch", second.stdout
    )
    assert f"..{tip[:12]}" in json.loads((tmp_path / "out/night.json").read_text())["items"][1]["why"]
    assert [state for path in nights(tmp_path) for state in states(path / "night.json").values()] == [
        "DONE", "DONE", "SKIPPED", "DONE",
    ]  # fmt: skip

    third = cli("nightly", str(plan), "-q")
    assert third.returncode == 0
    assert "0 new failures; 0 of 0 items ran in 0 s, 2 skipped" in third.stdout
    known = cli("history", "query", "runs", "--format", "json")
    assert len(json.loads(known.stdout)) == 3


def test_a_tree_that_cannot_be_fetched_is_an_error_of_its_own(cli: Cli, plan: Path, tmp_path: Path) -> None:
    broken = "  far:\n    path: linux\n    fetch: ['echo no $GIT_SSH >&2; exit 128']\n    branches: [main]\nsuites:"
    plan.write_text(PLAN.replace("suites:\n  quick", f"{broken}\n  quick"))
    done = cli("nightly", str(plan), env={"GIT_SSH": "route"})
    assert done.returncode == 1
    assert "far/main: echo no $GIT_SSH >&2; exit 128: exited with 128: no route" in done.stdout
    assert [*states(tmp_path / "out/night.json").values()] == ["DONE", "DONE", "FAILED"]
    root = ElementTree.parse(tmp_path / "out/night.xml").getroot()
    assert [found.get("name") for found in root[0] if found.find("error") is not None] == ["far/main"]
    again = cli("nightly", str(plan))
    assert again.returncode == 3, "nothing is newly broken, and something could not be judged"


def test_a_branch_that_is_gone_is_one_too(cli: Cli, plan: Path, tree: Path) -> None:
    git(tree, "branch", "-D", "next")
    done = cli("nightly", str(plan))
    assert f"mm/next: next: no such revision in {tree}" in done.stdout


def test_a_wrong_plan_runs_nothing(cli: Cli, plan: Path, tmp_path: Path) -> None:
    plan.write_text(PLAN.replace("split-merge", "splitmerge"))
    done = cli("nightly", str(plan))
    assert done.returncode == 2
    assert f"{plan}:8: suites.quick.testcases: unknown test case splitmerge" in done.stderr
    assert not nights(tmp_path)


@pytest.fixture
def begin(tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    env = {
        **os.environ, "HOME": str(tmp_path / "home"), "NO_COLOR": "1", "XDG_CACHE_HOME": str(tmp_path / "home/cache"),
        "XDG_STATE_HOME": str(tmp_path / "home/state"),
    }  # fmt: skip

    def start(*args: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["env", "--default-signal=INT", sys.executable, "-m", "orchestrator", *args],
            env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
        )  # fmt: skip

    return start


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_night_that_was_ended_goes_on(
    cli: Cli, begin: Callable[..., subprocess.Popen[str]], plan: Path, tmp_path: Path, signum: int
) -> None:
    process = begin("nightly", str(plan))
    assert process.stderr
    for line in process.stderr:
        if line.startswith("[2/2]"):
            break
    process.send_signal(signum)
    _, err = process.communicate(timeout=60)
    if signum != signal.SIGKILL:
        assert process.returncode == 130
        assert f"nightly {plan}" in err.partition("INTERRUPTED; what continues it:")[2]
    [night] = nights(tmp_path)
    assert not json.loads((night / "night.json").read_text())["finished"]
    first = night / "runs/mm-main-quick-base-q35"
    before = (first / "run.json").stat().st_mtime_ns
    done = cli("nightly", str(plan))
    assert done.returncode == 1, done.stderr
    assert "1 item to run, continued" in done.stderr
    assert nights(tmp_path) == [night]
    assert states(night / "night.json") == {"mm/main": "DONE", "mm/next": "DONE"}
    assert (first / "run.json").stat().st_mtime_ns == before, "what is done is not done again"
    assert len([*(night / "runs").iterdir()]) == 2
    assert len(json.loads((night / "night.json").read_text())["news"]) == 2


def test_a_run_that_was_over_when_the_night_was_killed_is_not_run_again(cli: Cli, plan: Path, tmp_path: Path) -> None:
    cli("nightly", str(plan))
    [night] = nights(tmp_path)
    path = night / "night.json"
    record = json.loads(path.read_text())
    record["finished"] = False
    record["items"][1] |= {"state": "RUNNING", "run": "", "verdict": "", "status": None}
    path.write_text(json.dumps(record))
    before = sorted((night / "runs").iterdir())
    done = cli("nightly", str(plan))
    assert "0 items to run, continued" in done.stderr
    assert done.returncode == 1
    assert sorted((night / "runs").iterdir()) == before, "none was moved aside"
    assert states(path) == {"mm/main": "DONE", "mm/next": "DONE"}


def test_a_plan_has_one_night_at_a_time(cli: Cli, begin: Callable[..., subprocess.Popen[str]], plan: Path) -> None:
    plan.write_text(PLAN.replace("git -C . status", "sleep 20"))
    process = begin("nightly", str(plan))
    assert process.stderr
    assert process.stderr.readline() == "looking for what is new\n"
    other = cli("nightly", str(plan))
    assert other.returncode == 2
    assert "a night of this plan is going on" in other.stderr
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=10)
    assert process.returncode == 130


# --- where series come from


def test_series_of_a_maildir_a_server_and_an_archive(cli: Cli, tmp_path: Path, tree: Path) -> None:
    mail = tmp_path / "mail"
    (mail / "cur").mkdir(parents=True)
    (mail / "new").mkdir()
    letters = [*re.split(r"(?m)^From mboxrd.*\n", thread())[1:], *re.split(r"(?m)^From .*\n", thread(" v2", "b@x"))[1:]]
    letters.append("From: A <a@x>\nSubject: lunch?\nMessage-ID: <lunch@x>\n\nAt noon.\n")
    letters.append("From: A <a@x>\nSubject: [PATCH 2/3] mm: lost\nMessage-ID: <lost@x>\n\nNo diff.\n")
    for number, letter in enumerate(letters):
        (mail / ("new" if number % 2 else "cur") / f"{number}.host:2,S").write_text(letter)
    (mail / "cur/9.host").write_bytes(b"\xff\xfe no mail\n")
    with closing(Archive({"lore@x": thread("", "lore@x")})) as archive:
        server = archive.url.removesuffix("/all")
        listed = [
            {"id": 7, "name": "[v3,0/2] mm: queued", "version": 3, "mbox": f"{server}/q/lore@x/t.mbox.gz"},
            {"id": 8, "name": None, "mbox": f"{server}/q/lore@x/t.mbox.gz", "received_all": False},
            {"id": 9, "name": "elsewhere", "mbox": "http://127.0.0.1:1/series/9/mbox/"},
        ]
        archive.answers["/api"] = (200, {}, json.dumps(listed).encode())
        plan = tmp_path / "night.yaml"
        plan.write_text(
            f"""\
series:
  inbox: {{maildir: mail, tree: linux, base: main, suites: [quick]}}
  queue: {{patchwork: "{server}/api", tree: linux, suites: [quick]}}
  lore: {{patch: lore@x, archive: "{server}/mm", tree: linux, suites: [quick]}}
  gone: {{patch: nothing@x, archive: "{server}/mm", tree: linux, suites: [quick]}}
suites: {{quick: {{testcases: [split-merge]}}}}
"""
        )
        done = cli("nightly", str(plan), "--dry-run")
    assert done.returncode == 0, done.stderr
    ran = re.findall(r"\S+ min  (\S+) quick", done.stdout)
    assert sorted(ran) == ["inbox/mm-two-lines", "lore", "queue/mm-queued"]
    assert re.search(r"--patch \S+/mm-two-lines\.mbox --version 2 --tree \S+ --base [0-9a-f]{40}", done.stdout)
    for words in (
        "queue/elsewhere: http://127.0.0.1:1/series/9/mbox/: not of the server that was asked",
        "inbox/mm-lost: ",
        "gone: ",
        "note: queue: 1 series still incomplete",
    ):
        assert words in done.stdout
    assert "lunch" not in done.stdout


# --- bisections


def test_a_case_that_passed_on_an_earlier_tip_is_bisected(tmp_path: Path, tree: Path) -> None:
    good = git(tree, "rev-parse", "HEAD").strip()
    bad = commit(tree, "main", "worse")
    name = "mm/main quick base q35"
    known = NightHistory.at(str(tmp_path / "history.db"), create=True)
    assert known.database
    earlier = replace(report(suite(case("split-merge"))), started="2026-11-27T02:00:00")
    keep(known.database, rows_of("a", earlier, location="/a", night=NightItem("before", name, (("base", good),))))
    worse = replace(report(suite(case("split-merge", Outcome.FAIL))), started="2026-11-28T02:00:00")
    words = ("test", "--tree", str(tree), "--base", bad, "--kconfig", "base", "--machine", "q35", "--seed", "1")
    tested = (("base", bad),)
    item = Item(
        name,
        "mm",
        words,
        Priority.NORMAL,
        "new",
        State.DONE,
        tested,
        directory=str(_run(tmp_path, worse, name, tested)),
    )
    plan = NightPlan("p", "d", (), (), 3600, 1200, 3, 60, True, Results())
    night = _Night(tmp_path, plan, known, Stop(), Namespace(quiet=True), HERE)
    record = night._take(NightRecord("now", "p", "2026-11-28T01:00:00", 3600, (), (item,)), item)
    assert [(news.change.name, news.test, news.since) for news in record.news] == [
        ("NEW", "split-merge", "2026-11-27T02:00:00")
    ]
    _, bisection = record.items
    assert (bisection.command, bisection.priority, bisection.state) == (BISECT, Priority.BISECTION, State.PLANNED)
    assert bisection.words[:5] == (BISECT, good, bad, "--testcase", "split-merge")
    assert bisection.why == f"passed on {good[:12]}, fails on {bad[:12]}"
    assert night._take(record, record.items[0]).items == record.items, "once"


def test_a_result_that_can_be_written_no_more_is_told_when_the_night_is_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "night.md").mkdir()  # which it was not when the night began
    results = Results(markdown=str(tmp_path / "night.md"), junit=str(tmp_path / "night.xml"))
    plan = NightPlan(str(tmp_path / "p"), "d", (), (), 1, 1, 3, 1, True, results)
    night = _Night(tmp_path, plan, NightHistory(None), Stop(), Namespace(quiet=True), HERE)
    record = NightRecord("now", "p", "2026-11-28T01:00:00", 3600, (), (), finished=True)
    save_night(record, tmp_path)
    assert night.deliver(record) == 3
    said = capsys.readouterr()
    assert "night.md: Is a directory" in said.err
    assert "0 new failures" in said.out
    assert (tmp_path / "night.xml").is_file()


def test_a_branch_that_was_rewritten_is_bisected_from_where_it_was(tmp_path: Path, tree: Path) -> None:
    fork = git(tree, "rev-parse", "HEAD").strip()
    git(tree, "branch", "old")
    good, bad = commit(tree, "old", "one"), commit(tree, "main", "two")
    night = _Night(
        tmp_path,
        NightPlan("p", "d", (), (), 1, 1, 3, 1, True, Results()),
        NightHistory(None),
        Stop(),
        Namespace(quiet=True),
        HERE,
    )
    words = ("test", "--tree", str(tree), "--base", bad, "--kconfig", "base", "--machine", "q35")
    item = Item("i", "mm", words, Priority.NORMAL, "new")
    record = NightRecord("now", "p", "", 3600, (), (item,))
    _, bisection = night._with_bisection(record, item, "thp", good).items
    assert bisection.words[1:3] == (fork, bad)
    assert "the branch was rewritten" in bisection.why
    gone = night._with_bisection(record, item, "thp", "0" * 40)
    assert gone.items == (item,)
    assert "no commit lies between" in gone.notes[0]


def _run(tmp_path: Path, found: RunReport, name: str, tested: tuple[tuple[str, str], ...]) -> Path:
    run_dir = tmp_path / "run"
    run_dir.mkdir()
    record = RunRecord(Request(), "k", "base", "", found.started, finished=True, id="b")
    save_record(replace(record, night=NightItem("now", name, tested)), run_dir / "run.json")
    write_files(replace(found, run_dir=str(run_dir)), run_dir)
    return run_dir
