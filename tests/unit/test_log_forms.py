"""One oops in every form of tests/data/log-forms.txt, and in what files are packed and encoded as; and clean logs."""

from __future__ import annotations

import bz2
import codecs
import json
import lzma
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.judge.logs import classify_log
from orchestrator.model.kernel_report import LogReport
from orchestrator.parse.logs.log_format import detect

DATA = Path(__file__).parent.parent / "data"
BEFORE = ["Run /init as init process", "usb 1-1: new high-speed USB device number 2 using xhci_hcd"]
OOPS = [
    "BUG: unable to handle page fault for address: ffffffffff600a1b",
    "#PF: supervisor read access in kernel mode",
    "Oops: 0000 [#1] SMP NOPTI",
    "CPU: 3 PID: 40 Comm: prog Not tainted 6.1.0 #1",
    "Hardware name: X",
    "RIP: 0010:drv_read+0xbe/0x110",
    "Code: 90 90",
    "RSP: 0018:ffffb2fd0162fd20 EFLAGS: 00010293",
    "Call Trace:",
    " <TASK>",
    " drv_open+0x10/0x20",
    " </TASK>",
    "Modules linked in: drv",
    "---[ end trace 0000000000000000 ]---",
]
MESSAGES = [*BEFORE, *OOPS, "usb 1-1: USB disconnect, device number 2"]
TITLE = ("oops", "Oops: unable to handle page fault in drv_read", "prog", 40, 3, False)


def forms() -> dict[str, tuple[str, str]]:
    """name -> form, template of a line."""
    lines = (DATA / "log-forms.txt").read_text().splitlines()
    return {
        name: (form, template.encode("latin-1", "backslashreplace").decode("unicode_escape"))
        for name, form, template in (line.split(maxsplit=2) for line in lines if line and not line.startswith("#"))
    }


FORMS = forms()


def written(template: str, messages: list[str] = MESSAGES) -> bytes:
    """The messages, a line each, as the template says."""
    lines = []
    for at, message in enumerate(messages):
        values = {
            "{t}": f"{12:5d}.{690000 + at:06d}",
            "{t3}": f"{12:5d}.{690 + at:03d}",
            "{c}": f"14:08:{3 + at:02d}",
            "{us}": f"{690000 + at:06d}",
            "{n}": str(100 + at),
            "{ep}": f"17638164{at:02d}.690000",
            "{m}": json.dumps(message)[1:-1] if '"{m}"' in template or "{m}\\n" in template else message,
        }
        line = template
        for name, value in values.items():
            line = line.replace(name, value)
        lines.append(f"{line}\n")
    return "".join(lines).encode()


def classified(data: bytes, tmp_path: Path) -> LogReport:
    path = tmp_path / "log"
    path.write_bytes(data)
    return classify_log(path)


def shown(log: LogReport) -> list[tuple[str, str, str, int | None, int | None, bool]]:
    return [(one.kind, one.title, one.task, one.pid, one.cpu, one.corrupted) for one in log.reports]


@pytest.mark.parametrize("name", FORMS)
def test_an_oops_is_found_in_a_log_of_that_form(name: str, tmp_path: Path) -> None:
    form, template = FORMS[name]
    log = classified(written(template), tmp_path)
    assert (log.form.replace(" ", ""), shown(log)) == (form, [TITLE])
    assert log.reports[0].line_start == len(BEFORE) + 1


def test_forms_with_several_lines_for_a_message(tmp_path: Path) -> None:
    export = "__REALTIME_TIMESTAMP=1763816401690000\n_TRANSPORT=kernel\nPRIORITY=4\nMESSAGE={m}\n"
    verbose = "Mon 2026-07-27 {c} CEST [s=ab;i={n}]\n    PRIORITY=4\n    _TRANSPORT=kernel\n    MESSAGE={m}"
    member = '      {\n         "pri": 4,\n         "time":    12.690000,\n         "msg": "{m}"\n      },'
    assert shown(classified(written(export), tmp_path)) == [TITLE]
    assert shown(classified(written(verbose), tmp_path)) == [TITLE]
    assert shown(classified(b'{\n   "dmesg": [\n' + written(member), tmp_path)) == [TITLE]


@pytest.mark.parametrize("start", [b"Panic#1 Part1\n", b"====1763816401.123456-D\n", b"Oops#2 Part3\n"])
def test_what_pstore_writes_before_a_log(start: bytes, tmp_path: Path) -> None:
    assert shown(classified(start + written("<4>[{t}] {m}"), tmp_path)) == [TITLE]


@pytest.mark.parametrize("cut", [1, 4, 9, 13])
def test_lines_that_lost_their_first_characters(cut: int, tmp_path: Path) -> None:
    for template in ("[{t}] {m}", "Jul 27 {c} host kernel: {m}"):
        lines = written(template).split(b"\n")
        assert shown(classified(b"\n".join(line[cut:] for line in lines), tmp_path)) == [TITLE]


