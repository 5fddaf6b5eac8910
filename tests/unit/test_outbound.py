"""The ledger, what it makes of parcels, tokens, transport, and patchwork's hash of a diff."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from orchestrator.errors import NotSent, UsageError
from orchestrator.outbound.ledger import Entry, State, open_ledger
from orchestrator.outbound.parcel import Delivery, How, Parcel, deliver
from orchestrator.outbound.tokens import read_token
from orchestrator.parse.patches.patchwork_hash import patchwork_hash
from orchestrator.web.api import check_transport
from orchestrator.web.loopback import is_loopback


class Post:
    """Counts what was sent, and fails with `error` if there is one."""

    def __init__(self) -> None:
        self.sent = 0
        self.error: NotSent | None = None

    def __call__(self) -> str:
        if self.error:
            raise self.error
        self.sent += 1
        return "done"


def parcel(post: Post, news: str = "n", **more: bool) -> Parcel:
    return Parcel("server", "about", news, "what", "file", post, **more)


def sent(state: Path, *parcels: Parcel, again: bool = False, is_rehearsal: bool = False) -> list[Delivery]:
    with open_ledger(state) as ledger:
        return [*deliver(parcels, ledger, "run", again=again, is_rehearsal=is_rehearsal)]


def hows(found: list[Delivery]) -> list[How]:
    return [one.how for one in found]


def test_the_same_news_are_sent_once_and_others_again(tmp_path: Path) -> None:
    post = Post()
    assert hows(sent(tmp_path, parcel(post), parcel(post))) == [How.SENT, How.KNOWN]
    assert hows(sent(tmp_path, parcel(post))) == [How.KNOWN]
    assert hows(sent(tmp_path, parcel(post, "other"))) == [How.SENT]
    assert hows(sent(tmp_path, parcel(post))) == [How.SENT]  # what was said last was something else
    assert hows(sent(tmp_path, parcel(post), again=True)) == [How.SENT]
    assert post.sent == 4


def test_a_rehearsal_leaves_nothing_behind(tmp_path: Path) -> None:
    post = Post()
    assert hows(sent(tmp_path, parcel(post), is_rehearsal=True)) == [How.WOULD]
    assert hows(sent(tmp_path, parcel(post))) == [How.SENT]


def test_what_failed_is_tried_again_and_keeps_no_other_back(tmp_path: Path) -> None:
    bad, good = Post(), Post()
    bad.error = NotSent("no")
    assert hows(sent(tmp_path, parcel(bad), parcel(good, is_once=True))) == [How.NOT_SENT, How.SENT]
    bad.error = NotSent("perhaps", is_unsure=True)
    assert hows(sent(tmp_path, parcel(bad, "m"))) == [How.NOT_SENT]
    bad.error = None
    assert hows(sent(tmp_path, parcel(bad, "m"))) == [How.SENT]  # it may be sent twice


def test_what_cannot_be_repeated_is_not_repeated_unasked(tmp_path: Path) -> None:
    post = Post()
    post.error = NotSent("no answer", is_unsure=True)
    assert hows(sent(tmp_path, parcel(post, is_once=True))) == [How.NOT_SENT]
    post.error = None
    (held,) = sent(tmp_path, parcel(post, is_once=True))
    assert (held.how, post.sent) == (How.NOT_SENT, 0)
    assert held.error is not None
    assert held.error.message.startswith("perhaps it was sent at ")
    assert hows(sent(tmp_path, parcel(post, "other news", is_once=True))) == [How.SENT]
    assert hows(sent(tmp_path, parcel(post, is_once=True), again=True)) == [How.SENT]


def test_one_that_was_killed_while_it_sent_is_unsure(tmp_path: Path) -> None:
    class Killed(BaseException):
        pass

    def killed() -> str:
        raise Killed

    with pytest.raises(Killed):
        sent(tmp_path, Parcel("server", "about", "n", "what", "file", killed, is_once=True))
    assert hows(sent(tmp_path, parcel(Post(), is_once=True))) == [How.NOT_SENT]
    assert hows(sent(tmp_path, parcel(Post()))) == [How.SENT]


def test_a_change_is_news_only_for_whom_something_else_was_told(tmp_path: Path) -> None:
    post = Post()
    assert sent(tmp_path, parcel(post, "pass", only_change=True)) == []
    assert hows(sent(tmp_path, parcel(post, "fail"))) == [How.SENT]
    assert hows(sent(tmp_path, parcel(post, "pass", only_change=True))) == [How.SENT]
    assert hows(sent(tmp_path, parcel(post, "pass", only_change=True))) == [How.KNOWN]


@pytest.mark.parametrize(
    "junk", [b"\xff\xfe", b"{", b"[]", b"null", b'{"to": 1}', b"[" * 100_000, b'{"to": "x"}', b"\0" * 99]
)
def test_a_damaged_ledger_keeps_what_can_be_read(tmp_path: Path, junk: bytes) -> None:
    post = Post()
    sent(tmp_path, parcel(post))
    with (tmp_path / "sent.jsonl").open("ab") as handle:
        handle.write(b"\n" + junk)
    assert hows(sent(tmp_path, parcel(post))) == [How.KNOWN]
    assert hows(sent(tmp_path, parcel(post, "other"))) == [How.SENT]
    with open_ledger(tmp_path) as ledger:
        last = ledger.last("server", "about")
    assert last is not None
    assert (last.news, last.state) == ("other", State.SENT.value)


def test_entries_of_others_are_apart(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.add(Entry("a", "x", "n", "sent", "now"))
        assert ledger.last("b", "x") is None
        assert ledger.last("a", "y") is None


# --- tokens


def test_a_token_is_what_a_file_or_a_variable_holds(tmp_path: Path) -> None:
    (tmp_path / "t").write_text("abc.def\n")
    assert read_token("kcidb_token", str(tmp_path / "t"), {}) == "abc.def"
    assert read_token("kcidb_token", "$T", {"T": " abc "}) == "abc"
    assert read_token("kcidb_token", None, {}) == ""


@pytest.mark.parametrize("content", [b"", b"two words", b"a\nb", b"\xff\xfe", b"x" * 20_000, b"a\x00b", "ä".encode()])
def test_a_file_that_holds_no_token_is_named_and_not_quoted(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "t").write_bytes(content)
    with pytest.raises(UsageError) as caught:
        read_token("squad_token", str(tmp_path / "t"), {})
    assert caught.value.message.startswith(f"squad_token: {tmp_path}/t: ")
    assert "words" not in caught.value.message


def test_a_pipe_is_no_token(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "t")
    with pytest.raises(UsageError, match="a pipe, not a file"):
        read_token("kcidb_token", str(tmp_path / "t"), {})


# --- transport


@pytest.mark.parametrize(
    ("host", "is_here"),
    [("localhost", True), ("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("10.0.0.1", False),
     ("localhost.example", False), ("localhost.example.org", False), ("127.0.0.1.example", False), ("", False)],
)  # fmt: skip
def test_what_is_loopback(host: str, is_here: bool) -> None:
    assert is_loopback(host) is is_here


def test_without_tls_nothing_leaves_the_machine_unless_it_is_wanted() -> None:
    check_transport("http://[::1]:8080/x", "loopback")
    check_transport("https://db.example", "loopback")
    check_transport("http://db.example", "anywhere")
    with pytest.raises(UsageError, match="without TLS"):
        check_transport("http://db.example", "loopback")


# --- patchwork's hash

DIFF = b"""diff --git a/mm/vma.c b/mm/vma.c
index 1..2 100644
--- a/mm/vma.c
+++ b/mm/vma.c
@@ -10,3 +10,4 @@ int f(void)
 one
 two
+three
 four
"""


def test_the_hash_is_over_the_lines_that_matter() -> None:
    lines = "--- a/mm/vma.c\n+++ b/mm/vma.c\n@@ -3 +4 @@\n one\n two\n+three\n four\n"
    assert patchwork_hash(DIFF) == hashlib.sha1(lines.encode()).hexdigest()


@pytest.mark.parametrize(
    "same",
    [
        DIFF.replace(b"@@ -10,3 +10,4 @@ int f(void)", b"@@ -99,3 +98,4 @@"),
        DIFF.replace(b" a/mm", b" old/mm").replace(b" b/mm", b" new/mm"),
        DIFF.replace(b"index 1..2", b"index 3..4"),
        DIFF.replace(b"\n", b"\r\n"),
        b"\n\n" + DIFF + b"\n\n",
    ],
)
def test_what_does_not_matter_is_not_in_it(same: bytes) -> None:
    assert patchwork_hash(same) == patchwork_hash(DIFF)
    assert patchwork_hash(DIFF.replace(b"+three", b"+3")) != patchwork_hash(same)
