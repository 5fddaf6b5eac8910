"""What leaves this machine says nothing of where things lie on it."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.model.kernel_facts import KernelFacts
from orchestrator.model.night import Culprit, Item, NightPlan, NightRecord, Priority, Results, State, TreeEntry
from orchestrator.model.outcome import Outcome
from orchestrator.model.report import RunReport, StageResult, Subtest
from orchestrator.model.series import Envelope, Origin, Place
from orchestrator.reporters.checks import checks
from orchestrator.reporters.night_text import markdown
from orchestrator.reporters.outside import discreet, night_for_others
from orchestrator.reporters.table import REPORTERS, write_files
from tests.run_reports import CRASHED, case, report, suite

TREE = "/srv/kernel trees/mm"
BASE = f"{TREE} akpm/mm-unstable (0123456789ab) with 2 patches that the series requires"
FACTS = KernelFacts(base=BASE, commit="f" * 40, toolchain="/opt/cross/gcc-15/bin", machine="q35",
                    kconfig_files=("/srv/kconfigs/mine.config",))  # fmt: skip


def local(run_dir: Path) -> RunReport:
    words = f"x does not apply to {BASE}: mm/vma.c; see {run_dir}/base.patched/log and /home/me/.cache/orchestrate/x"
    stages = (
        StageResult("apply", Outcome.FAIL, 1.0, words, detail=f"error: {TREE}/mm/vma.c", is_patch_fault=True),
        StageResult("radix-tree", Outcome.FAIL, 1.0, words, subtests=(Subtest("x", Outcome.FAIL, 0.1, words),)),
    )
    mail = Envelope(0, "1@b.example", "mm: x", "A <a@b.example>", to=("l@b.example",))
    made = report(
        suite(CRASHED, case("mmap", Outcome.FAIL, f"/opt/cross/gcc-15/bin/gcc: {words}"), stages=stages, facts=FACTS),
        run_dir=str(run_dir),
    )
    return replace(
        made,
        reason=words,
        notes=(words,),
        subjects=("mm: x",),
        message_ids=("1@b.example",),
        mails=(mail,),
        command="cd '/data/my work' && orchestrate test /data/my\\ work/x.patch",
        origin=Origin(Place.FILE, "/data/patches of/mine/x.patch"),
    )


@pytest.mark.parametrize("reporter", [one for one in REPORTERS if one.goes_out], ids=lambda one: one.file)
def test_no_document_for_others_has_a_path_of_this_machine(reporter, tmp_path: Path) -> None:
    write_files(local(tmp_path), tmp_path, [reporter])
    text = re.sub(r"\s+", " ", (tmp_path / reporter.file).read_text())
    for path in ("/srv", "/home", "/opt", "/data", str(tmp_path)):
        assert path not in text


def test_a_check_names_the_tree_and_not_its_path(tmp_path: Path) -> None:
    [check] = checks(local(tmp_path))
    assert "does not apply to mm akpm/mm-unstable (0123456789ab)" in check.description
    for said in (check.description, *check.details):
        assert not re.search(r"/(srv|home|opt|data)\b", said)


def test_a_reply_names_the_base_whose_revision_has_a_slash(tmp_path: Path) -> None:
    write_files(local(tmp_path), tmp_path)
    assert "base: mm akpm/mm-unstable (0123456789ab)" in (tmp_path / "reply.mbox").read_text()


def test_the_summary_of_a_night_names_trees_and_not_their_places() -> None:
    tree, patch = "/srv/it's mine/linux", "/data/series/v3.mbox"
    words = ("test", "--tree", tree, "--base", "c" * 40, "--patch", patch, "--toolchain=/opt/cross/gcc-15")
    night = "/home/me/.local/state/orchestrate/nights/2026-11-28-abc"
    failed = Item("mm/x", "mm", (), Priority.LOW, f"{tree}: cannot be fetched", State.FAILED)
    ran = Item("mm/new default", "mm", words, Priority.LOW, f"see {patch}", State.DONE, status=3,
               directory=f"{night}/runs/mm-new", reason=f"{tree}/mm/vma.c is gone")  # fmt: skip
    found = Culprit(ran.name, "uffd", "", "c" * 40, "mm: x", "Fixes: x", 0.95, shlex.join(("orchestrate", *words)))
    record = NightRecord("2026-11-28-abc", "p", "2026-11-28T01:00:00", 1.0, (), (failed, ran), culprits=(found,),
                         notes=("/srv/plans/mail is empty",))  # fmt: skip
    entry = TreeEntry("mm", (), (), (), path=tree)
    plan = NightPlan("/srv/plans/night.yaml", "abc", (entry,), (), 1.0, 1.0, 3, 1.0, True, Results())
    text = markdown(night_for_others(record, plan))
    assert not re.search(r"/(srv|home|opt|data)\b", text)
    assert "it's" not in text
    assert f"`orchestrate test --tree 'linux' --base {'c' * 40} --patch v3.mbox --toolchain=gcc-15`" in text
    for words_of_it in (
        "linux: cannot be fetched",
        "2026-11-28-abc/runs/mm-new",
        "linux/mm/vma.c",
        "plans/mail is empty",
    ):
        assert words_of_it in text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"{TREE}: is gone", "mm: is gone"),
        (f"{TREE}-old/x, /x{TREE}", f"{TREE}-old/x, /x{TREE}"),  # others
        ("open /dev/null and mm/mmap.c in /cases", "open /dev/null and mm/mmap.c in /cases"),
        ("https://example.org/home/me/x", "https://example.org/home/me/x"),
        ("(/home/me/x)", "(~/x)"),
    ],
)
def test_what_is_replaced(text: str, told: str) -> None:
    assert discreet(report(suite(facts=FACTS)))(text) == told


@pytest.mark.parametrize(
    ("base", "tree"),
    [
        ("linux-source-6.12 6.12.57-1", ""),
        ("/l v6.12 (0123456789ab)", "/l"),
        ("/my tree v6.12 (0123456789ab)", "/my tree"),
        ("/my tree 0123456789ab", "/my tree"),
        ("/my tree HEAD@{2 days ago} (0123456789ab)", "/my tree"),
        (BASE, TREE),
    ],
)
def test_the_tree_of_a_base(base: str, tree: str) -> None:
    assert KernelFacts(base=base).base_tree == tree
