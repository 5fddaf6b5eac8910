from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.errors import BadDeclaration
from orchestrator.model.outcome import Outcome
from orchestrator.parse.logs import report_lines as report_lines
from orchestrator.parse.logs.kernel_report import HOLD_LINES, LONGEST_LINE, Scanner, scan
from orchestrator.parse.logs.report_kinds import load_kinds, read_table

CONSOLE = Path(__file__).parent.parent / "data" / "console"


def log_of(name: str) -> bytes:
    return (CONSOLE / f"{name}.log").read_bytes().partition(b"\n\n")[2]


def kernel(*messages: str, at_s: float = 5.0, caller: str = "T66") -> bytes:
    return "".join(f"[{at_s + i / 1000:12.6f}][{caller:>6}] {text}\n" for i, text in enumerate(messages)).encode()


WARNING = kernel(
    "------------[ cut here ]------------",
    "WARNING: CPU: 1 PID: 66 at mm/mmap.c:2381 unmap_region+0x7c/0x90",
    "RIP: 0010:unmap_region+0x7c/0x90",
    "Call Trace:",
    " <TASK>",
    " do_vmi_munmap+0xa3/0x100",
    " </TASK>",
    "---[ end trace 0000000000000000 ]---",
)
OOPS = kernel(
    "BUG: kernel NULL pointer dereference, address: 0000000000000010",
    "Oops: Oops: 0000 [#1] SMP",
    "RIP: 0010:vma_start_read+0x14/0xa0",
    "---[ end trace 0000000000000000 ]---",
)
PANIC = kernel("Kernel panic - not syncing: Fatal exception", "Kernel Offset: disabled", at_s=5.1)


def titles(data: bytes) -> list[str]:
    return [kernel_report.title for kernel_report in scan(data)]


# --- what belongs to a report


def test_the_text_is_what_the_kernel_printed_and_nothing_else() -> None:
    noise = b"ok 1 a\n" + kernel("something else", caller="C0")
    lines = WARNING.split(b"\n")
    (kernel_report,) = scan(noise + b"\n".join([*lines[:4], noise.rstrip(), *lines[4:]]) + noise)
    assert kernel_report.text == WARNING.decode().rstrip("\n")
    assert (kernel_report.line_start, kernel_report.line_end) == (3, 12)
    assert kernel_report.offset == len(noise)


def test_a_panic_that_follows_from_an_oops_makes_it_a_crash_and_is_no_report_of_its_own() -> None:
    (kernel_report,) = scan(OOPS + PANIC)
    assert (kernel_report.kind, kernel_report.outcome) == ("oops", Outcome.CRASH)
    assert "Kernel panic - not syncing" in kernel_report.text


def test_the_cause_of_a_panic_is_found_even_if_another_cpu_panics() -> None:
    (kernel_report,) = scan(WARNING + kernel("Kernel panic - not syncing: Fatal exception", "x", at_s=5.1, caller="C1"))
    assert (kernel_report.kind, kernel_report.outcome) == ("warning", Outcome.CRASH)
    assert "][    C1] x" in kernel_report.text


def test_a_panic_for_its_own_reason_stays_beside_an_oops() -> None:
    own = kernel("Kernel panic - not syncing: stack-protector: Kernel stack is corrupted in: f+0x1/0x2", at_s=5.1)
    assert [kernel_report.kind for kernel_report in scan(OOPS + own)] == ["oops", "panic"]


def test_a_consequence_without_a_cause_is_a_report() -> None:
    assert titles(PANIC) == ["Kernel panic: Fatal exception"]
    assert len(scan(OOPS + kernel("x") * (HOLD_LINES + 1) + PANIC)) == 2


def test_silence_of_the_kernel_ends_a_report_that_has_no_end_marker() -> None:
    cut = b"\n".join(WARNING.split(b"\n")[:5]) + b"\n"
    (kernel_report,) = scan(cut + kernel("much later", at_s=60.0))
    assert "much later" not in kernel_report.text


def test_a_report_without_an_end_is_given_at_the_end_of_the_log_and_is_bounded() -> None:
    cut = b"\n".join(WARNING.split(b"\n")[:5]) + b"\n"
    assert titles(cut) == ["WARNING in unmap_region"]
    assert titles(cut.rstrip(b"\n")) == ["WARNING in unmap_region"]
    (kernel_report,) = scan(cut + kernel(*(f"line {number}" for number in range(3000))))
    assert len(kernel_report.text.split("\n")) == 300


def test_cut_here_alone_is_no_report() -> None:
    assert scan(kernel("------------[ cut here ]------------", "something")) == ()


def test_the_newer_of_two_touching_reports_keeps_its_cut_here_line() -> None:
    cut = b"\n".join(WARNING.split(b"\n")[:5]) + b"\n"
    first, second = scan(cut + WARNING)
    assert (first.line_end, second.line_start) == (5, 6)
    first, second = scan(cut + b"ok 1\n" + WARNING)
    assert (first.line_end, second.line_start) == (5, 7)
    first, second = scan(cut + WARNING)
    assert second.text == WARNING.decode().rstrip("\n")
    assert second.offset == len(cut)
    assert first.text == cut.decode().rstrip("\n")


