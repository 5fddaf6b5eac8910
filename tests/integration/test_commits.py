"""A series as commits in the store of a base, made by the real git from real mails."""

from __future__ import annotations

import base64
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.build.apply import apply, series_commits
from orchestrator.context import Context, Places
from orchestrator.declarations.catalog import load_catalog
from orchestrator.errors import PatchDoesNotApply
from orchestrator.host.process import Cancel, Runner
from orchestrator.model.kernel import Base
from orchestrator.model.series import Series
from orchestrator.parse.patches.series import first_patches, read_patches
from orchestrator.source.bases import Workplace, tree_base
from orchestrator.source.commits import commit_series, trees_of
from orchestrator.storage.store import Store
from tests.integration.conftest import git
from tests.unit.test_signed import signed

DATA = Path(__file__).parent.parent / "data"


@pytest.fixture
def runner() -> Runner:
    return Runner(Cancel())


@pytest.fixture
def base(tree: Path, tmp_path: Path, runner: Runner) -> Base:
    return tree_base(tree, "HEAD", Workplace(tmp_path / "bases", runner, print))[0]


def hunk(file: str, number: int, word: str, new: str) -> str:
    """One line of tests/integration/conftest.py's tree replaced, without context before the first line."""
    kept = [n for n in range(number - 3, number + 4) if n > 0]
    lines = [f"-{word} {n}\n+{new}\n" if n == number else f" {word} {n}\n" for n in kept]
    header = f"diff --git a/{file} b/{file}\n--- a/{file}\n+++ b/{file}\n"
    return f"{header}@@ -{kept[0]},{len(kept)} +{kept[0]},{len(kept)} @@\n" + "".join(lines)


def mail(subject: str, diff: str, text: str = "Why.\n", headers: str = "") -> bytes:
    head = f"From: Łukasz Müller <l@example.org>\nDate: Sun, 22 Nov 2026 14:00:19 +0100\nSubject: {subject}\n{headers}"
    return f"From x Mon Sep 17 00:00:00 2001\n{head}\n{text}---\n\n{diff}-- \n2.39.5\n\n".encode()


ONE = hunk("mm/memory.c", 6, "line", "line six")
TWO = hunk("mm/mmap.c", 9, "row", "row nine")


def series_of(*mails: bytes) -> Series:
    return read_patches([("t.mbox", b"".join(mails))])


def two() -> Series:
    return series_of(mail("[PATCH 1/2] mm: one", ONE), mail("[PATCH 2/2] mm: two", TWO))


def shown(base: Base, commit: str, form: str) -> str:
    command = ["git", "-C", str(base.home / "git"), "show", "--no-patch", "--date=raw", f"--format={form}", commit]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.rstrip("\n")


def listed(base: Base, commit: str) -> dict[str, str]:
    """Path -> mode."""
    out = git(base.home / "git", "ls-tree", "-r", commit)
    return {line.partition("\t")[2]: line.split()[0] for line in out.splitlines()}


def test_each_patch_is_a_commit_on_top_of_the_one_before(base: Base, runner: Runner) -> None:
    commits = commit_series(base, two(), runner)
    assert [shown(base, commit, "%P") for commit in commits] == [base.commit, commits[0]]
    assert [shown(base, commit, "%s") for commit in commits] == ["mm: one", "mm: two"]
    assert shown(base, commits[0], "%an <%ae> %ad") == "Łukasz Müller <l@example.org> 1795352419 +0100"
    assert shown(base, commits[0], "%cn") == "orchestrate"
    assert shown(base, commits[0], "%b") == "Why."
    assert git(base.home / "git", "diff", "--name-only", commits[0], commits[1]).split() == ["mm/mmap.c"]
    assert git(base.home / "git", "show", f"{commits[1]}:mm/memory.c").splitlines()[5] == "line six"


