"""The answer to a series: headers as the thread had them, the verdict first, 78 columns, and no foreign text that a
reader of mail would take for something else."""

from __future__ import annotations

import email
import email.policy
import mailbox
import re
import shlex
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.arguments.parser import parser
from orchestrator.model.kernel import Role
from orchestrator.model.kernel_facts import KernelFacts
from orchestrator.model.kernel_report import Frame, Mark, SourceLine
from orchestrator.model.outcome import Outcome, Verdict
from orchestrator.model.report import Answer, RunReport, StageResult
from orchestrator.model.series import Envelope
from orchestrator.reporters import reply
from tests.run_reports import CRASHED, HOSTILE, KASAN, REGRESSION, case, hostile_report, many, report, suite

COVER = Envelope(
    0, "0@x.example", "[PATCH v2 0/2] mm: größer", "Jörg A <a@x.example>",
    ('"Doe, J" <j@x.example>', "linux-mm@kvack.org"), ("linux-kernel@vger.kernel.org", "A@x.example"),
)  # fmt: skip
FIRST = Envelope(
    1, "1@x.example", "[PATCH v2 1/2] mm: one", "Jörg A <a@x.example>", ("linux-mm@kvack.org",), (), ("0@x.example",)
)
SECOND = replace(FIRST, part=2, message_id="2@x.example", subject="Re: [PATCH v2 2/2] mm: two")
FACTS = KernelFacts(
    base="linux-source-6.12 6.12.117-1", arch="x86_64", compiler="gcc 12.2.0", machine="q35", accelerator="tcg",
    cpus=2, memory_mib=1024, patches=2,
)  # fmt: skip
THREAD: dict[str, Any] = {"mails": (COVER, FIRST, SECOND), "subjects": ("mm: one", "mm: two")}


def crash(patch: int) -> Any:
    mark = Mark.LINE if patch else Mark.NONE
    line = SourceLine("f", "mm/vma.c", 2 + patch, "BUG_ON(x);", mark, (f"{patch}/2 mm: it",) if patch else ())
    return replace(CRASHED, kernel_reports=(replace(KASAN, frames=(Frame(2, "f", 1, 2, True, (line,)),)),))


def mail(run: RunReport) -> EmailMessage:
    """As a reader of mail has it."""
    data = reply.content(run)
    assert data is not None
    separator, _, text = data.partition(b"\n")
    assert separator.startswith(b"From mboxrd@z ")
    assert not re.search(rb"^From ", text, re.MULTILINE)
    found = email.message_from_bytes(text, policy=email.policy.default)
    assert not found.defects
    assert isinstance(found, EmailMessage)
    return found


def text(run: RunReport) -> str:
    return mail(run).get_content()


def test_an_answer_goes_to_whom_the_thread_went() -> None:
    found = mail(report(suite(crash(0), facts=FACTS), **THREAD))
    assert found["Subject"] == "Re: [PATCH v2 0/2] mm: größer"
    assert found["To"].addresses[0].display_name == "Jörg A"
    assert [one.addr_spec for one in found["To"].addresses] == ["a@x.example"]
    assert [one.addr_spec for one in found["Cc"].addresses] == [
        "j@x.example", "linux-mm@kvack.org", "linux-kernel@vger.kernel.org",
    ]  # fmt: skip
    assert found["Cc"].addresses[0].display_name == "Doe, J"
    assert found["In-Reply-To"] == "<0@x.example>"
    assert found["References"].split() == ["<0@x.example>"]
    assert {"From", "Date", "Message-ID"}.isdisjoint(found.keys())  # of who sends it


def test_the_patch_that_wrote_the_line_is_answered_where_it_is_one() -> None:
    found = mail(report(suite(crash(2), facts=FACTS), **THREAD))
    assert found["Subject"] == "Re: [PATCH v2 2/2] mm: two"
    assert found["References"].split() == ["<0@x.example>", "<2@x.example>"]
    several = mail(report(suite(crash(2), replace(crash(1), case="b"), facts=FACTS), **THREAD))
    assert several["In-Reply-To"] == "<0@x.example>"


