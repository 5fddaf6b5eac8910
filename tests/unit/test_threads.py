"""Mails of a mailbox -> threads."""

from __future__ import annotations

import random

import pytest

from orchestrator.parse.patches import mail as mails
from orchestrator.parse.patches.mail import Mail
from orchestrator.parse.patches.series import Choice, read_patches
from orchestrator.parse.patches.threads import as_mbox, has_patches, plain_name, threads, title_of, version_of
from tests.integration.mails import mail, patch, thread


def read(text: str) -> list[Mail]:
    found = mails.split_mbox(text.encode())
    assert found
    return [mails.parse(data, offset) for offset, data in found]


@pytest.mark.parametrize("seed", range(20))
def test_threads_are_found_in_any_order(seed: int) -> None:
    letters = read(thread() + thread(" v2", "b@x") + mail("lunch?", "lunch@x", "At noon."))
    letters.append(read(mail("Re: [PATCH 1/2] mm: change line 6", "r@x", "No.", answers="cover-1@x"))[0])
    random.Random(seed).shuffle(letters)
    found = threads(letters)
    assert sorted(sorted(one.message_id for one in group) for group in found) == [
        ["b-1@x", "b-2@x", "b@x"], ["cover-1@x", "cover-2@x", "cover@x", "r@x"], ["lunch@x"],
    ]  # fmt: skip


def test_mails_that_answer_one_that_is_not_there_are_a_thread() -> None:
    letters = read(thread())[1:]
    assert [len(group) for group in threads(letters)] == [2]


def test_mails_that_answer_each_other_in_a_circle_are_one_too() -> None:
    letters = read(mail("a", "a@x", "a", answers="b@x") + mail("b", "b@x", "b", answers="a@x"))
    assert [len(group) for group in threads(letters)] == [2]


def test_a_mail_that_is_there_twice_counts_once_and_those_without_id_each() -> None:
    letters = read(thread()) * 2 + read(mail("x", "", "x").replace("Message-ID: <>\n", "")) * 2
    assert sorted(len(group) for group in threads(letters)) == [1, 1, 3]


def test_the_title_is_that_of_the_newest_version() -> None:
    [group] = threads(read(thread() + patch("[PATCH v3] mm: better", "n@x", 9, answers="cover@x")))
    assert (title_of(group), version_of(group)) == ("mm: better", 3)
    assert has_patches(group)
    assert not has_patches(read(mail("Re: [PATCH 1/2] mm: x", "r@x", "No.")))
    assert not has_patches(read(mail("[PATCH 0/2] mm: x", "r@x", "Only the cover.")))


def test_a_mbox_of_a_thread_is_the_series_again() -> None:
    text = thread(says="From here on\n>From there\nit is long.")
    [group] = threads(read(text))
    series = read_patches([("x", as_mbox(group))], "x", Choice(newest=True))
    assert [one.number for one in series.patches] == [1, 2]
    assert series.digest == read_patches([("x", text.encode())], "x").digest
    assert as_mbox(threads(read(as_mbox(group).decode()))[0]) == as_mbox(group)


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("mm: per-VMA locks", "mm-per-VMA-locks"), ("../../etc/passwd", "etc-passwd"), ("", "series"),
        ("\0\n\x1b[31m", "31m"), ("ä" * 9, "series"), ("x" * 99, "x" * 52), (". -", "series"),
    ],
)  # fmt: skip
def test_names_hold_nothing_that_a_path_or_a_shell_would_take(title: str, name: str) -> None:
    assert plain_name(title) == name
