"""orchestrate classify FILE...: what a user and a script get."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.integration.conftest import Cli

CONSOLE = Path(__file__).parent.parent / "data" / "console"
KASAN, CLEAN = CONSOLE / "kasan-uaf-read.log", CONSOLE / "clean-boot.log"


def test_json_has_an_object_for_each_file(cli: Cli) -> None:
    done = cli("classify", str(KASAN), str(CLEAN), "--json", "-")
    assert done.returncode == 0, done.stderr
    found, clean = json.loads(done.stdout)
    assert clean == {"file": str(CLEAN), "format": "printk", "reports": []}
    assert (found["file"], found["format"]) == (str(KASAN), "printk")
    (report,) = found["reports"]
    shown = {key: report[key] for key in ("kind", "title", "severity", "corrupted", "frame", "line_start", "line_end")}
    assert shown == {
        "kind": "kasan",
        "title": "KASAN: slab-use-after-free Read in vma_start_read",
        "severity": "crash",
        "corrupted": False,
        "frame": "vma_start_read",
        "line_start": 7,
        "line_end": 76,
    }
    assert [stack["name"] for stack in report["stacks"]] == ["trace", "alloc", "free", "queued"]


def test_an_unreadable_file_is_an_error_and_the_others_are_still_reported(cli: Cli, tmp_path: Path) -> None:
    done = cli("classify", str(tmp_path / "none.log"), str(KASAN), str(tmp_path), "--json", "-")
    assert done.returncode == 2
    missing, found, directory = json.loads(done.stdout)
    assert missing["error"] == "No such file or directory"
    assert directory["error"] == "Is a directory"
    assert [report["kind"] for report in found["reports"]] == ["kasan"]
    assert "none.log: No such file or directory" in done.stderr


@pytest.mark.parametrize("option", ["--vmlinux=vmlinux", "--format=github"])
def test_what_is_for_logs_alone_is_refused_for_a_run(cli: Cli, tmp_path: Path, option: str) -> None:
    done = cli("classify", option, str(tmp_path))
    assert done.returncode == 2
    assert f"{option.partition('=')[0]} " in done.stderr
    assert "is for log files" in done.stderr


def test_a_reader_gets_lines_and_the_json_goes_to_its_file(cli: Cli, tmp_path: Path) -> None:
    shutil.copy(CONSOLE / "oom-kill-memcg.log", tmp_path / "oom.log")
    done = cli("classify", "oom.log", str(CLEAN), "--json", "out/logs.json")
    assert done.returncode == 0
    assert (
        done.stdout
        == f"""\
oom.log: 1 kernel report (printk)
  8-28  OOM kill of split-merge  (info)
{CLEAN}: no kernel report (printk)
"""
    )
    assert len(json.loads((tmp_path / "out/logs.json").read_text())) == 2


def test_known_issues_are_no_failure(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "known.yaml").write_text(
        "- title: 'KASAN: slab-use-after-free .*'\n  link: https://bugs.example.org/7\n  expires: 2999-01-01\n"
    )
    done = cli("classify", "--known-issues", "known.yaml", str(KASAN), "--json", "-")
    ((report,),) = [log["reports"] for log in json.loads(done.stdout)]
    assert (report["severity"], report["known"]) == ("info", "https://bugs.example.org/7")


def test_a_wrong_list_of_known_issues_is_a_usage_error(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "known.yaml").write_text("- title: x\n")
    done = cli("classify", "--known-issues", "known.yaml", str(KASAN))
    assert done.returncode == 2
    assert "known.yaml: line 1: entry 1: link is missing; line 1: entry 1: expires is missing" in done.stderr


# --- a gate of a CI


def test_the_exit_status_says_what_is_in_the_logs_only_if_it_is_asked_to(cli: Cli, tmp_path: Path) -> None:
    shutil.copy(CONSOLE / "oom-kill-memcg.log", tmp_path / "info.log")
    assert cli("classify", str(KASAN)).returncode == 0
    assert cli("classify", str(CLEAN), str(KASAN), "--exit-code").returncode == 1
    assert cli("classify", str(CLEAN), "info.log", "--exit-code").returncode == 0
    assert cli("classify", "none.log", str(KASAN), "--exit-code").returncode == 2


def test_a_known_issue_does_not_fail_the_gate(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "known.yaml").write_text(
        "- title: 'KASAN: slab-use-after-free .*'\n  link: https://bugs.example.org/7\n  expires: 2999-01-01\n"
    )
    assert cli("classify", "--exit-code", "--known-issues", "known.yaml", str(KASAN)).returncode == 0


UNREAD = "/~ RIP: 0010:drv_read+0xbe/0x110\n//~~ Call Trace:\n///~~~  drv_open+0x10/0x20\n"


def test_a_log_that_may_hide_a_report_is_neither_clean_nor_silent(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "odd.log").write_text(UNREAD)
    done = cli("classify", "odd.log", "--json", "-")
    ((log),) = json.loads(done.stdout)
    assert (log["format"], log["unread"]) == ("bare", {"lines": 3, "first_line": 1, "is_doubtful": True})
    assert "odd.log: warning: 3 lines from line 1 on look like a kernel report's" in done.stderr
    assert done.returncode == 0
    assert cli("classify", "odd.log", "--exit-code").returncode == 3


def test_a_github_workflow_gets_an_annotation_for_each_report(cli: Cli, tmp_path: Path) -> None:
    shutil.copy(KASAN, tmp_path / "a,b: 100%.log")
    shutil.copy(CONSOLE / "oom-kill-memcg.log", tmp_path / "oom.log")
    (tmp_path / "odd.log").write_text(UNREAD)
    done = cli("classify", "a,b: 100%.log", "oom.log", "none.log", "odd.log", "--format", "github")
    kasan, oom, none, odd = done.stdout.splitlines()
    title = "KASAN%3A slab-use-after-free Read in vma_start_read"
    assert kasan.startswith(f"::error file=a%2Cb%3A 100%25.log,line=7,endLine=76,title={title}::crash%0A[   12.000339]")
    assert oom.startswith("::notice file=oom.log,line=8,endLine=28,title=OOM kill of split-merge::info%0A")
    assert none == "::error file=none.log::cannot be read: No such file or directory"
    assert odd.startswith("::warning file=odd.log,line=1::3 lines from line 1 on look like")
    assert kasan.endswith("%0A... and 30 lines more")


def test_what_a_log_says_cannot_become_a_command_of_the_workflow(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "evil.log").write_text(
        "[    5.000000] Kernel panic - not syncing: x\r::add-mask::100%0A, a: b\n[    5.000001] ::error::no\n"
    )
    (line,) = cli("classify", "evil.log", "--format", "github").stdout.splitlines()
    head, _, rest = line.partition(", corrupted: ")
    assert head == "::error file=evil.log,line=1,endLine=2,title=Kernel panic%3A x::crash"
    assert rest.startswith("no function of a subsystem is in it%0A")
    assert "%250A" in line


def test_stdout_holds_one_report(cli: Cli, tmp_path: Path) -> None:
    done = cli("classify", str(KASAN), "--format", "github", "--json", "-")
    assert done.returncode == 2
    assert "stdout holds one of them" in done.stderr