def test_the_verdict_comes_first_then_the_finding_and_how_to_see_it_again() -> None:
    lines = text(report(suite(crash(1), facts=FACTS), run_id="1" * 32, version="0.1", **THREAD)).splitlines()
    assert lines[0] == "The patch is at fault: fork crashed the kernel"
    said = "\n".join(lines)
    for words in (
        "* KASAN: use-after-free in f",
        "case fork on base.x86_64.gcc-12: CRASH",
        "new (regression): failed 5 of 5 with the series and 0 of 5 without",
        "f at mm/vma.c:3\n      BUG_ON(x);\n      written by 1/2 mm: it",
        ">> f                                  mm/vma.c:3 [1/2]",
        "base: linux-source-6.12 6.12.117-1",
        "guests: QEMU q35 (tcg), 2 CPUs, 1024 MiB",
        "\n-- \norchestrate 0.1, run 11111111111111111111111111111111.",
    ):
        assert words in said, words
    command = said[said.index("  orchestrate test") : said.index("\n\n-- ")]
    args = parser().parse_args(shlex.split(command.replace("\\\n", ""))[1:])
    assert (args.patch, args.base, args.kconfig) == ("0@x.example", "linux-source-6.12", ["base"])
    assert (args.testcase, args.seed) == (["fork"], 7)


def test_what_is_not_new_is_said_apart() -> None:
    old = case(
        "old",
        Outcome.FAIL,
        "lost",
        comparison=replace(REGRESSION, answer=Answer.PRE_EXISTING, words="5 of 5 and 5 of 5"),
    )
    said = text(report(suite(crash(1), old, facts=FACTS), **THREAD))
    assert (
        "Not new, the base fails as well:\n  old on base.x86_64.gcc-12: lost; pre-existing: 5 of 5 and 5 of 5" in said
    )
    assert said.count("* ") == 1


def test_an_unsettled_regression_is_called_that() -> None:
    unsure = replace(crash(1), comparison=replace(REGRESSION, is_settled=False, p=0.2))
    assert "perhaps new (regression): " in text(report(suite(unsure, facts=FACTS), **THREAD))


def test_a_patch_that_does_not_build_has_the_compilers_words() -> None:
    stage = StageResult(
        "build", Outcome.FAIL, 1.0, "the kernel does not compile: mm/vma.c:1:1: error", is_patch_fault=True,
        detail="mm/vma.c:1:1: error: x\n" + "y" * 300 + "\n" + "z\n" * 100,
    )  # fmt: skip
    said = text(report(suite(stages=(stage,), facts=FACTS), **THREAD))
    assert "  mm/vma.c:1:1: error: x\n" in said
    assert said.count("\n  z\n") < 20
    assert re.search(r"\[\.\.\. 8\d more lines\]", said)
    assert "build failed" in said
    assert "--testcase" not in said


def test_nothing_regressed_is_a_short_answer() -> None:
    said = text(report(suite(case("a"), facts=FACTS), verdict=Verdict.CLEAN, reason="1 case passed", **THREAD))
    assert said.startswith("Nothing regressed: 1 case passed\n\nWhat was tested:\n")
    assert "How to see it again" not in said


def test_a_commit_of_a_tree_is_named_without_its_place() -> None:
    facts = replace(FACTS, base="/home/me/linux mm-unstable (bbbb)", commit="b" * 40)
    said = text(report(suite(crash(1), facts=facts), **THREAD))
    assert "/home/me" not in said
    assert "base: linux mm-unstable (bbbb)" in said
    assert "--tree LINUX --base bbbbbbbbbbbb" in said.replace("\\\n      ", "")


def test_a_base_with_required_patches_is_shown_by_commands_that_work_elsewhere() -> None:
    base = "/home/me/linux HEAD (uuuu) with 2 patches that the series requires"
    facts = replace(FACTS, base=base, commit="b" * 40, under="e" * 40)
    said = text(report(suite(crash(1), facts=facts), **THREAD))
    assert "bbbb" not in said
    assert "\n  git -C LINUX checkout --detach eeeeeeeeeeee\n  orchestrate test " in said
    assert " --base " not in said


