"""Message ids and addresses of a mail archive, against a server of ours that serves threads as public-inbox does."""

from __future__ import annotations

import gzip
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.context import Context, Places
from orchestrator.declarations import patches
from orchestrator.declarations.catalog import Catalog, load_catalog
from orchestrator.errors import DownloadFailed, OrchestrateError, PatchUnreadable, UsageError
from orchestrator.host.process import Cancel, Runner
from orchestrator.invocation.intake import Taken, take
from orchestrator.model.request import Request
from orchestrator.model.series import Place, Series
from orchestrator.source import b4
from orchestrator.web.fetch import fetch_text
from tests.integration.conftest import Cli, git
from tests.integration.mails import Archive, mail, patch, thread


@pytest.fixture(autouse=True)
def without_b4(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """b4 has tests of its own."""
    if "b4" not in request.node.name:
        monkeypatch.setattr(b4, "find_program", lambda *args: None)


@pytest.fixture
def archive(monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    both = thread() + thread(" v2", "again@x", "changed again")
    served = Archive({"cover@x": both, "cover-1@x": both, "a/b+c@x": thread()})
    yield served
    served.close()


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


@pytest.fixture
def context(tmp_path: Path, catalog: Catalog) -> Context:
    return Context(Places(tmp_path / "cache", tmp_path / "state"), catalog, Runner(Cancel()), lambda event: None)


def taken(context: Context, archive: Archive, patch: str, **asked: object) -> Taken:
    request = Request(patch=patch, **{"archive": archive.url, **asked})  # type: ignore[arg-type]
    return take(request, context.catalog, context, context.places.cache.parent)


def series(context: Context, archive: Archive, patch: str, **asked: object) -> Series:
    found = taken(context, archive, patch, **asked).series
    assert found
    return found


def words(found: Series) -> list[bytes]:
    """The line that each patch of it writes."""
    return [re.findall(rb"^\+(line .+)$", patch.diff, re.MULTILINE)[0] for patch in found.patches]


def test_a_message_id_is_its_thread_in_the_newest_version(context: Context, archive: Archive) -> None:
    for text in ("cover-1@x", "<cover-1@x>", f"{archive.url}/cover-1@x/", f"{archive.url}/cover-1@x/T/#u"):
        found = series(context, archive, text)
        assert words(found) == [b"line 6 changed again", b"line 20 changed again"]
        assert any(
            "v2 was taken, the newest of its thread, which also has v1 (--version)" in note for note in found.notes
        )
        assert found.name == "mm-change-line-6"
        assert found.origin
        assert (found.origin.place, found.origin.name, found.origin.archive) == (
            Place.ARCHIVE,
            "cover-1@x",
            archive.url,
        )
    assert {*archive.asked} == {"/all/cover-1@x/t.mbox.gz"}


def test_another_version_or_one_part_of_it(context: Context, archive: Archive) -> None:
    assert words(series(context, archive, "cover@x", version=1)) == [b"line 6 changed", b"line 20 changed"]
    assert words(series(context, archive, "cover@x", version=1, part="2")) == [b"line 20 changed"]
    assert words(series(context, archive, "cover@x#1/2")) == [b"line 6 changed again"]
    with pytest.raises(PatchUnreadable, match="version 3 is not there, but v1, v2"):
        series(context, archive, "cover@x", version=3)
    with pytest.raises(UsageError, match="names a part already"):
        series(context, archive, "cover@x#1/2", part="2")


def test_odd_characters_of_a_message_id_are_quoted(context: Context, archive: Archive) -> None:
    assert len(series(context, archive, "<a/b+c@x>").patches) == 2
    assert archive.asked == ["/all/a%2Fb+c@x/t.mbox.gz"]


def test_a_redirect_is_followed(context: Context, archive: Archive) -> None:
    archive.answers["/all/moved@x/t.mbox.gz"] = (302, {"Location": "/other/cover@x/t.mbox.gz"}, b"")
    assert len(series(context, archive, "moved@x").patches) == 2
    archive.answers["/all/round@x/t.mbox.gz"] = (302, {"Location": "/all/round@x/t.mbox.gz"}, b"")
    with pytest.raises(DownloadFailed):
        series(context, archive, "round@x")


def test_an_archive_without_the_message_says_so_and_the_ways_on(context: Context, archive: Archive) -> None:
    with pytest.raises(DownloadFailed, match=r"/all has no message <nobody@x>") as caught:
        series(context, archive, "nobody@x")
    assert "--archive" in caught.value.hint
    assert "404" in caught.value.detail


def broken(form: str) -> tuple[int, dict[str, str], bytes]:
    whole = gzip.compress(thread().encode())
    return {
        "truncated": (200, {}, whole[:-20]),
        "page": (200, {"Content-Type": "text/html; charset=UTF-8"}, b"<!DOCTYPE html><title>Are you human?</title>"),
        "hidden page": (200, {"Content-Type": "application/gzip"}, gzip.compress(b"<html>Are you human?</html>")),
        "empty": (200, {}, b""),
        "bomb": (200, {}, gzip.compress(bytes(65 << 20))),
        "letters": (200, {}, gzip.compress(mail("[PATCH 0/2] x", "only@x", "nothing").encode())),
    }[form]


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("truncated", "truncated gzip"),
        ("page", "is a web page, not a patch"),
        ("hidden page", "HTML, not a patch"),
        ("empty", "the file is empty"),
        ("bomb", "too large"),
        ("letters", "no patch in it"),
    ],
)
def test_what_is_no_thread_is_named(context: Context, archive: Archive, form: str, said: str) -> None:
    archive.answers["/all/odd@x/t.mbox.gz"] = broken(form)
    with pytest.raises(OrchestrateError, match=said) as caught:
        series(context, archive, "odd@x")
    assert "/all/odd@x/t.mbox.gz" in caught.value.message