def test_levels_before_the_time_are_allowed() -> None:
    assert titles(re.sub(rb"^\[", rb"<4>[", WARNING, flags=re.MULTILINE)) == ["WARNING in unmap_region"]


def test_titles_are_the_same_for_another_run_of_the_same_bug() -> None:
    other = WARNING.replace(b"0x7c/0x90", b"0x81/0x99").replace(b"CPU: 1 PID: 66", b"CPU: 0 PID: 1234")
    other = other.replace(b"mmap.c:2381", b"mmap.c:2390").replace(b"T66", b"T99")
    assert titles(other) == titles(WARNING)
    isra = OOPS.replace(b"vma_start_read+", b"vma_start_read.isra.0+")
    assert titles(isra) == titles(OOPS)


def test_stale_stack_slots_name_nobody() -> None:
    text = kernel(
        "INFO: task x:1 blocked for more than 20 seconds.", "Call Trace:", " ? stale+0x1/0x2", " real+0x1/0x2"
    )
    assert titles(text) == ["hung task in real"]


def test_a_flood_of_one_report_keeps_few_full_texts_but_all_reports() -> None:
    kernel_reports = scan(WARNING * 100)
    assert len(kernel_reports) == 100
    assert kernel_reports[0].text == WARNING.decode().rstrip("\n")
    assert len(kernel_reports[-1].text) < len(kernel_reports[0].text)


# --- the live console


def test_a_report_is_given_after_a_few_more_lines_or_when_the_console_is_quiet() -> None:
    scanner = Scanner()
    assert scanner.feed(WARNING) == []  # a panic may still follow from it
    assert [kernel_report.kind for kernel_report in scanner.feed(kernel("x") * (HOLD_LINES + 1))] == ["warning"]
    assert scanner.feed(OOPS) == []
    assert [kernel_report.kind for kernel_report in scanner.flush()] == ["oops"]
    assert scanner.close() == []


def test_a_panic_is_known_at_once() -> None:
    scanner = Scanner()
    scanner.feed(OOPS + b"Kernel panic - not syncing: said by a program\n")
    assert not scanner.is_dead
    scanner.feed(PANIC)
    assert scanner.is_dead


def test_an_endless_line_needs_no_memory_and_does_not_hide_what_follows() -> None:
    scanner = Scanner()
    for _ in range(5):
        assert scanner.feed(b"x" * LONGEST_LINE) == []
    assert len(scanner._rest) <= LONGEST_LINE
    scanner.feed(kernel("BUG: glued to a program's line, so not the kernel's") + WARNING)
    (kernel_report,) = scanner.close()
    assert kernel_report.line_start == 2
    assert kernel_report.offset == 5 * LONGEST_LINE + len(kernel("BUG: glued to a program's line, so not the kernel's"))


def test_clean_text_is_passed_over_quickly() -> None:
    """10 to 20 times what splitting it into lines takes; benchmarks/console.py has the speed."""
    block, scanner = log_of("clean-boot") * 60, Scanner()

    def cpu_s(work: Callable[[], object]) -> float:
        began_s = time.process_time()
        for _ in range(10):
            work()
        return time.process_time() - began_s

    assert min(cpu_s(lambda: scanner.feed(block)) / cpu_s(block.splitlines) for _ in range(3)) < 60


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from([b"ok 1\n", b"BUG: x\n", b"Kernel panic - not syncing: y\n", b"\xff\n", b"\n"]), max_size=30
    )
)
def test_what_programs_print_in_between_changes_nothing(noise: list[bytes]) -> None:
    lines = WARNING.splitlines(keepends=True)
    mixed = b"".join(line + (noise[i] if i < len(noise) else b"") for i, line in enumerate(lines))
    (kernel_report,) = scan(b"".join(noise) + mixed)
    assert kernel_report.text == WARNING.decode().rstrip("\n")


PIECES = [*OOPS.splitlines(keepends=True), *WARNING.splitlines(keepends=True), *PANIC.splitlines(keepends=True), b"\n"]


@settings(deadline=None)
@given(st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=30)), max_size=40), st.integers(1, 50))
def test_any_bytes_in_any_pieces_give_the_same_reports(parts: list[bytes], size: int) -> None:
    data = b"".join(parts)
    scanner = Scanner()
    found = [kernel_report for at in range(0, len(data), size) for kernel_report in scanner.feed(data[at : at + size])]
    assert sorted([*found, *scanner.close()], key=lambda kernel_report: kernel_report.offset) == sorted(
        scan(data), key=lambda s: s.offset
    )


# --- the table

LINES = report_lines.load_lines()
MINIMAL = 'kind = "x"\npriority = 1\noutcome = "fail"\nstart = ["x: "]\ntitles = ["x"]\n'


