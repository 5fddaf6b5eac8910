"""Jobs are plain values: they can be sent elsewhere, compared and kept in sets. What a kernel is, is its content."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import get_args

import pytest

from orchestrator import codec
from orchestrator.model.attempt import Planned
from orchestrator.model.job import (
    Build,
    CompareBuilds,
    CompileChanged,
    Configure,
    HostTest,
    Job,
    MakePrograms,
    Session,
    StaticChecks,
)
from orchestrator.model.kernel import Fragment, Kconfig, Kernel, Role, Source
from orchestrator.model.series import Mutant, Observable, Patch, Series
from orchestrator.model.subject import Subject, baseline, patched
from orchestrator.parse.patches.series import read_patches

PATCH = Patch("0001-mm.patch", "mm: b", b"\xff\0diff", "1" * 64, ("mm/vma.c",), 1, 2, 1, "<1@x>", b"From: A")
SERIES = Series("fix", (PATCH,), "2" * 64, ("a note",))
DEBUG = Fragment("debug", Path("/k/debug.config"), (("CONFIG_DEBUG_VM", "y"), ("CONFIG_SMP", "n")), 2.0)
KCONFIG = Kconfig("debug", (DEBUG,))
MUTANT = Mutant("early", "order", "it", "that", "debug", ("a",), (("p", 3),), Observable.YES, "", False, "o", b"\xfe")
KERNEL = Kernel(Source("/linux", "v6.12"), KCONFIG, SERIES, (MUTANT,), "early")
SUBJECT = Subject(KERNEL, Role.MUTATED, "debug.early", 1, ("vma_delay.p=3",))
JOBS: tuple[Job, ...] = (
    Configure(SUBJECT),
    MakePrograms(SUBJECT),
    Build(SUBJECT),
    HostTest(SUBJECT, "vma-userspace"),
    StaticChecks(SUBJECT, KERNEL),
    StaticChecks(SUBJECT, Kernel(Source(), KCONFIG)),
    CompareBuilds(SUBJECT),
    CompileChanged(SUBJECT),
    Session(SUBJECT, (Planned("a", 2**64 - 1), Planned("b", 0, 7)), 3, stop_at_failure=True, boot_limit_s=20.5),
)


def test_every_kind_of_job_is_here() -> None:
    assert {type(job) for job in JOBS} == set(get_args(Job))


@pytest.mark.parametrize("job", JOBS, ids=lambda job: type(job).__name__)
def test_a_job_survives_being_sent_and_is_the_same_job(job: Job) -> None:
    again = codec.loads(type(job), codec.dumps(job))
    assert again == job
    assert hash(again) == hash(job)
    assert again in {job}
    assert again.subject.kernel.id == KERNEL.id


def test_different_jobs_of_a_subject_are_different() -> None:
    session = JOBS[-1]
    assert isinstance(session, Session)
    others = {
        replace(session, number=4), replace(session, attempts=session.attempts[:1]),
        replace(session, subject=patched(KERNEL)), replace(session, stop_at_failure=False),
    }  # fmt: skip
    assert len({*JOBS, *others}) == len(JOBS) + len(others)


# --- what a kernel is


def test_a_kernel_is_known_by_its_content_alone() -> None:
    renamed = replace(
        PATCH, name="x.patch", subject="other", number=3, total=9, version=2, message_id="<2@y>", letter=b"", files=()
    )
    text = replace(
        MUTANT, name="x", group="g", breaks="b", symptom="s", cases=(), argument="a", origin="o2", kconfig="base"
    )
    same = [
        replace(KERNEL, series=replace(SERIES, name="other", digest="9" * 64, notes=())),
        replace(KERNEL, series=replace(SERIES, patches=(renamed,))),
        replace(KERNEL, kconfig=Kconfig("mine", (replace(DEBUG, name="mine", path=Path("/elsewhere")),))),
        replace(KERNEL, mutants=(text,)),
    ]
    assert {kernel.id for kernel in same} == {KERNEL.id}


def test_whatever_goes_in_makes_another_kernel() -> None:
    other = replace(PATCH, sha256="3" * 64)
    different = [
        replace(KERNEL, source=Source("/linux", "v6.13")),
        replace(KERNEL, source=Source("", "v6.12")),
        replace(KERNEL, series=None),
        replace(KERNEL, series=replace(SERIES, patches=(other,))),
        replace(KERNEL, series=replace(SERIES, patches=(PATCH, other))),
        replace(KERNEL, series=replace(SERIES, patches=(other, PATCH))),
        replace(KERNEL, kconfig=Kconfig("debug", (replace(DEBUG, symbols=DEBUG.symbols[:1]),))),
        replace(KERNEL, kconfig=Kconfig("debug", (DEBUG, DEBUG))),
        replace(KERNEL, mutants=()),
        replace(KERNEL, mutants=(replace(MUTANT, diff=b"x"),)),
        replace(KERNEL, own_mutant=""),
        replace(KERNEL, arch="arm64"),
        replace(KERNEL, toolchain="clang-19"),
    ]
    assert len({kernel.id for kernel in (KERNEL, *different)}) == 1 + len(different)
    changed = {entry.name for kernel in different for entry in fields(Kernel)
               if getattr(kernel, entry.name) != getattr(KERNEL, entry.name)}  # fmt: skip
    assert changed == {entry.name for entry in fields(Kernel)}, "a new field is part of the kernel, or says why not"


def test_what_a_mail_says_around_the_diff_does_not_make_another_kernel() -> None:
    diff = b"--- a/mm/vma.c\n+++ b/mm/vma.c\n@@ -1 +1 @@\n-a\n+b\n"
    mail = "From: {} <a@example.org>\nSubject: [PATCH] {}\n\n{}\n---\n"
    said = [
        read_patches([("0001.patch", mail.format(*words).encode() + diff)], name=words[0])
        for words in (("A", "mm: b", "why"), ("B", "mm: say b", "because"))
    ]
    assert said[0].patches[0].subject != said[1].patches[0].subject
    assert len({Kernel(Source(), KCONFIG, series).id for series in said}) == 1
    assert Kernel(Source(), KCONFIG, read_patches([("0001.patch", diff.replace(b"+b", b"+c"))])).id not in {
        Kernel(Source(), KCONFIG, series).id for series in said
    }


def test_the_part_that_a_kernel_plays_is_no_part_of_it() -> None:
    plain = Kernel(KERNEL.source, KCONFIG)
    assert baseline(KERNEL).kernel == baseline(plain).kernel == patched(plain).kernel == plain
    assert patched(plain) != baseline(plain)
    assert (patched(plain).name, baseline(plain).name) == ("debug.patched", "debug.baseline")
    assert {patched(plain).worktree, baseline(plain).worktree} == {"patched", "baseline"}
