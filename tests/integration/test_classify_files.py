"""orchestrate classify FILE...: what a user and a script get."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

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


def test_a_reader_gets_lines_and_the_json_goes_to_its_file(cli: Cli, tmp_path: Path) -> None:
    shutil.copy(CONSOLE / "oom-kill-memcg.log", tmp_path / "oom.log")
    done = cli("classify", "oom.log", str(CLEAN), "--json", "out/logs.json")
    assert done.returncode == 0
    assert (
        done.stdout
        == f"""\
oom.log: 1 kernel report
  8-28  OOM kill of split-merge  (info)
{CLEAN}: no kernel report
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
    assert "known.yaml: entry 1: link is missing; entry 1: expires is missing" in done.stderr
