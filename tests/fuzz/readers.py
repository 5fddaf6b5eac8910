"""Every reader of foreign bytes, in one form: bytes in, nothing or an error of the request out.

`atoms` are the tokens of the reader's language, of which a mutator makes inputs that get past the first check; `seeds`
are good inputs.
"""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from orchestrator.declarations.catalog import PACKAGE
from orchestrator.declarations.files import read_toml
from orchestrator.declarations.kconfigs import read_fragment
from orchestrator.declarations.known_issues import read_known_issues
from orchestrator.declarations.patches import unpacked
from orchestrator.declarations.testcases import read_cases
from orchestrator.errors import Fault, OrchestrateError
from orchestrator.guest.sentinel import read_sentinel
from orchestrator.judge.known import mark_known
from orchestrator.judge.logs import classify_log
from orchestrator.judge.run import RUN, judge_run
from orchestrator.model.arch import Arch
from orchestrator.model.attempt import Attempt, Ending
from orchestrator.model.case import Dialect
from orchestrator.model.kernel import Role
from orchestrator.model.kernel_report import KernelReport
from orchestrator.model.machine import Machine
from orchestrator.model.outcome import Outcome
from orchestrator.model.report import BOOT, StageResult
from orchestrator.model.request import Request
from orchestrator.parse import build_inputs, compiler, static_findings
from orchestrator.parse.code.changed_lines import ChangedLines
from orchestrator.parse.configuration import kconfig_entries, kconfig_messages, needed_symbols
from orchestrator.parse.logs import report_kinds, report_lines
from orchestrator.parse.logs.frames import code_refs
from orchestrator.parse.logs.kernel_report import Scanner, scan
from orchestrator.parse.logs.log_format import SAMPLE, detect
from orchestrator.parse.logs.stack_frames import plain_name
from orchestrator.parse.patches import archive_search, mail, mutant, tag
from orchestrator.parse.patches.series import read_patches
from orchestrator.parse.results import kselftest, ktap, kunit, ltp, stress_ng, userspace_trees, userspace_vma
from orchestrator.roots import kernel_report_files
from orchestrator.runs.record import KernelRecord, RunRecord, save_record

DATA = Path(__file__).parents[1] / "data"
TOKEN = "token"


@dataclass(frozen=True)
class Reader:
    read: Callable[[bytes], object]
    atoms: tuple[bytes, ...]
    seeds: Callable[[], list[bytes]]


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