def test_another_compiler_is_named() -> None:
    said = text(report(suite(crash(1), facts=replace(FACTS, toolchain="clang-19")), **THREAD))
    assert "--toolchain clang-19" in said
    assert "--toolchain" not in text(report(suite(crash(1), facts=replace(FACTS, toolchain="gcc")), **THREAD))


@pytest.mark.parametrize("verdict", [Verdict.NO_VERDICT, Verdict.INTERRUPTED, Verdict.BAD_REQUEST, Verdict.SURVIVED])
def test_what_is_no_authors_business_is_no_answer(verdict: Verdict) -> None:
    assert reply.content(report(suite(case("a")), verdict=verdict, **THREAD)) is None


def test_without_a_mail_there_is_no_answer() -> None:
    assert reply.content(report(suite(CRASHED), subjects=("mm: one",))) is None
    assert reply.content(report(suite(CRASHED), mails=(replace(COVER, message_id="a b"),))) is None


LOG = "\n".join(
    (
        "[   12.345678][    C0] BUG: KASAN: use-after-free in a_function_whose_name_is_longer_than_lines_are+0x1/0x2",
        "From torvalds Thu Jan  1 00:00:00 1970",
        "Reviewed-by: Nobody <n@example.org>",
        "---",
        "diff --git a/mm/vma.c b/mm/vma.c",
        "--- a/mm/vma.c",
        "+++ b/mm/vma.c",
        "@@ -1 +1 @@",
        "-a",
        "+b",
        "x" * 500,
    )
)


def test_foreign_text_is_no_patch_no_trailer_and_no_other_mail(tmp_path: Path) -> None:
    evil = replace(CRASHED, kernel_reports=(replace(KASAN, text=LOG, frames=()),))
    run = report(suite(evil, facts=FACTS), reason="From x\nReviewed-by: x <x@x>", **THREAD)
    said = text(run)
    assert not re.search(r"^(?:From |---|diff |\+\+\+ |@@ |[A-Z][a-z]+-by:)", said, re.MULTILINE)
    assert "  BUG: KASAN: use-after-free in" in said  # without the timestamp
    (tmp_path / "mbox").write_bytes(reply.content(run) or b"")
    box = mailbox.mbox(tmp_path / "mbox", create=False)
    assert len(box) == 1
    box.close()


def columns(run: RunReport) -> None:
    data = reply.content(run)
    assert data is not None
    head, _, said = data.decode().partition("\n\n")
    text, _, command = said.partition("How to see it again:")  # whose words are to be pasted
    for line in (*text.splitlines(), *command.partition("\n\n")[2].splitlines()):
        assert len(line) <= 78, line
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", line)
    assert all(len(line) <= 998 for line in head.splitlines())


@pytest.mark.parametrize("words", [HOSTILE, "", "a" * 5_000, "ä" * 500, "a b " * 500, "From ", "\t" * 200])
def test_any_text_fits_78_columns(words: str) -> None:
    run = hostile_report(words)
    columns(replace(run, mails=(replace(COVER, subject=words, sender="a@x.example"),), subjects=(words,) * 3))


@given(st.text(max_size=200))
def test_any_other_text_does_too(words: str) -> None:
    run = hostile_report(words)
    columns(replace(run, mails=(replace(COVER, subject=words, references=(words,)),)))


def test_a_large_run_is_a_mail_that_people_read() -> None:
    data = reply.content(replace(many(2_000, bad=True), **THREAD))
    assert data is not None
    assert len(data) < 40_000
    assert b"And 1990 more failures." in data


def test_kernels_that_were_only_compared_are_not_told_as_tested() -> None:
    base = suite(role=Role.BASELINE, facts=FACTS)
    assert text(report(suite(crash(1), facts=FACTS), base, **THREAD)).count("base.x86_64.gcc-12") == 2
