"""Every log of tests/data/console gives exactly the reports that its header names."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from orchestrator.model.kernel_report import KernelReport
from orchestrator.parse.logs.kernel_report import Scanner, scan
from orchestrator.parse.logs.log_format import BARE
from orchestrator.parse.logs.report_kinds import load_kinds

CORPUS = sorted((Path(__file__).parent.parent / "data" / "console").glob("*.log"))


def read(path: Path) -> tuple[list[str], bytes]:
    """The header's expectations (`kind | title | outcome`) and the log behind the first blank line."""
    header, _, log = path.read_bytes().partition(b"\n\n")
    expected = [line[len("# expect: ") :] for line in header.decode().split("\n") if line.startswith("# expect: ")]
    return [line for line in expected if line != "nothing"], log


def shown(kernel_reports: tuple[KernelReport, ...] | list[KernelReport]) -> list[str]:
    return [
        f"{kernel_report.kind} | {kernel_report.title} | {kernel_report.outcome.name.lower()}"
        for kernel_report in kernel_reports
    ]


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_a_log_gives_the_reports_that_its_header_names(path: Path) -> None:
    expected, log = read(path)
    assert shown(scan(log)) == expected


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_pieces_and_serial_line_ends_change_nothing(path: Path) -> None:
    expected, log = read(path)
    whole = scan(log)
    for size in (1, 7, 4096):
        scanner = Scanner()
        found = [
            kernel_report for at in range(0, len(log), size) for kernel_report in scanner.feed(log[at : at + size])
        ]
        assert (*found, *scanner.close()) == whole
    assert shown(scan(log.replace(b"\n", b"\r\n"))) == expected


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_lines_and_offsets_point_at_the_report(path: Path) -> None:
    _, log = read(path)
    lines = log.split(b"\n")
    for kernel_report in scan(log):
        first = kernel_report.text.split("\n")[0].encode()
        assert lines[kernel_report.line_start - 1] == first
        assert log[kernel_report.offset : kernel_report.offset + len(first)] == first
        assert lines[kernel_report.line_end - 1].decode(errors="replace") == kernel_report.text.split("\n")[-1]


@pytest.mark.parametrize(
    # without times a second boot cannot be told from a program that prints the kernel's version
    "path",
    [path for path in CORPUS if "interleaved" not in path.stem and not path.stem.startswith("reboot")],
    ids=lambda path: path.stem,
)
def test_logs_without_callers_or_without_any_prefix_give_the_same_titles(path: Path) -> None:
    """Each line of the log printed as by a kernel without PRINTK_CALLER, and as by dmesg -t."""
    expected, log = read(path)
    plain = re.sub(rb"^(\[ *\d+\.\d+\])\[ *[TC]\d+\]", rb"\1", log, flags=re.MULTILINE)
    assert shown(scan(plain)) == expected
    kernel_lines = [line for line in log.split(b"\n") if re.match(rb"\[ *\d+\.\d+\](?:\[| orchestrate:)", line)]
    bare = b"\n".join(re.sub(rb"^\[[^]]*\](?:\[[^]]*\])? ", b"", line) for line in kernel_lines)
    assert shown(scan(bare, BARE)) == expected
    assert scan(bare) == ()


def test_every_kind_has_two_logs() -> None:
    logs = Counter(kind for path in CORPUS for kind in {line.split(" | ")[0] for line in read(path)[0]})
    assert {kind.kind: logs[kind.kind] for kind in load_kinds().kinds if logs[kind.kind] < 2} == {}
    assert set(logs) == {kind.kind for kind in load_kinds().kinds}


# a program there prints whole reports: without prefixes nothing tells them from the kernel's
CLEAN = [path for path in CORPUS if not read(path)[0] and path.stem != "userspace-says-panic"]


@pytest.mark.parametrize("path", CLEAN, ids=lambda path: path.stem)
def test_a_log_without_reports_has_none_without_its_prefixes_either(path: Path) -> None:
    log = re.sub(rb"^\[ *\d+\.\d+\]\[ *[TC]\d+\] ", b"", read(path)[1], flags=re.MULTILINE)
    assert [kernel_report.title for kernel_report in scan(log, BARE)] == []


def test_the_corpus_has_logs_without_reports() -> None:
    assert sum(not read(path)[0] for path in CORPUS) >= 3