def test_a_slow_archive_is_given_up(context: Context, archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patches, "DOWNLOAD_S", 0.5)
    archive.answers["/all/slow@x/t.mbox.gz"] = (503, {"Retry-After": "30"}, b"")
    with pytest.raises(DownloadFailed, match=r"0 bytes came in 0\.5 s"):
        series(context, archive, "slow@x")


def test_the_server_is_told_who_asks(archive: Archive) -> None:
    """Some turn away what says that it is a library."""
    assert fetch_text(f"{archive.url}/cover@x/t.mbox.gz", deadline_s=20).startswith(b"From mboxrd@z")


def test_parts_that_were_not_sent_again_are_those_of_the_version_before(context: Context, archive: Archive) -> None:
    again = patch("[PATCH v2 2/2] mm: change line 20", "new@x", 20, word="better", answers="cover-2@x")
    archive.threads["part@x"] = thread() + again
    found = series(context, archive, "part@x")
    assert words(found) == [b"line 6 changed", b"line 20 better"]
    assert any("v2 sends only a part of the series again: with it go 1/2 of v1" in note for note in found.notes)
    other = patch("[PATCH v2 2/2] mm: change line 20", "new@x", 20, word="better")
    archive.threads["part@x"] = thread() + other
    with pytest.raises(PatchUnreadable, match="missing 1/2") as caught:
        series(context, archive, "part@x")
    assert "--part 2" in caught.value.hint


# --- versions that were sent as threads of their own


def test_a_newer_version_in_its_own_thread_is_named_and_can_be_asked_for(context: Context, archive: Archive) -> None:
    archive.threads = {"cover@x": thread(), "third@x": thread(" v3", "third@x", "in another way")}
    archive.threads["third-1@x"] = archive.threads["third@x"]
    found = series(context, archive, "cover@x")
    assert words(found) == [b"line 6 changed", b"line 20 changed"]
    note = "v3 exists, in a thread of its own: <third-1@x> (to test it: --version 3)"
    assert note in found.notes
    assert archive.searched == ["/all/?q=s%3A%22mm%3A%20change%20line%206%22&x=A"]
    wanted = series(context, archive, "cover@x", version=3)
    assert words(wanted) == [b"line 6 in another way", b"line 20 in another way"]
    assert "v3 lies in a thread of its own: <third-1@x>" in wanted.notes
    with pytest.raises(PatchUnreadable, match="version 4 is not there, but v1"):
        series(context, archive, "cover@x", version=4)
    assert not any("exists" in one for one in series(context, archive, "third@x").notes)


def test_the_newest_version_is_taken_wherever_it_lies(context: Context, archive: Archive) -> None:
    third = thread(" v3", "third@x", "in another way")
    archive.threads = {"cover@x": thread(), "third@x": third, "third-1@x": third}
    newest = series(context, archive, "cover@x", newest=True)
    assert words(newest) == [b"line 6 in another way", b"line 20 in another way"]
    assert "v3 lies in a thread of its own: <third-1@x>" in newest.notes
    assert not any("exists" in note for note in newest.notes)
    assert words(series(context, archive, "third@x", newest=True)) == words(newest)
    archive.can_search = False
    first = series(context, archive, "cover@x", newest=True)
    assert words(first) == [b"line 6 changed", b"line 20 changed"]
    assert f"{archive.url} could not be asked for newer versions" in first.notes


CHANGE_ID = "change-id: 20260105-two-lines-0123456789ab"


def renamed(text: str) -> str:
    return text.replace("mm: change", "mm/memory: rewrite").replace("mm: two", "mm/memory: both")


