"""Hand-made inputs that are meant to break a reader: each is one idea, for inputs of any size.

`make(n)` gives some n bytes; where the idea has a size of its own, n does not matter.
"""

from __future__ import annotations

import base64
import bz2
import gzip
import lzma
from collections.abc import Callable
from dataclasses import dataclass

from tests.fuzz.readers import CONFIG_SEED, GOOD, KIND_SEED, attempt_json, kernel_json, run_json

Make = Callable[[int], bytes]


@dataclass(frozen=True)
class Hostile:
    reader: str
    name: str
    make: Make


def again(piece: bytes, before: bytes = b"", behind: bytes = b"") -> Make:
    """The piece as often as n bytes hold it."""
    return lambda n: before + piece * max(1, n // len(piece)) + behind


def counted(piece: bytes, before: bytes = b"", behind: bytes = b"") -> Make:
    """The piece, with a number for each % in it that counts up."""

    def make(n: int) -> bytes:
        size = len(piece) + 4
        return before + b"".join(piece.replace(b"%", b"%d" % at) for at in range(1, max(2, n // size))) + behind

    return make


def just(data: bytes) -> Make:
    return lambda n: data


def mail(subject: bytes = b"[PATCH] mm: x", headers: bytes = b"", body: bytes = GOOD.partition(b"\n\n")[2]) -> bytes:
    return (
        b"From: A <a@example.org>\nSubject: "
        + subject
        + b"\nDate: Mon, 29 Jun 2026 00:00:00 +0000\n"
        + headers
        + b"\n"
        + body
    )


def subject(piece: bytes, before: bytes = b"", behind: bytes = b"") -> Make:
    return lambda n: mail(subject=again(piece, before, behind)(n))


def header(piece: bytes, before: bytes, behind: bytes = b"\n") -> Make:
    return lambda n: mail(headers=again(piece, before, behind)(n))


def known(**fields: str) -> bytes:
    values = {"title": "'x'", "link": "l", "expires": "2030-01-01", **fields}
    return ("- " + "\n  ".join(f"{key}: {value}" for key, value in values.items()) + "\n").encode()


def case(more: str) -> bytes:
    return f"summary: x\nsources: [x.c]\n{more}\n".encode()


def kind(**fields: str) -> bytes:
    lines = [line for line in KIND_SEED.decode().splitlines() if line.split(" ")[0] not in fields]
    return "\n".join([*lines, *(f"{key} = {value}" for key, value in fields.items())]).encode()


def nested_mail(depth: int) -> bytes:
    body = b""
    for at in range(depth):
        body += b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (at, at)
    return b"From: a@b\nSubject: [PATCH] x\n" + body + b"Content-Type: text/plain\n\nx\n"


def yaml_bomb(levels: int) -> bytes:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{at}: &a{at} [{', '.join([f'*a{at - 1}'] * 9)}]" for at in range(1, levels)]
    return "\n".join(lines).encode()


HUGE = b"9" * 5000
FEED = b'<feed xmlns="http://www.w3.org/2005/Atom">'
P = b"[    1.000000] "
WARN = P + b"WARNING: CPU: 0 PID: 1 at mm/x.c:1 f+0x1/0x2\n"


def _of(reader: str, **inputs: Make) -> tuple[Hostile, ...]:
    return tuple(Hostile(reader, name.replace("_", " "), make) for name, make in inputs.items())


HOSTILE: tuple[Hostile, ...] = (
    *_of(
        "ktap",
        one_name_again_and_again=again(b"ok 1 same\n", b"KTAP version 1\n"),
        no_name_at_all=again(b"ok 1\n", b"KTAP version 1\n"),
        numbers_count_up=counted(b"ok %\n", b"KTAP version 1\n"),
        names_that_look_numbered=lambda n: (
            b"KTAP version 1\n" + b"".join(b"ok 1 a\nok 2 a (%d)\n" % at for at in range(2, n // 20 + 2))
        ),
        subtest_with_spaces=again(b" ", b"KTAP version 1\n# Subtest: x", b"y\x00\n"),
        subtest_of_spaces=again(b" ", b"KTAP version 1\n# Subtest:", b"\n"),
        many_subtests_of_spaces=again(b"# Subtest:" + b" " * 1990 + b"x\n", b"KTAP version 1\n"),
        metric_with_spaces=again(b" ", b"KTAP version 1\n# metric a 1 x", b"y\n"),
        metric_of_spaces=again(b" ", b"# metric", b"\n"),
        metric_huge=just(b"KTAP version 1\n# metric a " + HUGE + b"\nok 1\n"),
        metric_of_words=again(b"a ", b"KTAP version 1\n# metric a 1 ", b"\n"),
        time_of_digits=again(b"1", b"KTAP version 1\nok 1 x # time=", b"\n"),
        time_again=again(b"time=1", b"KTAP version 1\nok 1 x # ", b"\n"),
        many_times=again(b"ok 1 x # " + b" time=1" * 500 + b"\n", b"KTAP version 1\n"),
        comment_of_spaces=again(b" ", b"KTAP version 1\nok 1 x", b"x\n"),
        comment_of_hashes=again(b"# ", b"KTAP version 1\n", b"ok 1 x\n"),
        deeper_and_deeper=lambda n: b"".join(b"  " * at + b"KTAP version 1\n" for at in range(min(n // 40, 2000))),
        up_and_down=again(b"KTAP version 1\n  KTAP version 1\n    KTAP version 1\n      ok 1 a\n"),
        parents_without_result=again(b"  ok 1 a\n1..1\n", b"KTAP version 1\n"),
        plan_huge=just(b"KTAP version 1\n1..999999999\n"),
        plans_huge=again(b"KTAP version 1\n1..999999999\n"),
        plans_huge_nested=again(b"  KTAP version 1\n  1..999999999\nok 1 x\n", b"KTAP version 1\n"),
        plan_of_5000_digits=just(b"KTAP version 1\n1.." + HUGE + b"\nok " + HUGE + b" x\n"),
        plan_other_digits=just("KTAP version 1\n1..٣\nok ٣ x\n".encode()),
        bails=again(b"Bail out! x\n", b"KTAP version 1\n"),
        bails_nested=again(b"  Bail out! x\n", b"KTAP version 1\n"),
        diagnostics=again(b"# x\n", b"KTAP version 1\n"),
        diagnostics_long=again(b"x", b"KTAP version 1\n# ", b"\n"),
        nested_diagnostics=again(b"# # # # # # # x\n", b"# TAP version 13\n# # TAP version 13\n"),
        version_lines=again(b"KTAP version 1\n"),
        version_lines_nested=again(b"  KTAP version 1\n    TAP version 13\n"),
        carriage_returns=again(b"ok 1 a\r", b"KTAP version 1\n"),
        nul=again(b"\0", b"KTAP version 1\nok 1 "),
        spaces_before_hash=again(b"ok 1 a" + b" " * 900 + b"b\n", b"KTAP version 1\n"),
        one_line=again(b"ok "),
        trailing_spaces_of_a_plan=again(b" ", b"1..1", b"x\n"),
        levels_in_levels=again(
            b"".join(b"  " * at + b"KTAP version 1\n" + b"  " * at + b"# Subtest: %d\n" % at for at in range(40))
            + b"".join(b"  " * at + b"ok 1 %d\n" % at for at in range(39, -1, -1))
        ),
        parents_name_the_worst=again(b"  KTAP version 1\n  not ok 1 a\nok 1 x\n", b"KTAP version 1\n"),
    ),
    *_of(
        "kselftest",
        dots=again(b".", b"Testing ", b"\n"),
        testing_again=again(b"Testing x... "),
        reason_of_brackets=again(b"]", b"Testing x... skipped [reason: ", b"x\n"),
        lines=again(b"x\n"),
    ),
    *_of(
        "stress-ng",
        number_with_two_dots=just(
            b"stress-ng: info: [1] dispatching hogs: 1 fault\nstress-ng: metrc: [1] fault 1 4.5.0 1.0 1.0 4.5.0\n"
        ),
        value_of_dots=just(b"stress-ng: info: [1] dispatching hogs: 1 fault\nstress-ng: metrc: [1] fault ... x\n"),
        ops_of_5000_digits=just(
            b"stress-ng: info: [1] dispatching hogs: 1 fault\nstress-ng: metrc: [1] fault " + HUGE + b" 1 1 1 1\n"
        ),
        hogs=counted(b"1 a%, ", b"stress-ng: info: [1] dispatching hogs: "),
        hogs_and_lines=lambda n: (
            counted(b"1 a%, ", b"stress-ng: info: [1] dispatching hogs: ")(n // 2)
            + b"\n"
            + again(b"stress-ng: info: [1] a1: x\n")(n // 2)
        ),
        level_of_spaces=again(b" ", b"stress-ng: info:", b"x\n"),
        value_of_spaces=again(
            b" ", b"stress-ng: info: [1] dispatching hogs: 1 fault\nstress-ng: metrc: [1] fault 1 x", b"(\n"
        ),
        what_of_words=again(
            b"x ", b"stress-ng: info: [1] dispatching hogs: 1 fault\nstress-ng: metrc: [1] fault 1 ", b")\n"
        ),
        table_of_digits=again(
            b"1", b"stress-ng: info: [1] dispatching hogs: 1 fault\nstress-ng: metrc: [1] fault ", b"\n"
        ),
        words=again(b"x", b"stress-ng: info: [1] ", b"\n"),
        hog_digits=again(b"1", b"stress-ng: info: [1] dispatching hogs: ", b"\n"),
    ),
    *_of(
        "log",
        warnings=again(WARN),
        warnings_of_many=counted(b"[    1.000000][  T%] WARNING: CPU: 0 PID: 1 at mm/x.c:1 f+0x1/0x2\n"),
        bytes_0x80=again(b"\x80"),
        bytes_0x80_in_lines=again(b"\x80" * 4000 + b"\n"),
        escapes=again(b"\x1b[0m"),
        escapes_unfinished=again(b"\x1b[0;"),
        escapes_in_prefix=again(b"\x1b[", b"", b"[    1.000000] BUG: x\n"),
        one_long_line=again(b"a"),
        spaces=again(b" "),
        tabs_and_quotes=again(b"> | ", b"\n", b"BUG: x\n"),
        printk_spaces=again(b"[ ", b"", b"\n"),
        printk_digits=again(b"1", b"[", b".000000] BUG\n"),
        prefixes_in_a_line=again(b"[    1.000000] "),
        prefixes_and_bugs_in_a_line=again(b"[    1.000000] BUG: x "),
        prefixes_with_callers=counted(b"[    1.000000][ T%] BUG: x "),
        panics=again(P + b"Kernel panic - not syncing: x\n"),
        warnings_then_panics=again(WARN + P + b"Kernel panic - not syncing: x\n"),
        oops_bug_nested=again(
            P + b"BUG: unable to handle page fault for address: 0000000000000000\n" + P + b"RIP: 0010:f+0x1/0x2\n"
        ),
        cut_here=again(P + b"------------[ cut here ]------------\n"),
        cut_here_of_many=counted(b"[    1.000000][  T%] ------------[ cut here ]------------\n"),
        boots=again(b"[    0.000000] Linux version 6.12 (a@b) #1\n"),
        hung_tasks=counted(P + b"INFO: task a:% blocked for more than 120 seconds.\n"),
        stalls=again(P + b"rcu: INFO: rcu_preempt self-detected stall on CPU\n"),
        lockups=again(P + b"watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [a:1]\n"),
        kasan=again(P + b"BUG: KASAN: slab-use-after-free in f+0x1/0x2\n"),
        kasan_long_title=again(b"a", P + b"BUG: KASAN: ", b" in f+0x1/0x2\n"),
        frames=again(P + b" f+0x1/0x2\n", WARN + P + b"Call Trace:\n"),
        frames_of_spaces=again(P + b" " * 900 + b"\n", WARN),
        frames_of_names=again(P + b" " + b"f." * 450 + b"+0x1\n", WARN),
        frames_isra=again(P + b" f" + b".isra.0" * 130 + b"x+0x1/0x2\n", WARN + P + b"Call Trace:\n"),
        numbers_5000_digits=just(
            P
            + b"WARNING: CPU: "
            + HUGE
            + b" PID: "
            + HUGE
            + b" at mm/x.c:1 f+0x1/0x2\n"
            + P
            + b"CPU: "
            + HUGE[:800]
            + b" PID: 1 Comm: a Not tainted\n"
        ),
        pid_900_digits=again(P + b"INFO: task a:" + b"9" * 900 + b" blocked for more than 120 seconds.\n"),
        kmsg_commas=again(b"1,", b"", b";BUG: x\n"),
        kmsg_pairs=again(b",a=b", b"6,1,1,-", b"BUG: x\n"),
        kmsg_time_huge=just(b"6,1," + HUGE + b",-;BUG: KASAN: x in f\n" * 3),
        syslog_spaces=again(b" ", b"Jan  1 00:00:00", b"kernel: BUG: x\n"),
        syslog_host=again(b"a", b"Jan  1 00:00:00 ", b"\n"),
        syslog_lines=again(b"Jan  1 00:00:00 host kernel: WARNING: CPU: 0 PID: 1 at x:1 f+0x1/0x2\n"),
        iso_fraction=again(b"1", b"2026-01-01T00:00:00.", b"\n"),
        bare_reports=again(b"BUG: KASAN: slab-use-after-free in f+0x1/0x2\n"),
        bare_margin=again(b"> " * 450 + b"BUG: KASAN: x in f\n"),
        bare_margins_shrink=lambda n: b"".join(
            b"> " * (450 - at % 450) + b"WARNING: CPU: 0 PID: 1 at x:1 f+0x1/0x2\n" for at in range(max(1, n // 500))
        ),
        headless=again(b"1." * 10 + b"] BUG: KASAN: x in f\n", P + b"x\n" * 10),
        task_brackets=again(P + b"<TASK>" * 150 + b"\n", WARN),
        newlines=again(b"\n"),
        carriage_returns=again(b"\r\n", P),
        lockdep_chain=again(
            P + b"-> #1 (a){+.+.}-{3:3}:\n", P + b"WARNING: possible circular locking dependency detected\n"
        ),
        lost=again(P + b"** 1 printk messages dropped **\n", WARN),
        ubsan=again(P + b"UBSAN: array-index-out-of-bounds in mm/x.c:1:2\n"),
        oom=again(P + b"a invoked oom-killer: x\n"),
        alloc_failures=again(P + b"a: page allocation failure: order:0\n"),
        ends=again(WARN + P + b"---[ end trace 0000000000000000 ]---\n"),
        slab=again(P + b"BUG kmalloc-8 (Not tainted): Redzone overwritten\n"),
        bad_page=again(P + b"BUG: Bad page state in process a  pfn:1\n"),
        kmemleak=again(P + b"unreferenced object 0xffff888000000000 (size 8):\n"),
        refcount=again(P + b"refcount_t: underflow; use-after-free.\n" + WARN),
        mixed_ends=again(WARN.rstrip() + b"\r\r\r\n"),
        clock_lines=again(b"[00:00:00] BUG: KASAN: x in f+0x1/0x2\n"),
        level_lines=again(b"<4>BUG: KASAN: x in f+0x1/0x2\n"),
        warning_paths=again(P + b"WARNING: " + b"a:1" * 300 + b" at f\n"),
        kcsan=again(P + b"BUG: KCSAN: data-race in " + b"f." * 300 + b" / g\n"),
        functions_of_many=counted(b"[ 1.000000][T%] WARNING: CPU: 0 PID: 1 at mm/x.c:1 f%+0x1/0x2\n"),
        functions_of_one=counted(b"[ 1.000000] BUG: KASAN: x in f%\n[ 1.000000] BUG: KMSAN: x in f%\n"),
        oom_of_many=counted(b"[ 1.000000] a% invoked oom-killer: x\n"),
        irqs=counted(b"[ 1.000000] irq %: nobody cared\n"),
        six_lines_each=counted(b"[ 1.000000] BUG: x%\n" + b"[ 1.000000] a\n" * 5),
        six_frames_each=counted(
            b"[ 1.000000] BUG: KASAN: x in f%\n" + b"".join(b"[ 1.000000]  %c%%+0x1/0x2\n" % at for at in b"abcdef")
        ),
        one_word_and_no_end=lambda n: P + b"BUG: x " * (n // 7),
        short_lines=again(b"a\n"),
        distinct_frames=counted(P + b" f%+0x1/0x2\n", WARN + P + b"Call Trace:\n"),
        cpus_by_turns=lambda n: again(
            b"".join(
                b"[ 1.000000][ C%d] %b\n" % (cpu, said)
                for said in (WARN.partition(b"] ")[2].strip(), b"Modules linked in: a", b"Call Trace:", b" f+0x1/0x2")
                for cpu in (0, 1)
            )
        )(n),
        modules=again(P + b"Modules linked in: a b c d e\n", WARN),
        stacks=again(
            P + b"Uninit was stored to memory at:\n" + P + b" f+0x1/0x2\n", P + b"BUG: KMSAN: x in f+0x1/0x2\n"
        ),
    ),
    *_of(
        "console",
        warnings=again(WARN),
        warnings_of_many=counted(b"[    1.000000][  T%] WARNING: CPU: 0 PID: 1 at mm/x.c:1 f+0x1/0x2\n"),
        no_line_end=again(b"a"),
        functions_of_many=counted(b"[ 1.000000][T%] WARNING: CPU: 0 PID: 1 at mm/x.c:1 f%+0x1/0x2\n"),
        short_reports=again(b"[ 1.000000] BUG: x\n"),
        bytes_0x80=again(b"\x80"),
    ),
    *_of(
        "log file",
        gzip_of_zeros=lambda n: gzip.compress(bytes(n * 50)),
        unread_before_reports=again(
            b"BUG: KASAN: x in f+0x1/0x2\nRIP: 0010:f+0x1/0x2\n---[ end trace 0 ]---\n", b" q+0x1/0x2\n" * 1000
        ),
        gzip_cut=just(gzip.compress(WARN * 100)[:-20]),
        gzip_damaged=just(gzip.compress(WARN * 100)[:30] + b"\xff" * 50),
        gzip_header=just(b"\x1f\x8b"),
        gzip_name=again(b"a", b"\x1f\x8b\x08\x08\0\0\0\0\0\0"),
        empty=just(b""),
    ),
    *_of(
        "patches",
        part_of_many=just(mail(b"[PATCH 1/9999999999] x")),
        part_zero_of_many=just(mail(b"[PATCH 0/9999999999] x") + b"\n" + mail(b"[PATCH 1/99999999] x")),
        part_of_5000_digits=just(mail(b"[PATCH 1/" + HUGE + b"] x")),
        version_of_5000_digits=just(mail(b"[PATCH v" + HUGE + b" 1/1] x")),
        tree_of_5000_digits=just(mail(b"[PATCH 6." + HUGE + b"] x")),
        part_other_digits=just(mail("[PATCH v² 1/٣] x".encode())),
        subject_of_spaces=subject(b" ", b"[PATCH", b"x"),
        subject_title_of_spaces=subject(b" ", b"[PATCH] a", b"b"),
        subject_tags=subject(b"[a] ", b"", b"x"),
        subject_tags_open=subject(b"["),
        subject_tag_spaces=subject(b"] ", b"[", b"x"),
        subject_re=subject(b"Re: ", b"", b"x"),
        subject_re_open=subject(b"re[1]"),
        subject_digits=subject(b"1", b"[PATCH ", b"] x"),
        subject_dots=subject(b"1.1.", b"[PATCH ", b"] x"),
        subject_words_encoded=subject(b"=?utf-8?q?a?= "),
        subject_encoded_open=subject(b"=?utf-8?q?a"),
        subject_encoded_spaces=subject(b" ", b"=?utf-8?q?a?=", b"=?utf-8?q"),
        subject_folded=subject(b"\n ", b"[PATCH] x", b"y"),
        subject_crs=subject(b" \r ", b"[PATCH] x", b"y"),
        subject_utf7=just(mail(b"=?utf-7?q?+2AA-?= x")),
        subject_utf7_surrogates=just(mail(b"=?utf-7?b?KzJBQS0=?= [PATCH] x")),
        subject_charset_unknown=just(mail(b"=?nothing?q?a?= x")),
        subject_charset_idna=subject(b"a", b"=?idna?q?", b"?= x"),
        subject_charset_punycode=subject(b"a", b"=?punycode?q?x-", b"?= x"),
        subject_charset_unicode_escape=just(mail(rb"=?unicode_escape?q?=5Cud800?= x")),
        subject_charset_undefined=just(mail(b"=?undefined?q?a?= x")),
        subject_charset_hex=just(mail(b"=?hex?q?zz?= =?rot13?q?zz?= =?zlib?q?zz?= x")),
        subject_charset_nul=just(mail(b"=?utf\0-8?q?a?= x")),
        subject_base64_bad=just(mail(b"=?utf-8?b?a?= x")),
        subject_raw_bytes=just(mail(b"\xff\xfe [PATCH] \x80")),
        from_nested_comments=header(b"(", b"From: ", b"\n"),
        from_nested_comments_closed=just(
            b"From: " + b"(" * 3000 + b")" * 3000 + b" a@b\nSubject: [PATCH] x\n\n" + GOOD.partition(b"\n\n")[2]
        ),
        from_quotes=just(b"From: " + b'"' * 200_000 + b"\nSubject: [PATCH] x\n\n" + GOOD.partition(b"\n\n")[2]),
        from_addresses=lambda n: (
            b"From: " + b"a@b, " * (n // 5) + b"\nSubject: [PATCH] x\n\n" + GOOD.partition(b"\n\n")[2]
        ),
        from_groups=lambda n: b"From: " + b"a:" * (n // 2) + b"\nSubject: [PATCH] x\n\n" + GOOD.partition(b"\n\n")[2],
        from_brackets=lambda n: b"From: " + b"<" * n + b"\nSubject: [PATCH] x\n\n" + GOOD.partition(b"\n\n")[2],
        from_routes=lambda n: b"From: <" + b"@a," * (n // 3) + b"\nSubject: [PATCH] x\n\n" + GOOD.partition(b"\n\n")[2],
        from_backslashes=lambda n: b'From: "' + b"\\" * n + b"\nSubject: [PATCH] x\n\n" + GOOD.partition(b"\n\n")[2],
        date_of_digits=just(mail().replace(b"29 Jun 2026", HUGE)),
        date_zone_huge=just(mail().replace(b"+0000", b"+" + HUGE)),
        date_hour_huge=just(mail().replace(b"00:00:00", HUGE + b":00:00")),
        date_of_spaces=lambda n: mail().replace(b"Mon,", b"Mon," + b" " * n),
        date_of_commas=lambda n: mail().replace(b"Mon,", b"," * n),
        date_short=just(mail().replace(b"Mon, 29 Jun 2026 00:00:00 +0000", b"Mon, ")),
        date_empty_words=just(mail().replace(b"Mon, 29 Jun 2026 00:00:00 +0000", b"29 Jun 2026 1:2:3.4.5 -")),
        date_minus=just(mail().replace(b"2026", b"-2026")),
        references=header(b"<a@b> ", b"References: "),
        references_open=header(b"<", b"References: "),
        references_spaces=header(b" ", b"References: <a", b">\n"),
        references_not_closed=header(b"<a", b"References: "),
        message_id_spaces=header(b" ", b"Message-ID: <", b">\n"),
        headers_many=header(b"X-A: b\n", b"", b""),
        header_folded=header(b" a\n", b"X-A: b\n", b""),
        in_reply_to_many=header(b"In-Reply-To: <a@b>\n", b"", b""),
        content_type_params=header(b"; a=b", b"Content-Type: text/plain"),
        content_type_quotes=header(b'"', b"Content-Type: text/plain; format="),
        content_type_quotes_and_semicolons=header(b'";', b"Content-Type: text/plain; format="),
        content_type_rfc2231=lambda n: mail(
            headers=b"Content-Type: text/plain" + b"".join(b"; a*%d=b" % at for at in range(n // 10)) + b"\n"
        ),
        content_type_rfc2231_huge=just(mail(headers=b"Content-Type: text/plain; format*" + HUGE + b"=x\n")),
        content_type_rfc2231_charset=just(mail(headers=b"Content-Type: text/plain; format*=utf-7'en'%2b\n")),
        content_type_slashes=header(b"/", b"Content-Type: text"),
        charset_unknown=just(mail(headers=b"Content-Type: text/plain; charset=nothing\n")),
        charset_utf7=just(mail(headers=b"Content-Type: text/plain; charset=utf-7\nContent-Transfer-Encoding: 8bit\n")),
        charset_tuple=just(
            mail(headers=b"Content-Type: text/plain; charset*=nothing'en'%ff\nContent-Transfer-Encoding: 8bit\n")
        ),
        filename_rfc2231=just(
            mail(
                headers=b"Content-Type: text/x; name*=nothing'en'%ff\nContent-Disposition: attachment; filename*0*=utf-7'en'%2b2AA-; filename*x=1\n"
            )
        ),
        nested_multiparts_3000=just(nested_mail(3000)),
        nested_multiparts=lambda n: nested_mail(min(3000, n // 60)),
        nested_rfc822=lambda n: b"From: a@b\nSubject: [PATCH] x\n" + b"Content-Type: message/rfc822\n\n" * (n // 30),
        nested_digest=again(b"Content-Type: multipart/digest; boundary=a\n\n--a\n\n", b"From: a@b\n"),
        boundary_lines=again(b"--b\n", b"From: a@b\nSubject: [PATCH] x\nContent-Type: multipart/mixed; boundary=b\n\n"),
        boundary_parts=again(
            b"--b\nContent-Type: text/plain\n\nx\n",
            b"From: a@b\nSubject: [PATCH] x\nContent-Type: multipart/mixed; boundary=b\n\n",
        ),
        boundary_bare_parts=again(
            b"--b\n\nx\n", b"From: a@b\nSubject: [PATCH] x\nContent-Type: multipart/mixed; boundary=b\n\n"
        ),
        boundary_empty=just(mail(headers=b"Content-Type: multipart/mixed; boundary=\n")),
        boundary_missing=just(mail(headers=b"Content-Type: multipart/mixed\n")),
        boundary_regex=just(mail(headers=b'Content-Type: multipart/mixed; boundary="(((("\n')),
        boundary_spaces=lambda n: mail(
            headers=b"Content-Type: multipart/mixed; boundary=b\n", body=b"--b" + b" " * n + b"x\n"
        ),
        base64_damaged=just(mail(headers=b"Content-Transfer-Encoding: base64\n", body=b"====" * 50)),
        base64_long=lambda n: mail(headers=b"Content-Transfer-Encoding: base64\n", body=base64.b64encode(b"x" * n)),
        uuencode=lambda n: mail(
            headers=b"Content-Transfer-Encoding: x-uuencode\n", body=b"begin 644 x\n" + b"M" * n + b"\n"
        ),
        uuencode_bad=just(
            mail(headers=b"Content-Transfer-Encoding: uuencode\n", body=b"begin 999999999 x\n\xff\xff\n")
        ),
        qp_equals=lambda n: mail(headers=b"Content-Transfer-Encoding: quoted-printable\n", body=b"=" * n),
        encoding_unknown=just(mail(headers=b"Content-Transfer-Encoding: \xff\n")),
        from_line_times=again(b"00:00:00", b"From a ", b"\nSubject: [PATCH] x\n\n"),
        from_line_times_and_years=again(b"00:00:00 2026 ", b"From a ", b"\n"),
        from_line_long=again(b"a", b"From a ", b" 00:00:00\n"),
        from_lines=again(b"From a 00:00:00 2026\nA: b\n\n"),
        from_lines_and_mails=again(b"From a 00:00:00 2026\n" + GOOD),
        mails_unnumbered=lambda n: b"".join(
            b"From a 00:00:00 2026\n"
            + GOOD.replace(b"<1@", b"<%d@" % at).replace(b"\n\n", b"\nIn-Reply-To: <%d@example.org>\n\n" % (at - 1), 1)
            for at in range(max(1, n // 350))
        ),
        mails_numbered=lambda n: b"".join(
            b"From a 00:00:00 2026\n"
            + GOOD.replace(b"<1@", b"<%d@" % at).replace(b"[PATCH]", b"[PATCH %d/%d]" % (at, n // 350))
            for at in range(1, max(2, n // 350))
        ),
        covers=again(b"From a 00:00:00 2026\nFrom: a@b\nSubject: Re: [PATCH] x\n\nx\n"),
        quoted_from=again(b">", b"From: a@b\nSubject: x\n\n", b"From x\n"),
        html=just(b"<!DOCTYPE html>" + b"<" * 10000),
        header_without_colon=again(b"a", b"From: a\n"),
        flowed=lambda n: mail(
            headers=b"Content-Type: text/plain; format=flowed\n", body=GOOD.partition(b"\n\n")[2] + b"x \n" * (n // 3)
        ),
        commit_show=again(b"    x\n", b"commit 0123456789\nAuthor: a\n\n", GOOD.partition(b"\n\n")[2]),
        nul=just(mail(b"a\0b")),
        utf16=just(mail().decode().encode("utf-16")),
        utf16_no_bom=just(mail().decode().encode("utf-16-le")),
        attached_patch_of_patches=lambda n: (
            b"From: a@b\nSubject: [PATCH] x\nContent-Type: text/x-patch\n\n"
            + b"From: a@b\nSubject: [PATCH] x\nContent-Type: text/x-patch\n\n" * (n // 60)
        ),
        bom=just(b"\xef\xbb\xbf" + mail()),
        names_natural=just(mail()),
    ),
    *_of(
        "diff",
        hunk_huge=just(b"@@ -1," + HUGE + b" +1,1 @@\n a\n"),
        hunk_of_billions=again(b" a\n", b"@@ -1,999999999 +1,999999999 @@\n"),
        hunks=again(b"@@ -1 +1 @@\n-a\n+b\n"),
        headers=again(b"--- a/mm/x.c\n+++ b/mm/x.c\n@@ -1 +1 @@\n-a\n+b\n"),
        files=counted(b"--- a/mm/%.c\n+++ b/mm/%.c\n@@ -1 +1 @@\n-a\n+b\n"),
        signatures=again(b"-- \n--- a/mm/x.c\n", b"@@ -1 +1 @@\n-a\n+b\n"),
        git_headers=counted(b"diff --git a/mm/%.c b/mm/%.c\nold mode 1\nnew mode 2\n", b"@@ -1 +1 @@\n-a\n+b\n"),
        git_names_of_spaces=again(b" ", b"@@ -1 +1 @@\n-a\n+b\ndiff --git a", b"\nindex 1..2\n"),
        git_names_quoted=again(b"\\", b'@@ -1 +1 @@\n-a\n+b\ndiff --git "', b"\nindex 1..2\n"),
        quoted_octal=just(b'@@ -1 +1 @@\n-a\n+b\n--- "a/mm/\\9\\400\\377"\n+++ "b/mm/\\"\n@@ -1 +1 @@\n-a\n+b\n'),
        quoted_open=just(b'@@ -1 +1 @@\n-a\n+b\n--- "a/mm\n+++ "\n@@ -1 +1 @@\n-a\n+b\n'),
        binary=again(b"zcmZ\n", b"@@ -1 +1 @@\n-a\n+b\ndiff --git a/mm/x b/mm/x\nGIT binary patch\nliteral 3\n"),
        binary_blocks=again(b"literal 3\n\n", b"@@ -1 +1 @@\n-a\n+b\ndiff --git a/mm/x b/mm/x\nGIT binary patch\n"),
        climbing=just(b"@@ -1 +1 @@\n-a\n+b\n--- a/../../etc/passwd\n+++ b/../../etc/passwd\n@@ -1 +1 @@\n-a\n+b\n"),
        diff_lines=again(b"diff -u a b\n", b"@@ -1 +1 @@\n-a\n+b\n"),
        index_lines=again(
            b"Index: x\n", b"@@ -1 +1 @@\n-a\n+b\n", b"--- a/mm/x.c\n+++ b/mm/x.c\n@@ -1 +1 @@\n-a\n+b\n"
        ),
        only_in=again(b"Only in x: y\n", b"@@ -1 +1 @@\n-a\n+b\n"),
        equals=again(b"=", b"@@ -1 +1 @@\n-a\n+b\n", b"\n"),
        wrapped=again(b"+" + b"word " * 15 + b"\nrest\n", b"@@ -1,99999999 +1,99999999 @@\n"),
        wrapped_again=again(b"rest of\n", b"@@ -1,99999999 +1,99999999 @@\n+" + b"word " * 15 + b"\n"),
        empty_lines=again(b"\n", b"@@ -1,99999999 +1,99999999 @@\n"),
        surrogates=just(b"@@ -1 +1 @@\n-a\n+b\n--- a/mm/\xff\xfe.c\n+++ b/mm/\xff\xfe.c\n@@ -1 +1 @@\n-a\n+b\n"),
    ),
    *_of(
        "subject",
        zone=again(b"+", b"Mon, 1 Jan 2026 00:00:00 "),
        spaces=again(b" ", b"[PATCH] "),
        colon_run=again(b":- ", b"[PATCH]"),
        of_run=again(b"1 of ", b"["),
    ),
    *_of(
        "compressed",
        gzip_bomb=lambda n: gzip.compress(bytes(80 << 20)),
        bzip2_bomb=lambda n: bz2.compress(bytes(80 << 20)),
        xz_bomb=lambda n: lzma.compress(bytes(80 << 20)),
        xz_memory=just(b"\xfd7zXZ\0\0\x04\xe6\xd6\xb4F\x02\0!\x01\x28\0\0\0"),
        bzip2_damaged=just(bz2.compress(b"a" * 1000)[:-9] + b"x" * 9),
    ),
    *_of(
        "mutant",
        fields=counted(b"A%: b\n"),
        folded=again(b" x\n", b"Breaks: a\n", b"---\ndiff --git a b\n"),
        spaces=again(b" ", b"Breaks:", b"x\n---\ndiff --git a b\n"),
        delay_huge=just(
            b"Class: c\nBreaks: b\nSymptom: s\nObservable: yes\nDelays: a=" + HUGE + b"\n---\ndiff --git a/x b/x\n"
        ),
        delay_digits=just(
            "Class: c\nBreaks: b\nSymptom: s\nObservable: yes\nDelays: a=²\n---\ndiff --git a/x b/x\n".encode()
        ),
    ),
    *_of(
        "known issues",
        impossible_day=just(known(expires="2026-02-30")),
        day_and_time=just(known(expires="2026-06-30T00:00:00Z")),
        day_of_digits=just(known(expires=HUGE.decode())),
        day_other_digits=just(known(expires="٢٠٢٦-٠٦-٣٠")),
        bomb=just(yaml_bomb(12)),
        bomb_in_entry=just(
            b"- title: &a [x,x,x,x,x,x,x,x,x]\n"
            + b"".join(
                b"  k%d: &a%d [%b]\n" % (at, at, b", ".join([b"*a%s" % (b"%d" % (at - 1) if at else b"")] * 9))
                for at in range(10)
            )
        ),
        alias_of_itself=just(b"&a [*a]\n"),
        alias_of_itself_in_map=just(b"- &a {title: *a}\n"),
        alias_unknown=just(b"- *a\n"),
        alias_as_key=just(b"- &a {title: x}\n- {*a : b}\n"),
        tag_python=just(b"- !!python/object/apply:os.system ['true']\n"),
        tag_on_list=just(b"!!set [a, b]\n"),
        tag_on_map=just(b"- !!seq {a: b}\n"),
        tag_on_text=just(known(title="!!map x")),
        tag_int=just(known(title="!!int x")),
        tag_unknown=just(known(title="!x y")),
        tag_binary=just(known(title="!!binary x")),
        key_is_list=just(b"- {[a]: b}\n"),
        key_is_map=just(b"- {{a: b}: b}\n"),
        merge_key=just(b"- <<: {title: x}\n- <<: x\n"),
        deep_lists=lambda n: b"[" * n,
        deep_maps=lambda n: b"{a: " * (n // 4),
        deep_blocks=lambda n: b"- " * (n // 2) + b"x",
        entries=lambda n: known() * max(1, n // 50),
        keys_many=lambda n: b"- {" + b"".join(b"k%d: v, " % at for at in range(n // 10)) + b"}\n",
        one_long_title=lambda n: known(title="'" + "x" * n + "'"),
        costly_nested=just(known(title="'(a+)+b'") + known(title="'(.*)*x.*'")),
        costly_warning=just(known(title="'WARNING in (a*)*b'")),
        costly_alternatives=just(known(title="'WARNING in (a|a)*b'")),
        costly_dots=just(known(title="'WARNING in .*.*.*.*.*.*.*.*x'")),
        costly_backreference=just(known(title=r"'WARNING in (a*)*\1b'")),
        repeat_huge=just(known(title="'a{1000000}{1000}'")),
        repeat_overflow=just(known(title="'a{99999999999999999999}'")),
        groups_many=just(known(title="'" + "(a)" * 2000 + "'")),
        groups_deep=just(known(title="'" + "(" * 2000 + "a" + ")" * 2000 + "'")),
        pattern_open=just(known(title="'(a'")),
        pattern_flag_in_middle=just(known(title="'a(?i)b'")),
        pattern_all=just(known(title="'.*'")),
        base_of_dots=just(known(base="..")),
        base_huge=just(known(base="6." + HUGE.decode())),
        base_other_digits=just(known(base="6.²..٣")),
        base_three_ends=just(known(base="6..7..8")),
        tabs=just(b"-\ttitle: x\n\tlink: y\n"),
        not_utf8=just(b"- title: \xff\xfe\n"),
        nul=just(b"- title: a\0b\n"),
        control=just(b"- title: a\x07b\n"),
        utf16=just(known().decode().encode("utf-16")),
        version_directive=just(b"%YAML 9.9\n---\n- {}\n"),
        documents=just(b"---\n- {}\n---\n- {}\n"),
        anchors=lambda n: b"".join(b"- &a%d x\n" % at for at in range(n // 9)),
        scalar=just(b"x\n"),
        number=just(b"1\n"),
        quotes_open=lambda n: b'"' + b"\\n" * (n // 2),
        spaces=lambda n: b"- title:" + b" " * n + b"x\n",
        comments=again(b"# x\n"),
        block_text=lambda n: b"- title: |\n" + b"    x\n" * (n // 6),
    ),
    *_of(
        "test case",
        duration_inf=just(case("duration_s: .inf")),
        duration_inf_plain=just(case("duration_s: inf")),
        duration_1e999=just(case("duration_s: 1e999")),
        duration_1e300=just(case("duration_s: 1e300")),
        timeout_inf=just(case("timeout_s: .inf")),
        memory_huge=just(case("needs: {memory_mib: " + HUGE.decode() + "}")),
        memory_other_digits=just(case("needs: {memory_mib: ²}")),
        source_climbs=just(b"summary: x\nsources: [../case/x.c]\n"),
        source_absolute=just(b"summary: x\nsources: [/etc/passwd]\n"),
        source_nul=just(b'summary: x\nsources: ["a\\0b"]\n'),
        source_long=just(b"summary: x\nsources: [" + b"a" * 5000 + b"]\n"),
        source_directory=just(b"summary: x\nsources: ['.']\n"),
        cases_climb=just(case("cases: {../x: {args: [a]}}")),
        cases_list=just(case("cases: [a]")),
        cases_null=just(case("cases:")),
        cases_of_cases=just(case("cases: {a: {cases: {b: {}}}}")),
        cases_many=lambda n: case("cases:\n" + "".join(f"  c{at}: {{}}\n" for at in range(n // 12))),
        sysctl_climbs=just(case("sysctls: {'../../etc/passwd': x}")),
        debugfs_climbs=just(case("debugfs: {'../../etc/passwd': x}")),
        cgroup_climbs=just(case("cgroup: {'../../x': x}")),
        cgroup_nul=just(case('cgroup: {"memory.max": "a\\0b"}')),
        sysctl_newline=just(case('sysctls: {"vm.x": "a\\nb"}')),
        args_nul=just(case('args: ["a\\0b"]')),
        kselftest_climbs=just(b"summary: x\nkselftest: ../..\n"),
        userland_unknown=just(b"summary: x\nuserland: nothing\nprogram: x\n"),
        program_climbs=just(b"summary: x\nkselftest: mm\nprogram: ../../x\n"),
        expects_costly=just(case("expects: ['WARNING in (a*)*b']")),
        expects_bad=just(case("expects: ['(']")),
        data_is_list=just(b"- a\n"),
        data_is_text=just(b"x\n"),
        keys_are_numbers=just(b"1: 2\n"),
        output_unknown=just(case("output: nothing")),
        bomb=just(yaml_bomb(12)),
        kconfig_name=just(case("needs: {kconfig: ['../x']}")),
    ),
    *_of(
        "report kind",
        title_brace=just(kind(titles='["own {", "own"]')),
        title_brace_last=just(kind(titles='["own }"]')),
        title_braces_empty=just(kind(titles='["own {}", "own"]')),
        title_format=just(kind(titles='["own {function:99999999999}", "own"]')),
        title_attribute=just(kind(titles='["own {function.__class__}", "own"]')),
        title_conversion=just(kind(titles='["own {function!x}", "own"]')),
        gap_inf=just(kind(gap_s="inf")),
        gap_nan=just(kind(gap_s="nan")),
        gap_minus=just(kind(gap_s="-1.0")),
        lines_zero=just(kind(lines="0")),
        lines_huge=just(kind(lines="999999999999999999999")),
        priority_huge=just(kind(priority=HUGE.decode())),
        costly=just(kind(start="['own: (a+)+b']")),
        costly_field=just(kind(fields="{x = '((a*)*)*b'}", titles='["own {x}", "own"]')),
        costly_dots=just(kind(start="['own: .*.*.*.*.*.*b']")),
        crosses_lines=just(kind(start="['own: [^x]*x']")),
        not_utf8=just(b"kind = '\xff'"),
        deep=lambda n: b"a = " + b"[" * n,
        dotted=lambda n: b"a" + b".a" * (n // 2) + b" = 1\n",
        tables=lambda n: b"".join(b"[a%d]\n" % at for at in range(n // 8)),
        inline_tables=lambda n: b"a = " + b"{a=" * (n // 3),
        groups_many=just(kind(start="['own: " + "(a)" * 300 + "']")),
        not_bytes=just(kind(start="['own: é\\u20ac']")),
        named_twice=just(kind(start="['own: (?P<function>a)', 'own: (?P<function>b)']")),
        backreference=just(kind(start=r"['own: (?P<function>a)(?P=function)']")),
        number_reference=just(kind(start=r"['own: (a)\1']")),
        conditional=just(kind(start=r"['own: (?P<function>a)?(?(function)b|c)']")),
        flag=just(kind(start="['(?i)own: x']")),
        kind_path=just(kind(kind='"../x"')),
    ),
    *_of(
        "kconfig fragment",
        not_utf8=just(b"CONFIG_A=y\n# \xff\n"),
        slowdown_inf=just(b"# slowdown: inf\nCONFIG_A=y\n"),
        slowdown_1e999=just(b"# slowdown: 1e999\nCONFIG_A=y\n"),
        slowdown_huge=just(b"# slowdown: " + HUGE + b"\nCONFIG_A=y\n"),
        slowdown_1e300=just(b"# slowdown: 1e300\nCONFIG_A=y\n"),
        slowdown_zero=just(b"# slowdown: 0\nCONFIG_A=y\n"),
        value_quotes=again(b"\\", b'CONFIG_A="', b"\n"),
        value_digits=again(b"1", b"CONFIG_A="),
        symbols=counted(b"CONFIG_A%=y\n"),
        almost=again(b" ", b"# CONFIG_A is", b"not sex\n"),
        nul=just(b"CONFIG_A=y\0\n"),
        long_line=again(b"a"),
        separators=just("CONFIG_A=y\u2028CONFIG_B=n\n".encode()),
    ),
    *_of(
        "machine",
        smp_huge=just(b"smp = " + HUGE),
        deep=lambda n: b"args = " + b"[" * n,
        strings=lambda n: b"args = [" + b'"a", ' * (n // 5) + b"]\n",
        date=just(b"arch = 2026-02-30\n"),
        dotted=lambda n: b"a" + b".a" * (n // 2) + b" = 1\n",
        underscores=again(b"1_", b"smp = ", b"1"),
        brace=just(CONFIG_SEED),
        unicode_escape=just(b'arch = "\\ud800"\n'),
    ),
    *_of(
        "Kconfig",
        ifs=again(b"if A\n", b"", b"config FOO\n\tbool\n"),
        configs=again(b"config FOO\n"),
        ifs_and_configs=again(b"if A\nconfig FOO\n"),
        depends_spaces=again(b" ", b"config FOO\n\tdepends on A", b"x\n"),
        depends_parens=again(b"$(", b"config FOO\n\tdepends on "),
        depends_words=again(b"A && ", b"config FOO\n\tdepends on "),
        depends_word=again(b"A", b"config FOO\n\tdepends on "),
        depends_compare=again(b"A =", b"config FOO\n\tdepends on "),
        depends_quotes=again(b'"', b"config FOO\n\tdepends on "),
        continued=again(b"\\\n", b"config FOO\n\tdepends on A "),
        tabs=again(b"\t", b"", b"config FOO\n"),
        config_spaces=again(b" ", b"config", b"FOO x\n"),
        blank_lines=again(b"\n"),
        blank_spaces=again(b" \n"),
        comment_spaces=again(b" ", b"config FOO\n\tdepends on A", b"#\n"),
        set_values=counted(b"CONFIG_A%=y\n"),
    ),
    *_of(
        "needed symbols",
        configs=again(b"config FOO\n"),
        selectors=again(b'config A\n\tbool "a"\n\tdepends on B\n\tselect FOO\n', b"config FOO\n\tbool\n"),
        selects=again(b"\tselect FOO\n", b'config A\n\tbool "a"\n'),
        chain=counted(b'config A%\n\tbool "a"\n\tselect FOO\n', b"config FOO\n\tbool\n"),
        defaults=again(b"\tdefault y if A\n", b"config FOO\n\tbool\n"),
        depends=again(b"\tdepends on A\n", b"config FOO\n"),
        depends_words=again(b"A && ", b"config FOO\n\tdepends on "),
        depends_parens=again(b"(", b"config FOO\n\tdepends on "),
        depends_nots=again(b"!", b"config FOO\n\tdepends on "),
        prompt_spaces=again(b" ", b'config FOO\n\tbool "a"', b"x\n"),
        prompt_quotes=again(b'"', b"config FOO\n\tbool "),
        default_ifs=again(b" if", b"config FOO\n\tdefault y"),
    ),
    *_of(
        "kconfig messages",
        inclusions=again(b"Recursive inclusion detected.\nx\n"),
        recursive=again(b"error: recursive dependency detected!\n\tsymbol A\n"),
        recursive_places=again(b"a:1:", b"", b"error: recursive\n"),
        steps=again(b"a:1:\tsymbol A\n", b"error: recursive dependency detected!\n"),
        stops=again(b".  Stop", b"Makefile:1: *** "),
        places=again(b"a/", b"", b"Kconfig:1 x\n"),
        messages=again(b"Kconfig:1: x\n"),
        kconfigs=again(b"Kconfig"),
        places_slashes=again(b"/a"),
    ),
    *_of(
        "findings",
        diagnostics=again(b"a:1:1: warning: x\n"),
        types=again(b"a:1:1:    expected x\n", b"a:1:1: warning: x\n"),
        colons=again(b":"),
        digits=again(b"1", b"a:", b":1: warning: x\n"),
        line_of_5000_digits=just(b"a:" + HUGE + b":1: warning: x\nb:" + HUGE + b": WARNING:A: x\n"),
        line_other_digits=just("a:²:1: warning: x\na:٣: WARNING:A: x\n".encode()),
        checkpatch_words=again(b"A", b"a:1: WARNING:", b"\n"),
        checkpatch_names=again(b"a\n"),
        numbers=again(b"1 ", b"a:1:1: warning: "),
        paths=again(b"../", b"", b"a:1:1: warning: x\n"),
    ),
    *_of(
        "missing files",
        names=again(b"a"),
        quotes=again(b"'a"),
        targets=again(b"No rule to make target '"),
        climbing=again(b"../", b"", b"x: No such file\n"),
        words=counted(b"a% "),
        stars=again(b"a*", b"", b": No such file\n"),
    ),
    *_of(
        "userspace trees",
        bugs=again(b"BUG at check_gap:1 (1)\n"),
        assertions=again(b"a: b: Assertion `", b"", b"' failed."),
        climbs=again(b"../", b"maple: ", b"x: Assertion `0' failed.\n"),
        totals=again(b"a: 1 of 2 tests passed\n"),
        words_before_total=again(b"a ", b"", b": 1 of 2 tests passed\n"),
        left=just(b"nr_allocated = " + HUGE + b"\n"),
        targets=again(b"a ", b"TARGETS = "),
    ),
    *_of(
        "kunit",
        results=again(b"[    1.000000]     ok 1 a\n", b"[    1.000000] KTAP version 1\n"),
        levels=again(b"    ", b"[    1.000000] ", b"KTAP version 1\n"),
        plan=just(b"[    1.000000] KTAP version 1\n[    1.000001] 1..999999999\n"),
        suites=counted(b"[    1.000000]     # Subtest: a%\n[    1.000001]     1..9\n"),
        stamp=again(b" ", b"[", b"1.000000] ok 1 a\n"),
        totals=again(b"[    1.000000] XArray: 1 of 2 tests passed\n"),
    ),
    *_of(
        "ltp",
        places=counted(b"a.c:%: TFAIL: x\n"),
        one_place=again(b"a.c:1: TPASS: x\n"),
        spaces=again(b" ", b"mmap01 ", b"1 TPASS : x\n"),
        colours=again(b"\x1b[0m", b"a.c:1: ", b"TFAIL: x\n"),
        dots=again(b".", b"a", b"c:1: TPASS: x\n"),
        summary=again(b"failed 1\n"),
        summary_huge=just(b"failed " + HUGE + b"\n"),
    ),
    *_of(
        "userspace vma",
        names=again(b'"Test " "a" " FAILED\\n"\n'),
        spaces=again(b" ", b'"Test "', b'"a"'),
        tests_before=again(b'"Test "' + b" " * 50),
        failed=counted(b"Test a% FAILED\n"),
        asserts=again(b"Assert FAILED at a.c:1:test_a(): x\n"),
        assert_dots=again(b".", b"Assert FAILED at a.c:1:test_a(): "),
        total_huge=just(HUGE + b" tests run, " + HUGE + b" passed, 1 failed.\n"),
        total_other_digits=just("٣ tests run, ٣ passed, ٣ failed.\n".encode()),
        frames=again(b" ", b"ERROR: AddressSanitizer\n", b"#1 0x1 in x\n"),
        places=again(b"a:1", b"", b": runtime error\n"),
    ),
    *_of(
        "frames",
        names=again(b"a", b"", b"+0x"),
        dots=again(b"a.", b"", b"+0x1/0x2"),
        offsets=again(b"1", b"a+0x", b"/0x"),
        refs=again(b"a+0x1/0x2 "),
        warnings=again(b"WARNING: ", b"", b" at a+0x1/0x2\n"),
        warnings_and_refs=again(b"WARNING: a at a:1 a+0x1/0x2 "),
        suffixes=again(b".isra", b"a"),
        suffixes_numbers=again(b".isra.1", b"a", b"x"),
        suffix_numbers=again(b".1", b"a.isra", b"x"),
        module=again(b"a", b"a+0x1/0x2 [", b"\n"),
        places=again(b"a:1", b"WARNING: x at ", b" a+0x1/0x2\n"),
        colon_runs=again(b"RIP: ", b"", b"a+0x1/0x2\n"),
        hex_runs=again(b"[<", b"", b"a+0x1/0x2\n"),
    ),
    *_of(
        "sentinel",
        status_5000_digits=just(b"orchestrate-sentinel token status=" + HUGE + b" left=" + HUGE + b"\n"),
        counts_5000_digits=just(b"orchestrate-sentinel token taint=" + HUGE + b"," + HUGE + b"\n"),
        status_other_digits=just("orchestrate-sentinel token status=² left=٣ taint=٣,٣\n".encode()),
        many=again(b"orchestrate-sentinel token status=0\n"),
        others=again(b"orchestrate-sentinel other status=0\n"),
        words=again(b"a=b ", b"orchestrate-sentinel token ", b"\n"),
        names=again(b"a", b"orchestrate-sentinel token ", b"\n"),
        returns=again(b"\r"),
    ),
    *_of(
        "archive search",
        deeper_and_deeper=again(b"<a>"),
        entities=just(b'<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;">]><a>&c;</a>'),
        entries=again(b"<entry><title>[PATCH] a</title><link href='/1@b/'/></entry>", FEED, b"</feed>"),
        titles_of_entities=again(b"&amp;lt;", FEED + b'<entry><title type="html">', b"</title></entry></feed>"),
        addresses=again(b"%25", FEED + b'<entry><title>a</title><link href="', b'"/></entry></feed>'),
        address_that_is_none=just(FEED + b'<entry><title>a</title><link href="http://[a@b"/></entry></feed>'),
        encodings=just(b'<?xml version="1.0" encoding="idna"?><a/>'),
    ),
    *_of(
        "compiler",
        parens=again(b"("),
        digits=again(b"1.", b"gcc ", b"x"),
        spaces=again(b" "),
        names=again(b"gcc-"),
        dashes=again(b"-"),
        symbols=again(b"%"),
    ),
    *_of(
        "run.json",
        deep=lambda n: b"[" * n,
        deep_closed=just(b"[" * 3000 + b"]" * 3000),
        deep_objects=just(b'{"a":' * 20000 + b"1" + b"}" * 20000),
        deep_inside=just(run_json()[:-2] + b', "more": ' + b"[" * 50000 + b"]" * 50000 + b"}"),
        not_json=just(b"x"),
        empty=just(b""),
        null=just(b"null"),
        list=just(b"[]"),
        not_utf8=just(b"\xff\xfe"),
        nan=just(run_json(time_s=float("nan"))),
        huge_time=just(run_json()[:-2] + b', "time_s": 1e999}'),
        digits=just(run_json()[:-2] + b', "time_s": ' + HUGE + b"}"),
        surrogate=just(run_json(series="\ud800")),
        started_nothing=just(run_json(started="")),
        started_odd=just(run_json(started="x" * 100)),
        error_zero=just(run_json(request={"error": 0.0})),
        error_minus=just(run_json(request={"error": -1.0})),
        error_nan=just(run_json(request={"error": "nan"})),
        time_minus=just(run_json(time_s=-1.0, lost_s=-5.0)),
        known_costly=just(run_json(known=[{"title": "(W|WA)*(.*)*x", "link": "", "expires": "9999-01-01"}])),
        known_bad=just(run_json(known=[{"title": "(", "link": "", "expires": "9999-01-01"}])),
        known_base=just(run_json(known=[{"title": "x", "link": "", "expires": "9999-01-01", "base": "x..y"}])),
        planned_climbs=just(
            run_json(planned=[{"name": "../../etc", "kconfig": "base", "role": "PATCHED", "cases": []}])
        ),
        key_twice=just(b'{"key": 1, ' + run_json()[1:]),
    ),
    *_of(
        "kernel.json",
        deep=lambda n: b"[" * n,
        guests_many=just(kernel_json(guests=100_000_000)),
        guests_minus=just(kernel_json(guests=-1)),
        guests_huge=just(kernel_json(guests=10**30)),
        first_guest_minus=just(kernel_json(first_guest=-100_000_000)),
        first_guest_above=just(kernel_json(first_guest=5)),
        name_climbs=just(kernel_json(name="../../../etc")),
        name_absolute=just(kernel_json(name="/etc")),
        name_nul=just(kernel_json(name="a\0b")),
        name_long=just(kernel_json(name="a" * 5000)),
        from_minus=just(attempt_json(console_from=-5)),
        from_huge=just(attempt_json(console_from=10**30)),
        from_beyond=just(attempt_json(console_from=10**15)),
        to_minus=just(attempt_json(console_to=-5)),
        examined_minus=just(attempt_json(examined_at=-7)),
        examined_huge=just(attempt_json(examined_at=10**30)),
        examined_far=just(attempt_json(examined_at=10**12)),
        guest_minus=just(attempt_json(guest=-1)),
        guest_huge=just(attempt_json(guest=10**30)),
        stdout_climbs=just(attempt_json(stdout="../../../../etc/passwd")),
        stdout_device=just(attempt_json(stdout="/dev/zero")),
        stdout_nul=just(attempt_json(stdout="a\0b")),
        stdout_directory=just(attempt_json(stdout="guest-0")),
        stdout_long=just(attempt_json(stdout="a" * 5000)),
        console_directory=just(attempt_json(console="guest-0")),
        console_nul=just(attempt_json(console="a\0b")),
        case_climbs=just(attempt_json(case="../../../x")),
        case_nul=just(attempt_json(case="a\0b")),
        taint_minus=just(attempt_json(taint_before=0, taint_after=-1)),
        taint_huge=just(attempt_json(taint_before=0, taint_after=(1 << 14_000))),
        taint_long=just(attempt_json(taint_before=0, taint_after=10**4000)),
        status_huge=just(attempt_json(status=10**30)),
        status_minus=just(attempt_json(status=-1)),
        duration_nan=just(attempt_json(duration_s="nan", ending="TIMED_OUT")),
        duration_inf=just(attempt_json(duration_s="inf", ending="TIMED_OUT")),
        number_minus=just(attempt_json(number=-1)),
        pair_huge=just(attempt_json(pair=10**9)),
        counts=just(attempt_json(counts=[{"name": "x", "before": -(10**400), "after": 10**400}])),
        expects_bad=just(attempt_json(expects=["("])),
        expects_costly=just(attempt_json(expects=["(W|WA)*(.*)*x"])),
        stage_examined=just(
            kernel_json(stages=[{"stage": "boot", "outcome": "PASS", "time_s": 1.0, "examined_at": -1}])
        ),
        stage_climbs=just(kernel_json(stages=[{"stage": "../../x", "outcome": "PASS", "time_s": 1.0}])),
        attempts_many=lambda n: kernel_json(
            attempts=[
                {
                    "case": f"c{at}",
                    "ending": "EXITED",
                    "status": 0,
                    "console": "guest-0/console.log",
                    "console_from": at,
                }
                for at in range(n // 100)
            ]
        ),
        attempts_same=lambda n: kernel_json(
            attempts=[{"case": "c", "ending": "EXITED", "status": 0, "number": at} for at in range(n // 70)]
        ),
        not_json=just(b"{"),
    ),
)