def test_the_same_patches_are_the_same_commits_and_a_ref_keeps_them(base: Base, runner: Runner) -> None:
    commits = commit_series(base, two(), runner)
    assert commit_series(base, two(), runner) == commits
    assert commit_series(base, first_patches(two(), 1), runner) == commits[:1]
    git(base.home / "git", "gc", "--prune=now", "-q")
    assert shown(base, commits[1], "%s") == "mm: two"
    other = series_of(mail("[PATCH] mm: one", ONE, text="Why not.\n"))
    assert commit_series(base, other, runner)[0] != commits[0]
    assert trees_of(base, commit_series(base, other, runner), runner) == trees_of(base, commits[:1], runner)


@pytest.mark.parametrize(
    ("text", "headers", "body"),
    [
        ("Why.\n\nSigned-off-by: A <a@example.org>\n", "", "Why.\n\nSigned-off-by: A <a@example.org>"),
        (
            "Why.\n\nSigned-off-by: A <a@example.org>\n",
            "Message-ID: <1@x>\n",
            "Why.\n\nSigned-off-by: A <a@example.org>\nMessage-Id: <1@x>",
        ),
        ("Why.\n", "Message-ID: <1@x>\n", "Why.\n\nMessage-Id: <1@x>"),
        ("", "Message-ID: <1@x>\n", "Message-Id: <1@x>"),
    ],
)
def test_the_message_says_which_mail_it_was(base: Base, runner: Runner, text: str, headers: str, body: str) -> None:
    (commit,) = commit_series(base, series_of(mail("[PATCH] mm: one", ONE, text, headers)), runner)
    assert shown(base, commit, "%s%n%b") == f"mm: one\n{body}"


def test_what_a_commit_says_is_what_git_am_makes_of_the_mail(base: Base, runner: Runner, tree: Path) -> None:
    encoded = base64.encodebytes(f"Gr\xfc\xdfe.\n---\n\n{ONE}-- \n2.39.5\n".encode("latin-1"))
    mime = (
        b"From: =?iso-8859-1?q?M=FCller?= <m@example.org>\nDate: Mon, 23 Nov 2026 01:00:00 -0500\n"
        b"Subject: [PATCH] =?utf-8?q?mm=3A_Gr=C3=BC=C3=9Fe?=\nContent-Type: text/plain; charset=iso-8859-1\n"
        b"Content-Transfer-Encoding: base64\n\n"
    ) + encoded
    other = mail("[PATCH] mm: two", TWO, text="From: Other <o@example.org>\nSubject: mm: better words\n\nWhy.\n")
    for data in (mime, other):
        (commit,) = commit_series(base, read_patches([("x.eml", data)]), runner)
        subprocess.run(
            ["git", "-c", "user.name=t", "-c", "user.email=t@t", "am", "-q"], cwd=tree, input=data, check=True
        )
        form = "%an <%ae> %ad%n%B"
        am = subprocess.run(
            ["git", "log", "-1", "--date=raw", f"--format={form}"], cwd=tree, check=True, capture_output=True, text=True
        ).stdout
        assert shown(base, commit, form).strip() == am.strip()


@pytest.mark.parametrize(
    ("header", "wrong"),
    [
        ("Date: Sun, 22 Nov 2026 14:00:19 +0100", "Date: yesterday"),
        ("Date: Sun, 22 Nov 2026 14:00:19 +0100", "Date: Sun, 22 Nov 1926 14:00:19 +0100"),
        ("Date: Sun, 22 Nov 2026 14:00:19 +0100", "Date: Sun, 22 Nov 2026 14:00:19 +9999"),
        ("Date: Sun, 22 Nov 2026 14:00:19 +0100", "Content-Type: text/plain; charset=no-such"),
        ("From: Łukasz Müller <l@example.org>", 'From: <<l> "q'),
        ("From: Łukasz Müller <l@example.org>", "To: x@example.org"),
        ("Why.", "Why\0."),
    ],
)
def test_what_git_cannot_read_of_a_mail_costs_no_commit(base: Base, runner: Runner, header: str, wrong: str) -> None:
    data = mail("[PATCH] mm: one", ONE)
    assert header.encode() in data
    odd = replace(series_of(data).patches[0], letter=data.replace(header.encode(), wrong.encode()))
    (commit,) = commit_series(base, replace(series_of(data), patches=(odd,)), runner)
    assert shown(base, commit, "%s") == "mm: one"
    date = "1767225600 +0000" if header.startswith("Date") else "1795352419 +0100"
    assert shown(base, commit, "%ad") == date