@cache
def _scratch() -> Path:
    """A directory for readers of files, of this process."""
    return Path(
        tempfile.mkdtemp(prefix=f"readers-{os.getpid()}-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
    )


def _as_file(name: str, read: Callable[[Path], object]) -> Callable[[bytes], object]:
    def reading(data: bytes) -> object:
        path = _scratch() / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return read(path)

    return reading


# --- what each of them is given


def _log(data: bytes) -> object:
    return scan(data, detect(data[:SAMPLE]))


def _console(data: bytes) -> object:
    """In small pieces, as a console gives it, and asked after each for what there is so far."""
    scanner = Scanner()
    for at in range(0, len(data), max(64, len(data) // 8)):
        scanner.feed(data[at : at + max(64, len(data) // 8)])
        scanner.so_far()
    return scanner.close()


def _known_issue(path: Path) -> object:
    report = KernelReport("warning", "WARNING in " + "a" * 180, Outcome.FAIL, 1, 2, 0, "")
    issues = read_known_issues(path)
    return [mark_known([report], issues), [kconfig_ for issue in issues for kconfig_ in issue.kconfigs]]


def _kind(data: bytes) -> object:
    """The user's kind beside ours, and a report that it may match."""
    path = _scratch() / "root/kernel_reports/own.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    ours = PACKAGE / "data"
    texts = {item.name: item.read_text() for item in (ours / "kernel_reports").glob("panic.toml")}
    texts |= kernel_report_files(path.parents[1])
    table = report_kinds.read_table(texts, report_lines.load_lines())
    scanner = Scanner(table=table)
    said = b"".join(b"[    1.00000%d] own: " % n + b"a" * 900 + b"\n" for n in range(3))
    return [scanner.feed(said), scanner.close()]


def _userland_cases(path: Path) -> object:
    (path.parent / "x.c").touch()
    return read_cases(path, {})


def _run(data: bytes, kernel: bytes | None = None) -> object:
    home = _scratch() / "run"
    (home / "base.patched/guest-0").mkdir(parents=True, exist_ok=True)
    (home / "base.patched/guest-0/console.log").write_bytes(
        b"[    1.000000] WARNING: CPU: 0 PID: 1 at mm/x.c:1 f+0x1/0x2\n"
    )
    (home / RUN).write_bytes(data)
    (home / "base.patched/kernel.json").write_bytes(kernel if kernel is not None else _kernel_json())
    return judge_run(home)


def _kernel(data: bytes) -> object:
    return _run(_run_json(), data)


def _saved(value: RunRecord | KernelRecord) -> bytes:
    path = _scratch() / "saved.json"
    save_record(value, path)
    return path.read_bytes()


@cache
def _run_json() -> bytes:
    return _saved(RunRecord(Request(), key="k", series="s", series_digest="d", started="2026-06-30T00:00:00"))


@cache
def _kernel_json() -> bytes:
    attempt = Attempt(
        "scale", Ending.EXITED, status=0, stdout="cases/scale/1/stdout", console="guest-0/console.log", console_to=50
    )
    return _saved(
        KernelRecord(
            name="base.patched",
            kconfig="base",
            role=Role.PATCHED,
            started="2026-06-30T00:00:00",
            stages=(StageResult(BOOT, Outcome.PASS, 1.0),),
            attempts=(attempt, replace(attempt, case="thp", dialect=Dialect.STRESS_NG, console_from=50)),
            guests=1,
        )
    )


def _data(pattern: str, limit: int = 8192) -> Callable[[], list[bytes]]:
    return lambda: [
        path.read_bytes() for path in sorted(DATA.glob(pattern)) if path.is_file() and path.stat().st_size <= limit
    ]


def _are(*seeds: bytes) -> Callable[[], list[bytes]]:
    return lambda: list(seeds)


KTAP_SEED = b"""KTAP version 1
1..2
  KTAP version 1
  # Subtest: inner
  1..2
  ok 1 a # SKIP none
  not ok 2 b
# metric ops 12 ops/s
ok 1 inner # time=12ms
not ok 2 - z # TODO later
Bail out! x
"""
STRESS_SEED = b"""stress-ng: info:  [91] dispatching hogs: 2 fault, 1 sctp
stress-ng: info:  [94] sctp: not supported, skipping stressor
stress-ng: metrc: [91] fault              4181      1.50      0.03      0.18      2787.33      204061.79
stress-ng: metrc: [91] fault        19787.98 nanosecs per page fault (geometic mean of 1 instances)
stress-ng: fail:  [91] fault: wrong
"""
KNOWN_SEED = b"""- title: 'WARNING in foo.*'
  link: https://example.org/1
  expires: 2030-06-30
  kconfigs: [base, debug]
  base: 6.10..6.12
"""
CASE_SEED = b"""summary: x
sources: [x.c]
duration_s: 3
needs: {memory_mib: 100, kconfig: [X]}
expects: ['WARNING in x']
tags: [a]
sysctls: {vm.overcommit_memory: 1}
"""
KIND_SEED = b"""kind = "own"
priority = 12345
outcome = "fail"
start = ['own: (?P<function>[a-z]+)']
titles = ["own in {function}", "own"]
is_plain = true
"""
CONFIG_SEED = b"""# slowdown: 2
CONFIG_A=y
# CONFIG_B is not set
CONFIG_C="x y"
CONFIG_D=0x10
"""
WHOLE_SEED = b"""#
# Automatically generated file; DO NOT EDIT.
# Linux/x86 6.12.1 Kernel Configuration
#
CONFIG_CC_IS_GCC=y
CONFIG_X86_64=y
# CONFIG_B is not set
"""
X86 = read_toml(Arch, PACKAGE / "data/archs/x86_64.toml", name="x86_64")
MACHINE_SEED = (PACKAGE / "data/machines/q35.toml").read_bytes()
NEEDED_OF = needed_symbols.ChangedText(ChangedLines(frozenset({1})), "int f;\n")
KCONFIG_SEED = b"""menu "m"
config FOO
\tbool "x"
\tdepends on BAR && !BAZ
\thelp
\t  text
if QUX
config FOO
endif
endmenu
"""
KCONFIG_LOG = b"""mm/Kconfig:15: syntax error
mm/Kconfig:15: unknown statement "x"
mm/Kconfig:3:error: recursive dependency detected!
mm/Kconfig:3:\tsymbol A depends on B
Recursive inclusion detected.
Inclusion path:
  current file : mm/Kconfig
  included from: Kconfig:3
Makefile:3: *** missing separator.  Stop.
"""
FINDINGS_SEED = b"""../mm/vma.c:12:6: warning: unused variable 'x' [-Wunused-variable]
../mm/vma.c:12:6:    expected struct page *page
mm/vma.c:3: WARNING:LONG_LINE: line over 100
"""
MISSED_SEED = b"""gcc: error: ../x/y.h: No such file or directory
make: *** No rule to make target '../a.c', needed by 'b'.  Stop.
"""
VMA_SEED = b"""Assert FAILED at vma.c:12:test_merge(): x == y.
Test merge FAILED
SUMMARY: AddressSanitizer: heap-use-after-free vma.c:12 in f
12 tests run, 11 passed, 1 failed.
"""
FRAMES_SEED = b"""RIP: 0010:foo+0x1/0x2
 ? bar+0x3/0x4 [mod 0123456789012345678901234567890123456789] (P)
WARNING: CPU: 0 PID: 1 at mm/x.c:1 f+0x1/0x2
"""
SENTINEL_SEED = b"orchestrate-sentinel token status=0 left=0 who=nobody mounts=3,4 taint=0,512 dropped=0 full=0\n"
FEED_SEED = b"""<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><entry><title type="html">[PATCH v2] a</title>
<link href="https://a/l/1@b/"/></entry></feed>
"""
GCC_SEED = b"x86_64-linux-gnu-gcc-12 (Debian 12.2.0-14+deb12u1) 12.2.0"

READERS: Mapping[str, Reader] = {
    "ktap": Reader(
        lambda data: ktap.parse(_text(data)),
        (b"ok ", b"not ok ", b"1..", b"# ", b"  ", b"    ", b"\t", b"\n", b"KTAP version 1\n", b"TAP version 13\n", b"# Subtest: ",
         b"# metric ", b" # SKIP ", b"Bail out!", b"time=1ms", b"- ", b"99999999", b"1 ", b"selftests: ", b"a"),
        _are(KTAP_SEED),
    ),
    "kselftest": Reader(
        lambda data: kselftest.parse(_text(data), _text(data[::-1]), 1),
        (b"Testing ", b"... ", b"done\n", b"skipped [reason: ", b"failed", b"# Totals", b"\n", b"ok 1 ", b"1..2\n"),
        _are(b"Testing wp-fork on anon... done\nTesting x... skipped [reason: y]\n", KTAP_SEED),
    ),
    "stress-ng": Reader(
        lambda data: stress_ng.parse(_text(data), "", 0),
        (b"stress-ng: ", b"metrc: ", b"info:  ", b"fail:  ", b"[91] ", b"dispatching hogs: ", b"1 fault", b"1.5", b"4.5.0",
         b" ", b"\n", b"skipping stressor", b"(x)", b"9" * 40),
        _are(STRESS_SEED),
    ),
    "log": Reader(
        _log,
        (b"[    1.000000] ", b"[    2.000000][   T12] ", b"WARNING: CPU: 0 PID: 1 at ", b"BUG: ", b"KASAN: ", b"Call Trace:\n", b" f+0x1/0x2\n",
         b"Kernel panic - not syncing: ", b"Jan  1 00:00:00 host kernel: ", b"6,1,1,-;", b"<4>", b"\n", b"\x80", b"\x1b[0m", b"-" * 12 + b"[ cut here ]-" ,
         b"<TASK>", b"? ", b"[<", b">]", b" ", b"INFO: task a:1 blocked for more than 120 seconds.", b"RIP: 0010:g+0x1/0x2", b"---[ end trace 0 ]---",
         b"2026-01-01T00:00:00", b"1" * 20),
        _data("console/*.log"),
    ),
    "console": Reader(
        _console,
        (b"[    1.000000] ", b"[    2.000000][   T12] ", b"WARNING: CPU: 0 PID: 1 at ", b"BUG: ", b"Call Trace:\n", b" f+0x1/0x2\n",
         b"Kernel panic - not syncing: ", b"\n", b"\x80", b"[    0.000000] Linux version 6.12\n", b"rcu: INFO: rcu_sched self-detected stall on CPU"),
        _data("console/*.log"),
    ),
    "log file": Reader(
        _as_file("log", classify_log), (b"\x1f\x8b", b"\x08", b"\0", b"\n", b"[    1.000000] BUG: x"), _are(b"\x1f\x8b\x08\0")
    ),
    "patches": Reader(
        lambda data: read_patches([("f.patch", data)]),
        (b"From ", b"From: a@b\n", b"Subject: [PATCH ", b"1/2] ", b"v2 ", b"Date: Mon, 1 Jan 2026 00:00:00 +0000\n", b"Message-ID: <a@b>\n",
         b"In-Reply-To: ", b"References: ", b"<a@b> ", b"\n\n", b"Content-Type: multipart/mixed; boundary=x\n", b"--x\n", b"=?utf-8?q?a?= ",
         b"=?utf-7?b?", b"diff --git a/mm/x.c b/mm/x.c\n", b"--- a/mm/x.c\n", b"+++ b/mm/x.c\n", b"@@ -1,3 +1,3 @@\n", b" a\n", b"-b\n", b"+c\n",
         b"Content-Transfer-Encoding: base64\n", b"Re: ", b" ", b"\n", b"9" * 30, b"(", b'"', b";", b"00:00:00 2026", b"\r", b">From ", b"charset=utf-7"),
        lambda: [*_data("mail/*")(), *_data("series/*")(), GOOD],
    ),
    "diff": Reader(
        lambda data: read_patches([("f.diff", b"--- a/mm/x.c\n+++ b/mm/x.c\n" + data)]),
        (b"diff --git ", b"a/mm/x.c ", b'"a\\', b"--- a/mm/x.c\n", b"+++ b/mm/x.c\n", b"@@ -1,3 +1,3 @@\n", b"\n", b" a\n", b"-b\n", b"+c\n",
         b"GIT binary patch\n", b"literal 3\n", b"zcmZ", b"rename from ", b"index 1..2\n", b"Binary files a and b differ\n", b"Only in x", b"\\ No newline", b"-- \n",
         b"9" * 30),
        _are(b"@@ -1,2 +1,2 @@\n a\n-b\n+c\n"),
    ),
    "subject": Reader(
        lambda data: [tag.read_tag(_text(data)), mail.git_date(_text(data))],
        (b"[", b"]", b"PATCH", b" ", b"v", b"9" * 30, b"/", b"of", b"Re: ", b":", b".", b"RFC", b"linux-", b"- "),
        _are(b"Re: [PATCH v2 6.12 3/7] mm: x"),
    ),
    "compressed": Reader(
        lambda data: unpacked("f", data),
        (b"\x1f\x8b\x08\0", b"BZh9", b"\xfd7zXZ\0", b"\0", b"\xff" * 4),
        lambda: [gzip.compress(GOOD), bz2.compress(GOOD), lzma.compress(GOOD)],
    ),
    "mutant": Reader(
        lambda data: mutant.parse("m", data),
        (b"Class: ", b"Breaks: ", b"Symptom: ", b"Observable: ", b"yes", b"no: ", b"\n", b"---\n", b"diff --git a/x b/x\n", b" ", b"Delays: a=1", b"9" * 30),
        _are(b"Class: c\nBreaks: b\nSymptom: s\nObservable: yes\nDelays: a=1\n---\ndiff --git a/x b/x\n"),
    ),
    "known issues": Reader(
        _as_file("known-issues.yaml", _known_issue),
        (b"- ", b"title: ", b"link: ", b"expires: ", b"2026-02-30", b"base: ", b"kconfigs: ", b"&a ", b"*a ", b"!!python/object:x ", b"!!set ", b"[", b"]", b"{", b"}",
         b": ", b"\n", b"  ", b"'", b'"', b"(a+)+", b".*", b"6.1..", b"<<: ", b"? ", b"|\n", b"\t", b"2026-06-30T00:00:00Z", b"%YAML 9.9\n", b"---\n"),
        _are(KNOWN_SEED),
    ),
    "test case": Reader(
        _as_file("case/testcase.yaml", _userland_cases),
        (b"summary: ", b"sources: ", b"x.c", b"cases: ", b"expects: ", b"duration_s: ", b".inf", b"1e999", b"../x", b"needs: ", b"args: ", b"sysctls: ", b"kselftest: ",
         b"userland: ", b"[", b"]", b"{", b"}", b", ", b": ", b"\n", b"  ", b"&a ", b"*a ", b"!!int ", b"9" * 30, b"\0"),
        _are(CASE_SEED),
    ),
    "report kind": Reader(
        _kind,
        (b"kind = ", b'"own"', b"priority = ", b"start = ", b"titles = ", b"['", b"']", b"{", b"}", b"(?P<function>", b"(", b")", b"+", b"*", b"[^x]*", b"a", b".*", b"\\s",
         b"gap_s = ", b"inf", b"nan", b"\n", b"lines = ", b"9" * 30, b"fields = ", b"contains = "),
        _are(KIND_SEED),
    ),
    "kconfig fragment": Reader(
        _as_file("own.config", lambda path: read_fragment(path, {"x86_64": X86})),
        (b"CONFIG_", b"A", b"=", b"y\n", b'"', b"\\", b"# ", b" is not set\n", b"slowdown: ", b"over: ", b"Linux/x86 6.1", b" Kernel Configuration\n", b"X86_64=y\n", b"inf", b"0x", b"9" * 30, b" ", b"\n", b"\xff"),
        _are(CONFIG_SEED, WHOLE_SEED),
    ),
    "machine": Reader(
        _as_file("own.toml", lambda path: read_toml(Machine, path, name="own")),
        (b"arch = ", b'"x"', b"args = ", b"[", b"]", b"smp = ", b"9" * 30, b"-1", b"\n", b"a.", b"{", b"}", b"2026-02-30", b"inf", b'"""'),
        _are(MACHINE_SEED),
    ),
    "Kconfig": Reader(
        lambda data: kconfig_entries.unmet("CONFIG_FOO", {"mm/Kconfig": _text(data)}, _text(data)).hint,
        (b"config FOO\n", b"menuconfig ", b"if ", b"endif\n", b"depends on ", b"&& ", b"!", b"help\n", b"\t", b" ", b"\n", b"$(", b'"', b"=", b"\\\n", b"menu ", b"choice\n", b"#", b"A"),
        _are(KCONFIG_SEED),
    ),
    "needed symbols": Reader(
        lambda data: needed_symbols.needed_symbols(
            {"mm/foo.c": NEEDED_OF}, {"mm/Makefile": "obj-$(CONFIG_FOO) += foo.o"}, {"mm/Kconfig": _text(data)}, {"CONFIG_MMU"}
        ),
        (b"config FOO\n", b"config A\n", b"if ", b"endif\n", b"depends on ", b"&& ", b"|| ", b"!", b"(", b")", b"select FOO\n", b"select A\n", b"default y if ", b"def_bool ", b"bool ", b'"a"', b"\n\t", b" ", b"=y", b"!=n", b"A", b"FOO"),
        _are(KCONFIG_SEED),
    ),
    "kconfig messages": Reader(
        lambda data: kconfig_messages.main_message(_text(data)),
        (b"mm/Kconfig:1", b": syntax error\n", b"error: recursive dependency detected!\n", b"\tsymbol A\n", b"Recursive inclusion detected.\n", b" included from: ", b"\n", b"x",
         b"Makefile:3: *** ", b".  Stop.", b":", b" ", b"Kconfig", b"warning:"),
        _are(KCONFIG_LOG),
    ),
    "findings": Reader(
        lambda data: [static_findings.diagnostics("gcc", _text(data)), static_findings.checkpatch_findings(_text(data)),
                      static_findings.new_findings((), static_findings.diagnostics("gcc", _text(data)))],
        (b"mm/x.c:1:2: ", b"warning: ", b"error: ", b"   expected ", b" WARNING:", b"A: x", b"\n", b":", b"9" * 30, b" ", b"../"),
        _are(FINDINGS_SEED),
    ),
    "missing files": Reader(
        lambda data: [build_inputs.roots_of(build_inputs.missed(_text(data)), ["mm/x.c"]), build_inputs.named(_text(data), "a", {"a/b"})],
        (b"No such file or directory", b"No rule to make target '", b"'", b"../", b": ", b"x", b" ", b"\n", b"*"),
        _are(MISSED_SEED),
    ),
    "userspace trees": Reader(
        lambda data: [userspace_trees.read_programs([userspace_trees.Ran("maple", _text(data), 1)]), userspace_trees.targets(_text(data))],
        (b"maple_tree: ", b"8 of 9 tests passed", b"BUG at ", b"check_gap:3056", b" (1)", b"maple: ", b"Assertion `", b"' failed.", b"nr_allocated = ", b"TARGETS = ", b"a ", b"#", b"\n",
         b": runtime error: ", b"9" * 30),
        _are(b"BUG at check_gap:3056 (1)\nmaple: maple.c:1: f: Assertion `x' failed.\nmaple_tree: 8 of 9 tests passed\nnr_allocated = 3\nTARGETS = a b\n"),
    ),
    "ltp": Reader(
        lambda data: ltp.parse(_text(data), "", 1),
        (b"mmap01.c:85: ", b"TPASS: ", b"TFAIL: ", b"TBROK", b"mmap01    1  TCONF  :  ", b"\n", b"failed   1", b"Summary:", b"\x1b[1;32m", b" ", b"9" * 30),
        _are(b"mmap01.c:85: TPASS: a\nmmap01    1  TFAIL  :  b\nSummary:\npassed   1\nfailed   1\n"),
    ),
    "kunit": Reader(
        lambda data: kunit.parse(_text(data)),
        (b"[    1.000000][    T1] ", b"[    1.500000] ", b"KTAP version 1", b"1..2", b"    ", b"# Subtest: ", b"ok 1 ", b"not ok 2 ", b"XArray: 7 of 9 tests passed", b"# SKIP ", b"\n", b"9" * 30),
        _are(b"[    1.0][    T1] x\n[    1.000000] KTAP version 1\n[    1.000001] 1..1\n[    1.000002]     # Subtest: a\n[    1.100000]     ok 1 b\n[    1.200000] ok 1 a\n"),
    ),
    "userspace vma": Reader(
        lambda data: [userspace_vma.read_result(_text(data), userspace_vma.names_of_tests(_text(data)), 1)],
        (b"Test ", b" FAILED", b"Assert FAILED at ", b"a.c:1", b":test_a(): ", b"\n", b"1 tests run, ", b"1 passed, ", b"1 failed.", b"SUMMARY: AddressSanitizer: ", b" #1 0x1 in test_a ",
         b"ERROR: AddressSanitizer", b": runtime error: ", b"9" * 30, b".", b'"Test " "a" " FAILED\\n"'),
        _are(VMA_SEED),
    ),
    "frames": Reader(
        lambda data: [code_refs(_text(data)), plain_name(_text(data))],
        (b"f", b"+0x1/0x2", b" [mod", b"]", b"? ", b"RIP: 0010:", b"WARNING: ", b" at ", b"a:1 ", b"pc : ", b"\n", b".isra", b".0", b".cold", b"[<", b">] ", b"f" * 40),
        _are(FRAMES_SEED),
    ),
    "sentinel": Reader(
        lambda data: read_sentinel(_text(data), TOKEN),
        (b"orchestrate-sentinel ", b"token ", b"status=", b"0 ", b"taint=", b"1,2 ", b"9" * 30, b"\n", b"=", b"\r", b"left=", "٣²".encode()),
        _are(SENTINEL_SEED),
    ),
    "archive search": Reader(
        lambda data: archive_search.versions_of("a", archive_search.read_results(data)),
        (b"<feed>", b"<entry>", b"</entry>", b"<title type=\"html\">", b"<link href=\"", b"\"/>", b"&lt;", b"&#", b";", b"%40", b"http://[", b"[PATCH v9/9]", b"\0", b"<![CDATA["),
        _are(FEED_SEED),
    ),
    "compiler": Reader(lambda data: compiler.short_name(_text(data)), (b"gcc", b" (", b")", b"12.2.0", b"-", b" ", b"."), _are(GCC_SEED)),
    "run.json": Reader(
        _run, (b"{", b"}", b"[", b"]", b'"', b": ", b", ", b"null", b"-1", b"1e999", b"9" * 30, b"NaN", b"../x", b"\\ud800", b"true"), lambda: [_run_json()]
    ),
    "kernel.json": Reader(
        _kernel, (b"{", b"}", b"[", b"]", b'"', b": ", b", ", b"null", b"-1", b"100000000", b"9" * 30, b"NaN", b"../x", b"\\ud800", b"true"), lambda: [_kernel_json()]
    ),
}  # fmt: skip


def is_refusal(error: BaseException) -> bool:
    """Whether an error is an answer to bad input, with words for the user, and no fault of the reader."""
    return isinstance(error, OrchestrateError) and error.fault is Fault.USER and bool(error.message)


def edited(record: bytes, **changes: object) -> bytes:
    """A record with some of its values changed, as somebody's editor would."""
    return json.dumps({**json.loads(record), **changes}).encode()


def run_json(**changes: object) -> bytes:
    return edited(_run_json(), **changes)


def kernel_json(**changes: object) -> bytes:
    return edited(_kernel_json(), **changes)


def attempt_json(**changes: object) -> bytes:
    record = json.loads(_kernel_json())
    record["attempts"] = [{**record["attempts"][0], **changes}]
    return json.dumps(record).encode()


GOOD = b"""From: A <a@example.org>
Subject: [PATCH] mm: x
Date: Mon, 29 Jun 2026 00:00:00 +0000
Message-ID: <1@example.org>

text
---
 mm/x.c | 2 +-

diff --git a/mm/x.c b/mm/x.c
--- a/mm/x.c
+++ b/mm/x.c
@@ -1,2 +1,2 @@
 a
-b
+c
--
2.39.5
"""