def test_a_renamed_version_is_known_by_its_change_id(context: Context, archive: Archive) -> None:
    archive.threads = {
        "cover@x": thread(says=CHANGE_ID),
        "third@x": renamed(thread(" v3", "third@x", "in another way", says=CHANGE_ID)),
        "user@x": renamed(thread(" v5", "user@x", "above it", says=f"prerequisite-{CHANGE_ID}:v3")),
        "reply@x": mail("Re: [PATCH v6 0/2] mm: both lines", "reply@x", f"> {CHANGE_ID}"),
    }
    note = "v3 exists, in a thread of its own: <third@x> (to test it: --version 3)"
    assert note in series(context, archive, "cover@x").notes
    for asked in ({"version": 3}, {"newest": True}):
        found = series(context, archive, "cover@x", **asked)
        assert words(found) == [b"line 6 in another way", b"line 20 in another way"]
    archive.threads["cover@x"] = thread()
    assert not any("exists" in one for one in series(context, archive, "cover@x").notes), "nothing says that it is one"


def test_replies_and_series_of_like_titles_are_no_versions(context: Context, archive: Archive) -> None:
    archive.threads = {
        "cover@x": thread(),
        "other@x": thread(" v3", "other@x").replace("change line 6", "change line 6 & more"),
        "reply@x": mail("Re: [PATCH v4 1/2] mm: change line 6", "reply@x", "No."),
    }
    assert not any("exists" in note for note in series(context, archive, "cover@x").notes)