def test_a_diff_without_a_mail_has_its_files_name_for_a_subject(base: Base, runner: Runner) -> None:
    (plain,) = commit_series(base, read_patches([("fix-it.diff", ONE.encode())]), runner)
    assert shown(base, plain, "%an|%s|%b") == "unknown|fix-it|"
    head = "commit 0123456789abcdef\nAuthor: A <a@example.org>\nDate:   Sun Nov 22 14:00:19 2026 +0000\n\n"
    show = f"{head}    mm: x\n\n    Why.\n\n    And why not.\n\n{ONE}"
    (commit,) = commit_series(base, read_patches([("show.txt", show.encode())]), runner)
    assert shown(base, commit, "%an %ad|%s|%b") == "A 1795356019 +0000|mm: x|Why.\n\nAnd why not."


def test_modes_renames_new_empty_and_removed_files(base: Base, runner: Runner) -> None:
    mode = "diff --git a/mm/mmap.c b/mm/mmap.c\nold mode 100644\nnew mode 100755\n"
    empty = "diff --git a/mm/empty.c b/mm/empty.c\nnew file mode 100644\nindex 0000000..e69de29\n"
    move = (
        'diff --git a/mm/memory.c b/mm/ü "q".c\nsimilarity index 100%\nrename from mm/memory.c\n'
        'rename to "mm/\\303\\274 \\"q\\".c"\n'
    ).replace('b/mm/ü "q".c', '"b/mm/\\303\\274 \\"q\\".c"')
    gone = "diff --git a/Kconfig b/Kconfig\ndeleted file mode 100644\n--- a/Kconfig\n+++ /dev/null\n@@ -1 +0,0 @@\n"
    gone += "-mainmenu\n"
    diffs = (mode, empty, move, gone)
    series = series_of(*(mail(f"[PATCH {n}/4] mm: {n}", diff) for n, diff in enumerate(diffs, 1)))
    commits = commit_series(base, series, runner)
    assert listed(base, commits[0])["mm/mmap.c"] == "100755"
    assert "mm/empty.c" in listed(base, commits[1])
    names = git(base.home / "git", "ls-tree", "-r", "-z", "--name-only", commits[3]).split("\0")
    assert set(names) == {"", "mm/empty.c", "mm/mmap.c", 'mm/ü "q".c'}


def test_a_file_takes_the_place_of_a_directory_only_when_it_is_gone(base: Base, runner: Runner) -> None:
    """As in an index of the whole tree: the series names mm alone, and mm/ has other files."""
    new = "diff --git a/{0} b/{0}\nnew file mode 100644\n--- /dev/null\n+++ b/{0}\n@@ -0,0 +1 @@\n+x\n"
    for name in ("Kconfig/below", "drivers"):
        (commit,) = commit_series(base, series_of(mail("[PATCH] x", new.format("drivers/x.c"))), runner)
        over = Base(base.name, commit, base.origin, base.home)
        with pytest.raises(PatchDoesNotApply, match=f"'{name}' appears as both a file and as a directory"):
            commit_series(over, series_of(mail("[PATCH] x", new.format(name))), runner)
    gone = "diff --git a/Kconfig b/Kconfig\ndeleted file mode 100644\n--- a/Kconfig\n+++ /dev/null\n@@ -1 +0,0 @@\n"
    gone += "-mainmenu\n"
    (commit,) = commit_series(base, series_of(mail("[PATCH] x", gone + new.format("Kconfig/below"))), runner)
    assert set(listed(base, commit)) == {"Kconfig/below", "mm/memory.c", "mm/mmap.c"}


def test_escapes_of_a_web_page_are_named_where_a_patch_does_not_apply(base: Base, runner: Runner) -> None:
    copied = ONE.replace(" line 5\n", " line &lt; 5\n")
    with pytest.raises(PatchDoesNotApply, match=r"hunk 1 .*; 1 line has HTML escapes, as &lt;$") as caught:
        commit_series(base, series_of(mail("[PATCH] mm: one", copied)), runner)
    assert "web page" in caught.value.hint


