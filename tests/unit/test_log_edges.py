"""Logs that begin or end within something: a report, a compressed file, a document of JSON."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from orchestrator.judge.logs import classify_log
from orchestrator.model.kernel_report import LogReport
from orchestrator.reporters.github import commands
from orchestrator.reporters.logs import doubt, dumps

WARNING = [
    "------------[ cut here ]------------",
    "WARNING: CPU: 1 PID: 66 at mm/mmap.c:1234 do_mmap+0x12/0x340",
    "CPU: 1 UID: 0 PID: 66 Comm: uffd Not tainted 6.12.0 #1",
    "RIP: 0010:do_mmap+0x12/0x340",
    "Call Trace:",
    " <TASK>",
    " vm_mmap_pgoff+0xd1/0x120",
    " </TASK>",
    "---[ end trace 0000000000000000 ]---",
    "br0: port 1 entered forwarding state",
]


def printk(lines: Sequence[str]) -> str:
    return "".join(f"[{12 + at * 0.0001:12.6f}] {line}\n" for at, line in enumerate(lines))


@pytest.fixture
def read(tmp_path: Path):  # type: ignore[no-untyped-def]
    def of(data: str | bytes) -> LogReport:
        path = tmp_path / "log"
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return classify_log(path)

    return of


def test_a_log_that_begins_within_a_report_is_not_clean(read) -> None:  # type: ignore[no-untyped-def]
    log = read(printk(WARNING[3:]))
    assert (log.reports, log.cut_at, log.is_doubtful) == ((), 6, True)
    assert doubt(log) == "line 6 ends a kernel report whose beginning is not in this log"
    assert json.loads(dumps([log]))[0]["cut"] == {"line": 6}
    assert ",line=6::line 6 ends" in "".join(commands([log]))
    # a report behind it does not hide it
    both = read(printk([*WARNING[3:], *WARNING]))
    assert (len(both.reports), both.cut_at) == (1, 6)


@pytest.mark.parametrize("lines", [WARNING, [*WARNING, WARNING[8]], ["sysrq: Show State", *WARNING[4:8]]])
def test_a_log_that_begins_before_its_reports_is_read(read, lines: list[str]) -> None:  # type: ignore[no-untyped-def]
    assert read(printk(lines)).cut_at == 0


def test_a_program_that_prints_the_end_of_a_report_is_no_kernel(read) -> None:  # type: ignore[no-untyped-def]
    assert read(f"{printk(['fine'])}{WARNING[8]}\n{printk(['fine'])}").cut_at == 0


def test_a_programs_line_in_a_report_begins_no_other(read) -> None:  # type: ignore[no-untyped-def]
    first, rest = printk(WARNING).split("\n", 2)[:2], printk(WARNING).split("\n", 2)[2]
    log = read("\n".join([*first, "Kernel panic - not syncing: a program says so", rest]))
    assert [(report.title, report.corrupted) for report in log.reports] == [("WARNING in do_mmap", False)]


def test_what_comes_out_of_a_damaged_file_counts(read) -> None:  # type: ignore[no-untyped-def]
    packed = gzip.compress(printk(WARNING * 3).encode())
    log = read(packed[:-20])
    assert log.error.startswith("damaged compressed data: ")
    assert [report.title for report in log.reports][:2] == ["WARNING in do_mmap"] * 2
    assert read(packed[:15]).error


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-16"])
def test_utf_16_needs_no_mark(read, encoding: str) -> None:  # type: ignore[no-untyped-def]
    log = read(printk(WARNING).encode(encoding))
    assert [report.title for report in log.reports] == ["WARNING in do_mmap"]


def test_a_journal_s_bytes_are_its_text(read) -> None:  # type: ignore[no-untyped-def]
    said = [{"_TRANSPORT": "kernel", "MESSAGE": list(line.encode())} for line in WARNING]
    said.insert(3, {"_TRANSPORT": "stdout", "MESSAGE": list(b"hello \xff")})
    log = read("".join(json.dumps(line) + "\n" for line in said))
    assert [(report.title, report.line_start, report.line_end) for report in log.reports] == [
        ("WARNING in do_mmap", 1, 10)
    ]


@pytest.mark.parametrize(
    "tree", [[{"message": line} for line in WARNING], {"streams": [{"values": [["1", line] for line in WARNING]}]}]
)
def test_json_without_lines_is_no_clean_log(read, tree: object) -> None:  # type: ignore[no-untyped-def]
    assert "jq" in read(json.dumps(tree)).error


def test_one_line_of_json_may_be_a_log(read) -> None:  # type: ignore[no-untyped-def]
    assert not read(json.dumps({"_TRANSPORT": "kernel", "MESSAGE": "fine", "N": 1})).error
    assert not read('[   12.000000] a ["list", {"of": "words"}]\n').error