ENCODED: dict[str, Callable[[str], bytes]] = {
    "UTF-16 of Windows": lambda text: text.replace("\n", "\r\n").encode("utf-16"),
    "UTF-16, the other way round": lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
    "byte order mark": lambda text: text.encode("utf-8-sig"),
    "xz": lambda text: lzma.compress(text.encode()),
    "bzip2": lambda text: bz2.compress(text.encode()),
    "CR LF": lambda text: text.replace("\n", "\r\n").encode(),
    "CR CR LF": lambda text: text.replace("\n", "\r\r\n").encode(),
    "LF CR": lambda text: text.replace("\n", "\n\r").encode(),
    "no-break spaces": lambda text: text.replace(" ", "\u00a0").encode(),
    "HTML": lambda text: text.replace("<", "&lt;").replace(">", "&gt;").encode(),
    "NUL before each line": lambda text: text.replace("\n", "\n" + 3000 * "\0").encode(),
}


@pytest.mark.parametrize("name", ENCODED)
@pytest.mark.parametrize("template", ["[{t}] {m}", "Jul 27 {c} host kernel: {m}", "{m}"])
def test_whatever_the_text_is_wrapped_in(name: str, template: str, tmp_path: Path) -> None:
    log = classified(ENCODED[name](written(template).decode()), tmp_path)
    assert shown(log) == [TITLE]
    assert log.reports[0].line_start == len(BEFORE) + 1


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x28\xb5\x2f\xfd" + bytes(100), "zstd -d"),
        (b"LPKSHHRH" + bytes(100), "journalctl --file"),
        (b"\x7fELF" + bytes(100), "an ELF file"),
        (b"KDUMP   " + bytes(100), "--dump-dmesg"),
        (b"x" + bytes(256) + b"ustar" + bytes(100), "a tar archive"),
        (lzma.compress(b"text")[:-8], "damaged compressed data"),
        (bz2.compress(b"text" * 1000)[:-20], "damaged compressed data"),
    ],
)
def test_what_is_no_log_is_an_error_that_says_what_it_is(data: bytes, words: str, tmp_path: Path) -> None:
    assert words in classified(data, tmp_path).error


def test_of_a_journal_in_json_only_what_the_kernel_said_counts(tmp_path: Path) -> None:
    line = '{{"MESSAGE":"{{m}}","_TRANSPORT":"{}"}}'
    assert shown(classified(written(line.format("kernel")), tmp_path)) == [TITLE]
    assert shown(classified(written(line.format("stdout")), tmp_path)) == []


def test_colours_in_the_middle_of_a_message_hide_nothing(tmp_path: Path) -> None:
    """dmesg --color=always paints the subsystem apart."""
    said = b"\x1b[33mwatchdog: \x1b[0m\x1b[31mBUG: soft lockup - CPU#5 stuck for 23s! [prog:40]\x1b[0m\n"
    text = b"\x1b[32m[   12.690000] \x1b[0m" + said
    assert [report.kind for report in classified(text, tmp_path).reports] == ["soft-lockup"]


def test_a_vendors_own_words_behind_the_time_are_learned(tmp_path: Path) -> None:
    log = classified(written("[{t}] {core3} <<prog>> {m}"), tmp_path)
    assert (log.form, shown(log)) == ("printk", [TITLE])


# --- clean logs

CLEAN = sorted((DATA / "clean").glob("*.txt"))


@pytest.mark.parametrize("path", CLEAN, ids=lambda path: path.stem)
def test_a_clean_log_has_no_report_in_any_form(path: Path, tmp_path: Path) -> None:
    """What only programs say is a log as it is; what kernels say is clean in other forms too."""
    messages = path.read_text().splitlines()
    templates = ["{m}"] if path.stem.startswith("program-") else ["{m}", "[{t}] {m}", "Jul 27 {c} host kernel: {m}"]
    for template in templates:
        text = written(template, messages)
        assert [report.title for report in classified(text, tmp_path).reports] == [], template


def test_there_are_enough_clean_logs() -> None:
    assert len(CLEAN) >= 30


# --- what cannot be read


def test_a_form_that_cannot_be_read_is_not_taken_for_a_clean_log(tmp_path: Path) -> None:
    """Each line with a prefix of another shape, so that nothing can be learned, and no start of a report."""
    odd = [f"{'/' * at}{'~' * at} {message}\n" for at, message in enumerate(OOPS[3:], 1)]
    log = classified("".join(odd).encode(), tmp_path)
    assert log.reports == ()
    assert log.is_doubtful
    assert log.unread == (1, 3, 6, 8)
    clean = classified(written("[{t}] {m}", BEFORE), tmp_path)
    assert (clean.form, clean.unread, clean.is_doubtful) == ("printk", (), False)


def test_what_a_program_says_between_the_kernels_lines_is_doubted_only_if_the_form_may_be_wrong(tmp_path: Path) -> None:
    program = "".join(f"{line}\n" for line in OOPS).encode()
    log = classified(written("[{t}] {m}", BEFORE) + program, tmp_path)
    assert (log.form, log.reports, log.is_doubtful) == ("printk", (), False)
    assert log.unread
    assert classified(written("[{t}] {m}") + program, tmp_path).unread == ()


@pytest.mark.parametrize("byte", [b"\x80", b" ", b"1", b"a:b ", b"[1 ", b"ab ", b"<", b'"', b"+0x1", b"> > ", b"\x1b["])
def test_the_form_of_a_line_without_end_is_soon_known(byte: bytes, tmp_path: Path) -> None:
    text = byte * (4_000_000 // len(byte)) + b"x"
    started = time.process_time()
    detect(text)
    assert not classified(text, tmp_path).reports
    assert time.process_time() - started < 4