def test_the_commit_of_a_signed_mail_says_what_was_signed(base: Base, runner: Runner) -> None:
    text = signed(mail("[PATCH] mm: one", ONE, "- a list\n\nWhy.\n").partition(b"\n\n")[2])
    letter = mail("[PATCH] mm: one", ONE).partition(b"\n\n")[0] + b"\n\n" + text
    [commit] = commit_series(base, series_of(letter), runner)
    assert shown(base, commit, "%B") == "mm: one\n\n- a list\n\nWhy."


def test_the_patch_that_does_not_apply_is_the_one_that_is_named(base: Base, runner: Runner) -> None:
    wrong = TWO.replace("row 8", "row eight")
    bad = series_of(mail("[PATCH 1/2] mm: one", ONE), mail("[PATCH 2/2] mm: two", wrong))
    with pytest.raises(PatchDoesNotApply, match=r"0002-mm-two does not apply .*: mm/mmap.c, hunk 1 \(@@ -6,7"):
        commit_series(base, bad, runner)


@pytest.fixture
def context(tmp_path: Path, runner: Runner) -> Context:
    return Context(Places(tmp_path / "cache", tmp_path / "state"), load_catalog(), runner, lambda event: None)


def test_the_first_patches_are_the_first_commits(base: Base, context: Context) -> None:
    whole = apply(context, base, two())
    assert not whole.cached
    one = apply(context, base, first_patches(two(), 1))
    assert one.value.commits == whole.value.commits[:1]
    assert one.value.files == ("mm/memory.c",)
    assert one.value.tree == trees_of(base, one.value.commits, context.runner)[0]
    assert whole.value.files == ("mm/memory.c", "mm/mmap.c")
    assert apply(context, base, None).value.commits == ()


def test_first_patches_apply_whatever_a_later_one_does(base: Base, context: Context) -> None:
    wrong = TWO.replace("row 8", "row eight")
    bad = series_of(mail("[PATCH 1/2] mm: one", ONE), mail("[PATCH 2/2] mm: two", wrong))
    assert len(apply(context, base, first_patches(bad, 1)).value.commits) == 1
    with pytest.raises(PatchDoesNotApply):
        apply(context, base, bad)


def test_commits_that_are_gone_are_made_again(base: Base, runner: Runner, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    made, cached = series_commits(store, runner, base, two())
    assert not cached
    assert series_commits(store, runner, base, two()) == (made, True)
    assert series_commits(store, runner, base, two(), 1) == (made[:1], True)
    (ref,) = git(base.home / "git", "for-each-ref", "--format=%(refname)", "refs/orchestrate").split()
    git(base.home / "git", "update-ref", "-d", ref)
    git(base.home / "git", "gc", "--prune=now", "-q")
    assert series_commits(store, runner, base, two()) == (made, False)


def test_the_authors_of_a_format_patch_series(runner: Runner, tmp_path: Path) -> None:
    functions = "".join(f"static int line_{i}(void)\n{{\n\treturn {i};\n}}\n\n" for i in range(40))
    files = {
        "Kconfig": b"mainmenu\n",
        "mm/mmap.c": functions.encode(),
        "mm/old_name.c": "".join(f"int x{i};\n" for i in range(30)).encode(),
        "mm/gone.c": b"int gone;\n",
        "mm/tail.c": b"int no_newline;",
        "Documentation/mm/logo.png": bytes(range(256)) * 3,
    }
    for name, data in files.items():
        (tmp_path / "linux" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "linux" / name).write_bytes(data)
    for args in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "base"]):
        git(tmp_path / "linux", *args)
    base, _ = tree_base(tmp_path / "linux", "HEAD", Workplace(tmp_path / "bases", runner, print))
    series = read_patches([(path.name, path.read_bytes()) for path in sorted((DATA / "series/v2").iterdir())])
    commits = commit_series(base, series, runner)
    authors = [shown(base, commit, "%an <%ae>") for commit in commits]
    assert authors[0] == "Łukasz Müller <l.mueller@example.org>"
    assert authors[2] == "Someone Else <else@example.org>"  # the sender is another