def test_a_minimal_kind_is_enough() -> None:
    scanner = Scanner(table=read_table({"x.toml": MINIMAL}, LINES))
    assert [kernel_report.title for kernel_report in [*scanner.feed(kernel("x: y")), *scanner.close()]] == ["x"]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (MINIMAL + "colour = 1\n", "unknown key colour"),
        (MINIMAL.replace("priority = 1\n", ""), "priority is missing"),
        (MINIMAL.replace('"fail"', '"bad"'), "outcome: expected one of pass, fail, crash, got 'bad'"),
        (MINIMAL.replace('["x: "]', '"x: "'), "start: expected a list, got 'x: '"),
        (MINIMAL.replace('["x: "]', '["x("]'), "x("),
        (MINIMAL.replace('["x: "]', '["x?"]'), "matches an empty line"),
        (MINIMAL.replace('["x: "]', '["x: $"]'), "no ^, $"),
        (MINIMAL.replace('["x: "]', "[1]"), "start[0]: expected a string, got 1"),
        (MINIMAL.replace('titles = ["x"]', 'titles = ["{y}", "x"]'), "no field 'y'"),
        (MINIMAL.replace('titles = ["x"]', 'titles = ["{function}"]'), "need no field"),
        (MINIMAL.replace('kind = "x"', 'kind = "y"'), "named after its kind"),
        (MINIMAL + 'absorbs = ["z"]\n', "unknown kind 'z'"),
        (MINIMAL + 'fields = { a = "b" }\n', "one group"),
        (MINIMAL + "lines = true\n", "lines: expected an integer, got True"),
        (MINIMAL + "gap_s = -1\n", "gap_s: expected a finite number that is not negative, got -1"),
        (MINIMAL.replace('start = ["x: "]', "start = []"), "start: one at least"),
        (MINIMAL + 'alternatives = ["{z}"]\n', "no field 'z'"),
        (MINIMAL + 'about = { other = "x" }\n', "about: unknown stack 'other'"),
        (MINIMAL + 'culprit = "middle"\n', "culprit: expected one of innermost, outermost, blocked, got 'middle'"),
        (MINIMAL + 'contains = [""]\n', "contains: an empty string"),
        (MINIMAL + "abosrbs = []\n", "did you mean absorbs?"),
        ("kind = ", "x.toml: not TOML: "),
    ],
)
def test_a_wrong_declaration_names_file_and_key(change: str, what: str) -> None:
    with pytest.raises(BadDeclaration) as caught:
        read_table({"x.toml": change}, LINES)
    assert what in f"{caught.value.message} {caught.value.hint}"
    assert "x.toml" in caught.value.message


def test_equal_priorities_are_an_error() -> None:
    with pytest.raises(BadDeclaration, match="priority 1"):
        read_table({"x.toml": MINIMAL, "y.toml": MINIMAL.replace('"x"', '"y"', 1)}, LINES)


def test_the_shipped_table_is_read_once() -> None:
    assert load_kinds() is load_kinds()
    assert len(load_kinds().kinds) >= 20


def test_each_report_of_a_flood_is_found_once_and_in_order() -> None:
    lines = [f"[{at // 10:5d}.{at % 10}00000] BUG: KASAN: double-free in f{at % 40}+0x1/0x2\n" for at in range(3000)]
    text = "".join(f"{line}[{at // 10:5d}.{at % 10}00000] {'=' * 30}\n" for at, line in enumerate(lines))
    found = scan(text)
    assert len(found) == 3000
    assert [report.line_start for report in found] == list(range(1, 6000, 2))
    assert [report.frame for report in found[:3]] == ["f0", "f1", "f2"]
    assert found[2999].frame == "f39"


def test_reports_of_more_tasks_than_can_be_open_are_all_found() -> None:
    said = "WARNING: CPU: 0 PID: 1 at mm/x.c:1 f+0x1/0x2"
    text = "".join(f"[    1.000000][ T{at}] {said}\n" for at in range(1000, 1500))
    found = scan(text)
    assert len(found) == 500
    assert {report.frame for report in found} == {"f"}


@pytest.mark.parametrize(
    ("titles", "words"),
    [
        ('["own {", "own"]', "a brace alone"),
        ('["own }"]', "a brace alone"),
        ('["own {}", "own"]', "a brace alone"),
        ('["own {function!x}", "own"]', "a brace alone"),
        ('["own {function:>999999999}", "own"]', "a brace alone"),
    ],
)
def test_a_title_that_cannot_be_filled_in_is_refused_when_the_table_is_read(titles: str, words: str) -> None:
    text = f"""kind = "own"\npriority = 1\noutcome = "fail"\nstart = ['own (?P<function>a)']\ntitles = {titles}\n"""
    with pytest.raises(BadDeclaration, match=words):
        read_table({"own.toml": text}, LINES)


@pytest.mark.parametrize("start", ["own: (a+)+b", "own: [^x]*x", "own: \\\\D+", "own \\\\u20ac"])
def test_a_start_that_is_slow_or_no_expression_for_bytes_is_refused(start: str) -> None:
    text = f'kind = "own"\npriority = 1\noutcome = "fail"\nstart = ["{start}"]\ntitles = ["own"]\n'
    with pytest.raises(BadDeclaration, match=r"own\.toml"):
        read_table({"own.toml": text}, LINES)