def test_an_archive_that_has_no_search_is_said_to_be_one(context: Context, archive: Archive) -> None:
    archive.can_search = False
    found = series(context, archive, "cover@x")
    assert f"{archive.url} could not be asked for newer versions" in found.notes
    archive.can_search = True
    for answer in (b"", b"<a", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", b"<feed/>", b"\xff" * 100):
        archive.answers["/all/?q=s%3A%22mm%3A%20change%20line%206%22&x=A"] = (200, {}, answer)
        assert not any("exists" in note for note in series(context, archive, "cover@x").notes)


# --- what the mails say of their base


def test_a_series_goes_on_top_of_what_it_is_based_on(context: Context, archive: Archive) -> None:
    archive.threads["below@x"] = thread(first="below@x") + thread(" v2", "below2@x", "changed again")
    archive.threads["deep@x"] = patch("[PATCH] mm: change line 35", "deep@x", 35)
    archive.threads["below@x"] = archive.threads["below@x"].replace("Why.\n", "Why.\nBased-on: <deep@x>\n", 1)
    archive.threads["top@x"] = patch("[PATCH] mm: change line 28", "top@x", 28, more="\nBased-on: <below@x>\n")
    found = taken(context, archive, "top@x")
    assert [patch.subject for patch in found.source.below] == [
        "mm: change line 35", "mm: change line 6", "mm: change line 20",
    ]  # fmt: skip
    assert b"changed\n" in found.source.below[1].diff, "the version that is named, not the newest"
    assert found.series
    assert any("2 patches of <below@x> went below it (Based-on" in note for note in found.series.notes)
    named = taken(context, archive, "top@x", base="linux-source-6.12")
    assert named.source.below == ()
    assert named.series
    assert any("based on <below@x>: --base counts" in note for note in named.series.notes)


def test_series_that_are_based_on_each_other_end(context: Context, archive: Archive) -> None:
    archive.threads["round@x"] = patch("[PATCH] mm: x", "round@x", 28, more="\nBased-on: <round@x>\n")
    with pytest.raises(UsageError, match="based on each other"):
        taken(context, archive, "round@x")


def test_a_base_that_the_archive_lacks_is_named_with_the_way_out(context: Context, archive: Archive) -> None:
    archive.threads["top@x"] = patch("[PATCH] mm: x", "top@x", 28, more="\nBased-on: <nobody@x>\n")
    with pytest.raises(DownloadFailed, match="no message <nobody@x>") as caught:
        taken(context, archive, "top@x")
    assert "--base" in caught.value.hint


# --- b4


def replies() -> str:
    one = mail("Re: [PATCH 1/2] mm: change line 6", "r1@x", "Reviewed-by: Rae <rae@example.org>", answers="cover-1@x",
               sender="Rae <rae@example.org>")  # fmt: skip
    return (
        thread()
        + one
        + mail(
            "Re: [PATCH 2/2] mm: change line 20",
            "r2@x",
            "> quoted\n\nNo.\n",
            answers="cover-2@x",
            sender="Max <m@example.org>",
        )
    )


def test_b4_adds_the_trailers_of_replies_and_no_more(context: Context, archive: Archive) -> None:
    archive.threads["cover@x"] = replies()
    found = series(context, archive, "cover@x")
    plain = patches.read_thread(archive.url, "cover@x", replies().encode())
    assert [patch.diff for patch in found.patches] == [patch.diff for patch in plain.patches]
    assert b"Reviewed-by: Rae <rae@example.org>" in found.patches[0].letter
    assert b"Reviewed-by" not in found.patches[1].letter
    assert any("b4 added 1 trailer of replies: Reviewed-by: Rae" in note for note in found.notes)


def test_b4_says_what_it_finds_out_about_signatures(
    context: Context, archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A developer's signature whose key nobody here has; the tools are those of b4's authors."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    signer = Path(sys.executable).with_name("patatt")
    settings = "[user]\nname = A\nemail = dev@example.org\n[patatt]\nsigningkey = ed25519:mine\n"
    (tmp_path / ".gitconfig").write_text(settings)
    subprocess.run([signer, "genkey", "-n", "mine"], check=True, capture_output=True)
    separator, _, signed = patch("[PATCH] mm: change line 28", "signed@x", 28).partition("\n")
    (tmp_path / "signed.eml").write_text(signed)
    subprocess.run([signer, "sign", tmp_path / "signed.eml"], check=True, capture_output=True)
    archive.threads["signed@x"] = f"{separator}\n{(tmp_path / 'signed.eml').read_text()}"
    assert "b4: No key: ed25519/dev@example.org" in series(context, archive, "signed@x").notes


def test_b4_that_fails_is_said_and_the_series_is_tested_as_it_is(
    context: Context, archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "b4"
    for script, said in (("echo no >&2; exit 3", "b4 exited with 3: no"), ("sleep 60", "b4 did not end in time")):
        fake.write_text(f"#!/bin/sh\n{script}\n")
        fake.chmod(0o755)
        monkeypatch.setattr(b4, "find_program", lambda *args: fake)
        monkeypatch.setattr(b4, "LIMIT_S", 1.0)
        found = series(context, archive, "cover@x")
        assert len(found.patches) == 2
        assert any(note.startswith(said) for note in found.notes)


def test_b4_cannot_change_what_is_tested(
    context: Context, archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "b4"
    forged = thread(" v2", "again@x", "changed again").replace("again\n", "evil\n").replace("Because.", "Trust me.")
    (tmp_path / "out").write_text(forged)
    fake.write_text(f"#!/bin/sh\ncat {tmp_path}/out\n")
    fake.chmod(0o755)
    monkeypatch.setattr(b4, "find_program", lambda *args: fake)
    found = series(context, archive, "cover@x")
    assert words(found) == [b"line 6 changed again", b"line 20 changed again"]
    assert all(b"Trust me" not in patch.letter for patch in found.patches)


# --- as a user types it


def test_a_message_is_looked_up_where_the_option_says(cli: Cli, archive: Archive, tree: Path) -> None:
    done = cli(
        "build", "nobody@x", "--archive", archive.url, "--tree", str(tree), env={"NO_PROXY": "127.0.0.1"}
    )  # fmt: skip
    assert done.returncode == 3
    assert f"{archive.url} has no message <nobody@x>" in done.stderr


def test_a_thread_with_a_base_commit_is_tested_there(context: Context, archive: Archive, tree: Path) -> None:
    first = git(tree, "rev-parse", "HEAD").strip()
    (tree / "mm/memory.c").write_text("all new\n")
    git(tree, "commit", "-qam", "later")
    archive.threads["cover@x"] = thread(says=f"base-commit: {first}")
    found = taken(context, archive, "cover@x", tree=str(tree))
    assert (found.source.tree, found.source.revision) == (str(tree), first)
    assert found.series
    assert any(f"the base is commit {first[:12]}, the base-commit of its mails" in note for note in found.series.notes)


def test_zstd_is_unpacked_and_within_the_limit(tmp_path: Path) -> None:
    """By the tool: Python has it from 3.14 on."""
    (tmp_path / "t.mbox").write_text(thread())
    (tmp_path / "zeros").write_bytes(bytes(65 << 20))
    for name in ("t.mbox", "zeros"):
        subprocess.run(["zstd", "-q", str(tmp_path / name)], check=True)
    found = patches.read_series(tmp_path / "t.mbox.zst")
    assert (found.name, len(found.patches)) == ("t", 2)
    with pytest.raises(PatchUnreadable, match="larger than 16 MiB"):
        patches.read_series(tmp_path / "zeros.zst")
    (tmp_path / "cut.zst").write_bytes((tmp_path / "t.mbox.zst").read_bytes()[:60])
    with pytest.raises(PatchUnreadable, match="damaged compressed file"):
        patches.read_series(tmp_path / "cut.zst")
